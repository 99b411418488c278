"""Whether the service lives, and whether it can do its work."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from app.metrics import DEAD, OLDEST, REFUSED, WAITING
from kernel.database import Database
from kernel.errors import HieError
from kernel.outbox import AUDIT_OUTBOX, OUTBOX
from kernel.times import Clock
from mpi import notice_store

LEAST_FREE: Final = 64 << 20
Check = Callable[[], None]
"""Does nothing when the thing is there; raises `HieError` or `OSError` when it is away."""


@dataclass(frozen=True, slots=True)
class Health:
    """What `/readyz` asks: each part by name, and a check of it."""

    checks: Mapping[str, Check]

    def report(self) -> dict[str, str]:
        """`ok`, or the kind of problem, for each part."""
        return {name: _tried(check) for name, check in self.checks.items()}


def _tried(check: Check) -> str:
    try:
        check()
    except HieError as problem:
        return problem.condition.name
    except OSError as problem:
        return problem.strerror or type(problem).__name__
    return "ok"


def database_answers(database: Database) -> Check:
    """A check that the database answers."""

    def check() -> None:
        with database.read() as connection:
            connection.execute(sa.select(1))

    return check


def measure_outboxes(database: Database, clock: Clock) -> None:
    """Sets the gauges of what waits."""
    now = clock().timestamp()
    with database.read() as connection:
        for name, table in (("work", OUTBOX), ("audit", AUDIT_OUTBOX)):
            waiting = sa.select(sa.func.count(), sa.func.min(table.c.told_at)).select_from(table)
            if table is OUTBOX:
                waiting = waiting.where(~OUTBOX.c.dead)
            count, oldest = connection.execute(waiting).one()
            WAITING.labels(name).set(count)
            OLDEST.labels(name).set(max(0.0, now - oldest / 1000) if oldest else 0.0)
        queues = notice_store.queues(connection)
        WAITING.labels("notices").set(sum(q.waiting for q in queues))
        waits = [q.oldest for q in queues if q.oldest is not None]
        OLDEST.labels("notices").set(max(0.0, now - min(waits) / 1000) if waits else 0.0)
        REFUSED.set(sum(q.refused for q in queues))
        DEAD.set(connection.execute(sa.select(sa.func.count()).select_from(OUTBOX).where(OUTBOX.c.dead)).scalar_one())


def folder_is_writable(folder: Path) -> Check:
    """A check that files can be written below a folder, and that there is room for some."""

    def check() -> None:
        if not os.access(folder, os.W_OK):
            raise PermissionError(errno.EACCES, "the folder cannot be written to")
        if shutil.disk_usage(folder).free < LEAST_FREE:
            raise OSError(errno.ENOSPC, "less than 64 MB are free")

    return check
