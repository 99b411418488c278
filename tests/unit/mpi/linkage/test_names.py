"""mpi.linkage.names"""

from __future__ import annotations

import pytest

from mpi.linkage.names import family_of, family_skeleton, given_of, skeleton, sound_code, suffix_of, tokens_of


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Müller", ("MULLER",)),
        ("O\u2019Brien", ("OBRIEN",)),
        ("García-López", ("GARCIA", "LOPEZ")),
        ("Достоевский", ("DOSTOEVSKIY",)),
        ("  ", ()),
    ],
)
def test_words_of_any_script_become_plain_capitals(text: str, tokens: tuple[str, ...]) -> None:
    assert tokens_of(text) == tokens


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Müller", "Mueller"),
        ("Søren", "Soeren"),
        ("Aleksey", "Alexei"),
        ("Dmitriy", "Dmitri"),
        ("Khristos", "Christos"),
        ("Jonsson", "Jonson"),
    ],
)
def test_spellings_of_one_name_meet_in_the_skeleton(one: str, other: str) -> None:
    assert skeleton(tokens_of(one)[0]) == skeleton(tokens_of(other)[0])


def test_names_that_differ_keep_different_skeletons() -> None:
    assert skeleton("MARTIN") != skeleton("MARTINA")


def test_the_feminine_ending_of_a_slavic_family_name_is_let_go() -> None:
    assert family_skeleton("IVANOVA") == family_skeleton("IVANOV")


@pytest.mark.parametrize(
    ("text", "order"),
    [("Baby", 0), ("Baby Boy A", 1), ("BabyGirl", 0), ("Twin B", 2), ("UNKNOWN", 0), ("Infant of Mary", 0)],
)
def test_a_name_that_stands_for_none_is_flagged_and_keeps_its_order(text: str, order: int) -> None:
    assert given_of(text) == ("", "", "", True, order)


@pytest.mark.parametrize(
    ("text", "given", "middle", "suffix"),
    [
        ("Dr. Anna Maria", "ANNA", "MARIA", ""),
        ("Jean-Luc", "JEAN", "LUC", ""),
        ("John Jr", "JOHN", "", "JR"),
        ("J.", "J", "", ""),
        ("", "", "", ""),
    ],
)
def test_a_given_name_falls_into_its_parts(text: str, given: str, middle: str, suffix: str) -> None:
    assert given_of(text) == (given, middle, suffix, False, 0)


@pytest.mark.parametrize(
    ("text", "families", "suffix"),
    [
        ("van der Berg", ("BERG", "VANDERBERG"), ""),
        ("Mc Donald", ("MCDONALD",), ""),
        ("Smith III", ("SMITH",), "III"),
        ("De", ("DE",), ""),
        ("unknown", (), ""),
    ],
)
def test_a_family_name_loses_particles_but_is_kept_in_one_word(text: str, families: tuple[str, ...], suffix: str) -> None:
    assert family_of(text) == (families, suffix)


def test_a_suffix_is_known_in_any_writing() -> None:
    assert [suffix_of(text) for text in ("Jr.", "junior", "SR", "3rd", "Esq")] == ["JR", "JR", "SR", "III", ""]


def test_names_that_sound_alike_share_a_code() -> None:
    assert sound_code(skeleton("MEYER")) == sound_code(skeleton("MAIER"))
    assert sound_code("") == ""
