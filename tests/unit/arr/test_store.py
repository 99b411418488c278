"""Appending to the log and reading it."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from arr import store
from arr.chain import START, Tree, canonical, chained, leaf_hash
from arr.intake import prepare
from arr.model import Cursor
from arr.packing import unpacked
from arr.partitions import make_room
from arr.proofs import inclusion_path
from arr.signing import Note
from arr.store import Condition
from arr.tables import METADATA
from arr.terms import Kind, term
from kernel.database import Database
from tests.conftest import MakeDatabase
from tests.support.arr import SIGNER, received, some_records
from tests.support.audit import PATIENT, an_event


@pytest.fixture
def database(make_database: MakeDatabase) -> Database:
    made = make_database(METADATA)
    with made.begin() as work:
        make_room(work.connection, 10_000, 10_240)
    return made


def append(database: Database, *groups: int) -> None:
    done = 0
    for count in groups:
        prepared = [prepare(one) for one in some_records(done + count)[done:]]
        with database.begin() as work:
            store.lock(work.connection)
            before = store.head(work.connection)
            sequence, last, tree = store.append(work.connection, before, prepared)
            note = SIGNER.sign(Note("log-1", sequence, tree.root, last, 1).text)
            store.save_head(work.connection, "log-1", sequence, last, tree, note)
        done += count


def test_records_are_numbered_without_gaps_and_chained_over_batches(database: Database) -> None:
    append(database, 3, 1, 2)

    with database.read() as connection:
        rows = list(store.records(connection))
        head = store.head(connection)
    previous, leaves = START, []
    for number, (sequence, kept, origin, packing, data) in enumerate(rows, start=1):
        leaves.append(leaf_hash(canonical(origin, unpacked(packing, data))))
        previous = chained(previous, number, leaves[-1])
        assert (sequence, kept) == (number, previous)
    assert head is not None
    assert (head.sequence, head.hash, head.tree.root) == (6, previous, Tree.of(leaves).root)


def test_the_paths_of_neighbours_read_the_log_once(database: Database) -> None:
    append(database, 1100)
    statements: list[str] = []
    sa.event.listen(database.engine, "before_cursor_execute", lambda *told: statements.append(told[2]))

    with database.read() as connection:
        subtrees = store.StoredSubtrees(connection)
        paths = {inclusion_path(subtrees, index, 1100) for index in range(1000, 1100)}

    assert len(paths) > 50
    assert sum("arr_record" in statement for statement in statements) == 2  # the filled block, and the one at the end


def test_records_are_read_in_order_from_where_one_asks(database: Database) -> None:
    append(database, 5)

    with database.read() as connection:
        assert [row[0] for row in store.records(connection, 3)] == [4, 5]


@pytest.mark.parametrize("chunk", [1, 2, 3, 6, 7, 8])
def test_reading_goes_on_over_many_chunks(database: Database, chunk: int) -> None:
    append(database, 6)

    with database.read() as connection:
        found = [row[0] for row in store.records(connection, chunk=chunk)]

    assert found == [1, 2, 3, 4, 5, 6]


def test_a_search_gives_the_newest_first_and_goes_on_where_it_ended(database: Database) -> None:
    append(database, 5)
    patient = Condition(((term(Kind.PATIENT, PATIENT),),), None, None)

    with database.read() as connection:
        first = store.find(connection, patient, None, 2)
        rest = store.find(connection, patient, Cursor(first[-1].event_at, first[-1].sequence), 10)

    assert [row.sequence for row in [*first, *rest]] == [5, 4, 3, 2, 1]


def test_all_groups_must_fit_and_alternatives_count_once(database: Database) -> None:
    append(database, 4)
    alternatives = (term(Kind.USER, "user-1"), term(Kind.USER, "user-2"), term(Kind.ADDRESS, "10.0.0.5"))

    with database.read() as connection:
        both = store.find(connection, Condition((alternatives, (term(Kind.USER, "user-2"),)), None, None), None, 10)
        none = store.find(connection, Condition((alternatives, (term(Kind.USER, "nobody"),)), None, None), None, 10)
        every = store.find(connection, Condition((alternatives,), None, None), None, 10)

    assert [row.sequence for row in both] == [3]
    assert none == []
    assert [row.sequence for row in every] == [4, 3, 2, 1]


def test_a_search_without_terms_goes_by_time_and_outcome(database: Database) -> None:
    append(database, 3)
    with database.read() as connection:
        at = store.rows(connection, [1])[1].event_at

        assert len(store.find(connection, Condition((), at, at + 1), None, 10)) == 3
        assert store.find(connection, Condition((), at + 1, None), None, 10) == []
        assert store.find(connection, Condition((), None, at), None, 10) == []
        assert len(store.find(connection, Condition((), None, None, (0,)), None, 10)) == 3
        assert store.find(connection, Condition((), None, None, (8,)), None, 10) == []


def test_before_the_first_record_there_is_no_head(database: Database) -> None:
    with database.read() as connection:
        assert store.head(connection) is None
        assert store.last_checkpoint(connection) == 0
        assert list(store.records(connection)) == []


def test_a_message_with_bytes_of_any_kind_is_kept(database: Database) -> None:
    data = bytes(range(256)) * 10
    with database.begin() as work:
        store.append(
            work.connection, None, [prepare(received(data)), prepare(received(b"")), prepare(received(an_event().to_xml()))]
        )

    with database.read() as connection:
        rows = store.rows(connection, [1, 2])
        assert unpacked(rows[1].packing, rows[1].data) == data
        assert unpacked(rows[2].packing, rows[2].data) == b""


def test_checkpoints_are_given_oldest_first(database: Database) -> None:
    notes = {n: SIGNER.sign(Note("log-1", n, bytes(32), bytes(32), n).text) for n in (10, 20, 30)}
    with database.begin() as work:
        for n in (20, 10, 30):
            store.save_checkpoint(work.connection, n, notes[n])

    with database.read() as connection:
        assert store.checkpoints(connection, 10) == ((20, notes[20]), (30, notes[30]))
        assert store.checkpoints(connection, limit=1) == ((10, notes[10]),)
        assert store.last_checkpoint(connection) == 30
