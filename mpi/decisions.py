"""Acts of the journal as people read them: what was decided, and the records it was about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from kernel.identifiers import PatientId
from mpi import ledger as journal
from mpi import store
from mpi.authorities import Authorities
from mpi.model import Act, ActKind, PatientRecord, ReviewState
from mpi.tables import REVIEW

PEOPLE: Final = (ActKind.RESOLVE, ActKind.LINK, ActKind.UNLINK, ActKind.MERGE, ActKind.UNDO)
"""What administrators do; the other kinds are done by matching and by sources."""
SHOWN: Final = 6
"""Records of an act that are shown."""


@dataclass(frozen=True, slots=True)
class NamedRecord:
    """A record with its own identifier in full."""

    record: PatientRecord
    patient_id: PatientId


@dataclass(frozen=True, slots=True)
class Decided:
    """An act, and what it was about.

    `review` and `verdict` are set where it answered a review, `undone` where it took another act back. `more` records are not
    shown; `moved` of them went from one person to another, `apart` pairs are kept apart since.
    """

    act: Act
    records: tuple[NamedRecord, ...]
    more: int = 0
    review: int | None = None
    verdict: ReviewState | None = None
    undone: int | None = None
    moved: int = 0
    apart: int = 0


@dataclass(slots=True)
class _Traces:
    """What the changes of an act say, while they are read."""

    records: dict[int, None] = field(default_factory=dict)
    review: int | None = None
    verdict: ReviewState | None = None
    undone: int | None = None
    moved: int = 0
    apart: int = 0

    def read(self, thing: str, key: tuple[int, ...], after: journal.Values | None) -> None:
        if thing == "record":
            self.moved += 1
            self.records[key[0]] = None
        elif thing == "negative":
            self.apart += after is not None
            self.records.update(dict.fromkeys(key))
        elif thing == "link":
            self.records[key[0]] = None
        elif thing == "act":
            self.undone = key[0]
        elif thing == "review" and after is not None and after.get("state") in journal.DECIDED:
            self.review, self.verdict = key[0], ReviewState(after["state"])


def described(connection: Connection, authorities: Authorities, acts: Sequence[Act]) -> tuple[Decided, ...]:
    """What each of these acts was about, in the same order."""
    traces = {act.id: _traces(connection, act.id) for act in acts}
    pairs = _pairs(connection, (t.review for t in traces.values() if t.review is not None))
    about = {id_: _about(t, pairs) for id_, t in traces.items()}
    wanted = {record for records in about.values() for record in records[:SHOWN]}
    found = {r.id: r for r in store.records(connection, wanted)} if wanted else {}
    return tuple(
        Decided(
            act,
            tuple(_named(found[id_], authorities) for id_ in about[act.id][:SHOWN] if id_ in found),
            more=max(len(about[act.id]) - SHOWN, 0),
            review=traces[act.id].review,
            verdict=traces[act.id].verdict,
            undone=traces[act.id].undone,
            moved=traces[act.id].moved,
            apart=traces[act.id].apart,
        )
        for act in acts
    )


def _traces(connection: Connection, act: int) -> _Traces:
    traces = _Traces()
    for change in journal.changes_of(connection, act):
        traces.read(change.thing, change.key, change.after)
    return traces


def _pairs(connection: Connection, reviews: Iterable[int]) -> Mapping[int, tuple[int, int]]:
    """The two records that each review asked about: the second is the one the other person began with."""
    ids = tuple(reviews)
    if not ids:
        return {}
    rows = connection.execute(sa.select(REVIEW.c.id, REVIEW.c.record, REVIEW.c.person).where(REVIEW.c.id.in_(ids)))
    return {row.id: (row.record, row.person) for row in rows}


def _about(traces: _Traces, pairs: Mapping[int, tuple[int, int]]) -> tuple[int, ...]:
    pair = pairs.get(traces.review, ()) if traces.review is not None else ()
    return tuple(dict.fromkeys((*pair, *traces.records)))


def _named(record: PatientRecord, authorities: Authorities) -> NamedRecord:
    return NamedRecord(record, authorities.patient_id(record.authority, record.local_id))
