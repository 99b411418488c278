"""The whole index as `linkage` reads it: every active record in columns, and who is who at the moment."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mpi.linkage.columns import Columns, from_prepared
from mpi.linkage.normalise import Prepared
from mpi.matching import PrepareAnew
from mpi.model import RecordState
from mpi.tables import PATIENT_RECORD, PERSON

Numbers = npt.NDArray[np.int64]
_FETCHED: Final = 5_000


@dataclass(slots=True)
class Snapshot:
    """Active records in the order of their ids. A place is a number in that order.

    `starts` names for each record the first record of its person, by its place; `fed` are persons whose identifier a source gave.
    """

    columns: Columns
    records: Numbers
    persons: Numbers
    starts: Numbers
    fed: frozenset[int]

    @property
    def size(self) -> int:
        """How many records there are."""
        return len(self.records)

    def record(self, place: int) -> int:
        """The id of the record at a place."""
        return int(self.records[place])

    def person(self, place: int) -> int:
        """The person of the record at a place."""
        return int(self.persons[place])

    def is_fed(self, place: int) -> bool:
        """Whether a source gave the identifier of the person."""
        return self.person(place) in self.fed

    def place_of(self, record: int) -> int | None:
        """Where a record stands; None for one that is not active."""
        at = int(np.searchsorted(self.records, record))
        return at if at < self.size and self.records[at] == record else None


def read_index(connection: Connection, prepare_anew: PrepareAnew) -> Snapshot:
    """Reads every active record, a few thousand at a time."""
    ids: list[int] = []
    persons: list[int] = []
    columns = from_prepared(_prepared(connection, prepare_anew, ids, persons))
    records, owners = np.array(ids, np.int64), np.array(persons, np.int64)
    first = np.unique(owners, return_index=True, return_inverse=True)
    starts = first[1][first[2].ravel()].astype(np.int64) if len(owners) else owners
    fed = frozenset(connection.scalars(sa.select(PERSON.c.id).where(PERSON.c.is_fed)))
    return Snapshot(columns, records, owners, starts, fed)


def _prepared(connection: Connection, prepare_anew: PrepareAnew, ids: list[int], persons: list[int]) -> Iterator[Prepared]:
    columns = PATIENT_RECORD.c
    statement = sa.select(columns.id, columns.person, columns.prepared).where(columns.state == RecordState.ACTIVE.value)
    streamed = connection.execution_options(stream_results=True, yield_per=_FETCHED)
    with streamed.execute(statement.order_by(columns.id)) as rows:
        for record, person, prepared in rows:
            ids.append(record)
            persons.append(person)
            try:
                yield Prepared.from_row(json.loads(prepared))
            except ValueError:  # an older release cleaned it
                yield prepare_anew(connection, record)
