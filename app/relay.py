"""Gives what the outbox holds to the workers, and takes its effect in one transaction with the row.

The outbox in the database is the record of what is to be done; the broker only carries ids and may lose them. A row is leased when
it is published; when no worker took it within the lease it is published again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Final

import sqlalchemy as sa
import structlog

from kernel.database import Database, Work
from kernel.errors import HieError
from kernel.outbox import AUDIT_OUTBOX, OUTBOX
from kernel.statements import Statement

Handler = Callable[[Work, str], None]
"""Does what a topic asks for one key, inside the unit of work that takes the row out; safe to run twice."""
Errand = Callable[[str], None]
"""Does what a topic asks for one key by itself, for as long as it takes; safe to run twice."""
Publish = Callable[[str, Sequence[object]], None]
"""Hands a job's name and arguments to the broker. Raises `OSError` or what the broker's library raises when it is away."""

LEASE_MS: Final = 30_000
BATCH: Final = 50
TRIES: Final = 12
ERRANDS: Final = 4
"""At one time in one worker."""
_FIRST_PAUSE_MS: Final = 500
_GATHER: Final = 0.005
"""Seconds between two looks at the outbox."""
_AUDIT_GATHER: Final = 0.1
"""Seconds between two journeys to one audit record repository: a batch costs hardly more than a message."""
_AUDIT_MANY: Final = 20
_AUDIT_LONGER_GATHER: Final = 0.5
"""The same after a journey that carried many: a busy service tells hundreds in that time, and an auditor can wait for so long."""
_AUDIT_LEASE: Final = 1.0
"""Seconds after which a target is published again though no worker has said that it is done."""
_LONGEST_PAUSE_MS: Final = 900_000

HANDLE: Final = "hie.handle"
FORWARD_AUDIT: Final = "hie.forward_audit"
PERIODIC: Final = "hie.periodic"

log = structlog.get_logger("relay")

# asked many times a second
_ANYTHING: Final = Statement(sa.select(OUTBOX.c.id).where(~OUTBOX.c.dead).limit(1), tuple)
_AUDIT_WAITING: Final = Statement(
    sa.select(AUDIT_OUTBOX.c.id).where(AUDIT_OUTBOX.c.target == sa.bindparam("target")).limit(1), tuple
)


def _claim_statement(*, skip_locked: bool) -> sa.UpdateBase:
    """Rows that are due and first of their key, leased and counted."""
    earlier = OUTBOX.alias("earlier")
    first = ~sa.exists().where(
        earlier.c.topic == OUTBOX.c.topic, earlier.c.key == OUTBOX.c.key, earlier.c.id < OUTBOX.c.id, ~earlier.c.dead
    )
    due = sa.select(OUTBOX.c.id).where(~OUTBOX.c.dead, OUTBOX.c.due_at <= sa.bindparam("now"), first)
    due = due.order_by(OUTBOX.c.id).limit(sa.bindparam("batch"))
    if skip_locked:
        due = due.with_for_update(skip_locked=True, of=OUTBOX)
    return (
        sa.update(OUTBOX)
        .where(OUTBOX.c.id.in_(due.scalar_subquery()))
        .values(due_at=sa.bindparam("lease"), tries=OUTBOX.c.tries + 1)
        .returning(OUTBOX.c.id)
    )


@dataclass(frozen=True, slots=True)
class Periodic:
    """A job that is due every so many seconds."""

    name: str
    seconds: float
    act: Callable[[], None]


class _Outside(Exception):
    """The row is one for an errand, and stays until that is done."""

    def __init__(self, errand: Callable[[], None]) -> None:
        super().__init__()
        self.errand = errand


class Consumer:
    """What runs in a worker: takes rows of the outbox and hands them to the handlers of their topics.

    `errands` are for topics that wait for others, as a server far away: they are run beside the rest, in threads of their own and
    outside of any unit of work, and the row goes when they are done.
    """

    def __init__(self, database: Database, handlers: Mapping[str, Handler], errands: Mapping[str, Errand] | None = None) -> None:
        self._database = database
        self._handlers = handlers
        self._errands = errands or {}
        self._pool = ThreadPoolExecutor(ERRANDS, thread_name_prefix="errand")
        self._running: set[int] = set()
        self._lock = threading.Lock()

    def handle(self, ids: Sequence[int]) -> None:
        """Each row in a unit of its own; one that fails is put off and does not hold the others."""
        for row in ids:
            try:
                self._database.attempt(partial(self._take, row=row))
            except _Outside as outside:
                self._send_on(row, outside.errand)
            except Exception as problem:  # the worker's loop: whatever broke, the row stays and is tried again
                self._put_off(row, problem)

    def _take(self, work: Work, row: int) -> None:
        taken = work.connection.execute(sa.delete(OUTBOX).where(OUTBOX.c.id == row).returning(OUTBOX.c.topic, OUTBOX.c.key))
        found = taken.one_or_none()
        if found is None:
            return
        if found.topic in self._errands:
            raise _Outside(partial(self._errands[found.topic], found.key))
        self._handlers[found.topic](work, found.key)

    def _send_on(self, row: int, errand: Callable[[], None]) -> None:
        with self._lock:
            if row in self._running:
                return  # its lease ended before it did
            self._running.add(row)
        self._pool.submit(self._run, row, errand)

    def _run(self, row: int, errand: Callable[[], None]) -> None:
        try:
            errand()
            with self._database.begin() as work:
                work.connection.execute(sa.delete(OUTBOX).where(OUTBOX.c.id == row))
        except Exception as problem:  # the worker's loop: whatever broke, the row stays and is tried again
            self._put_off_quietly(row, problem)
        finally:
            with self._lock:
                self._running.discard(row)

    def _put_off_quietly(self, row: int, problem: Exception) -> None:
        """In a thread of its own nobody hears that the database is away; the lease brings the row back."""
        try:
            self._put_off(row, problem)
        except HieError as away:
            log.warning("work stays leased", row=row, problem=away.condition.name)

    def close(self) -> None:
        """Waits for the errands that are on their way."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _put_off(self, row: int, problem: Exception) -> None:
        name = problem.condition.name if isinstance(problem, HieError) else type(problem).__name__
        log.warning("work put off", row=row, problem=name, exc_info=not isinstance(problem, HieError))
        with self._database.begin() as work:
            tries = work.connection.execute(sa.select(OUTBOX.c.tries).where(OUTBOX.c.id == row)).scalar()
            if tries is None:
                return
            pause = min(_FIRST_PAUSE_MS << min(tries, 20), _LONGEST_PAUSE_MS)
            work.connection.execute(
                sa.update(OUTBOX).where(OUTBOX.c.id == row).values(due_at=work.now + pause, problem=name, dead=tries >= TRIES)
            )


class Relay:
    """A thread that publishes what is due: outbox rows, audit targets with messages waiting, periodic jobs."""

    def __init__(
        self,
        database: Database,
        publish: Publish,
        *,
        audit_targets: Sequence[str],
        periodic: Sequence[Periodic] = (),
        pause: float = 0.05,
        lease_ms: int = LEASE_MS,
    ) -> None:
        self._database = database
        self._publish = publish
        self._lease_ms = lease_ms
        self._targets = tuple(audit_targets)
        self._periodic = tuple(periodic)
        self._pause = pause
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)
        self._claim = _claim_statement(skip_locked=not database.is_sqlite)
        self._forwarded: dict[str, float] = {}
        self._due: dict[str, float] = {}

    def start(self) -> None:
        """Begins to publish."""
        self._thread.start()

    def stop(self) -> None:
        """Ends after the round in hand."""
        self._stop.set()
        self._wake.set()
        self._thread.join(timeout=30)

    def wake(self) -> None:
        """Something was told: look now and not at the next pause."""
        self._wake.set()

    def forwarded(self, target: str, count: int) -> None:
        """A worker of this process has emptied the target of so many messages: more may be published when some have gathered."""
        gather = _AUDIT_GATHER if count < _AUDIT_MANY else _AUDIT_LONGER_GATHER
        self._forwarded[target] = time.monotonic() + gather - _AUDIT_LEASE

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.clear()
            try:
                busy = self.round()
            except Exception as problem:  # the worker's loop: broker or database are away; what waits is not lost
                name = problem.condition.name if isinstance(problem, HieError) else type(problem).__name__
                log.warning("nothing published", problem=name)
                self._stop.wait(1.0)
                continue
            if not busy:
                self._wake.wait(self._pause)
                self._stop.wait(_GATHER)  # a busy service tells a thousand things a second; they are looked at together

    def round(self) -> bool:
        """Publishes what is due now; whether there may be more."""
        ids = self._claimed()
        if ids:
            self._hand_out(ids)
        self._forward_audit()
        self._publish_periodic()
        return len(ids) == BATCH

    def _hand_out(self, ids: list[int]) -> None:
        try:
            self._publish(HANDLE, [ids])
        except Exception:
            self._give_back(ids)
            raise

    def _give_back(self, ids: list[int]) -> None:
        """The broker took nothing: the work is due as before, and it was no try. When it did take it, doing it twice is safe."""
        with self._database.begin() as work:
            values = {"due_at": work.now, "tries": OUTBOX.c.tries - 1}
            work.connection.execute(sa.update(OUTBOX).where(OUTBOX.c.id.in_(ids)).values(values))

    def _claimed(self) -> list[int]:
        with self._database.glance() as connection:
            if not _ANYTHING.rows(connection, {}):
                return []
        with self._database.begin() as work:
            values = {"now": work.now, "lease": work.now + self._lease_ms, "batch": BATCH}
            return sorted(work.connection.execute(self._claim, values).scalars())

    def _forward_audit(self) -> None:
        now = time.monotonic()
        for target in self._targets:
            if now - self._forwarded.get(target, 0.0) < _AUDIT_LEASE:
                continue
            with self._database.glance() as connection:
                is_waiting = bool(_AUDIT_WAITING.rows(connection, {"target": target}))
            if is_waiting:
                self._forwarded[target] = now
                self._publish(FORWARD_AUDIT, [target])

    def _publish_periodic(self) -> None:
        now = time.monotonic()
        for job in self._periodic:
            if now >= self._due.setdefault(job.name, now + job.seconds):
                self._due[job.name] = now + job.seconds
                self._publish(PERIODIC, [job.name])
