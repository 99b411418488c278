"""Safe limits."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from registry.settings import RegistrySettings


def test_the_defaults_stand_and_every_field_has_a_sentence() -> None:
    assert RegistrySettings().max_results > 0
    assert all(field.description for field in RegistrySettings.model_fields.values())


@pytest.mark.parametrize("wrong", [{"max_results": 0}, {"max_objects": -1}, {"no_such_setting": 1}])
def test_a_wrong_setting_stops_the_start(wrong: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        RegistrySettings.model_validate(wrong)
