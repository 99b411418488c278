"""One at a time: a piece of work that several threads and processes offer to do, and only one may."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Final

import sqlalchemy as sa

from kernel.database import Database

_busy: Final[set[tuple[int, str]]] = set()
_busy_lock: Final = threading.Lock()


@contextmanager
def alone(database: Database, name: str, *, is_long: bool = False) -> Iterator[bool]:
    """Whether nobody else is at the work of this name: no thread of ours, and on PostgreSQL no process either.

    `is_long`: the work waits for others, so the connection that stands for the turn is not one of the pool.
    """
    key = (id(database), name)
    with _busy_lock:
        is_free = key not in _busy
        _busy.add(key)
    if not is_free:
        yield False
        return
    try:
        if database.is_sqlite:
            yield True
            return
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            if is_long:
                connection.detach()
            number = int.from_bytes(sha256(name.encode()).digest()[:8], "big", signed=True)
            is_locked: bool = connection.execute(sa.select(sa.func.pg_try_advisory_lock(number))).scalar_one()
            try:
                yield is_locked
            finally:
                if is_locked:
                    connection.execute(sa.select(sa.func.pg_advisory_unlock(number)))
    finally:
        with _busy_lock:
            _busy.discard(key)
