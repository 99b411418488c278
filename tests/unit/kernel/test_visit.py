"""Visits as values."""

from __future__ import annotations

import pytest

from kernel.visit import Value, Visit


def of(*values: str) -> Value:
    """A field of plain repetitions."""
    return tuple(((value,),) for value in values)


VISIT = Visit({2: of("I"), 3: ((("WARD",), ("12",), ("",), ("HOSP", "2.999.1.1", "ISO")),), 7: of("D1", "D2"), 19: of("V1")})


@pytest.mark.parametrize(
    ("place", "found"),
    [
        ((3,), ("WARD",)),
        ((3, 2), ("12",)),
        ((3, 4, 2), ("2.999.1.1",)),
        ((7,), ("D1", "D2")),
        ((3, 3), ()),
        ((3, 9), ()),
        ((44,), ()),
    ],
)
def test_values_are_found_by_field_component_and_subcomponent(place: tuple[int, ...], found: tuple[str, ...]) -> None:
    assert VISIT.values(*place) == found
    assert VISIT.value(*place) == (found[0] if found else "")


def test_a_visit_is_named_by_its_number() -> None:
    assert (VISIT.number, Visit().number) == ("V1", "")


def test_the_class_alone_is_no_visit() -> None:
    assert VISIT.is_one
    assert not Visit({2: of("O")}).is_one
    assert not Visit({2: of("O"), 3: ()}).is_one


def test_an_update_changes_what_it_speaks_of_and_deletes_what_it_empties() -> None:
    after = Visit({3: (), 7: of("D3")}).applied_to(VISIT)

    assert after == Visit({2: of("I"), 7: of("D3"), 19: of("V1")})
