"""SQL on what consumers were told and what waits to be told, nothing else."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from kernel.database import insert_into
from mpi.store import Name
from mpi.tables import NOTICE, TOLD

FIRST_PAUSE_MS: Final = 1000
LONGEST_PAUSE_MS: Final = 300_000

Identifiers = tuple[Name, ...]
"""Key of the authority and value of each."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A change on its way to a consumer: the person's identifiers as they were then. Times are milliseconds since 1970.

    `tries` is how often it was sent in vain, `problem` what was wrong the last time; one that is `refused` is not sent again.
    """

    id: int
    consumer: str
    person: int
    message_id: str
    identifiers: Identifiers
    told_at: int
    due_at: int
    tries: int = 0
    problem: str = ""
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Queue:
    """What waits for one consumer, what it refused, since when the oldest waits, how often that was tried, and what was wrong."""

    consumer: str
    waiting: int
    refused: int
    oldest: int | None
    tries: int = 0
    problem: str = ""


def last_told(connection: Connection, consumer: str, person: int) -> Identifiers | None:
    """The identifiers that a consumer was last told for a person; None when it was never told any."""
    statement = sa.select(TOLD.c.identifiers).where(TOLD.c.consumer == consumer, TOLD.c.person == person)
    text = connection.scalar(statement)
    return None if text is None else _identifiers(text)


def set_told(connection: Connection, consumer: str, person: int, identifiers: Identifiers) -> None:
    """Remembers what a consumer is told; of nobody, nothing is remembered."""
    if not identifiers:
        connection.execute(TOLD.delete().where(TOLD.c.consumer == consumer, TOLD.c.person == person))
        return
    row = {"consumer": consumer, "person": person, "identifiers": json.dumps(identifiers)}
    statement = insert_into(connection, TOLD).values(row)
    changed = {"identifiers": statement.excluded["identifiers"]}
    connection.execute(statement.on_conflict_do_update(index_elements=["consumer", "person"], set_=changed))


def put(connection: Connection, consumer: str, person: int, identifiers: Identifiers, message_id: str, now: int) -> None:
    """Adds a notice at the end of the consumer's queue."""
    row = {
        "consumer": consumer,
        "person": person,
        "message_id": message_id,
        "identifiers": json.dumps(identifiers),
        "told_at": now,
        "due_at": now,
        "tries": 0,
        "problem": "",
        "refused": False,
    }
    connection.execute(NOTICE.insert().inline(), row)


def first(connection: Connection, consumer: str) -> Notice | None:
    """The notice that is next for a consumer, whether or not it is due."""
    statement = sa.select(NOTICE).where(NOTICE.c.consumer == consumer, ~NOTICE.c.refused).order_by(NOTICE.c.id).limit(1)
    row = connection.execute(statement).mappings().one_or_none()
    return None if row is None else _notice(row)


def remove(connection: Connection, notice: int) -> bool:
    """Takes a notice out; False when it is not there."""
    return connection.execute(NOTICE.delete().where(NOTICE.c.id == notice)).rowcount > 0


def put_off(connection: Connection, notice: Notice, problem: str, now: int) -> None:
    """Notes that it was sent in vain; the pause doubles each time, up to five minutes."""
    pause = min(FIRST_PAUSE_MS << min(notice.tries, 20), LONGEST_PAUSE_MS)
    values = {"tries": notice.tries + 1, "problem": problem, "due_at": now + pause}
    connection.execute(NOTICE.update().where(NOTICE.c.id == notice.id).values(values))


def refuse(connection: Connection, notice: int, problem: str) -> None:
    """Notes that the consumer will not have it."""
    connection.execute(NOTICE.update().where(NOTICE.c.id == notice).values(refused=True, problem=problem, tries=NOTICE.c.tries + 1))


def try_again(connection: Connection, notice: int, now: int) -> bool:
    """Puts a refused notice back into its place in the queue, or makes a waiting one due; False when there is none."""
    statement = NOTICE.update().where(NOTICE.c.id == notice).values(refused=False, due_at=now)
    return connection.execute(statement).rowcount > 0


def queues(connection: Connection) -> tuple[Queue, ...]:
    """Every queue that is not empty."""
    waits = sa.case((NOTICE.c.refused, None), else_=NOTICE.c.told_at)
    refused = sa.func.sum(sa.case((NOTICE.c.refused, 1), else_=0))
    statement = sa.select(NOTICE.c.consumer, sa.func.count(), refused, sa.func.min(waits)).group_by(NOTICE.c.consumer)
    found: list[Queue] = []
    for name, count, no, oldest in connection.execute(statement.order_by(NOTICE.c.consumer)).all():
        head = first(connection, name)
        found.append(Queue(name, count - int(no), int(no), oldest, head.tries if head else 0, head.problem if head else ""))
    return tuple(found)


def notices(connection: Connection, consumer: str, limit: int) -> tuple[Notice, ...]:
    """What waits for a consumer and what it refused, the oldest first."""
    statement = sa.select(NOTICE).where(NOTICE.c.consumer == consumer).order_by(NOTICE.c.id).limit(limit)
    return tuple(_notice(row) for row in connection.execute(statement).mappings())


def _notice(row: sa.RowMapping) -> Notice:
    return Notice(**{**row, "identifiers": _identifiers(row["identifiers"])})


def _identifiers(text: str) -> Identifiers:
    found: Sequence[Sequence[object]] = json.loads(text)
    return tuple((int(str(key)), str(value)) for key, value in found)
