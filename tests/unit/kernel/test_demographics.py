"""kernel.demographics"""

from __future__ import annotations

import pytest

from kernel.demographics import Demographics, HumanName


@pytest.mark.parametrize("name", [HumanName(), HumanName(given=("",)), HumanName(prefix="Dr", suffix="JR", use="L")])
def test_a_name_without_family_and_given_name_names_nobody(name: HumanName) -> None:
    assert name.is_empty


@pytest.mark.parametrize("name", [HumanName("Rivera"), HumanName(given=("", "Lena"))])
def test_one_part_of_a_name_is_a_name(name: HumanName) -> None:
    assert not name.is_empty


def test_the_name_to_show_is_the_first_that_names_somebody() -> None:
    known = Demographics(names=(HumanName(use="L"), HumanName("Rivera"), HumanName("Okafor")))

    assert known.name == HumanName("Rivera")


def test_who_has_no_name_is_shown_by_none() -> None:
    assert Demographics().name is None
