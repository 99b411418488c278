"""The way of audit messages out of the outbox."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest
import sqlalchemy as sa

from arr.model import AuditSearch
from arr.packing import carried, delivered
from arr.tables import METADATA
from atna import feed
from atna.feed import Backlog, Patience, Waiting, backlog, drain
from kernel.database import Database, Work
from kernel.errors import Condition, Unavailable, violation
from kernel.outbox import AUDIT_OUTBOX, Carriage
from tests.conftest import MakeDatabase
from tests.support.arr import a_service
from tests.support.audit import a_subject, an_event

AUDITOR = a_subject(user="auditor")


class Elsewhere:
    """A repository elsewhere that fails when told to."""

    def __init__(self, fail_at: int = -1) -> None:
        self.taken: list[bytes] = []
        self.batches = 0
        self.fail_at = fail_at

    def send(self, messages: Sequence[Waiting]) -> None:
        if self.batches == self.fail_at:
            self.fail_at = -1
            raise Unavailable(violation(Condition.BUSY, "target", "away"))
        self.batches += 1
        self.taken += [m.message for m in messages]


@pytest.fixture
def database(make_database: MakeDatabase) -> Database:
    return make_database(METADATA)


def tell(database: Database, *messages: bytes) -> None:
    for message in messages:
        with database.begin() as work:
            work.audit(message)


def left(database: Database) -> int:
    with database.read() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(AUDIT_OUTBOX)).scalar_one()


def some(count: int) -> list[bytes]:
    return [an_event(user=f"user-{n}").to_xml() for n in range(count)]


def shown(database: Database) -> list[bytes]:
    page = a_service(database).search(AuditSearch(), AUDITOR, limit=1000)
    return [r.received.data for r in sorted(page.records, key=lambda r: r.sequence)]


def test_our_own_repository_takes_every_message_in_order(database: Database) -> None:
    messages = some(7)
    tell(database, *messages)

    taken = drain(database, "local", a_service(database))

    assert (taken, left(database)) == (7, 0)
    assert shown(database) == messages


def test_nothing_waiting_is_nothing_taken(database: Database) -> None:
    assert drain(database, "local", a_service(database)) == 0
    assert drain(database, "elsewhere", Elsewhere()) == 0


def test_many_batches_are_taken_up_to_the_limit(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "BATCH", 3)
    messages = some(10)
    tell(database, *messages)
    sink = Elsewhere()

    first = drain(database, "local", sink, 7)
    rest = drain(database, "local", sink)

    assert (first, rest, sink.batches) == (7, 3, 4)
    assert sink.taken == messages


def test_a_batch_is_bounded_in_bytes_and_holds_one_message_at_least(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "BATCH_BYTES", 100)
    tell(database, b"x" * 60, b"y" * 30, b"z" * 30, b"w" * 500)
    sink = Elsewhere()

    drain(database, "local", sink)

    assert [m[:1] for m in sink.taken] == [b"x", b"y", b"z", b"w"]
    assert sink.batches == 3


def test_what_was_taken_before_a_failure_is_gone_and_the_rest_stays_in_order(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "BATCH", 2)
    messages = some(5)
    tell(database, *messages)
    sink = Elsewhere(fail_at=1)

    with pytest.raises(Unavailable):
        drain(database, "local", sink)
    assert left(database) == 3
    drain(database, "local", sink)

    assert sink.taken == messages


def test_a_failure_of_our_own_repository_moves_nothing(database: Database) -> None:
    service = a_service(database)
    tell(database, *some(3))

    class Broken:
        def prepare(self, messages: Sequence[bytes]) -> list[bytes]:
            return list(messages)

        def append(self, work: Work, prepared: Sequence[bytes]) -> None:
            service.append(work, service.prepare(prepared))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        drain(database, "local", Broken())

    assert left(database) == 3
    assert shown(database) == []


def test_what_another_has_moved_meanwhile_is_not_recorded_twice(database: Database) -> None:
    service = a_service(database)
    messages = some(4)
    tell(database, *messages)

    class Overtaken:
        def prepare(self, waiting: Sequence[bytes]) -> list[object]:
            drain(database, "local", service, 2)
            return list(service.prepare(waiting))

        def append(self, work: Work, prepared: Sequence[object]) -> None:
            service.append(work, prepared)  # type: ignore[arg-type]

    taken = drain(database, "local", Overtaken(), 4)

    assert taken == 2
    assert shown(database) == messages


def test_targets_do_not_wait_for_each_other(database: Database) -> None:
    with database.begin() as work:
        for target in ("a", "b"):
            work.connection.execute(AUDIT_OUTBOX.insert().values(target=target, told_at=5, message=b"m"))

    drain(database, "a", Elsewhere())

    assert backlog(database) == (Backlog("b", 1, 5),)


def test_only_one_sends_to_a_remote_target_at_a_time(database: Database) -> None:
    tell(database, *some(2))
    inside, go_on = threading.Event(), threading.Event()

    class Slow(Elsewhere):
        def send(self, messages: Sequence[Waiting]) -> None:
            inside.set()
            assert go_on.wait(10)
            super().send(messages)

    slow = Slow()
    first = threading.Thread(target=drain, args=(database, "local", slow))
    first.start()
    assert inside.wait(10)

    second = drain(database, "local", Elsewhere())
    go_on.set()
    first.join(10)

    assert (second, len(slow.taken)) == (0, 2)


@pytest.mark.parametrize("database_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
def test_another_process_that_sends_is_left_alone(database: Database) -> None:
    tell(database, *some(2))
    other = Database(database.engine.url.render_as_string(hide_password=False), clock=lambda: pytest.fail("no unit is opened"))

    class Nested(Elsewhere):
        def send(self, messages: Sequence[Waiting]) -> None:
            assert drain(other, "local", Elsewhere()) == 0
            super().send(messages)

    sink = Nested()
    drain(database, "local", sink)
    other.close()

    assert len(sink.taken) == 2


def test_a_target_is_free_again_after_a_failure(database: Database) -> None:
    tell(database, *some(1))

    with pytest.raises(Unavailable):
        drain(database, "local", Elsewhere(fail_at=0))

    assert drain(database, "local", Elsewhere()) == 1


def test_patience_grows_to_a_minute_and_ends_with_success() -> None:
    patience, now, pauses = Patience(), 100.0, []
    for _ in range(8):
        patience.failed(now)
        pauses.append(next(s for s in range(200) if patience.is_over(now + s)))

    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
    patience.worked()
    assert patience.is_over(now)
    patience.failed(now)
    assert not patience.is_over(now)
    assert patience.is_over(now + 1)


def test_who_is_elsewhere_gets_messages_unpacked_and_our_own_repository_as_they_are_carried(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "carriage", Carriage(carried, lambda message: delivered(message)[2]))
    messages = some(3)
    tell(database, *messages)
    with database.begin() as work:
        work.connection.execute(AUDIT_OUTBOX.insert().values(target="far", told_at=5, message=carried(messages[0])))
    sink = Elsewhere()

    drain(database, "far", sink)
    drain(database, "local", a_service(database))

    assert sink.taken == messages[:1]
    assert shown(database)[:3] == messages
