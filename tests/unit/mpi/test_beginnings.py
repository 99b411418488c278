"""Records that begin with an act, sleep when it is taken back, and give their identifiers up."""

from __future__ import annotations

import pytest

from kernel.errors import Rejected
from mpi import beginnings, store
from mpi.model import RecordState
from tests.conftest import MakeDatabase
from tests.support.patients import ADMINISTRATOR, LENA, OTTO, XAD, PatientIndex, a_patient_index, an_id, an_update


@pytest.fixture
def index(make_database: MakeDatabase) -> PatientIndex:
    """A patient who was called by another identifier, which was taken back; and a stranger."""
    index = a_patient_index(make_database)
    index.feed(an_update(an_id("1")))
    index.feed(an_update(an_id("2"), demographics=OTTO))
    index.rename(an_id("N"), an_id("1"))
    index.stewardship.undo(index.viewing.acts()[0].id, ADMINISTRATOR)
    index.work()
    return index


def test_a_record_that_sleeps_is_with_the_one_it_stood_in_for_wherever_that_goes(index: PatientIndex) -> None:
    asleep, behind = index.record(an_id("N")), index.record(an_id("1"))
    assert (asleep.state, asleep.subsumed_by, asleep.person) == (RecordState.ASLEEP, behind.id, behind.person)

    index.stewardship.link(index.record(an_id("2")).id, behind.id, ADMINISTRATOR)
    index.stewardship.unlink(index.record(an_id("2")).id, ADMINISTRATOR)

    assert index.record(an_id("N")).person == index.record(an_id("1")).person


def test_its_affinity_identifier_goes_on_meaning_the_patient(index: PatientIndex) -> None:
    asleep = index.record(an_id("N")).id
    with index.database.read() as connection:
        its_own = store.affinity_ids(connection, [asleep])[asleep][0]

    standing = index.directory.standing(an_id(its_own, XAD))

    assert standing.survivor == index.affinity_id(an_id("1"))


def test_it_is_shown_to_nobody(index: PatientIndex) -> None:
    person = index.viewing.person(index.record(an_id("1")).person, ADMINISTRATOR)

    assert [m.local_id for m in person.person.members] == ["1"]
    assert an_id("N") not in person.patient_ids
    with index.database.read() as connection:
        assert [m.local_id for m in store.known_members(connection, [person.person.id])] == ["1"]


def test_the_identifier_given_to_another_patient_leaves_what_was_filed_with_the_first(index: PatientIndex) -> None:
    asleep = index.record(an_id("N"))

    index.rename(an_id("N"), an_id("2"))

    given = index.record(an_id("N"))
    assert given.id != asleep.id
    assert (given.demographics, given.person) == (OTTO, index.record(an_id("2")).person)
    with index.database.read() as connection:
        (retired,) = store.records(connection, [asleep.id])
    assert (retired.state, retired.person, retired.identifiers) == (RecordState.RETIRED, asleep.person, ())


def test_what_gave_its_identifier_up_cannot_be_woken(index: PatientIndex) -> None:
    undoing = index.viewing.acts()[0].id
    index.feed(an_update(an_id("N"), demographics=LENA))

    with pytest.raises(Rejected):
        index.stewardship.undo(undoing, ADMINISTRATOR)


def test_an_identifier_of_the_domain_under_which_documents_may_be_is_for_the_same_patient_only(index: PatientIndex) -> None:
    one, other, new = (an_id(x, XAD) for x in ("X1", "X2", "X3"))
    for patient_id in (one, other):
        index.feed(an_update(patient_id, demographics=OTTO))
    index.rename(new, one)
    index.stewardship.undo(index.viewing.acts()[0].id, ADMINISTRATOR)

    with pytest.raises(Rejected):
        index.rename(new, other)
    with pytest.raises(Rejected):
        index.feed(an_update(new, demographics=OTTO))
    index.rename(new, one)

    assert index.directory.standing(new).active


def test_only_what_sleeps_gives_its_identifier_up(index: PatientIndex) -> None:
    with index.database.read() as connection:
        asked = [beginnings.may_be_had(connection, index.record(an_id(x))) for x in ("1", "N")]

    assert asked == [False, True]
