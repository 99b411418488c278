"""Queues of notices in the database."""

from __future__ import annotations

import pytest

from kernel.database import Database
from mpi import notice_store
from mpi.notice_store import FIRST_PAUSE_MS, LONGEST_PAUSE_MS
from mpi.tables import METADATA
from tests.conftest import MakeDatabase

IDS = ((1, "A-1"), (2, "B~1"))


@pytest.fixture
def database(make_database: MakeDatabase) -> Database:
    return make_database(METADATA)


def put(database: Database, *people: int, consumer: str = "C|PIX") -> None:
    for person in people:
        with database.begin() as work:
            notice_store.put(work.connection, consumer, person, IDS, f"m{person}", 1000)


def test_what_was_told_last_is_remembered_until_it_is_nothing(database: Database) -> None:
    with database.begin() as work:
        before = notice_store.last_told(work.connection, "C|PIX", 7)
        for ids in (IDS[:1], IDS):
            notice_store.set_told(work.connection, "C|PIX", 7, ids)
        told = notice_store.last_told(work.connection, "C|PIX", 7)
        notice_store.set_told(work.connection, "C|PIX", 7, ())
        after = notice_store.last_told(work.connection, "C|PIX", 7)

    assert (before, told, after) == (None, IDS, None)


def test_the_oldest_of_a_consumers_own_is_first(database: Database) -> None:
    put(database, 5, 3, 4)
    put(database, 1, consumer="D|PIX")

    with database.read() as connection:
        first = notice_store.first(connection, "C|PIX")

    assert first is not None
    assert (first.person, first.identifiers, first.message_id) == (5, IDS, "m5")


def test_the_pause_doubles_up_to_its_limit(database: Database) -> None:
    put(database, 5)
    pauses = []

    for _ in range(12):
        with database.begin() as work:
            notice = notice_store.first(work.connection, "C|PIX")
            assert notice is not None
            notice_store.put_off(work.connection, notice, "away", 0)
            again = notice_store.first(work.connection, "C|PIX")
            assert again is not None
            pauses.append(again.due_at)

    assert pauses[:3] == [FIRST_PAUSE_MS, 2 * FIRST_PAUSE_MS, 4 * FIRST_PAUSE_MS]
    assert pauses[-1] == LONGEST_PAUSE_MS


def test_a_refused_notice_is_passed_over_until_it_is_tried_again(database: Database) -> None:
    put(database, 5, 6)
    with database.begin() as work:
        refused = notice_store.first(work.connection, "C|PIX")
        assert refused is not None
        notice_store.refuse(work.connection, refused.id, "no")
        second = notice_store.first(work.connection, "C|PIX")
        queues = notice_store.queues(work.connection)
        done = (notice_store.try_again(work.connection, refused.id, 5), notice_store.try_again(work.connection, 99, 5))
        first = notice_store.first(work.connection, "C|PIX")

    assert second is not None
    assert second.person == 6
    assert [(q.consumer, q.waiting, q.refused) for q in queues] == [("C|PIX", 1, 1)]
    assert done == (True, False)
    assert first is not None
    assert first.person == 5


def test_a_queue_says_since_when_and_why_it_waits(database: Database) -> None:
    put(database, 5, 6)
    with database.begin() as work:
        notice = notice_store.first(work.connection, "C|PIX")
        assert notice is not None
        notice_store.put_off(work.connection, notice, "away", 0)
        (queue,) = notice_store.queues(work.connection)
        shown = notice_store.notices(work.connection, "C|PIX", 10)
        gone = (notice_store.remove(work.connection, notice.id), notice_store.remove(work.connection, notice.id))

    assert (queue.waiting, queue.oldest, queue.tries, queue.problem) == (2, 1000, 1, "away")
    assert [n.person for n in shown] == [5, 6]
    assert gone == (True, False)
