"""mpi.linkage.comparison"""

from __future__ import annotations

import pytest
from hypothesis import given

from mpi.linkage.comparison import birth_level, compare, family_level, given_level, identifier_level, place_level
from mpi.linkage.levels import (
    BIRTH,
    FAMILY,
    FIELDS,
    GIVEN,
    IDENTIFIER,
    MIDDLE,
    MOTHER,
    ORDER,
    PLACE,
    SEX,
    SOURCE,
    SUFFIX,
    Birth,
    Family,
    Given,
    Identifier,
    Middle,
    Mother,
    Order,
    Place,
    Sex,
    Source,
    Suffix,
)
from mpi.linkage.normalise import Prepared
from mpi.linkage.places import Home
from tests.support.people import RECORDS, a_record

_HOME = Home("12", "MAIN ST", "", "SPRINGFIELD", "12345")


@given(one=RECORDS, other=RECORDS)
def test_comparing_is_symmetric_and_repeatable(one: Prepared, other: Prepared) -> None:
    first = compare(one, other)

    assert compare(other, one) == first
    assert compare(one, other) == first


@given(record=RECORDS)
def test_an_empty_record_agrees_and_disagrees_with_nothing(record: Prepared) -> None:
    assert compare(record, Prepared()).levels == (0,) * len(FIELDS)


@pytest.mark.parametrize(
    ("one", "other", "level"),
    [
        ("ANNA", "ANNA", Given.EXACT),
        ("JURGEN", "JUERGEN", Given.VARIANT),
        ("BOB", "ROBERT", Given.NICKNAME),
        ("MARGARET", "MARGARTE", Given.CLOSE),
        ("J", "JOHN", Given.INITIAL),
        ("J", "J", Given.INITIAL),
        ("J", "MARY", Given.DIFFERENT),
        ("MARIANNA", "MARIBEL", Given.SIMILAR),
        ("ANNA", "JOHN", Given.DIFFERENT),
    ],
)
def test_given_names_agree_by_degrees(one: str, other: str, level: Given) -> None:
    assert given_level(one, other) is level
    assert given_level(other, one) is level


@pytest.mark.parametrize(
    ("one", "other", "level"),
    [
        ("MULLER", "MULLER", Family.EXACT),
        ("MULLER", "MUELLER", Family.VARIANT),
        ("IVANOV", "IVANOVA", Family.VARIANT),
        ("THOMPSON", "TOMPSEN", Family.CLOSE),
        ("SMITH", "GARCIA", Family.DIFFERENT),
    ],
)
def test_family_names_agree_by_degrees(one: str, other: str, level: Family) -> None:
    assert family_level(one, other) is level


@pytest.mark.parametrize(
    ("one", "other", "level"),
    [
        ("19700503", "19700503", Birth.EXACT),
        ("19700503", "19700305", Birth.SWAPPED),
        ("19700503", "19700513", Birth.EDIT),
        ("19700503", "19700101", Birth.PARTIAL),
        ("19700101", "19700101", Birth.PARTIAL),
        ("1970", "19700503", Birth.PARTIAL),
        ("19700503", "19700529", Birth.NEAR),
        ("19700503", "19701129", Birth.YEAR),
        ("19700503", "19781129", Birth.DIFFERENT),
        ("19700503", "19981129", Birth.GENERATION),
        ("", "19700503", Birth.MISSING),
    ],
)
def test_dates_of_birth_agree_by_degrees(one: str, other: str, level: Birth) -> None:
    assert birth_level(one, other) is level


@pytest.mark.parametrize(
    ("ours", "theirs", "level"),
    [
        (("national:761882795",), ("national:761882795",), Identifier.EQUAL),
        (("national:761882795",), ("national:761882975",), Identifier.EDIT),
        (("national:9434765919",), ("national:9434765870",), Identifier.DIFFERENT),
        (("national:761882795",), ("PLAN:999",), Identifier.MISSING),
        (("=A:1",), ("=A:2",), Identifier.MISSING),
        (("=A:1",), ("=A:1",), Identifier.EQUAL),
    ],
)
def test_identifiers_contradict_only_within_an_authority_of_persons(
    ours: tuple[str, ...], theirs: tuple[str, ...], level: Identifier
) -> None:
    assert identifier_level(ours, theirs) is level


def test_two_valid_check_digits_are_no_slip() -> None:
    assert identifier_level(("n:9434765919",), ("n:9434765918",)) is Identifier.EDIT
    assert identifier_level(("n:4010232137",), ("n:4010232137",)) is Identifier.EQUAL


@pytest.mark.parametrize(
    ("home", "phone", "level"),
    [
        (_HOME, "551234567", Place.BOTH),
        (_HOME, "559999999", Place.HOME),
        (Home("7", "OAK RD", "", "SHELBYVILLE", "99999"), "551234567", Place.PHONE),
        (Home("12", "MAINE ST", "", "SPRINGFIELD", ""), "", Place.CLOSE),
        (Home("7", "OAK RD", "", "SPRINGFIELD", "12345"), "", Place.POSTCODE),
        (Home("7", "OAK RD", "", "SPRINGFIELD", "12999"), "", Place.AREA),
        (Home("7", "OAK RD", "", "SHELBYVILLE", "99999"), "", Place.DIFFERENT),
        (Home("14", "MAIN ST", "", "SPRINGFIELD", "12345"), "", Place.CLOSE),
        (Home("931", "MAIN ST", "", "SPRINGFIELD", "12345"), "", Place.POSTCODE),
    ],
)
def test_place_looks_at_home_and_telephone_together(home: Home, phone: str, level: Place) -> None:
    assert place_level((_HOME,), ("551234567",), (home,), (phone,) if phone else ()) is level


def test_a_former_address_counts_like_the_present_one() -> None:
    elsewhere = Home("7", "OAK RD", "", "SHELBYVILLE", "99999")

    assert place_level((elsewhere, _HOME), (), (_HOME,), ()) is Place.HOME


def test_neighbours_in_one_house_do_not_share_a_home() -> None:
    here, there = Home("12", "MAIN ST", "4", "SPRINGFIELD", "12345"), Home("12", "MAIN ST", "5", "SPRINGFIELD", "12345")

    assert place_level((here,), (), (there,), ()) is Place.CLOSE


def test_exchanged_names_are_seen_and_the_family_name_is_not_counted_twice() -> None:
    levels = compare(a_record(middle=""), a_record(given="MULLER", families=("ANNA",), middle="")).levels

    assert (levels[GIVEN], levels[FAMILY]) == (Given.SWAPPED, Family.MISSING)


def test_a_middle_name_used_as_given_name_is_seen() -> None:
    levels = compare(a_record(), a_record(given="MARIA", middle="")).levels

    assert (levels[GIVEN], levels[MIDDLE]) == (Given.MIDDLE, Middle.MISSING)


def test_two_names_written_in_one_are_the_same_name() -> None:
    assert compare(a_record(), a_record(given="ANNAMARIA", middle="")).levels[GIVEN] == Given.VARIANT


def test_a_part_of_a_double_name_and_a_former_name_are_found() -> None:
    double = a_record(families=("GARCIA LOPEZ",))

    assert compare(double, a_record(families=("LOPEZ",))).levels[FAMILY] == Family.FORMER
    assert compare(a_record(families=("SMITH", "MULLER")), a_record()).levels[FAMILY] == Family.FORMER


def test_only_a_woman_is_taken_to_have_changed_her_name() -> None:
    assert compare(a_record(), a_record(families=("XU",))).levels[FAMILY] == Family.CHANGED
    assert compare(a_record(sex="M"), a_record(families=("XU",), sex="M")).levels[FAMILY] == Family.DIFFERENT


def test_a_placeholder_name_neither_agrees_nor_disagrees() -> None:
    assert compare(a_record(given="", flags=("given",)), a_record()).levels[GIVEN] == Given.PLACEHOLDER


def test_sex_counts_for_itself_only_where_the_given_name_leaves_it_open() -> None:
    assert compare(a_record(), a_record()).levels[SEX] == Sex.IMPLIED
    assert compare(a_record(), a_record(sex="M")).levels[SEX] == Sex.CONFLICT
    assert compare(a_record(), a_record(given="BETTY")).levels[SEX] == Sex.SAME
    assert compare(a_record(), a_record(given="PETER", sex="M")).levels[SEX] == Sex.DIFFERENT


def test_two_identifiers_of_one_source_are_a_field_of_their_own() -> None:
    assert compare(a_record(), a_record(source_id="A:2", local_ids=())).levels[SOURCE] == Source.SAME
    assert compare(a_record(), a_record(source_id="B:2", local_ids=())).levels[SOURCE] == Source.OTHER
    assert compare(a_record(), a_record(source_id="B:2", local_ids=("A:1",))).levels[SOURCE] == Source.MISSING
    assert compare(a_record(), a_record(source_id="B:2", local_ids=("A:1",))).levels[IDENTIFIER] == Identifier.EQUAL


def test_order_suffix_and_mother_are_compared_when_both_speak() -> None:
    one = a_record(order=1, suffix="JR", mother="SMITH")
    levels = compare(one, a_record(order=2, suffix="SR", mother="GARCIA")).levels

    assert (levels[ORDER], levels[SUFFIX], levels[MOTHER]) == (Order.DIFFERENT, Suffix.DIFFERENT, Mother.DIFFERENT)
    assert compare(one, a_record()).levels[ORDER] == Order.MISSING
    assert compare(a_record(mother_ids=("A:9",)), a_record(mother_ids=("A:9",))).levels[MOTHER] == Mother.EQUAL
    assert (compare(one, one).levels[BIRTH], compare(one, one).levels[PLACE]) == (Birth.EXACT, Place.BOTH)
