"""access.settings"""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from access.settings import NodeSettings


def test_a_node_is_named_and_says_what_it_may() -> None:
    node = NodeSettings(name="EHR", subject="CN=ehr", may=("ITI-41",))

    assert (node.may, node.speaks_as) == (("ITI-41",), ())


@pytest.mark.parametrize(
    "given", [{"name": "", "subject": "CN=x", "may": ()}, {"name": "x", "subject": "", "may": ()}, {"name": "x"}]
)
def test_a_node_without_a_name_a_subject_or_what_it_may_is_refused(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        NodeSettings.model_validate(given)
