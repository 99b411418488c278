"""Whether a person fits a description."""

from __future__ import annotations

import pytest

from kernel.demographics import Address, Demographics, HumanName, Telecom
from kernel.demographics_query import (
    AddressCriterion,
    BirthCriterion,
    DemographicsQuery,
    NameCriterion,
    SexCriterion,
    TelecomCriterion,
)
from kernel.times import Dtm
from mpi.criteria import confidence_of, contact_of, fold, name_confidence
from mpi.model import PatientRecord


def a_member(**said: object) -> PatientRecord:
    """A record of a source."""
    return PatientRecord(1, 1, "1", "s", 1, Demographics(**said))  # type: ignore[arg-type]


def fits(*members: PatientRecord, **asked: object) -> int | None:
    """The confidence of a query with these parts."""
    return confidence_of(members, DemographicsQuery(**asked))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("known", "asked", "confidence"),
    [
        (("García-López", "José"), ("Garcia Lopez", ("jose",)), 100),
        (("Müller", "Otto Karl"), ("MULLER", ("Otto",)), 95),
        (("Müller", "Otto Karl"), ("MULLER", ("Otto", "Karl")), 100),
        (("Müller", "Otto Karl"), ("", ("Otto", "K*")), 95),
        (("Müller", "Otto Karl"), ("", ("Karl",)), None),
        (("Müller", "Otto"), ("", ("Otto", "Karl")), None),
        (("Müller", ""), ("", ("Otto",)), None),
        (("Müller", "Otto"), ("Mül*", ()), 95),
        (("Müller", "Otto"), ("*", ()), 95),
        (("", "Otto"), ("*", ()), None),
        (("Müller", "Otto"), ("Mül", ()), None),
    ],
)
def test_names_are_equal_when_folded_or_begin_as_asked(
    known: tuple[str, str], asked: tuple[str, tuple[str, ...]], confidence: int | None
) -> None:
    assert name_confidence(HumanName(known[0], (known[1],)), NameCriterion("w", *asked)) == confidence


@pytest.mark.parametrize(
    ("known", "asked", "confidence"),
    [
        (("Müller", "Otto"), ("Mueller", ()), 95),
        (("Müller", "Otto"), ("Muler", ()), 95),
        (("Meier", "Robert"), ("", ("Bob",)), 90),
        (("Meier", "Robert"), ("Schulze", ()), None),
        (("Meier", "Robert"), ("", ("Xaver",)), None),
        (("Meierhofer", "Robert"), ("Meier", ()), 80),
        (("Meierhofer", "Robert"), ("Mei*", ()), 95),
        (("Meierhofer", "Robert"), ("Xei*", ()), None),
        (("Meier", "Robert"), ("", ("Ro*",)), 95),
        (("Meier", ""), ("", ("Bob",)), None),
        (("", "Robert"), ("Meier", ()), None),
    ],
)
def test_what_is_alike_is_found_by_a_search_for_it(
    known: tuple[str, str], asked: tuple[str, tuple[str, ...]], confidence: int | None
) -> None:
    assert name_confidence(HumanName(known[0], (known[1],)), NameCriterion("w", *asked, fuzzy=True)) == confidence


def test_prefix_and_suffix_are_compared_when_they_are_asked_for() -> None:
    name = HumanName("Meier", ("Robert",), "Dr.", "Jr")

    assert name_confidence(name, NameCriterion("w", "Meier", (), "DR", "jr")) == 100
    assert name_confidence(name, NameCriterion("w", "Meier", (), "", "Sr")) is None


@pytest.mark.parametrize(
    ("known", "low", "high", "is_fit"),
    [
        ("19840317", "19840317", "19840317", True),
        ("19840317", "1984", "1984", True),
        ("1984", "19840317", "19840317", False),
        ("19840317", "19840317000000", "19840317000000", True),
        ("198403171200", "19840317", "19840317", True),
        ("19840317", "19840101", "19840317", True),
        ("19840317", "19840318", None, False),
        ("19840317", None, "19840316", False),
        ("19840317", None, "1984", True),
        ("1984", "19840101", "19841231", True),
        (None, "1984", "1984", False),
    ],
)
def test_a_birth_is_within_bounds_to_the_precision_they_were_sent_with(
    known: str | None, low: str | None, high: str | None, is_fit: bool
) -> None:
    criterion = BirthCriterion("w", Dtm(low) if low else None, Dtm(high) if high else None)

    assert (fits(a_member(birth=Dtm(known) if known else None), birth=(criterion,)) == 100) is is_fit


def test_names_birth_and_sex_are_asked_of_one_record() -> None:
    one = a_member(names=(HumanName("Rivera"),), birth=Dtm("19840317"), sex="F")
    other = a_member(names=(HumanName("Berger"),), birth=Dtm("19840401"), sex="F")
    name, birth = (NameCriterion("w", "Rivera"),), (BirthCriterion("w", Dtm("19840401"), Dtm("19840401")),)

    assert fits(one, other, names=name) == 100
    assert fits(one, other, birth=birth, sex=(SexCriterion("w", "F"),)) == 100
    assert fits(one, other, names=name, birth=birth) is None
    assert fits(one, other, sex=(SexCriterion("w", "M"),)) is None


def test_of_several_values_any_may_fit() -> None:
    member = a_member(names=(HumanName("Rivera"), HumanName("Berger")))

    assert fits(member, names=(NameCriterion("w", "X"), NameCriterion("w", "Berger"))) == 100


def test_addresses_and_contacts_may_be_those_of_another_record_of_the_person() -> None:
    one = a_member(names=(HumanName("Rivera"),))
    other = a_member(addresses=(Address(("12 Elm St", "Flat 3"), "Springfield", "MA", "SW1A 1AA", "US", "Kings"),))
    street = AddressCriterion("w", Address(("12 Elm St",), "Springfield", "MA", "sw1a1aa", "US", "Kings"))

    assert fits(one, other, names=(NameCriterion("w", "Rivera"),), addresses=(street,)) == 100
    for wrong in (
        Address(city="Boston"),
        Address(state="NY"),
        Address(postcode="SW1A"),
        Address(country="CA"),
        Address(county="Queens"),
        Address(("Elm St",)),
    ):
        assert fits(one, other, addresses=(AddressCriterion("w", wrong),)) is None


def test_telephones_are_compared_by_their_last_digits_and_mail_without_case() -> None:
    member = a_member(telecoms=(Telecom("+49 221 235715"), Telecom("Lena@Example.org", "Internet")))

    assert fits(member, telecoms=(TelecomCriterion("w", "0221/235715"),)) == 100
    assert fits(member, telecoms=(TelecomCriterion("w", "lena@example.org"),)) == 100
    assert fits(member, telecoms=(TelecomCriterion("w", "0221 235716"),)) is None
    assert fits(member, telecoms=(TelecomCriterion("w", "no number"),)) is None


def test_contacts_and_texts_have_one_form() -> None:
    assert contact_of("112") == "112"
    assert contact_of("odd@place") == "odd@place"
    assert fold("  d'Århus—Łódź ") == "DARHUS LODZ"
