"""Sends what the audit outbox holds, in order, until it is taken. A message leaves the outbox only then.

Our own repository in the same database takes messages in the transaction that removes them: none is lost and none doubled. A
remote one gets them at least once: what it was sent is removed after it has taken it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Final, Protocol, TypeVar, runtime_checkable

import sqlalchemy as sa

from kernel.database import Database, Work
from kernel.outbox import AUDIT_OUTBOX
from kernel.statements import AnyOf, Statement
from kernel.turns import alone

BATCH: Final = 500
"""Messages sent, or taken in one transaction, at a time."""
BATCH_BYTES: Final = 4 << 20
_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 60.0

P = TypeVar("P")


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message of the outbox, as it is carried there or unpacked; `told_at` is milliseconds since 1970."""

    id: int
    told_at: int
    message: bytes


class LocalSink(Protocol[P]):
    """A repository in the same database."""

    def prepare(self, messages: Sequence[bytes]) -> Sequence[P]:
        """Does what needs no transaction. The messages are as they are carried (`kernel.outbox.Carriage`)."""

    def append(self, work: Work, prepared: Sequence[P]) -> object:
        """Takes the messages within the transaction that removes them from the outbox."""


@runtime_checkable
class RemoteSink(Protocol):
    """A repository elsewhere."""

    def send(self, messages: Sequence[Waiting]) -> None:
        """Returns when it has taken every message. Raises `Unavailable` when it has not, or perhaps has not."""


Sink = LocalSink[P] | RemoteSink


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits for a target: how many messages, and when the oldest was told, in milliseconds since 1970."""

    target: str
    count: int
    oldest: int


@dataclass(slots=True)
class Patience:
    """When a target that failed is tried again: after a second, then twice as long each time, a minute at the most.

    `now` is the monotonic clock's present.
    """

    _until: float = 0.0
    _pause: float = field(default=_FIRST_PAUSE)

    def is_over(self, now: float) -> bool:
        """Whether it may be tried."""
        return now >= self._until

    def failed(self, now: float) -> None:
        """It did not take what it was sent."""
        self._until = now + self._pause
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)

    def worked(self) -> None:
        """It took what it was sent."""
        self._until, self._pause = 0.0, _FIRST_PAUSE


def drain(database: Database, target: str, sink: Sink[P], limit: int = 100_000) -> int:
    """Sends what waits for `target`, `limit` messages at the most; gives how many were taken.

    Raises `Unavailable` when the sink is away; what it took before is removed, the rest stays. Returns at once when another
    thread or process is sending to the same remote target.
    """
    if not isinstance(sink, RemoteSink):
        return sum(_take(database, sink, waiting) for waiting in _batches(database, target, limit))
    taken = 0
    with alone(database, f"audit feed {target}") as is_alone:
        for waiting in _batches(database, target, limit if is_alone else 0):
            sink.send([replace(one, message=database.carriage.unpack(one.message)) for one in waiting])
            with database.begin() as work:
                _remove(work, waiting)
            taken += len(waiting)
    return taken


def backlog(database: Database) -> tuple[Backlog, ...]:
    """What waits, for every target that something waits for."""
    columns = AUDIT_OUTBOX.c
    statement = sa.select(columns.target, sa.func.count(), sa.func.min(columns.told_at)).group_by(columns.target)
    with database.read() as connection:
        return tuple(Backlog(*row) for row in connection.execute(statement.order_by(columns.target)))


def _batches(database: Database, target: str, limit: int) -> Iterator[list[Waiting]]:
    """What waits, batch after batch. Ends with one that was not full: a handful that came meanwhile costs as much as a full batch,
    so it waits for more."""
    left, is_full = limit, True
    while left and is_full:
        waiting, is_full = _next(database, target, min(BATCH, left))
        if waiting:
            yield waiting
        left -= len(waiting)


_C: Final = AUDIT_OUTBOX.c
_SIZES: Final = Statement(
    sa.select(_C.id, sa.func.length(_C.message))
    .where(_C.target == sa.bindparam("target"))
    .order_by(_C.id)
    .limit(sa.bindparam("count", type_=sa.Integer)),
    tuple,
)
_WAITING: Final = Statement(
    sa.select(_C.id, _C.told_at, _C.message).where(AnyOf(_C.id, "ids")).order_by(_C.id), lambda row: Waiting(*row)
)
_REMOVE: Final = Statement(AUDIT_OUTBOX.delete().where(AnyOf(_C.id, "ids")).returning(_C.id), lambda row: int(next(iter(row))))


def _next(database: Database, target: str, count: int) -> tuple[list[Waiting], bool]:
    """The oldest messages, as many as fit into `BATCH_BYTES`, one at least; and whether they fill a batch."""
    with database.glance() as connection:
        found = _SIZES.rows(connection, {"target": target, "count": count})
        totals = accumulate(length for _, length in found)
        ids = [number for (number, _), total in zip(found, totals, strict=True) if total <= BATCH_BYTES] or [
            n for n, _ in found[:1]
        ]
        if not ids:
            return [], False
        return _WAITING.rows(connection, {"ids": ids}), len(ids) < len(found) or len(found) == count


def _take(database: Database, sink: LocalSink[P], waiting: Sequence[Waiting]) -> int:
    """Moves messages from the outbox into the repository; leaves out what another process has moved meanwhile."""
    prepared = dict(zip((w.id for w in waiting), sink.prepare([w.message for w in waiting]), strict=True))

    def move(work: Work) -> int:
        removed = _remove(work, waiting)
        sink.append(work, [prepared[number] for number in removed])
        return len(removed)

    return database.attempt(move)


def _remove(work: Work, waiting: Sequence[Waiting]) -> list[int]:
    return sorted(_REMOVE.rows(work.connection, {"ids": [w.id for w in waiting]}))
