"""Slots of a request as typed values, and what is wrong with them."""

from __future__ import annotations

import pytest

from ebrim.query import QuerySlot, StoredQuery
from kernel.errors import Condition, Rejected
from registry.queries.parameters import Arguments, Choice, Kind, Parameter, read_arguments

APPROVED = "urn:oasis:names:tc:ebxml-regrep:StatusType:Approved"
PARAMETERS = {
    p.name: p
    for p in (
        Parameter("$patient", Kind.PATIENT_ID, is_required=True),
        Parameter("$status", Kind.STATUS, is_required=True, is_multiple=True),
        Parameter("$code", Kind.CODE, is_multiple=True, is_anded=True),
        Parameter("$time", Kind.TIME),
        Parameter("$uuid", Kind.UUID, is_multiple=True),
        Parameter("$level", Kind.LEVEL),
        Parameter("$author", Kind.PATTERN),
    )
}
WHOLE = (("$patient", "'P^^^&1.2&ISO'"), ("$status", f"('{APPROVED}')"))


def read(*slots: tuple[str, str], choices: tuple[Choice, ...] = (), max_values: int = 10) -> Arguments:
    """The arguments of a query with these slots."""
    query = StoredQuery("urn:uuid:q", "LeafClass", True, tuple(QuerySlot(name, (value,)) for name, value in slots))
    return read_arguments(query, PARAMETERS, choices, max_values=max_values)


def refused(*slots: tuple[str, str], choices: tuple[Choice, ...] = (), max_values: int = 10) -> list[tuple[Condition, str]]:
    """Condition and place of everything that is wrong."""
    with pytest.raises(Rejected) as caught:
        read(*slots, choices=choices, max_values=max_values)
    return [(v.condition, v.where) for v in caught.value.violations]


def test_values_are_read_by_name() -> None:
    found = read(*WHOLE, ("$code", "('a^^1','b^^1')"), ("$code", "('c^^1')"), ("$time", "2026"))

    assert found.single("$patient") == "P^^^&1.2&ISO"
    assert found.slots["$code"] == (("a^^1", "b^^1"), ("c^^1",))
    assert (found.single("$time"), found.single("$level"), "$level" in found) == ("2026", "", False)


def test_a_slot_that_no_parameter_has_is_passed_over() -> None:
    assert "$new" not in read(*WHOLE, ("$new", "'x'"))


def test_every_missing_parameter_is_told() -> None:
    assert refused() == [(Condition.PARAMETER_MISSING, "$patient"), (Condition.PARAMETER_MISSING, "$status")]


def test_statuses_nobody_knows_are_passed_over_and_alone_count_as_missing() -> None:
    other = "urn:oasis:names:tc:ebxml-regrep:StatusType:Submitted"

    assert read(WHOLE[0], ("$status", f"('{other}','{APPROVED}')")).values("$status") == (APPROVED,)
    assert refused(WHOLE[0], ("$status", f"('{other}')")) == [(Condition.PARAMETER_MISSING, "$status")]


@pytest.mark.parametrize(
    ("slot", "condition"),
    [
        (("$patient", "P^^^&1.2&ISO"), Condition.PARAMETER_INVALID),
        (("$patient", "'P'"), Condition.PARAMETER_INVALID),
        (("$patient", "('P^^^&1.2&ISO','Q^^^&1.2&ISO')"), Condition.PARAMETER_COUNT),
    ],
)
def test_a_bad_patient_id_is_not_also_told_to_be_missing(slot: tuple[str, str], condition: Condition) -> None:
    assert refused(slot, WHOLE[1]) == [(condition, "$patient")]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("$code", "('a')"),
        ("$code", "('a^b^1')"),
        ("$code", "('a^^')"),
        ("$code", "('a^^1'"),
        ("$time", "'yesterday'"),
        ("$time", "20261301"),
        ("$uuid", "('1.2.3')"),
        ("$level", "3"),
        ("$author", "'" + "%a" * 21 + "'"),
        ("$author", "'" + "a" * 513 + "'"),
    ],
)
def test_a_bad_value_is_told_with_its_parameter(name: str, value: str) -> None:
    assert refused(*WHOLE, (name, value)) == [(Condition.PARAMETER_INVALID, name)]


def test_only_some_parameters_may_stand_in_several_slots() -> None:
    assert refused(*WHOLE, WHOLE[1]) == [(Condition.PARAMETER_COUNT, "$status")]


def test_more_values_than_the_limit_are_refused() -> None:
    many = ",".join(f"'{n}^^1'" for n in range(4))

    assert refused(*WHOLE, ("$code", f"({many})"), max_values=3) == [(Condition.PARAMETER_INVALID, "$code")]


def test_of_an_exclusive_choice_exactly_one_is_given() -> None:
    choice = (Choice(("$uuid", "$code")),)
    uuid, code = ("$uuid", "('urn:uuid:99999999-9999-4999-8999-999999999999')"), ("$code", "('a^^1')")

    assert read(*WHOLE, uuid, choices=choice)
    assert refused(*WHOLE, choices=choice) == [(Condition.PARAMETER_MISSING, "$uuid, $code")]
    assert refused(*WHOLE, uuid, code, choices=choice) == [(Condition.PARAMETER_COUNT, "$uuid, $code")]


def test_of_an_optional_choice_at_most_one_is_given() -> None:
    choice = (Choice(("$time", "$level"), is_optional=True),)

    assert read(*WHOLE, choices=choice)
    assert refused(*WHOLE, ("$time", "2026"), ("$level", "1"), choices=choice) == [(Condition.PARAMETER_COUNT, "$time, $level")]
