"""From rows of a file to rows of the tables: cleaned, with search columns and blocking keys. Needs no database and no clock."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from kernel.identifiers import AssigningAuthority, PatientId
from mpi.codec import demographics_to_json
from mpi.importing.files import Row
from mpi.importing.layout import Layout, Said, said_by
from mpi.linkage.candidates import keys_of
from mpi.linkage.columns import from_prepared
from mpi.linkage.normalise import Prepared, prepare
from mpi.linkage.places import birth_of
from mpi.model import RecordState
from mpi.search_store import IndexRows, index_rows

TableRow = tuple[object, ...]
_ENCODE: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Named:
    """An assigning authority: its key and its names."""

    key: int
    authority: AssigningAuthority


@dataclass(frozen=True, slots=True)
class Arrival:
    """A row that becomes a record. `source` is the name of who keeps it; `is_sourced`: the row itself names its source."""

    row: Row
    record: int
    local_id: str
    affinity_id: str
    source: str
    authority: Named
    is_sourced: bool


@dataclass(frozen=True, slots=True)
class Known:
    """A row whose record is in the index already, and what is stored there."""

    row: Row
    stored: str


@dataclass(frozen=True, slots=True)
class Job:
    """A block of rows for one transaction. `columns` gives the authority of each column of identifiers."""

    layout: Layout
    columns: Mapping[int, Named]
    own: int
    """The key of the affinity domain's authority."""
    now: int
    arrivals: tuple[Arrival, ...]
    known: tuple[Known, ...] = ()

    def __reduce__(self) -> tuple[object, ...]:
        """As plain values, which go to another process at a fraction of the cost of objects."""
        arrivals = [
            (_plain(a.row), a.record, a.local_id, a.affinity_id, a.source, a.authority, a.is_sourced) for a in self.arrivals
        ]
        known = [(_plain(k.row), k.stored) for k in self.known]
        return _job_of, (self.layout, dict(self.columns), self.own, self.now, arrivals, known)


PlainRow = tuple[int, list[str], str]


def _plain(row: Row) -> PlainRow:
    return row.line, row.values, row.fault


def _job_of(
    layout: Layout,
    columns: Mapping[int, Named],
    own: int,
    now: int,
    arrivals: Sequence[tuple[PlainRow, int, str, str, str, Named, bool]],
    known: Sequence[tuple[PlainRow, str]],
) -> Job:
    made = tuple(Arrival(Row(*arrival[0]), *arrival[1:]) for arrival in arrivals)
    return Job(layout, columns, own, now, made, tuple(Known(Row(*row), stored) for row, stored in known))


@dataclass(frozen=True, slots=True)
class Doubt:
    """A row that was taken, though not as it stood, or that was known with other content."""

    row: Row
    reason: str
    taken: bool


@dataclass(slots=True)
class Built:
    """Rows of the tables, in the order of their columns, and what there is to say about the rows they were made of."""

    job: Job
    persons: list[TableRow] = field(default_factory=list)
    records: list[TableRow] = field(default_factory=list)
    identifiers: list[TableRow] = field(default_factory=list)
    names: list[TableRow] = field(default_factory=list)
    places: list[TableRow] = field(default_factory=list)
    contacts: list[TableRow] = field(default_factory=list)
    keys: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    owners: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    doubts: list[Doubt] = field(default_factory=list)
    unchanged: int = 0


def build_apart(job: Job) -> Built:
    """`build` in a process of its own: what it gives has no job, which the caller has already."""
    built = build(job)
    built.job = replace(job, arrivals=(), known=())
    return built


def build(job: Job) -> Built:
    """Everything that a block of rows puts into the tables."""
    built = Built(job)
    cleaned = [_add(built, arrival) for arrival in job.arrivals]
    _add_keys(built, cleaned)
    for known in job.known:
        _compare(built, known)
    built.identifiers.sort(key=lambda row: row[:2])
    built.contacts.sort(key=lambda row: row[:2])
    return built


def _add(built: Built, arrival: Arrival) -> Prepared:
    job, record = built.job, arrival.record
    said = said_by(job.layout, arrival.row.values)
    built.doubts += [Doubt(arrival.row, "; ".join(said.doubts), taken=True)] if said.doubts else []
    own = PatientId(arrival.local_id, arrival.authority.authority)
    others = tuple(_others(job, arrival))
    prepared = _prepared(said, (own, *(patient_id for _, patient_id in others)), is_sourced=arrival.is_sourced)
    built.persons.append((record, arrival.affinity_id, arrival.authority.key == job.own, False))
    built.records.append(
        (
            record,
            arrival.authority.key,
            arrival.local_id,
            arrival.source,
            record,
            RecordState.ACTIVE.value,
            None,
            1,
            job.now,
            job.now if said.recorded_at is None else min(said.recorded_at, job.now),
            demographics_to_json(said.demographics),
            _ENCODE(prepared.to_row()),
        )
    )
    built.identifiers.append((arrival.authority.key, arrival.local_id, record, "", True, False))
    built.identifiers += [(key, patient_id.id, record, "", False, key == job.own) for key, patient_id in others]
    _add_index(built, index_rows(record, said.demographics))
    return prepared


def _others(job: Job, arrival: Arrival) -> Iterable[tuple[int, PatientId]]:
    seen = {(arrival.authority.key, arrival.local_id), *((named.key, "") for named in job.columns.values())}
    for place, named in job.columns.items():
        value = arrival.row.values[place].strip()
        if (named.key, value) not in seen:
            seen.add((named.key, value))
            yield named.key, PatientId(value, named.authority)


def _prepared(said: Said, patient_ids: tuple[PatientId, ...], *, is_sourced: bool) -> Prepared:
    """A record as it is compared: dates by what was written, and nothing is concluded from a source that nobody named."""
    prepared = prepare(said.demographics, patient_ids)
    birth = birth_of(said.birth)
    if birth != prepared.birth:
        prepared = replace(prepared, birth=birth)
    return prepared if is_sourced else replace(prepared, source_id="")


def _add_index(built: Built, rows: IndexRows) -> None:
    for target, found, columns in (
        (built.names, rows.names, _NAME_COLUMNS),
        (built.places, rows.places, _PLACE_COLUMNS),
        (built.contacts, rows.contacts, _CONTACT_COLUMNS),
    ):
        target += [tuple(row[name] for name in columns) for row in found]


_NAME_COLUMNS = ("record", "position", "is_mother", "family", "given", "sound", "birth", "sex")
_PLACE_COLUMNS = ("record", "position", "street", "city", "state", "postcode", "country")
_CONTACT_COLUMNS = ("kind", "value", "record")


def _add_keys(built: Built, cleaned: list[Prepared]) -> None:
    """Blocking keys in the order of the key table, so that they are written side by side."""
    if not cleaned:
        return
    places, keys = keys_of(from_prepared(cleaned), [record.source_id for record in cleaned])
    records = np.fromiter((arrival.record for arrival in built.job.arrivals), np.int64, len(cleaned))
    order = np.lexsort((places, keys))
    built.keys, built.owners = keys[order], records[places[order]]


def _compare(built: Built, known: Known) -> None:
    said = said_by(built.job.layout, known.row.values)
    if demographics_to_json(said.demographics) == known.stored:
        built.unchanged += 1
    else:
        reason = "this record is in the index with other content; feed it as an update, or correct it there"
        built.doubts.append(Doubt(known.row, reason, taken=False))
