"""fhir_r4.outcome"""

from __future__ import annotations

import pytest
from fhir.resources.R4B.operationoutcome import OperationOutcome

from fhir_r4.outcome import ISSUE_TYPES, STATUS, outcome_of, status_of
from kernel.errors import Condition, HieError, Rejected, violation, warning


def test_every_condition_has_an_issue_type_and_a_status() -> None:
    assert set(ISSUE_TYPES) == set(Condition)
    assert set(ISSUE_TYPES.values()) <= set(STATUS)


@pytest.mark.parametrize("condition", Condition)
def test_an_error_is_told_with_its_words(condition: Condition) -> None:
    error = Rejected((violation(condition, "AuditEvent.type", "why"), warning(Condition.BUSY, "", "")))

    outcome = OperationOutcome.model_validate(outcome_of(error))

    assert (outcome.issue[0].severity, outcome.issue[0].code) == ("error", ISSUE_TYPES[condition])
    assert outcome.issue[0].diagnostics == "AuditEvent.type: why"
    assert (outcome.issue[1].severity, outcome.issue[1].diagnostics) == ("warning", Condition.BUSY.value)
    assert 400 <= status_of(error) < 600


def test_an_error_without_violations_is_ours() -> None:
    assert status_of(HieError(())) == 500
    assert OperationOutcome.model_validate(outcome_of(HieError(()))).issue[0].code == "exception"
