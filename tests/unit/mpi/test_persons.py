"""Joining and separating persons."""

from __future__ import annotations

import pytest

from mpi import persons, store
from mpi.ledger import Ledger
from mpi.model import Act, ActKind, LinkKind
from mpi.persons import APART_LIMIT, Why
from tests.conftest import MakeDatabase
from tests.support.patients import CLINIC, LAB, OTTO, XAD, PatientIndex, a_patient_index, an_id, an_update

BECAUSE = Why(LinkKind.MANUAL, "because")


@pytest.fixture
def index(make_database: MakeDatabase) -> PatientIndex:
    """Four records, each a person of its own, the last with an identifier of the affinity domain that its source gave."""
    index = a_patient_index(make_database)
    for patient_id in (an_id("1"), an_id("2", CLINIC), an_id("3", LAB), an_id("X4", XAD)):
        index.feed(an_update(patient_id, demographics=OTTO))
    return index


def ids(index: PatientIndex) -> list[int]:
    """The four records."""
    return [index.record(i).id for i in (an_id("1"), an_id("2", CLINIC), an_id("3", LAB), an_id("X4", XAD))]


def act(number: int) -> Act:
    """An act."""
    return Act(number, ActKind.LINK, 1, "anna", "")


def test_the_older_person_survives_unless_the_other_has_an_identifier_from_a_source(index: PatientIndex) -> None:
    one, two, _, fed = ids(index)

    with index.database.read() as connection:
        assert persons.survivor_of(connection, two, one) == (one, two)
        assert persons.survivor_of(connection, one, fed) == (fed, one)


def test_joining_moves_all_members_and_says_why_at_the_one_the_person_began_with(index: PatientIndex) -> None:
    one, two, three, _ = ids(index)

    with index.database.begin() as work:
        ledger = Ledger(work.connection, act(1))
        persons.join(ledger, three, two, BECAUSE)
        persons.join(ledger, two, one, BECAUSE)
        members = [m.id for m in store.members(work.connection, [one])]
        links = store.links(work.connection, members)
        assert persons.are_whole(work.connection, [one, two, three])

    assert members == [one, two, three]
    assert [links[m].kind for m in members] == [LinkKind.INITIAL, LinkKind.MANUAL, LinkKind.MANUAL]


def test_separating_gives_the_person_to_the_record_it_began_with(index: PatientIndex) -> None:
    one, two, three, fed = ids(index)

    with index.database.begin() as work:
        ledger = Ledger(work.connection, act(1))
        for record in (two, three, fed):
            persons.join(ledger, record, one, BECAUSE)
        (began,) = store.records(work.connection, [one])
        assert persons.has_others(began, store.members(work.connection, [one]))
        mine, rest = persons.separate(ledger, began)
        (third,) = store.records(work.connection, [three])
        again = persons.separate(ledger, third)
        (alone,) = store.records(work.connection, [one])

    assert (mine, rest) == (one, fed)
    assert again == (three, fed)
    assert not persons.has_others(alone, [alone])


def test_a_person_without_the_record_it_began_with_is_not_whole(index: PatientIndex) -> None:
    one, two, *_ = ids(index)

    with index.database.begin() as work:
        Ledger(work.connection, act(1)).put("record", (one,), {"person": two})
        assert persons.are_whole(work.connection, [one, two])
        Ledger(work.connection, act(2)).put("record", (two,), {"person": one})
        assert not persons.are_whole(work.connection, [one, two])


def test_negative_links_are_symmetric_bounded_and_tear_what_is_joined(index: PatientIndex) -> None:
    one, two, three, _ = ids(index)

    with index.database.begin() as work:
        ledger = Ledger(work.connection, act(1))
        persons.keep_apart(ledger, [two, one], [one, three])
        assert persons.are_denied(work.connection, [three], [two])
        assert persons.are_denied(work.connection, [two], [three])
        assert not persons.are_denied(work.connection, [one], [one])
        assert not persons.are_torn(work.connection, [one, two, three])
        persons.join(ledger, two, one, BECAUSE)
        assert persons.are_torn(work.connection, [one])
        many = Ledger(work.connection, act(2))
        persons.keep_apart(many, range(1, 31), range(31, 61))
        assert len(many.changes) == APART_LIMIT
