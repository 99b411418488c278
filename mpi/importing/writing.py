"""Writes what a batch decided: persons joined, with their links and the journal, and questions for administrators."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from kernel.database import Work, insert_into
from mpi import review_store, store
from mpi.importing.bulk import put
from mpi.index import NOTIFY
from mpi.keys import KeySource
from mpi.model import ActKind, LinkKind, Review, ReviewReason, ReviewState
from mpi.review_store import Question
from mpi.tables import JOURNAL, JOURNAL_CHANGE, LINK, PATIENT_RECORD, REVIEW

Going = tuple[int, float | None, str, str, str, int | None]
"""A person that goes over, and its link: weight, reason, explanation, model, the record whose likeness led to it."""
_STANDING: Final = (ReviewState.SAME.value, ReviewState.DIFFERENT.value)
_MOVE_SQLITE: Final = sa.text(
    "UPDATE mpi_patient_record SET person = json_extract(v.value, '$[0]')"
    " FROM json_each(:moves) AS v WHERE mpi_patient_record.id = json_extract(v.value, '$[1]')"
)
"""One statement for all: after each, SQLite walks along all that it could take back within the unit of work."""
_MOVE_POSTGRES: Final = sa.text(
    "UPDATE mpi_patient_record AS r SET person = v.stays"
    " FROM unnest(cast(:stays AS bigint[]), cast(:goes AS bigint[])) AS v(stays, goes) WHERE r.id = v.goes"
)
_AT_ONCE: Final = 5_000


@dataclass(frozen=True, slots=True)
class Joining:
    """A person and those who go over to it."""

    stays: int
    goes: tuple[Going, ...]

    @property
    def persons(self) -> tuple[int, ...]:
        """All of them."""
        return (self.stays, *(going[0] for going in self.goes))


@dataclass(frozen=True, slots=True)
class _Present:
    """The records and open questions of some persons as they are now."""

    members: dict[int, list[tuple[int, int, int | None]]]
    """By person: record, state, by whom it is subsumed."""
    linked: frozenset[int]
    settled: dict[int, list[Review]]
    """By the person that stays: questions that are idle once the persons are one."""


def write_joins(work: Work, joins: Sequence[Joining], keys: KeySource, *, author: str, comment: str, notify: bool) -> list[Joining]:
    """Joins persons; gives the joins that were made. One is passed over when its persons are not what they were any more."""
    connection = work.connection
    touched = {person for join in joins for person in join.persons}
    _lock(connection, touched)
    present = _present(connection, joins, touched)
    denied = _denied(connection, joins, present)
    done = [join for join in joins if _is_possible(join, present) and join.stays not in denied]
    moves = [(join.stays, member[0]) for join in done for going in join.goes for member in present.members[going[0]]]
    _move(connection, moves)
    put(connection, LINK, [_link(going, work.now, author) for join in done for going in join.goes])
    _journal(work, done, present, keys, author=author, comment=comment)
    if notify:
        for join in done:
            work.tell(NOTIFY, str(join.stays))
    return done


def _lock(connection: Connection, persons: Collection[int]) -> None:
    ordered = sorted(persons)
    for start in range(0, len(ordered), _AT_ONCE):
        store.lock_persons(connection, ordered[start : start + _AT_ONCE])


def _present(connection: Connection, joins: Sequence[Joining], touched: Collection[int]) -> _Present:
    members: dict[int, list[tuple[int, int, int | None]]] = {person: [] for person in touched}
    columns = PATIENT_RECORD.c
    linked: set[int] = set()
    ordered = sorted(touched)
    settled: dict[int, list[Review]] = {}
    new_home = {person: join.stays for join in joins for person in join.persons}
    for start in range(0, len(ordered), _AT_ONCE):
        part = ordered[start : start + _AT_ONCE]
        statement = sa.select(columns.id, columns.person, columns.state, columns.subsumed_by).where(columns.person.in_(part))
        for record, person, state, subsumed_by in connection.execute(statement.order_by(columns.id)):
            members[person].append((record, state, subsumed_by))
        linked |= set(connection.scalars(sa.select(LINK.c.record).where(LINK.c.record.in_(part))))
    person_of = {record: person for person, found in members.items() for record, _, _ in found}
    reviews: dict[int, Review] = {}
    if connection.scalar(sa.select(sa.exists().where(REVIEW.c.state == ReviewState.OPEN.value))):
        records = sorted(person_of)
        for start in range(0, len(records), _AT_ONCE):
            found = review_store.open_reviews_of(connection, records[start : start + _AT_ONCE])
            reviews |= {review.id: review for review in found if review.reason is not ReviewReason.WEAKENED}
    for review in reviews.values():
        ours = new_home.get(person_of.get(review.record, 0))
        if ours is not None and ours == new_home.get(review.person):
            settled.setdefault(ours, []).append(review)
    return _Present(members, frozenset(linked), settled)


def _is_possible(join: Joining, present: _Present) -> bool:
    """Whether each person is there with the record it began with, which nobody has linked elsewhere."""
    return all(
        any(record == person for record, _, _ in present.members[person]) and person not in present.linked
        for person in join.persons
    )


def _denied(connection: Connection, joins: Sequence[Joining], present: _Present) -> set[int]:
    """Joins of persons of whom somebody said, perhaps a moment ago, that they are different."""
    side = {record: (join.stays, person) for join in joins for person in join.persons for record, _, _ in present.members[person]}
    found = set()
    records = sorted(side)
    for start in range(0, len(records), _AT_ONCE):
        for one, others in store.denied(connection, records[start : start + _AT_ONCE]).items():
            for other in others:
                if one in side and other in side and side[one][0] == side[other][0] and side[one][1] != side[other][1]:
                    found.add(side[one][0])
    return found


def _move(connection: Connection, moves: Sequence[tuple[int, int]]) -> None:
    """Gives records, the second of each pair, another person."""
    if not moves:
        return
    if connection.dialect.name == "postgresql":
        stays, goes = (list(column) for column in zip(*moves, strict=True))
        connection.execute(_MOVE_POSTGRES, {"stays": stays, "goes": goes})
    else:
        connection.execute(_MOVE_SQLITE, {"moves": json.dumps(sorted(moves, key=lambda move: move[1]))})


def _link(going: Going, now: int, author: str) -> tuple[object, ...]:
    person, weight, reason, explanation, model, via = going
    return person, LinkKind.AUTOMATIC.value, weight, reason, explanation, model, now, author, via


def _journal(work: Work, joins: Sequence[Joining], present: _Present, keys: KeySource, *, author: str, comment: str) -> None:
    """The entries of the journal, as `ledger` writes them."""
    acts: list[tuple[object, ...]] = []
    changes: list[tuple[object, ...]] = []
    for join in joins:
        act = keys(work.now)
        acts.append((act, ActKind.MATCH.value, work.now, author, comment, None))
        rows: list[tuple[str, int, object, object]] = []
        for going in join.goes:
            for record, state, subsumed_by in present.members[going[0]]:
                before = {"person": going[0], "state": state, "subsumed_by": subsumed_by}
                rows.append(("record", record, before, before | {"person": join.stays}))
            names = ("kind", "weight", "reason", "explanation", "model", "at", "author", "via")
            rows.append(("link", going[0], None, dict(zip(names, _link(going, work.now, author)[1:], strict=True))))
        for review in present.settled.get(join.stays, ()):
            rest = {"decided_by": review.decided_by, "comment": review.comment}
            was = {"state": review.state.value, "decided_at": review.decided_at, **rest}
            rows.append(("review", review.id, was, {"state": ReviewState.WITHDRAWN.value, "decided_at": work.now, **rest}))
        changes += [(act, at, thing, str(key), _json(before), _json(after)) for at, (thing, key, before, after) in enumerate(rows)]
    put(work.connection, JOURNAL, acts)
    put(work.connection, JOURNAL_CHANGE, changes)
    review_store.withdraw(work.connection, [r.id for join in joins for r in present.settled.get(join.stays, ())], work.now)


def _json(value: object) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def write_questions(work: Work, questions: Sequence[Question], keys: KeySource) -> int:
    """Asks what is not asked already; gives how many were asked. What a person decided is not asked again."""
    connection = work.connection
    where: dict[int, int] = {}
    for start in range(0, len(questions), _AT_ONCE):
        part = questions[start : start + _AT_ONCE]
        where |= store.persons_of(connection, {id_ for q in part for id_ in (q.record, q.person)})
    asked = _asked(connection, where)
    rows = []
    for question in questions:
        sides = frozenset((where.get(question.record, 0), where.get(question.person, 0)))
        if len(sides) == 2 and 0 not in sides and sides not in asked:
            asked.add(sides)
            rows.append(_question_row(question, where[question.person], keys(work.now), work.now))
    if rows:
        statement = insert_into(connection, REVIEW)
        columns = ("reason", "detail", "weight", "explanation", "state", "created_at", "decided_at")
        changed = {name: statement.excluded[name] for name in columns}
        again = statement.on_conflict_do_update(
            index_elements=["record", "person"], set_=changed, where=sa.and_(*(REVIEW.c.state != state for state in _STANDING))
        )
        connection.execute(again, rows)
    return len(rows)


def _asked(connection: Connection, where: dict[int, int]) -> set[frozenset[int]]:
    """Pairs of persons about whom a question is open."""
    if not connection.scalar(sa.select(sa.exists().where(REVIEW.c.state == ReviewState.OPEN.value))):
        return set()
    found: set[frozenset[int]] = set()
    ids = sorted({*where, *where.values()})
    for start in range(0, len(ids), _AT_ONCE):
        reviews = review_store.open_reviews_of(connection, ids[start : start + _AT_ONCE])
        now_in = store.persons_of(connection, {review.record for review in reviews})
        found |= {frozenset((now_in[review.record], review.person)) for review in reviews}
    return found


def _question_row(question: Question, person: int, key: int, now: int) -> dict[str, object]:
    return {
        "id": key,
        "record": question.record,
        "person": person,
        "reason": question.reason.value,
        "detail": question.detail,
        "weight": question.weight,
        "explanation": question.explanation,
        "state": ReviewState.OPEN.value,
        "created_at": now,
        "decided_at": None,
        "decided_by": "",
        "comment": "",
        "leased_by": "",
        "leased_until": 0,
    }
