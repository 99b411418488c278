"""mpi.linkage.nicknames"""

from __future__ import annotations

import pytest

from mpi.linkage.nicknames import are_related, is_known, root_of


@pytest.mark.parametrize(
    ("one", "other"), [("BOB", "ROBERT"), ("BOB", "ROB"), ("IVAN", "JOHN"), ("SASHA", "ALEKSANDR"), ("PEGGY", "MARGARET")]
)
def test_short_and_foreign_forms_are_related_both_ways(one: str, other: str) -> None:
    assert are_related(one, other)
    assert are_related(other, one)


@pytest.mark.parametrize(
    ("one", "other"), [("DANIEL", "DANIELLE"), ("PATRICK", "PATRICIA"), ("BOB", "JOHN"), ("NOBODY", "NOBODY2")]
)
def test_names_of_different_people_are_not_related(one: str, other: str) -> None:
    assert not are_related(one, other)


def test_the_root_is_the_full_name_and_an_unknown_name_is_its_own() -> None:
    assert root_of("BOBBY") == "ROBERT"
    assert root_of("XYZZY") == "XYZZY"


def test_a_group_over_two_lines_is_one_group() -> None:
    assert are_related("CATHERINE", "KARIN")


def test_only_names_of_the_table_are_known() -> None:
    assert is_known("BOBBY")
    assert not is_known("BOBBQ")
