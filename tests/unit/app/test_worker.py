"""app.worker"""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

from app.relay import HANDLE, Consumer, Relay
from app.worker import EMBEDDED, EmbeddedWorker, Jobs, bind, is_broker_there, make_celery, publisher
from kernel.database import Database, Work
from kernel.outbox import METADATA
from kernel.times import system_clock
from tests.support.brokers import wait_for
from tests.support.ports import free_port

LIMIT = 20.0
Publish = Callable[[str, Sequence[object]], None]
_queues = count()


@contextmanager
def working(jobs: Jobs) -> Iterator[tuple[EmbeddedWorker, Publish]]:
    """An embedded worker on a queue of its own, and the function that publishes to it."""
    celery = make_celery(EMBEDDED, queue=f"test-{next(_queues)}")
    bind(celery, jobs)
    worker = EmbeddedWorker(celery)
    worker.start()
    try:
        yield worker, publisher(celery)
    finally:
        worker.stop()


class Told:
    """A service in small: a database, a relay and an embedded worker that notes when each key was handled."""

    def __init__(self, folder: Path) -> None:
        self.handled: dict[str, float] = {}
        self.database = Database(f"sqlite:///{folder / 'x.db'}", clock=system_clock)
        METADATA.create_all(self.database.engine)
        celery = make_celery(EMBEDDED, queue=f"test-{next(_queues)}")
        bind(celery, {HANDLE: Consumer(self.database, {"topic": self._handle}).handle})
        self.worker = EmbeddedWorker(celery)
        self.relay = Relay(self.database, publisher(celery), audit_targets=())
        self.database.on_told = self.relay.wake

    def _handle(self, _work: Work, key: str) -> None:
        self.handled[key] = time.perf_counter()

    def __enter__(self) -> Told:
        self.worker.start()
        self.relay.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.relay.stop()
        self.worker.stop()
        self.database.close()

    def seconds(self, key: str) -> float:
        """Tells something; how long after the commit it was handled."""
        with self.database.begin() as work:
            work.tell("topic", key)
        told = time.perf_counter()
        wait_for(lambda: key in self.handled, LIMIT)
        return self.handled[key] - told


def test_what_is_told_is_handled_within_fifty_milliseconds(tmp_path: Path) -> None:
    with Told(tmp_path) as service:
        service.seconds("first")

        rounds = [statistics.median(service.seconds(f"{r}-{n}") for n in range(11)) for r in range(3)]

    # the best of three rounds: what else the machine does is not the worker's delay
    assert min(rounds) < 0.05


def test_stop_lets_the_job_in_hand_end() -> None:
    begun, let_go, done = threading.Event(), threading.Event(), threading.Event()

    def job() -> None:
        begun.set()
        assert let_go.wait(LIMIT)
        done.set()

    with working({"job": job}) as (worker, publish):
        publish("job", [])
        assert begun.wait(LIMIT)
        stopping = threading.Thread(target=worker.stop)
        stopping.start()

        let_go.set()
        stopping.join(LIMIT)

    assert done.is_set()
    assert not stopping.is_alive()


def test_an_idle_worker_ends_soon() -> None:
    with working({}) as (worker, _):
        began = time.monotonic()
        worker.stop()

    assert time.monotonic() - began < 3


def test_after_one_worker_has_stopped_another_works() -> None:
    done = threading.Event()

    def other_job() -> None:
        raise AssertionError("this worker is gone")

    with working({"job": other_job}):
        pass

    with working({"job": done.set}) as (_, publish):
        publish("job", [])

        assert done.wait(LIMIT)


def test_a_job_that_fails_does_not_end_the_worker() -> None:
    done = threading.Event()

    def fail() -> None:
        raise ValueError("a bug")

    with working({"fail": fail, "job": done.set}) as (_, publish):
        publish("fail", [])
        publish("job", [])

        assert done.wait(LIMIT)


def test_a_worker_that_never_began_can_be_stopped() -> None:
    EmbeddedWorker(make_celery(EMBEDDED)).stop()


@pytest.mark.parametrize("scheme", ["amqp://guest:guest@127.0.0.1:{port}//", "redis://127.0.0.1:{port}/0"])
def test_a_broker_that_is_away_is_found_out_within_seconds(scheme: str) -> None:
    url = scheme.format(port=free_port())

    began = time.monotonic()
    there = is_broker_there(url)

    assert not there
    assert time.monotonic() - began < 10


def test_the_embedded_broker_is_there() -> None:
    assert is_broker_there(EMBEDDED)


def test_publishing_to_a_broker_that_is_away_raises_soon() -> None:
    publish = publisher(make_celery(f"redis://127.0.0.1:{free_port()}/0"))

    began = time.monotonic()
    with pytest.raises(Exception, match=r"."):
        publish("job", [1])

    assert time.monotonic() - began < 10


def test_messages_are_json_and_acknowledged_after_the_work() -> None:
    celery = make_celery("amqp://broker//")

    assert celery.conf.task_serializer == "json"
    assert list(celery.conf.accept_content) == ["json"]
    assert celery.conf.task_acks_late
    assert celery.conf.task_reject_on_worker_lost
