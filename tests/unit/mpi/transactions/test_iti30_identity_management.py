"""ITI-30 at its door."""

from __future__ import annotations

import pytest

from kernel.errors import Rejected
from tests.conftest import MakeDatabase
from tests.support.audit import schema_faults
from tests.support.hl7 import adt, er7, msh
from tests.support.patients import ADMINISTRATOR, LAB, OTTO, XAD, Wires, an_id, an_update, wires


@pytest.fixture
def hospital(make_database: MakeDatabase) -> Wires:
    """A hospital with two patients."""
    doors = wires(make_database)
    doors.index.feed(an_update(an_id("1")))
    doors.index.feed(an_update(an_id("2"), demographics=OTTO))
    doors.index.work()
    return doors


def pair(event: str, one: str = "1", other: str = "2", control_id: str = "P1") -> bytes:
    """A message of two patients, from the hospital."""
    raw = er7(
        msh(f"ADT^{event}", "2.5", control_id=control_id),
        "EVN||20261122101500",
        f"PID|||{one}^^^HOSP_A||Rivera^Lena",
        "PV1||N",
        f"PID|||{other}^^^HOSP_A||Rivera^Lena",
        "PV1||N",
    )
    return raw.replace(b"|EHR|HOSP|", b"|ADT|A|")


def code(answer: list[str]) -> str:
    """MSA-1."""
    return next(line for line in answer if line.startswith("MSA")).split("|")[1]


def test_two_patients_are_linked_and_unlinked_on_the_word_of_their_source(hospital: Wires) -> None:
    linked = hospital.v2(pair("A24"))
    together = hospital.index.clusters()

    unlinked = hospital.v2(pair("A37", control_id="P2"))

    assert (code(linked), code(unlinked)) == ("AA", "AA")
    assert together == {frozenset({"1", "2"})}
    assert hospital.index.clusters() == {frozenset({"1"}), frozenset({"2"})}
    for message in hospital.index.audited()[-2:]:
        assert b"ITI-30" in message
        assert b"2^^^HOSP_A&amp;2.999.1.1&amp;ISO" in message
        assert schema_faults(message) == []


@pytest.mark.parametrize(
    "raw", [pair("A24", other="404"), pair("A37"), er7(msh("ADT^A24", "2.5")).replace(b"|EHR|HOSP|", b"|ADT|A|")]
)
def test_what_is_refused_is_on_record(hospital: Wires, raw: bytes) -> None:
    answer = hospital.v2(raw)

    message = hospital.index.audited()[-1]
    assert code(answer) == "AE"
    assert b"ITI-30" in message
    assert b'EventOutcomeIndicator="0"' not in message


def test_updates_come_by_this_door_too(hospital: Wires) -> None:
    taken = hospital.v2(adt("A31", pid="PID|||1^^^HOSP_A||Berger^Lena", version="2.5").replace(b"|EHR|HOSP|", b"|ADT|A|"))
    refused = hospital.v2(
        adt("A28", pid="PID|||1^^^NOBODY||B^L", version="2.5").replace(b"|EHR|HOSP|", b"|ADT|A|").replace(b"|M1|", b"|M2|")
    )

    assert (code(taken), code(refused)) == ("AA", "AE")
    name = hospital.index.record(an_id("1")).demographics.name
    assert name is not None
    assert name.family == "Berger"


def renaming(new: str, old: str, control_id: str = "R1") -> bytes:
    """An A47 of the hospital."""
    raw = er7(
        msh("ADT^A47", "2.5", control_id=control_id),
        "EVN||20261122101500",
        f"PID|||{new}^^^HOSP_A||Rivera^Lena",
        f"MRG|{old}^^^HOSP_A",
    )
    return raw.replace(b"|EHR|HOSP|", b"|ADT|A|")


def test_a_new_identifier_takes_the_place_of_the_old_one_with_all_that_was_said(hospital: Wires) -> None:
    index = hospital.index
    index.feed(an_update(an_id("2"), an_id("L2", LAB), demographics=OTTO))
    person, affinity_id = index.record(an_id("2")).person, index.affinity_id(an_id("2"))

    answer = hospital.v2(renaming("2new", "2"))

    record = index.record(an_id("2new"))
    assert code(answer) == "AA"
    assert (record.demographics, record.person) == (OTTO, person)
    assert index.affinity_id(an_id("2new")) == affinity_id
    assert {i.id for i in index.local_ids(an_id("2new"))} == {"L2"}
    with pytest.raises(Rejected):
        index.pix(an_id("2"))


def test_the_change_taken_back_leaves_nothing_of_the_new_identifier(hospital: Wires) -> None:
    index, everything = hospital.index, hospital.index.viewing
    person = everything.person(index.record(an_id("2")).person, ADMINISTRATOR)
    hospital.v2(renaming("2new", "2"))

    index.stewardship.undo(index.viewing.acts()[0].id, ADMINISTRATOR)

    assert everything.person(index.record(an_id("2")).person, ADMINISTRATOR) == person
    with pytest.raises(Rejected):
        index.pix(an_id("2new"))
    with pytest.raises(Rejected):
        index.stewardship.link(index.record(an_id("2new")).id, index.record(an_id("1")).id, ADMINISTRATOR)
    assert code(hospital.v2(renaming("3", "2new", "R3"))) == "AE"


def test_the_identifier_of_a_change_taken_back_can_be_given_to_somebody_else(hospital: Wires) -> None:
    index = hospital.index
    hospital.v2(renaming("2new", "2"))
    index.stewardship.undo(index.viewing.acts()[0].id, ADMINISTRATOR)

    index.feed(an_update(an_id("2new"), demographics=OTTO))

    record = index.record(an_id("2new"))
    assert (record.is_active, record.demographics, record.person) == (True, OTTO, record.id)
    assert index.affinity_id(an_id("2new")) != index.affinity_id(an_id("2"))


def test_a_change_taken_back_can_be_made_again_and_taken_back_again(hospital: Wires) -> None:
    index = hospital.index
    person = index.record(an_id("2")).person
    for control_id in ("R1", "R2"):
        assert code(hospital.v2(renaming("2new", "2", control_id))) == "AA"
        assert (index.record(an_id("2new")).is_active, index.record(an_id("2new")).person) == (True, person)
        with pytest.raises(Rejected):
            index.pix(an_id("2"))

        index.stewardship.undo(index.viewing.acts()[0].id, ADMINISTRATOR)

        assert index.record(an_id("2")).is_active


def test_an_undone_change_of_an_identifier_of_the_domain_leaves_it_unknown_to_the_registry(hospital: Wires) -> None:
    index, (old, new) = hospital.index, (an_id("X1", XAD), an_id("X2", XAD))
    index.feed(an_update(old, demographics=OTTO))
    index.rename(new, old)
    assert [index.directory.standing(i).active for i in (old, new)] == [False, True]

    index.stewardship.undo(index.viewing.acts()[0].id, ADMINISTRATOR)

    assert [index.directory.standing(i).active for i in (old, new)] == [True, False]
    assert index.directory.standing(old).survivor == old


def test_the_same_change_again_is_answered_the_same_and_a_refused_one_is_on_record(hospital: Wires) -> None:
    answers = [code(hospital.v2(renaming("2new", "2"))) for _ in range(2)]
    refused = code(hospital.v2(renaming("2newer", "2", control_id="R2")))

    assert (answers, refused) == (["AA", "AA"], "AE")
    assert b'EventOutcomeIndicator="8"' in hospital.index.audited()[-1]
    assert b"2newer^^^HOSP_A" in hospital.index.audited()[-1]
