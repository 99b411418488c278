"""What many threads bring is written in few groups, and nobody is told before it is."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from kernel.grouping import LIMIT, Grouped

WAIT = 10.0


class Written:
    """A slow place to write to, that one may hold up, and that may fail."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.go = threading.Event()
        self.entered = threading.Semaphore(0)
        self.fails: set[int] = set()

    def __call__(self, items: Sequence[int]) -> None:
        self.entered.release()
        assert self.go.wait(WAIT)
        if self.fails & set(items):
            raise ValueError("no room")
        self.groups.append(list(items))


def all_waiting(grouped: Grouped[int], count: int) -> None:
    limit = threading.Event()
    for _ in range(1000):
        if len(grouped._waiting) == count:
            return
        limit.wait(0.01)
    raise AssertionError(f"{len(grouped._waiting)} wait")


def test_one_alone_does_not_wait_for_company() -> None:
    written = Written()
    written.go.set()

    Grouped(written).put([1, 2])

    assert written.groups == [[1, 2]]


def test_who_comes_meanwhile_is_written_together() -> None:
    written = Written()
    grouped = Grouped(written)
    with ThreadPoolExecutor(9) as threads:
        first = threads.submit(grouped.put, [0])
        assert written.entered.acquire(timeout=WAIT)
        rest = [threads.submit(grouped.put, [n]) for n in range(1, 9)]
        all_waiting(grouped, 8)
        assert not any(f.done() for f in [first, *rest])

        written.go.set()
        for future in [first, *rest]:
            future.result(WAIT)

    assert written.groups[0] == [0]
    assert sorted(written.groups[1]) == list(range(1, 9))


def test_a_failure_is_told_to_its_group_and_to_nobody_else() -> None:
    written = Written()
    written.fails = {1}
    grouped = Grouped(written)
    with ThreadPoolExecutor(3) as threads:
        first = threads.submit(grouped.put, [0])
        assert written.entered.acquire(timeout=WAIT)
        rest = [threads.submit(grouped.put, [n]) for n in (1, 2)]
        all_waiting(grouped, 2)
        written.go.set()

        first.result(WAIT)
        for future in rest:
            with pytest.raises(ValueError, match="no room"):
                future.result(WAIT)

    grouped.put([3])
    assert written.groups == [[0], [3]]


def test_a_crowd_is_written_in_groups_of_bounded_size_and_whole() -> None:
    written = Written()
    grouped = Grouped(written)
    count = LIMIT + 20
    with ThreadPoolExecutor(count + 1) as threads:
        first = threads.submit(grouped.put, [-1])
        assert written.entered.acquire(timeout=WAIT)
        rest = [threads.submit(grouped.put, [n]) for n in range(count)]
        all_waiting(grouped, count)
        written.go.set()
        for future in [first, *rest]:
            future.result(WAIT)

    assert [len(group) for group in written.groups] == [1, LIMIT, 20]
    assert sorted(n for group in written.groups for n in group) == list(range(-1, count))
