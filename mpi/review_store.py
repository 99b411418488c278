"""SQL on reviews: the questions that wait for an administrator."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from kernel.database import insert_into
from kernel.statements import AnyOf, Statement
from mpi.model import Review, ReviewReason, ReviewState
from mpi.tables import PATIENT_RECORD, REVIEW


@dataclass(frozen=True, slots=True)
class Question:
    """A review as matching raises it."""

    record: int
    person: int
    reason: ReviewReason
    detail: str
    weight: float
    explanation: str


def ask(connection: Connection, question: Question, key: int, now: int) -> None:
    """Opens a review, or brings the open one up to date. One that was decided is opened anew: the evidence has changed."""
    row = {
        "record": question.record,
        "person": question.person,
        "reason": question.reason.value,
        "detail": question.detail,
        "weight": question.weight,
        "explanation": question.explanation,
        "state": ReviewState.OPEN.value,
        "created_at": now,
        "decided_at": None,
        "decided_by": "",
        "comment": "",
    }
    statement = insert_into(connection, REVIEW).values(id=key, leased_by="", leased_until=0, **row)
    is_open = REVIEW.c.state == ReviewState.OPEN.value
    changed: dict[str, object] = {name: statement.excluded[name] for name in row if name not in ("record", "person", "created_at")}
    changed["created_at"] = sa.case((is_open, REVIEW.c.created_at), else_=statement.excluded.created_at)
    connection.execute(statement.on_conflict_do_update(index_elements=["record", "person"], set_=changed))


_HOME = PATIENT_RECORD.alias("home")
_COLUMNS = [c for c in REVIEW.c if c.name != "person"]


def _select() -> sa.Select[tuple[object, ...]]:
    """Reviews, each with the person in which the one it asks about is now."""
    return sa.select(*_COLUMNS, _HOME.c.person).join_from(REVIEW, _HOME, _HOME.c.id == REVIEW.c.person)


def _review(row: Mapping[str, Any] | sa.RowMapping) -> Review:
    return Review(**{**row, "reason": ReviewReason(row["reason"]), "state": ReviewState(row["state"])})


def review(connection: Connection, review_id: int) -> Review | None:
    """One review."""
    row = connection.execute(_select().where(REVIEW.c.id == review_id)).mappings().one_or_none()
    return None if row is None else _review(row)


def records_of(connection: Connection, review_id: int) -> tuple[int, ...]:
    """The record a review is about, and the one that the person it asks about began with."""
    row = connection.execute(sa.select(REVIEW.c.record, REVIEW.c.person).where(REVIEW.c.id == review_id)).one_or_none()
    return () if row is None else (row.record, row.person)


def reviews(connection: Connection, state: ReviewState, after: tuple[float, int] | None, limit: int) -> tuple[Review, ...]:
    """Reviews in this state, the heaviest first; `after` is weight and id of the last one seen."""
    statement = _select().where(REVIEW.c.state == state.value).order_by(REVIEW.c.weight.desc(), REVIEW.c.id.desc()).limit(limit)
    if after is not None:
        weight, last = after
        statement = statement.where((REVIEW.c.weight < weight) | ((REVIEW.c.weight == weight) & (REVIEW.c.id < last)))
    return tuple(map(_review, connection.execute(statement).mappings()))


_NAMES = (*(c.name for c in _COLUMNS), "person")
_ABOUT = sa.union(
    sa.select(REVIEW.c.id).where(AnyOf(REVIEW.c.record, "ids")), sa.select(REVIEW.c.id).where(AnyOf(REVIEW.c.person, "ids"))
)
_unindexed_state = REVIEW.c.state.concat("")
"""The state in a form that no index knows: SQLite would rather go through every open review than through those of a record."""
_OPEN_ABOUT = Statement(
    _select().where(_unindexed_state == ReviewState.OPEN.value, REVIEW.c.id.in_(_ABOUT)).order_by(REVIEW.c.id),
    lambda row: _review(dict(zip(_NAMES, row, strict=True))),
)


def open_reviews_of(connection: Connection, records: Iterable[int]) -> tuple[Review, ...]:
    """Open reviews that ask about one of these records, or about the person that began with one."""
    return tuple(_OPEN_ABOUT.rows(connection, {"ids": list(records)}))


def open_count(connection: Connection) -> int:
    """How many reviews wait."""
    statement = sa.select(sa.func.count()).select_from(REVIEW).where(REVIEW.c.state == ReviewState.OPEN.value)
    return connection.scalar(statement) or 0


def oldest_open(connection: Connection) -> int | None:
    """Since when the oldest open review waits; None when none does."""
    statement = sa.select(sa.func.min(REVIEW.c.created_at)).where(REVIEW.c.state == ReviewState.OPEN.value)
    oldest: int | None = connection.scalar(statement)
    return oldest


def next_open(connection: Connection, holder: str, now: int, after: tuple[float, int] | None = None) -> int | None:
    """The heaviest open review that nobody but the holder has taken, lighter than `after`; None when there is none."""
    is_free = (REVIEW.c.leased_by.in_(("", holder))) | (REVIEW.c.leased_until <= now)
    statement = sa.select(REVIEW.c.id).where(REVIEW.c.state == ReviewState.OPEN.value, is_free)
    if after is not None:
        weight, last = after
        statement = statement.where((REVIEW.c.weight < weight) | ((REVIEW.c.weight == weight) & (REVIEW.c.id < last)))
    row = connection.execute(statement.order_by(REVIEW.c.weight.desc(), REVIEW.c.id.desc()).limit(1)).first()
    return None if row is None else row.id


def lease(connection: Connection, review_id: int, holder: str, *, now: int, until: int) -> bool:
    """Takes a review for a while; False when somebody else has it."""
    is_free = (REVIEW.c.leased_by.in_(("", holder))) | (REVIEW.c.leased_until <= now)
    changed = connection.execute(
        REVIEW.update()
        .where(REVIEW.c.id == review_id, REVIEW.c.state == ReviewState.OPEN.value, is_free)
        .values(leased_by=holder, leased_until=until)
    )
    return changed.rowcount == 1


def give_back(connection: Connection, review_id: int | None, holder: str) -> None:
    """Ends a lease, or every one of the holder."""
    statement = REVIEW.update().where(REVIEW.c.leased_by == holder)
    if review_id is not None:
        statement = statement.where(REVIEW.c.id == review_id)
    connection.execute(statement.values(leased_by="", leased_until=0))


def withdraw(connection: Connection, ids: Sequence[int], now: int) -> None:
    """Later evidence made these questions idle."""
    if ids:
        changed = {"state": ReviewState.WITHDRAWN.value, "decided_at": now}
        connection.execute(REVIEW.update().where(REVIEW.c.id.in_(ids)).values(changed))
