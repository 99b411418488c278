"""What goes with a record that leaves its person, and which acts are moves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pytest
from sqlalchemy.engine import Connection

from kernel.identifiers import PatientId
from mpi import ledger as journal
from mpi import store
from mpi.model import Act
from mpi.moves import moved_by
from tests.conftest import MakeDatabase
from tests.support.patients import ADMINISTRATOR, CLINIC, OTTO, XAD, PatientIndex, a_patient_index, an_id, an_update


@dataclass
class Noted:
    """A registry that notes what it is asked: which identifiers leave, where two local patients have their places, the rest."""

    asked: list[tuple[dict[str, bool], list[PatientId | None], str]] = field(default_factory=list)

    def divide(
        self,
        connection: Connection,
        leaving: Mapping[PatientId, bool],
        place: Callable[[PatientId], PatientId | None],
        rest_to: PatientId,
    ) -> int:
        """Files nothing."""
        places = [place(an_id("2")), place(an_id("9", CLINIC))]
        self.asked.append(({i.id: is_leaving for i, is_leaving in leaving.items()}, places, rest_to.id))
        return 0


@pytest.fixture
def index(make_database: MakeDatabase) -> PatientIndex:
    """Two people, one of them known to two sources."""
    index = a_patient_index(make_database)
    index.feed(an_update(an_id("1")))
    index.feed(an_update(an_id("2"), demographics=OTTO))
    index.feed(an_update(an_id("9", CLINIC), demographics=OTTO))
    index.work()
    return index


def own(index: PatientIndex, patient_id: PatientId) -> str:
    """The identifier in the affinity domain that a record was given."""
    with index.database.read() as connection:
        record = index.record(patient_id).id
        return store.affinity_ids(connection, [record])[record][0]


def test_the_registry_is_asked_to_part_what_goes_from_what_stays(index: PatientIndex) -> None:
    index.documents.registry = noted = Noted()
    old, new, its_own = index.affinity_id(an_id("2")), index.affinity_id(an_id("1")), own(index, an_id("9", CLINIC))

    index.move(an_id("9", CLINIC), old, new)
    index.stewardship.undo(index.viewing.acts()[0].id, ADMINISTRATOR)

    there = PatientId(its_own, XAD)
    assert noted.asked == [
        ({old.id: False, its_own: True}, [None, there], old.id),
        ({new.id: False, its_own: True}, [None, there], new.id),
    ]


def test_the_identifier_of_the_one_who_goes_stays_and_another_goes_with_her(index: PatientIndex) -> None:
    index.documents.registry = noted = Noted()
    old, new = index.affinity_id(an_id("2")), index.affinity_id(an_id("1"))

    index.move(an_id("2"), old, new)

    ((leaving, (place, other), rest),) = noted.asked
    assert leaving == {old.id: False, own(index, an_id("9", CLINIC)): False}
    assert (place, other, rest) == (PatientId(own(index, an_id("2")), XAD), None, old.id)
    assert place != old


def test_only_a_move_its_undoing_and_the_undoing_of_that_are_moves(index: PatientIndex) -> None:
    old, new = index.affinity_id(an_id("2")), index.affinity_id(an_id("1"))
    record = index.record(an_id("9", CLINIC)).id

    def newest() -> tuple[int, ...]:
        with index.database.read() as connection:
            act: Act = journal.acts(connection, limit=1)[0]
            return moved_by(connection, act)

    found = [newest()]
    index.move(an_id("9", CLINIC), old, new)
    found.append(newest())
    for _ in range(2):
        index.stewardship.undo(index.viewing.acts()[0].id, ADMINISTRATOR)
        found.append(newest())
    index.stewardship.unlink(record, ADMINISTRATOR)
    found.append(newest())

    assert found == [(), (record,), (record,), (record,), ()]
