"""The golden record."""

from __future__ import annotations

from itertools import count

from kernel.demographics import Address, Demographics, HumanName, Telecom
from kernel.identifiers import PatientId
from kernel.times import Dtm
from mpi.golden import golden_record
from mpi.model import PatientRecord, RecordState
from tests.support.patients import HOSPITAL

numbers = count(1)


def said(*, at: int = 1, state: RecordState = RecordState.ACTIVE, **what: object) -> PatientRecord:
    """What a source says since a moment."""
    number = next(numbers)
    demographics = Demographics(**what)  # type: ignore[arg-type]
    return PatientRecord(number, 1, str(number), "s", 1, demographics, state, updated_at=at)


def names(family: str, given: str = "Lena") -> tuple[HumanName, ...]:
    """One name."""
    return (HumanName(family, (given,)),)


def test_what_most_members_say_wins_and_the_reason_is_kept() -> None:
    golden = golden_record([said(sex="F"), said(sex="F"), said(sex="M", at=9)])

    assert golden.demographics.sex == "F"
    assert golden.reasons["sex"] == "2 of 3 say so"


def test_among_equals_the_latest_wins() -> None:
    golden = golden_record([said(sex="F", at=9), said(sex="M", at=1)])

    assert golden.demographics.sex == "F"
    assert golden.reasons["sex"] == "the latest of those that know it"


def test_a_placeholder_or_an_initial_never_beats_a_name() -> None:
    baby = [said(names=names("Rivera", "Baby"), at=9), said(names=names("Rivera", "Baby"), at=8)]
    initial = [said(names=names("Rivera", "L"), at=7), said(names=names("Rivera", "L"), at=6)]

    golden = golden_record([*baby, *initial, said(names=names("Rivera", "Lena"))])

    assert golden.demographics.names[0] == HumanName("Rivera", ("Lena",))
    assert len(golden.demographics.names) == 3


def test_a_defaulted_or_shorter_birth_date_never_beats_a_full_one() -> None:
    births = [Dtm("19840101"), Dtm("19840101"), Dtm("19840317")]

    assert golden_record([said(birth=b, at=9 - n) for n, b in enumerate(births)]).demographics.birth == Dtm("19840317")
    assert golden_record([said(birth=Dtm("1984"), at=9), said(birth=Dtm("19840317"))]).demographics.birth == Dtm("19840317")


def test_the_address_is_the_latest_that_names_a_place_and_the_others_are_kept() -> None:
    old, new, empty = Address(("1 Old Road",), "Boston"), Address(("2 New Road",), "Salem"), Address(("somewhere",))

    golden = golden_record([said(addresses=(old,), at=1), said(addresses=(new,), at=5), said(addresses=(empty,), at=9)])

    assert golden.demographics.addresses[0] == new
    assert set(golden.demographics.addresses) == {old, new, empty}
    assert golden_record([said(addresses=(empty,))]).demographics.addresses == (empty,)


def test_all_telephones_are_kept_once_the_latest_first() -> None:
    golden = golden_record([said(telecoms=(Telecom("1"), Telecom("2")), at=1), said(telecoms=(Telecom("2"),), at=5)])

    assert golden.demographics.telecoms == (Telecom("2"), Telecom("1"))


def test_former_names_of_all_members_are_kept() -> None:
    maiden = HumanName("Berger", ("Lena",), use="M")

    golden = golden_record([said(names=(*names("Rivera"), maiden)), said(names=names("Rivera"), at=5)])

    assert golden.demographics.names == (HumanName("Rivera", ("Lena",)), maiden)


def test_dead_is_who_anybody_says_is_dead() -> None:
    dead = golden_record([said(deceased=False, at=9), said(death=Dtm("2020")), said(death=Dtm("20201224"))])

    assert (dead.demographics.deceased, dead.demographics.death) == (True, Dtm("20201224"))
    assert golden_record([said(deceased=False), said()]).demographics.deceased is False
    assert golden_record([said()]).demographics.deceased is None


def test_what_nobody_says_has_no_reason() -> None:
    golden = golden_record([said(sex="F")])

    assert golden.demographics == Demographics(sex="F")
    assert dict(golden.reasons) == {"sex": "nobody says otherwise"}


def test_a_record_merged_away_counts_only_where_it_is_all_there_is() -> None:
    gone = said(sex="M", at=9, state=RecordState.SUBSUMED)

    assert golden_record([gone, said(sex="F")]).demographics.sex == "F"
    assert golden_record([gone]).demographics.sex == "M"
    assert golden_record([]).demographics == Demographics()


def test_the_order_of_members_does_not_matter() -> None:
    members = [said(sex="F", at=3), said(sex="M", at=3), said(names=names("Rivera"), account=PatientId("A", HOSPITAL))]

    assert golden_record(members) == golden_record(members[::-1])
