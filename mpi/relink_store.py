"""SQL on the work of linking the whole index anew."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mpi.tables import RELINK, RELINK_PART

_PARTS: Final = RELINK_PART.c


class RunState(Enum):
    """How far a run is."""

    COMPARING = "comparing"
    JOINING = "joining"
    ASKING = "asking"
    DONE = "done"


class PartKind(Enum):
    """What is to be done in a part: values of a column compared, persons joined, questions asked, records doubted."""

    GIVEN = "given"
    MIDDLE = "middle"
    FAMILIES = "families"
    JOIN = "join"
    ASK = "ask"
    DOUBT = "doubt"


COMPARED: Final = (PartKind.GIVEN, PartKind.MIDDLE, PartKind.FAMILIES)
_UNFINISHED: Final = tuple(state.value for state in RunState if state is not RunState.DONE)


@dataclass(frozen=True, slots=True)
class Run:
    """One time that the index is linked anew, by a model fitted to so many records."""

    id: int
    state: RunState
    author: str
    model: str
    records: int
    report: str


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of the work of a run."""

    id: int
    run: int
    kind: PartKind
    digest: str
    work: bytes
    result: bytes | None = None


def unfinished(connection: Connection) -> Run | None:
    """The run that was begun and is not done."""
    row = connection.execute(sa.select(RELINK).where(RELINK.c.state.in_(_UNFINISHED)).order_by(RELINK.c.id)).first()
    return None if row is None else _run(row)


def run(connection: Connection, run_id: int) -> Run:
    """A run that is there."""
    return _run(connection.execute(sa.select(RELINK).where(RELINK.c.id == run_id)).one())


def _run(row: sa.Row[tuple[object, ...]]) -> Run:
    values = row._mapping
    return Run(**{**values, "state": RunState(values["state"])})


def add_run(connection: Connection, found: Run) -> None:
    """A new run."""
    values = {"id": found.id, "state": found.state.value, "author": found.author, "model": found.model}
    connection.execute(RELINK.insert(), {**values, "records": found.records, "report": found.report})


def change_run(connection: Connection, run_id: int, before: RunState, **values: object) -> bool:
    """Gives a run that is in this state these values; False when it is not."""
    statement = RELINK.update().where(RELINK.c.id == run_id, RELINK.c.state == before.value)
    return connection.execute(statement.values(values)).rowcount == 1


def drop_run(connection: Connection, run_id: int) -> None:
    """Forgets a run with all its parts."""
    drop_parts(connection, run_id)
    connection.execute(RELINK.delete().where(RELINK.c.id == run_id))


def drop_parts(connection: Connection, run_id: int) -> None:
    """Forgets the parts of a run."""
    connection.execute(RELINK_PART.delete().where(_PARTS.run == run_id))


def add_parts(connection: Connection, parts: Sequence[Part]) -> None:
    """New parts."""
    if parts:
        rows = [{"id": p.id, "run": p.run, "kind": p.kind.value, "digest": p.digest, "work": p.work, "result": None} for p in parts]
        connection.execute(RELINK_PART.insert(), rows)


def digests(connection: Connection, run_id: int, kind: PartKind) -> dict[str, int]:
    """The parts of a kind: their ids by the digest of their work."""
    rows = connection.execute(sa.select(_PARTS.digest, _PARTS.id).where(_PARTS.run == run_id, _PARTS.kind == kind.value))
    return {row.digest: row.id for row in rows}


def part(connection: Connection, part_id: int, *, lock: bool = False) -> Part | None:
    """A part; None when it is not there. With `lock` it is ours until the end of the unit."""
    statement = sa.select(RELINK_PART).where(_PARTS.id == part_id)
    row = connection.execute(statement.with_for_update() if lock else statement).first()
    return None if row is None else Part(row.id, row.run, PartKind(row.kind), row.digest, bytes(row.work), row.result)


def finish_part(connection: Connection, part_id: int, result: bytes) -> None:
    """What came of a part."""
    connection.execute(RELINK_PART.update().where(_PARTS.id == part_id, _PARTS.result.is_(None)).values(result=result))


def open_parts(connection: Connection, run_id: int, kinds: Iterable[PartKind], limit: int) -> list[int]:
    """Parts that nobody has done, the last first: workers begin at the other end."""
    statement = sa.select(_PARTS.id).where(_PARTS.run == run_id, _PARTS.kind.in_([k.value for k in kinds]), _PARTS.result.is_(None))
    return list(connection.scalars(statement.order_by(_PARTS.id.desc()).limit(limit)))


def progress(connection: Connection, run_id: int, kinds: Iterable[PartKind]) -> tuple[int, int]:
    """Parts that are done, and all of them."""
    statement = sa.select(sa.func.count(_PARTS.result), sa.func.count()).where(
        _PARTS.run == run_id, _PARTS.kind.in_([k.value for k in kinds])
    )
    done, total = connection.execute(statement).one()
    return done, total


def results(connection: Connection, run_id: int, kinds: Iterable[PartKind]) -> list[bytes]:
    """What came of the parts of these kinds that are done."""
    statement = sa.select(_PARTS.result).where(
        _PARTS.run == run_id, _PARTS.kind.in_([k.value for k in kinds]), _PARTS.result.is_not(None)
    )
    return [bytes(found) for found in connection.scalars(statement.order_by(_PARTS.id))]
