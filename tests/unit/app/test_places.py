"""app.places"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from app.places import LONG_SECONDS, Places

LIMIT = 10.0


class Worker:
    """A thread that does what it is told, a step at a time."""

    def __init__(self) -> None:
        self._steps: list[Callable[[], object]] = []
        self._told = threading.Semaphore(0)
        self._done = threading.Semaphore(0)
        threading.Thread(target=self._run, daemon=True).start()

    def begin(self, step: Callable[[], object]) -> None:
        self._steps.append(step)
        self._told.release()

    def has_done(self, seconds: float = LIMIT) -> bool:
        return self._done.acquire(timeout=seconds)

    def does(self, step: Callable[[], object]) -> None:
        self.begin(step)
        assert self.has_done()

    def _run(self) -> None:
        while True:
            self._told.acquire()
            self._steps.pop(0)()
            self._done.release()


def test_of_the_threads_that_come_only_so_many_get_a_place_and_keep_it() -> None:
    places, first, second = Places(1), Worker(), Worker()

    first.does(places.take)
    second.begin(places.take)
    first.does(places.take)

    assert not second.has_done(0.1)


def test_who_waits_for_somebody_outside_gives_the_place_to_the_next_and_gets_one_after_her() -> None:
    places, first, second = Places(1), Worker(), Worker()
    first.does(places.take)
    second.begin(places.take)

    first.does(places.leave)
    first.does(places.leave)
    assert second.has_done()
    first.begin(places.take)

    assert not first.has_done(0.1)
    second.does(places.leave)
    assert first.has_done()


def test_who_works_for_long_is_replaced_until_that_is_done() -> None:
    places, slow, second, third = Places(1), Worker(), Worker(), Worker()
    slow.does(places.take)
    slow.does(lambda: places.began(time.monotonic() - LONG_SECONDS - 1))
    second.begin(places.take)

    places.look()
    places.look()
    assert second.has_done()
    third.begin(places.take)
    assert not third.has_done(0.1)

    slow.begin(places.take)
    assert not slow.has_done(0.1)
    second.does(places.leave)
    assert third.has_done() or slow.has_done()


def test_who_was_replaced_and_then_waits_outside_gives_no_second_place() -> None:
    places, slow, second, third = Places(1), Worker(), Worker(), Worker()
    slow.does(places.take)
    slow.does(lambda: places.began(time.monotonic() - LONG_SECONDS - 1))
    places.look()
    second.does(places.take)

    slow.does(places.leave)
    third.begin(places.take)

    assert not third.has_done(0.1)


def test_work_that_does_not_take_long_is_not_replaced() -> None:
    places, first, second = Places(1), Worker(), Worker()
    first.does(places.take)
    first.does(lambda: places.began(time.monotonic()))
    second.begin(places.take)

    places.look()

    assert not second.has_done(0.1)


def test_in_the_end_everyone_may_come() -> None:
    places, first, second = Places(1), Worker(), Worker()
    first.does(places.take)
    second.begin(places.take)

    places.open(2)

    assert second.has_done()
