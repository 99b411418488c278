"""Acts at one moment: crossing merges, feeds of what is being merged, undoings while feeds arrive."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import replace

import pytest
import sqlalchemy as sa

from atna.vocabulary import Action
from kernel.database import Work
from kernel.errors import Condition, HieError
from kernel.outbox import OUTBOX
from mpi import notice_store, persons, store
from mpi.index import NOTIFY
from mpi.tables import PATIENT_RECORD
from tests.conftest import MakeDatabase
from tests.support.patients import (
    ADMINISTRATOR,
    CLINIC,
    LENA,
    OTTO,
    PatientIndex,
    a_patient_index,
    an_affinity_domain,
    an_id,
    an_update,
)

HISTORIES = int(os.environ.get("HIE_TEST_RACES", "12"))
"""Of each kind."""
Act = Callable[[], object]


@pytest.fixture
def index(make_database: MakeDatabase) -> PatientIndex:
    """An empty index."""
    return a_patient_index(make_database)


def at_once(*acts: Act) -> list[Condition | None]:
    """Does all of it at one moment; gives how each was refused, None where it was done."""
    together = threading.Barrier(len(acts))
    ended: list[Condition | BaseException | None] = [None] * len(acts)

    def run(number: int, act: Act) -> None:
        together.wait()
        try:
            act()
        except HieError as error:
            ended[number] = error.condition
        except BaseException as problem:
            ended[number] = problem

    threads = [threading.Thread(target=run, args=(n, act)) for n, act in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    bugs = [e for e in ended if isinstance(e, BaseException)]
    assert bugs == []
    return [e for e in ended if not isinstance(e, BaseException)]


def assert_whole(index: PatientIndex) -> None:
    """Every person has the record it began with."""
    with index.database.read() as connection:
        everybody = set(connection.scalars(sa.select(PATIENT_RECORD.c.person)))
        assert persons.are_whole(connection, everybody)


def test_of_crossing_merges_one_is_done_and_the_other_told_why_not(index: PatientIndex) -> None:
    for n in range(HISTORIES):
        a, b = an_id(f"a{n}"), an_id(f"b{n}")
        for patient_id in (a, b):
            index.feed(an_update(patient_id, demographics=OTTO))

        ended = at_once(lambda a=a, b=b: index.merge(a, b), lambda a=a, b=b: index.merge(b, a))

        assert sorted(str(e) for e in ended) == ["Condition.MERGE_IMPOSSIBLE", "None"]
        assert frozenset({a.id, b.id}) in index.clusters()
    assert_whole(index)


def test_merges_in_a_ring_leave_one_that_lives(index: PatientIndex) -> None:
    for n in range(HISTORIES // 2):
        ids = [an_id(f"{letter}{n}") for letter in "abc"]
        for patient_id in ids:
            index.feed(an_update(patient_id, demographics=OTTO))

        ended = at_once(*(lambda s=s, g=g: index.merge(s, g) for s, g in zip(ids, ids[1:] + ids[:1], strict=True)))

        assert set(ended) <= {None, Condition.MERGE_IMPOSSIBLE}
        assert any(index.record(i).is_active for i in ids)
        assert ended.count(None) == sum(not index.record(i).is_active for i in ids)
    assert_whole(index)


def test_a_feed_of_what_is_being_merged_comes_before_or_is_told_that_it_comes_too_late(index: PatientIndex) -> None:
    for n in range(HISTORIES):
        a, b = an_id(f"a{n}"), an_id(f"b{n}")
        for patient_id in (a, b):
            index.feed(an_update(patient_id, demographics=OTTO))
        said = replace(OTTO, religion="new")

        merged, fed = at_once(
            lambda a=a, b=b: index.merge(a, b),
            lambda b=b, said=said: index.feed(an_update(b, demographics=said), action=Action.UPDATE),
        )

        assert merged is None
        assert fed in (None, Condition.IDENTIFIER_UNKNOWN)
        assert (index.record(b).demographics == said) is (fed is None)
        assert not index.record(b).is_active


def test_an_undoing_while_feeds_arrive_loses_neither(index: PatientIndex) -> None:
    for n in range(HISTORIES):
        a, b = an_id(f"a{n}"), an_id(f"b{n}", CLINIC)
        index.feed(an_update(a, demographics=OTTO))
        index.feed(an_update(b, demographics=LENA))
        joined = index.stewardship.link(index.record(a).id, index.record(b).id, ADMINISTRATOR)
        said = replace(LENA, religion="new")

        ended = at_once(
            lambda joined=joined: index.stewardship.undo(joined, ADMINISTRATOR),
            lambda b=b, said=said: index.feed(an_update(b, demographics=said), action=Action.UPDATE),
            lambda b=b: index.index.unit(lambda work: index.service.matcher.match(work, index.record(b).id)),
        )

        assert ended == [None, None, None]
        assert index.record(b).demographics == said
        assert index.record(a).person != index.record(b).person
    assert_whole(index)


def test_links_and_unlinks_at_one_moment_leave_everybody_whole(index: PatientIndex) -> None:
    ids = [an_id(str(n)) for n in range(5)]
    for patient_id in ids:
        index.feed(an_update(patient_id, demographics=OTTO))
    records = [index.record(i).id for i in ids]

    for n in range(HISTORIES):
        one, other, third = (records[(n + k) % 5] for k in (0, 1, 3))
        ended = at_once(
            lambda one=one, other=other: index.stewardship.link(one, other, ADMINISTRATOR),
            lambda other=other, third=third: index.stewardship.link(third, other, ADMINISTRATOR),
            lambda one=one: index.stewardship.unlink(one, ADMINISTRATOR),
        )

        assert set(ended) <= {None, Condition.MERGE_IMPOSSIBLE, Condition.UPDATE_INVALID}
        assert_whole(index)


def test_what_a_consumer_was_told_last_is_true_whatever_happened_at_once(make_database: MakeDatabase) -> None:
    listed = [{"application": "PIX", "facility": "C", "notify": "mllp://there:1"}]
    index = a_patient_index(make_database, affinity=an_affinity_domain(consumers=listed))
    ids = [an_id(str(n)) for n in range(4)]
    for patient_id in ids:
        index.feed(an_update(patient_id, demographics=OTTO))
    records = [index.record(i).id for i in ids]
    tell(index)

    for n in range(HISTORIES):
        one, other, third = (records[(n + k) % 4] for k in (0, 1, 2))
        at_once(
            lambda one=one, other=other: index.stewardship.link(one, other, ADMINISTRATOR),
            lambda other=other, third=third: index.stewardship.link(third, other, ADMINISTRATOR),
            lambda one=one: index.stewardship.unlink(one, ADMINISTRATOR),
            lambda: tell(index),
            lambda: tell(index),
        )
        tell(index)

        with index.database.read() as connection:
            for record, person in store.persons_of(connection, records).items():
                told = notice_store.last_told(connection, "C|PIX", record) or ()
                true = {i.value for i in store.identifiers_of_person(connection, person)} if record == person else set()
                assert {value for key, value in told if key != index.affinity.domain().own.key} == true


def tell(index: PatientIndex) -> None:
    """Does what waits as the relay would: of one person one after the other, of several at once."""
    for row, topic, key in index.told():
        if topic == NOTIFY:

            def take(work: Work, row: int = row, key: str = key) -> None:
                if work.connection.execute(OUTBOX.delete().where(OUTBOX.c.id == row)).rowcount:
                    index.notices.queue(work, int(key))

            with _TURNS[int(key) % 64]:
                index.database.attempt(take)


_TURNS = [threading.Lock() for _ in range(64)]
