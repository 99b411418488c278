"""What will happen, in words."""

from __future__ import annotations

from dataclasses import replace

from console.consequences import consequences
from mpi.model import ReviewReason
from tests.unit.console.test_comparing import a_person, a_record, a_view


def test_the_same_names_who_answers_together_and_which_identifier_stays() -> None:
    view = a_view(a_person(a_record(1, 1)), a_person(a_record(2, 2)))

    same = " ".join(consequences(view).same)

    assert "A1 (HOSP_A) and A2 (CLINIC_B) will answer together" in same
    assert "both go by X1. X2 stays known" in same


def test_different_says_that_nothing_moves_and_for_how_many_records() -> None:
    view = a_view(a_person(a_record(1, 1), a_record(3, 1)), a_person(a_record(2, 2)))

    different = " ".join(consequences(view).different)

    assert "Both stay as they are" in different
    assert "all 3 records" in different


def test_of_one_person_the_same_moves_nothing_and_different_takes_the_record_out() -> None:
    view = a_view(a_person(a_record(1, 1)), a_person(a_record(3, 1)))

    found = consequences(replace(view, review=replace(view.review, person=1)))

    assert "Nothing moves" in found.same[0]
    assert "A1 (HOSP_A) leaves the person" in found.different[0]


def test_a_merge_against_a_decision_says_what_has_to_come_first() -> None:
    view = a_view(a_person(a_record(1, 1)), a_person(a_record(2, 2)))

    found = consequences(replace(view, review=replace(view.review, reason=ReviewReason.KEPT_APART)))

    assert "has to be taken back first" in found.same[0]


def test_many_identifiers_are_counted() -> None:
    view = a_view(a_person(*(a_record(n, 1) for n in range(1, 9))), a_person(a_record(20, 2)))

    assert "4 more identifiers" in consequences(view).same[0]
