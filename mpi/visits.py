"""Visits of records: what their sources said of them last, and who is found by them (ITI-22)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from kernel.visit import ASKED, Value, Visit, VisitCriterion
from mpi.criteria import fold
from mpi.store import indexable
from mpi.tables import PATIENT_RECORD, VISIT, VISIT_KEY

KEPT: Final = 16
"""Visits of one record that are kept, the latest."""
_LENGTH: Final = 120
_COMPONENTS: Final = 4
"""Components of a field by which a visit is found; others are looked at among those found."""


def say(connection: Connection, record: int, visit: Visit, now: int) -> None:
    """Takes over what a source says of a visit of one of its patients, whose record is locked or new."""
    known = dict(_of_each(connection, [record]).get(record, ()))
    number = indexable(visit.number)
    stored = known.get(number, Visit())
    said = visit.applied_to(stored)
    if said == stored:
        return
    named = (VISIT.c.record == record, VISIT.c.number == number)
    values = {"said_at": now, "fields": _written(said)}
    if number in known:
        connection.execute(VISIT.update().where(*named).values(values))
    else:
        connection.execute(VISIT.insert().values(record=record, number=number, **values))
    every = {number: said, **{n: v for n, v in known.items() if n != number}}
    gone = list(every)[KEPT:]
    if gone:
        connection.execute(VISIT.delete().where(VISIT.c.record == record, VISIT.c.number.in_(gone)))
    _index(connection, record, [v for n, v in every.items() if n not in gone])


def latest(connection: Connection, records: Iterable[int], criteria: Sequence[VisitCriterion] = ()) -> dict[int, tuple[int, Visit]]:
    """For each record its latest visit that fits, with the time it was told of; records without one are left out."""
    found: dict[int, tuple[int, Visit]] = {}
    for row in connection.execute(_latest_first(records)):
        visit = _read(row.fields)
        if row.record not in found and fits(visit, criteria):
            found[row.record] = (row.said_at, visit)
    return found


def fits(visit: Visit, criteria: Iterable[VisitCriterion]) -> bool:
    """Whether all that is asked for is true of one visit."""
    return all(any(_is_like(text, c.text) for text in visit.values(c.number, c.component, c.subcomponent)) for c in criteria)


def persons_by_visit(connection: Connection, criterion: VisitCriterion, limit: int) -> set[int] | None:
    """Persons with a visit of which this may be true, at most `limit`; None when it leads to nobody in particular."""
    text = fold(criterion.text)[:_LENGTH]
    if criterion.component > _COMPONENTS or criterion.subcomponent > 1 or not text:
        return None
    value, key = VISIT_KEY.c.value, _key(criterion.number, criterion.component)
    is_like = sa.and_(value >= text, value < text[:-1] + chr(ord(text[-1]) + 1)) if criterion.text.endswith("*") else value == text
    statement = sa.select(PATIENT_RECORD.c.person).distinct().join(VISIT_KEY, VISIT_KEY.c.record == PATIENT_RECORD.c.id)
    return set(connection.scalars(statement.where(VISIT_KEY.c.part == key, is_like).limit(limit)))


def _is_like(known: str, wanted: str) -> bool:
    have, want = fold(known), fold(wanted)
    return have.startswith(want) if wanted.endswith("*") else have == want


def _index(connection: Connection, record: int, visits: Iterable[Visit]) -> None:
    rows = {
        (_key(number, component), fold(text)[:_LENGTH])
        for visit in visits
        for number in ASKED
        for component in range(1, _COMPONENTS + 1)
        for text in visit.values(number, component)
    }
    connection.execute(VISIT_KEY.delete().where(VISIT_KEY.c.record == record))
    if rows:
        connection.execute(VISIT_KEY.insert(), [{"part": p, "value": v, "record": record} for p, v in sorted(rows) if v])


def _key(number: int, component: int) -> int:
    return number * 10 + component


def _of_each(connection: Connection, records: Iterable[int]) -> dict[int, list[tuple[str, Visit]]]:
    found: dict[int, list[tuple[str, Visit]]] = {}
    for row in connection.execute(_latest_first(records)):
        found.setdefault(row.record, []).append((row.number, _read(row.fields)))
    return found


def _latest_first(records: Iterable[int]) -> sa.Select[tuple[int, str, int, str]]:
    columns = VISIT.c
    statement = sa.select(columns.record, columns.number, columns.said_at, columns.fields)
    return statement.where(columns.record.in_(list(records))).order_by(columns.said_at.desc(), columns.number)


def _written(visit: Visit) -> str:
    return json.dumps({str(n): value for n, value in sorted(visit.fields.items())}, ensure_ascii=False, separators=(",", ":"))


def _read(text: str) -> Visit:
    return Visit({int(n): _value(value) for n, value in json.loads(text).items()})


def _value(repetitions: Iterable[Iterable[Iterable[str]]]) -> Value:
    return tuple(tuple(tuple(component) for component in repetition) for repetition in repetitions)
