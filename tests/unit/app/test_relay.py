"""app.relay"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import timedelta
from types import SimpleNamespace
from typing import cast

import pytest
import sqlalchemy as sa

from app.relay import BATCH, FORWARD_AUDIT, HANDLE, LEASE_MS, TRIES, Consumer, Relay
from kernel.database import Database, Work
from kernel.errors import Condition, rejected
from kernel.outbox import OUTBOX
from tests.conftest import MakeDatabase
from tests.support.brokers import wait_for
from tests.support.clocks import TickingClock

METADATA = sa.MetaData()
EFFECT = sa.Table("effect", METADATA, sa.Column("key", sa.Text))


def effect(work: Work, key: str) -> None:
    work.connection.execute(EFFECT.insert().values(key=key))


def effects(database: Database) -> list[str]:
    with database.read() as connection:
        return list(connection.execute(sa.select(EFFECT.c.key)).scalars())


def left(database: Database) -> int:
    with database.read() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(OUTBOX)).scalar_one()


def tell(database: Database, *keys: str, topic: str = "t") -> None:
    for key in keys:
        with database.begin() as work:
            work.tell(topic, key)


class Broker:
    """Takes what is published, and can be away."""

    def __init__(self) -> None:
        self.jobs: list[tuple[str, Sequence[object]]] = []
        self.is_away = False

    def publish(self, name: str, arguments: Sequence[object]) -> None:
        if self.is_away:
            raise OSError("connection refused")
        self.jobs.append((name, arguments))

    def ids(self) -> list[int]:
        handled = [cast("list[int]", arguments[0]) for name, arguments in self.jobs if name == HANDLE]
        return [row for ids in handled for row in ids]


def test_what_is_told_is_done_once_however_often_it_is_delivered(make_database: MakeDatabase) -> None:
    database, broker = make_database(METADATA), Broker()
    tell(database, "1", "2", "3")

    Relay(database, broker.publish, audit_targets=()).round()
    consumer = Consumer(database, {"t": effect})
    consumer.handle(broker.ids())
    consumer.handle(broker.ids())

    assert effects(database) == ["1", "2", "3"]
    assert left(database) == 0


def test_a_row_is_published_again_only_when_its_lease_is_over(make_database: MakeDatabase, clock: TickingClock) -> None:
    database, broker = make_database(METADATA), Broker()
    relay = Relay(database, broker.publish, audit_targets=())
    tell(database, "1")

    relay.round()
    relay.round()
    once = len(broker.ids())
    clock.present += timedelta(milliseconds=LEASE_MS)
    relay.round()

    assert (once, len(broker.ids())) == (1, 2)


def test_rows_of_one_key_are_published_in_turn(make_database: MakeDatabase) -> None:
    database, broker = make_database(METADATA), Broker()
    relay, consumer = Relay(database, broker.publish, audit_targets=()), Consumer(database, {"t": effect})
    with database.begin() as work:
        work.tell("t", "same")
    with database.begin() as work:
        work.tell("t", "same")

    relay.round()
    first = broker.ids()
    consumer.handle(first)
    relay.round()

    assert len(first) == 1
    assert broker.ids() == [first[0], first[0] + 1]


def test_work_that_fails_is_put_off_and_does_not_hold_the_rest(make_database: MakeDatabase) -> None:
    database, broker = make_database(METADATA), Broker()
    tell(database, "bad", "good")

    def fails(work: Work, key: str) -> None:
        effect(work, key)
        if key == "bad":
            raise rejected(Condition.RECORD_LOCKED, "", "")

    Relay(database, broker.publish, audit_targets=()).round()
    Consumer(database, {"t": fails}).handle(broker.ids())

    assert effects(database) == ["good"]
    with database.read() as connection:
        row = connection.execute(sa.select(OUTBOX)).one()
    assert (row.problem, row.dead) == ("RECORD_LOCKED", False)
    assert row.due_at > row.told_at


def test_work_that_never_succeeds_is_given_up_and_kept(make_database: MakeDatabase, clock: TickingClock) -> None:
    database, broker = make_database(METADATA), Broker()
    relay = Relay(database, broker.publish, audit_targets=())
    tell(database, "bad")

    def fails(_work: Work, _key: str) -> None:
        raise ValueError

    consumer = Consumer(database, {"t": fails})
    for _ in range(TRIES + 3):
        before = len(broker.ids())
        relay.round()
        consumer.handle(broker.ids()[before:])
        clock.present += timedelta(hours=1)

    assert len(broker.ids()) == TRIES
    with database.read() as connection:
        assert connection.execute(sa.select(OUTBOX.c.dead)).scalar_one()


def test_a_broker_that_is_away_delays_and_loses_nothing(make_database: MakeDatabase) -> None:
    database, broker = make_database(METADATA), Broker()
    relay = Relay(database, broker.publish, audit_targets=())
    tell(database, "1")
    broker.is_away = True

    with pytest.raises(OSError, match="refused"):
        relay.round()
    broker.is_away = False
    relay.round()
    Consumer(database, {"t": effect}).handle(broker.ids())

    assert effects(database) == ["1"]


def test_a_broker_that_is_away_for_long_uses_up_no_tries(make_database: MakeDatabase) -> None:
    database, broker = make_database(METADATA), Broker()
    relay = Relay(database, broker.publish, audit_targets=())
    tell(database, "1")

    broker.is_away = True
    for _ in range(TRIES + 1):
        with pytest.raises(OSError, match="refused"):
            relay.round()

    with database.read() as connection:
        assert connection.execute(sa.select(OUTBOX.c.tries, OUTBOX.c.dead)).one() == (0, False)


def test_a_full_batch_says_that_there_may_be_more(make_database: MakeDatabase) -> None:
    database, broker = make_database(METADATA), Broker()
    relay = Relay(database, broker.publish, audit_targets=())
    tell(database, *map(str, range(BATCH + 1)))

    more = [relay.round(), relay.round()]

    assert more == [True, False]
    assert len(broker.ids()) == BATCH + 1


def test_an_audit_target_that_was_emptied_is_published_again_when_some_have_gathered_more_of_them_where_many_come(
    make_database: MakeDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, broker = make_database(METADATA), Broker()
    relay = Relay(database, broker.publish, audit_targets=("local",))
    with database.begin() as work:
        work.audit(b"<AuditMessage/>")
    now = 100.0
    monkeypatch.setattr("app.relay.time", SimpleNamespace(monotonic=lambda: now))

    published = []
    for count, waited in ((0, 0.09), (0, 0.11), (300, 0.11), (300, 0.51)):
        relay.forwarded("local", count)
        now += waited
        before = len(broker.jobs)
        relay.round()
        published.append(len(broker.jobs) - before)
        now += 10

    assert published == [0, 1, 0, 1]


def test_an_audit_target_with_messages_is_published(make_database: MakeDatabase) -> None:
    database, broker = make_database(METADATA), Broker()
    with database.begin() as work:
        work.audit(b"<AuditMessage/>")

    relay = Relay(database, broker.publish, audit_targets=("local", "idle"))
    relay.round()

    assert broker.jobs == [(FORWARD_AUDIT, ["local"])]


def test_a_told_unit_wakes_the_relay_at_once(make_database: MakeDatabase) -> None:
    database, broker = make_database(METADATA), Broker()
    relay = Relay(database, broker.publish, audit_targets=(), pause=3600)
    database.on_told = relay.wake
    relay.start()

    tell(database, "1")

    wait_for(lambda: len(broker.ids()) == 1, 10)
    relay.stop()
    assert "relay" not in {thread.name for thread in threading.enumerate()}


def test_an_errand_is_run_beside_the_rest_and_its_row_goes_when_it_is_done(make_database: MakeDatabase) -> None:
    database, broker, run = make_database(METADATA), Broker(), threading.Event()
    tell(database, "far", topic="errand")
    tell(database, "near")
    Relay(database, broker.publish, audit_targets=()).round()
    asked: list[str] = []

    def errand(key: str) -> None:
        run.wait(10)
        asked.append(key)

    consumer = Consumer(database, {"t": effect}, {"errand": errand})
    consumer.handle(broker.ids())
    consumer.handle(broker.ids())
    before = (effects(database), left(database), list(asked))
    run.set()
    consumer.close()

    assert before == (["near"], 1, [])
    assert (asked, left(database)) == (["far"], 0)


def test_an_errand_that_fails_is_put_off(make_database: MakeDatabase) -> None:
    database, broker = make_database(METADATA), Broker()
    tell(database, "far", topic="errand")
    Relay(database, broker.publish, audit_targets=()).round()

    def errand(_: str) -> None:
        raise rejected(Condition.PEER_UNAVAILABLE, "", "away")

    consumer = Consumer(database, {}, {"errand": errand})
    consumer.handle(broker.ids())
    consumer.close()

    with database.read() as connection:
        assert connection.execute(sa.select(OUTBOX.c.problem)).scalars().all() == ["PEER_UNAVAILABLE"]
