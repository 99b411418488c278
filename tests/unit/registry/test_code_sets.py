"""The affinity domain's code sets as verdicts."""

from __future__ import annotations

from datetime import date

import pytest

from affinity.model import CodeSets, DomainCode
from kernel.codes import Code
from registry.code_sets import DomainCodeSets
from registry.ports import Verdict
from tests.support.clocks import TickingClock


class Domain:
    """An affinity domain with one code set."""

    codes = CodeSets.of([DomainCode("typeCode", "A", "1.2"), DomainCode("typeCode", "B", "1.2", valid_to=date(2020, 1, 1))])


@pytest.mark.parametrize(
    ("attribute", "code", "expected"),
    [
        ("typeCode", "A", Verdict.ACCEPT),
        ("typeCode", "B", Verdict.REFUSE),
        ("typeCode", "C", Verdict.REFUSE),
        ("classCode", "A", Verdict.WARN),
    ],
)
def test_a_code_is_judged_for_the_present_day(attribute: str, code: str, expected: Verdict) -> None:
    code_sets = DomainCodeSets(Domain(), clock=TickingClock())  # type: ignore[arg-type]  # all that is asked of it

    assert code_sets.accepts(attribute, Code(code, "1.2")) is expected
