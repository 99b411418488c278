"""One commit for many threads: who comes while others' things are being written waits, and what waits is written together."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

T = TypeVar("T")
LIMIT: Final = 64
"""Callers whose things are written together at the most."""


class _Caller(Generic[T]):
    """Somebody who waits: to be told that all is done, what went wrong, or that it is her turn to write."""

    __slots__ = ("is_done", "items", "problem", "told")

    def __init__(self, items: Sequence[T]) -> None:
        self.items = items
        self.told = threading.Lock()  # taken until she is told: an event would cost five times as much
        self.told.acquire()
        self.is_done = False
        self.problem: Exception | None = None


class Grouped(Generic[T]):
    """Writes what several threads bring, with `write`, which commits or raises; no thread of its own is needed.

    The first caller writes for herself. Whoever comes meanwhile waits; then one of them writes for all of them. So nobody waits
    for company, and the more come at once the fewer commits there are.
    """

    def __init__(self, write: Callable[[Sequence[T]], None]) -> None:
        self._write = write
        self._lock = threading.Lock()
        self._waiting: list[_Caller[T]] = []
        self._is_busy = False

    def put(self, items: Sequence[T]) -> None:
        """Returns when the items are committed. Raises what `write` raised for the group they were in: then none of it is kept."""
        caller = _Caller(items)
        with self._lock:
            self._waiting.append(caller)
            is_mine, self._is_busy = not self._is_busy, True
        if not is_mine:
            caller.told.acquire()
        if not caller.is_done:
            self._write_for_all()
        if caller.problem is not None:
            raise caller.problem

    def _write_for_all(self) -> None:
        """Writes what waits, the caller's own among it, and hands the turn on."""
        with self._lock:
            group, self._waiting = self._waiting[:LIMIT], self._waiting[LIMIT:]
        problem: Exception | None = None
        try:
            self._write([item for caller in group for item in caller.items])
        except Exception as raised:  # each caller is told
            problem = raised
        finally:
            for caller in group:
                caller.problem, caller.is_done = problem, True
            with self._lock:
                following = self._waiting[0] if self._waiting else None
                self._is_busy = following is not None
            for caller in (*group, *((following,) if following else ())):
                caller.told.release()
