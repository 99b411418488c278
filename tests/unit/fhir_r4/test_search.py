"""fhir_r4.search"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from fhir_r4.search import Parameter, Period, Token, parameters, period, plain, require_known, token
from kernel.errors import Condition, Rejected


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


def test_parameters_are_read_with_modifiers_and_alternatives() -> None:
    found = parameters("type:not=a,b&agent=x%7Cy&empty=&name=a%5C%2Cb%2Cc")

    assert found == (Parameter("type", "not", ("a", "b")), Parameter("agent", "", ("x|y",)), Parameter("name", "", ("a\\,b", "c")))
    assert plain("a\\,b\\|c\\\\") == "a,b|c\\"


@pytest.mark.parametrize("query", ["%FF=%FF", "&".join(f"a{n}=1" for n in range(300))])
def test_parameters_that_cannot_be_read_are_refused(query: str) -> None:
    with pytest.raises(Rejected, match="MALFORMED"):
        parameters(query)


@pytest.mark.parametrize(
    ("text", "meant"),
    [("s|c", Token("s", "c")), ("c", Token(None, "c")), ("|c", Token("", "c")), ("a\\|b", Token(None, "a|b"))],
)
def test_a_token_has_a_system_or_not(text: str, meant: Token) -> None:
    assert token(text) == meant


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2026", Period(at(2026, 1, 1), at(2027, 1, 1))),
        ("2026-02", Period(at(2026, 2, 1), at(2026, 3, 1))),
        ("eq2026-11-22", Period(at(2026, 11, 22), at(2026, 11, 23))),
        ("ge2026-11-22", Period(at(2026, 11, 22), None)),
        ("gt2026-11-22", Period(at(2026, 11, 23), None)),
        ("sa2026-11-22", Period(at(2026, 11, 23), None)),
        ("le2026-11-22", Period(None, at(2026, 11, 23))),
        ("lt2026-11-22T10:30:00Z", Period(None, at(2026, 11, 22, 10, 30))),
        ("eb2026-11-22T10:30", Period(None, at(2026, 11, 22, 10, 30))),
        ("ge2026-11-22T10:30:00+02:00", Period(at(2026, 11, 22, 8, 30), None)),
        ("ge2026-11-22T10:30:00-02:30", Period(at(2026, 11, 22, 13), None)),
        ("2026-11-22T10:30:15", Period(at(2026, 11, 22, 10, 30, 15), at(2026, 11, 22, 10, 30, 16))),
        ("2026-11-22T10:30:15.5Z", Period(at(2026, 11, 22, 10, 30, 15, 500000), at(2026, 11, 22, 10, 30, 15, 501000))),
    ],
)
def test_a_date_means_a_period_at_its_precision(text: str, meant: Period) -> None:
    assert period(text) == meant


@pytest.mark.parametrize(
    "text", ["", "today", "ne2026", "ap2026", "2026-13", "2026-02-30", "9999", "0000", "2026-1-1", "2026-11-22T25:00Z"]
)
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(Rejected, match="PARAMETER_INVALID"):
        period(text)


def test_periods_narrow_each_other() -> None:
    assert period("ge2026").within(period("lt2026-06")) == Period(at(2026, 1, 1), at(2026, 6, 1))
    assert Period().within(Period()) == Period()


def test_everything_that_is_not_served_is_told_at_once() -> None:
    given = parameters("a=1&a=2&b:exact=3&c=4")

    with pytest.raises(Rejected) as raised:
        require_known(given, frozenset("ab"), once=frozenset("a"))

    assert [v.condition for v in raised.value.violations] == [
        Condition.PARAMETER_COUNT,
        Condition.PARAMETER_INVALID,
        Condition.PARAMETER_INVALID,
    ]
