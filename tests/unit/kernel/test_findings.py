"""kernel.findings"""

from __future__ import annotations

import pytest

from kernel.errors import Condition, Rejected, Severity
from kernel.findings import Findings


def test_warnings_alone_are_given_back() -> None:
    findings = Findings(lenient=True)

    findings.tolerated(Condition.FIELD_INVALID, "a", "x")
    findings.warn(Condition.FIELD_MISSING, "b", "y")

    assert [(v.where, v.severity) for v in findings.warnings()] == [("a", Severity.WARNING), ("b", Severity.WARNING)]


def test_what_a_lenient_source_is_forgiven_another_is_not() -> None:
    findings = Findings(lenient=False)

    findings.tolerated(Condition.FIELD_INVALID, "a", "x")

    with pytest.raises(Rejected) as refusal:
        findings.warnings()
    assert refusal.value.violations[0].severity is Severity.ERROR


def test_one_error_refuses_with_everything_that_was_found() -> None:
    findings = Findings(lenient=True)
    findings.warn(Condition.FIELD_INVALID, "a", "x")
    findings.error(Condition.FIELD_MISSING, "b", "y")

    with pytest.raises(Rejected) as refusal:
        findings.warnings()

    assert [v.where for v in refusal.value.violations] == ["a", "b"]


def test_a_fault_within_a_place_is_one_of_the_place_and_a_warning_is_none() -> None:
    findings = Findings(lenient=True)

    findings.warn(Condition.FIELD_MISSING, "QPD-4[1]", "x")
    findings.error(Condition.FIELD_INVALID, "QPD-3[2].1", "y")

    assert [findings.has_error_at(place) for place in ("QPD-3", "QPD-3[2]", "QPD-4", "RCP")] == [True, True, False, False]
