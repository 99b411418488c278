"""SQL on records, persons and receipts."""

from __future__ import annotations

import pytest

from kernel.demographics import Demographics
from kernel.errors import Condition, warning
from mpi import store
from mpi.linkage.normalise import Prepared
from mpi.model import LinkKind, PatientRecord, Receipt, Stored
from mpi.store import Raced, living
from mpi.tables import METADATA
from tests.conftest import MakeDatabase
from tests.support.patients import LAB, OTTO, a_patient_index, an_id, an_update


def a_record(number: int, local_id: str = "1", *identifiers: Stored) -> PatientRecord:
    """A record with a person of its own."""
    return PatientRecord(number, 1, local_id, "s", number, Demographics(sex="F"), identifiers=identifiers)


def test_records_come_back_as_they_were_stored(make_database: MakeDatabase) -> None:
    database = make_database(METADATA)
    ids = (Stored(1, "1", "PI", is_own=True), Stored(2, "L", is_claim=True))

    with database.begin() as work:
        with store.together(work.connection):
            store.add_record(work.connection, a_record(5, "1", *ids), Prepared(), "A5", is_fed=True)
        (found,) = store.records(work.connection, [5, 404])
        assert store.affinity_ids(work.connection, [5, 404]) == {5: ("A5", True)}
        assert store.identifiers_of(work.connection, 5) == ids
        assert store.record_count(work.connection) == 1

    assert found == a_record(5, "1", *ids)


@pytest.mark.parametrize(("number", "local_id", "affinity_id"), [(6, "1", "A6"), (6, "2", "A5"), (5, "2", "A6")])
def test_a_record_whose_identifier_key_or_person_is_there_is_a_race(
    make_database: MakeDatabase, number: int, local_id: str, affinity_id: str
) -> None:
    database = make_database(METADATA)
    with database.begin() as work:
        store.add_record(work.connection, a_record(5), Prepared(), "A5", is_fed=False)

    with pytest.raises(Raced), database.begin() as work, store.together(work.connection):
        store.add_record(work.connection, a_record(number, local_id), Prepared(), affinity_id, is_fed=False)

    with database.read() as connection:
        assert store.record_count(connection) == 1


def test_records_are_found_by_name_in_the_order_asked_for(make_database: MakeDatabase) -> None:
    database = make_database(METADATA)

    with database.begin() as work:
        for number, local_id in ((1, "a"), (2, "b"), (3, "c")):
            store.add_record(work.connection, a_record(number, local_id), Prepared(), local_id, is_fed=False)
        names = [(1, "c"), (1, "zz"), (1, "a"), (2, "b"), (1, "c")]
        found = [r.id for r in store.records_named(work.connection, names, lock=True)]

    assert found == [3, 1]


def test_keys_are_changed_by_what_differs_and_give_candidates_cut_short(make_database: MakeDatabase) -> None:
    database = make_database(METADATA)

    with database.begin() as work:
        connection = work.connection
        for record in range(1, 6):
            store.set_keys(connection, record, [7, -record])
        store.set_keys(connection, 5, [8, -5], store.keys_of(connection, 5))
        assert set(store.keys_of(connection, 5)) == {8, -5}
        found = store.candidates(connection, [*range(7, 30), -1], 3)

    assert {key: len(rows) for key, rows in found.items()} == {7: 3, 8: 1, -1: 1}


def test_nothing_has_no_candidates(make_database: MakeDatabase) -> None:
    database = make_database(METADATA)

    with database.read() as connection:
        assert store.candidates(connection, [], 3) == {}
        assert store.members(connection, []) == ()
        assert store.records_named(connection, []) == ()
        assert store.denied(connection, []) == {}


def test_a_person_is_known_by_what_lives(make_database: MakeDatabase) -> None:
    gone, claim, shared = Stored(1, "gone", is_own=True), Stored(9, "X", is_claim=True), Stored(2, "shared")

    assert living([(gone, False), (Stored(1, "gone"), True), (claim, True), (shared, False), (shared, True)]) == (shared,)


def test_holders_and_aliases_lead_to_persons(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database)
    index.feed(an_update(an_id("1"), an_id("L1", LAB)))
    index.feed(an_update(an_id("2"), demographics=OTTO))
    record, affinity_id = index.record(an_id("1")), index.affinity_id(an_id("1")).id

    with index.database.begin() as work:
        store.lock_persons(work.connection, [record.person, record.person])
        (own,) = store.holders(work.connection, (record.authority, "1"))
        (alias,) = store.aliases(work.connection, affinity_id)
        links = store.links(work.connection, [record.id])

    assert (own.person, own.is_active, own.is_own) == (record.person, True, True)
    assert (alias.id, alias.person, alias.affinity_id) == (record.id, record.person, affinity_id)
    assert links[record.id].kind is LinkKind.INITIAL


def test_receipts_tell_what_was_answered(make_database: MakeDatabase) -> None:
    database = make_database(METADATA)
    receipt = Receipt("A|ADT" * 100, "M1", b"digest", "MSH-10")
    warnings = (warning(Condition.SEGMENT_MISSING, "PV1", "missing"),)

    with database.begin() as work:
        connection = work.connection
        assert store.known_message(connection, receipt) is None
        assert store.take_message(connection, receipt, warnings, 10)
        assert not store.take_message(connection, receipt, (), 20)
        known = store.known_message(connection, receipt)
        store.replace_message(connection, Receipt(receipt.sender, "M1", b"other", ""), (), 30)
        changed = store.known_message(connection, receipt)
        assert store.forget_messages(connection, 30) == 0
        assert store.forget_messages(connection, 31) == 1

    assert known is not None
    assert (known.digest, known.warnings) == (b"digest", warnings)
    assert changed is not None
    assert (changed.digest, changed.warnings) == (b"other", ())
