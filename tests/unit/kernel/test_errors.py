"""kernel.errors"""

from __future__ import annotations

import pytest

from kernel.errors import (
    Condition,
    HieError,
    Refused,
    Rejected,
    Severity,
    Unavailable,
    Unreadable,
    rejected,
    violation,
    warning,
)

MISSING = violation(Condition.FIELD_MISSING, "PID-3", "no identifier for Lena Rivera")


def test_the_condition_of_an_error_is_that_of_its_first_violation_that_is_no_warning() -> None:
    problem = Rejected((warning(Condition.EXTRA_METADATA_DROPPED, "", ""), MISSING))

    assert problem.condition is Condition.FIELD_MISSING


def test_an_error_of_warnings_alone_is_a_bug_and_told_as_one() -> None:
    assert Rejected((warning(Condition.EXTRA_METADATA_DROPPED, "", ""),)).condition is Condition.INTERNAL


def test_what_an_error_says_in_a_traceback_is_its_conditions_and_nothing_that_was_sent() -> None:
    assert str(Rejected((MISSING, violation(Condition.VALUE_UNKNOWN, "PID-8", "X")))) == "FIELD_MISSING; VALUE_UNKNOWN"


def test_one_violation_may_be_given_alone() -> None:
    problem = Unavailable(MISSING)

    assert (problem.violations, problem.detail) == ((MISSING,), "no identifier for Lena Rivera")


def test_an_error_without_violations_has_no_detail() -> None:
    assert (HieError(()).detail, HieError(()).condition) == ("", Condition.INTERNAL)


@pytest.mark.parametrize("kind", [Unreadable, Refused, Unavailable, Rejected])
def test_a_caller_may_tell_the_four_ways_to_fail_apart(kind: type[HieError]) -> None:
    others = {Unreadable, Refused, Unavailable, Rejected} - {kind}

    assert not any(isinstance(kind(MISSING), other) for other in others)


def test_errors_stop_and_warnings_do_not() -> None:
    problem = rejected(Condition.FIELD_MISSING, "PID-3", "")

    assert (problem.violations[0].severity, problem.violations[0].is_error) == (Severity.ERROR, True)
    assert not warning(Condition.FIELD_MISSING, "PID-3", "").is_error


def test_no_two_conditions_mean_the_same() -> None:
    assert len({condition.value for condition in Condition}) == len(list(Condition))
