"""Brings a file into the index, block by block; each block is one transaction with everything that belongs to its records.

A row whose record is there already is passed over, so a run that was cut short is simply begun again.
"""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from kernel.database import Work
from kernel.errors import Condition, Unavailable, violation
from kernel.identifiers import AssigningAuthority, is_oid
from mpi.importing.building import Arrival, Built, Job, Known, Named, build, build_apart
from mpi.importing.bulk import put, put_pairs, quick_writer
from mpi.importing.files import ErrorFile, ImportFile, Row
from mpi.importing.layout import Layout, fault_of
from mpi.index import MATCH, ROUNDS, Index
from mpi.store import Name
from mpi.tables import (
    BLOCKING_KEY,
    CONTACT_INDEX,
    IDENTIFIER,
    NAME_INDEX,
    PATIENT_RECORD,
    PERSON,
    PLACE_INDEX,
)

DEFAULT_SOURCE: Final = "IMPORT"
"""Who keeps the records of a file that does not say it."""
BLOCK: Final = 20_000
"""Rows of one transaction."""
_SMALL: Final = 5_000_000
"""Bytes of a file below which further processes are not worth their start."""
_ASKED_AT_ONCE: Final = 5_000

log = structlog.get_logger("mpi.import")
Progress = Callable[[int, int], None]
"""Bytes read, bytes of the file."""


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """How a file is loaded. `is_queued`: every new record is told to the workers, who link it. `source` stands in for none."""

    is_queued: bool = False
    source: str = DEFAULT_SOURCE
    processes: int = 0
    block: int = BLOCK


@dataclass(slots=True)
class Loaded:
    """What became of a file: rows read; records added; rows whose records were there; rows refused; rows taken with a doubt."""

    rows: int = 0
    added: int = 0
    unchanged: int = 0
    refused: int = 0
    doubtful: int = 0
    unread: tuple[str, ...] = ()
    authorities_unknown: tuple[str, ...] = ()


@dataclass(slots=True)
class _Run:
    """One file on its way in."""

    layout: Layout
    errors: ErrorFile
    options: LoadOptions
    columns: dict[int, Named]
    unknown_columns: dict[int, str]
    loaded: Loaded
    underway: set[Name] = field(default_factory=set)
    later: list[Row] = field(default_factory=list)


class Loader:
    """Loads files into one index."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._named: dict[str, Named | None] = {}

    def load(self, path: Path, errors: Path, options: LoadOptions, progress: Progress = lambda _done, _of: None) -> Loaded:
        """Takes a file in. Raises `Rejected` for a header that cannot be used, `Unavailable` when the database is away."""
        with ImportFile(path) as file, ErrorFile(errors, file.header) as bad, quick_writer(self._index.database):
            run = self._run(file, bad, options)
            processes = options.processes if file.size > _SMALL else 0
            with _builders(processes) as builder:
                waiting: deque[tuple[Job, Future[Built] | None]] = deque()
                for block in file.blocks(options.block):
                    job = self._job(run, block)
                    waiting.append((job, builder(job)))
                    if len(waiting) > processes + (processes > 0):
                        self._finish(run, *waiting.popleft())
                        progress(file.position, file.size)
                while waiting:
                    self._finish(run, *waiting.popleft())
                self._take_repeated(run)
            progress(file.size, file.size)
        return run.loaded

    def _run(self, file: ImportFile, errors: ErrorFile, options: LoadOptions) -> _Run:
        named = {place: (name, self._authority(name)) for place, name in file.layout.identifiers}
        known = {place: authority for place, (_, authority) in named.items() if authority is not None}
        unknown = {place: name for place, (name, authority) in named.items() if authority is None}
        return _Run(file.layout, errors, options, known, unknown, Loaded(unread=file.layout.unread))

    # --- authorities -------------------------------------------------------------------------------------------------------

    def _authority(self, name: str) -> Named | None:
        """The authority of a source: an OID, a namespace or an alias. New ones are taken in where the domain accepts them.

        A name alone stays a name alone: an OID of our making would contradict the one its owner may send some day.
        """
        if name not in self._named:
            sent = AssigningAuthority.of_oid(name) if is_oid(name) else AssigningAuthority(name)
            found = self._index.affinity.authority_of(sent)
            self._named[name] = None if found is None else Named(found.key, found.authority)
        return self._named[name]

    # --- rows --------------------------------------------------------------------------------------------------------------

    def _job(self, run: _Run, rows: Sequence[Row]) -> Job:
        """What of these rows is to be built. Rows that cannot be taken go to the file of errors."""
        wanted: dict[Name, tuple[Row, str, Named]] = {}
        for row in rows:
            found = self._placed(run, row)
            if found is None:
                continue
            name = (found[2].key, run.layout.value(row.values, "record_id"))
            if name in wanted or name in run.underway:
                run.later.append(row)
            else:
                wanted[name] = found
        stored = self._stored(wanted)
        taken = self._given_out([local for key, local in wanted.keys() - stored.keys() if key == self._own])
        now = self._now()
        arrivals = []
        for name, (row, source, authority) in wanted.items():
            if name in stored:
                continue
            if name[0] == self._own and name[1] in taken:
                self._refuse(run, row, "this identifier of the affinity domain was given to somebody; a feed joins the two")
                continue
            affinity_id = name[1] if name[0] == self._own else self._index.new_affinity_id()
            is_sourced = bool(run.layout.value(row.values, "source"))
            arrivals.append(Arrival(row, self._index.keys(now), name[1], affinity_id, source, authority, is_sourced))
        run.underway.update((a.authority.key, a.local_id) for a in arrivals)
        known = tuple(Known(row, stored[name]) for name, (row, _, _) in wanted.items() if name in stored)
        return Job(run.layout, run.columns, self._own, now, tuple(arrivals), known)

    @property
    def _own(self) -> int:
        return self._index.affinity.domain().own.key

    def _now(self) -> int:
        with self._index.database.begin() as work:
            return work.now

    def _placed(self, run: _Run, row: Row) -> tuple[Row, str, Named] | None:
        """The row with its source and authority; None when it cannot be taken."""
        run.loaded.rows += 1
        fault = row.fault or fault_of(run.layout, row.values)
        if fault:
            self._refuse(run, row, fault)
            return None
        source = run.layout.value(row.values, "source") or run.options.source
        authority = self._authority(source)
        strangers = [name for place, name in run.unknown_columns.items() if row.values[place].strip()]
        if authority is None or strangers:
            self._refuse_unknown(run, row, strangers[0] if authority else source)
            return None
        return row, source, authority

    def _refuse(self, run: _Run, row: Row, reason: str) -> None:
        run.errors.add(row, reason, taken=False)
        run.loaded.refused += 1

    def _refuse_unknown(self, run: _Run, row: Row, name: str) -> None:
        run.loaded.authorities_unknown = tuple(dict.fromkeys((*run.loaded.authorities_unknown, name)))
        self._refuse(run, row, f"the assigning authority {name} is not known to the affinity domain")

    def _stored(self, names: Iterable[Name]) -> dict[Name, str]:
        """Of these names those whose records are in the index, with their demographics."""
        by_authority: dict[int, list[str]] = {}
        for key, local_id in names:
            by_authority.setdefault(key, []).append(local_id)
        found: dict[Name, str] = {}
        columns = PATIENT_RECORD.c
        with self._index.database.read() as connection:
            for key, local_ids in by_authority.items():
                for part in _parts(local_ids):
                    statement = sa.select(columns.local_id, columns.demographics)
                    rows = connection.execute(statement.where(columns.authority == key, columns.local_id.in_(part)))
                    found |= {(key, local_id): demographics for local_id, demographics in rows}
        return found

    def _given_out(self, affinity_ids: Sequence[str]) -> set[str]:
        """Of these identifiers of the affinity domain those that are somebody's."""
        found: set[str] = set()
        with self._index.database.read() as connection:
            for part in _parts(affinity_ids):
                found |= set(connection.scalars(sa.select(PERSON.c.affinity_id).where(PERSON.c.affinity_id.in_(part))))
        return found

    # --- writing -----------------------------------------------------------------------------------------------------------

    def _finish(self, run: _Run, job: Job, made: Future[Built] | None = None) -> None:
        """Writes a block; when another transaction wrote one of its identifiers meanwhile, looks again which are new."""
        built = build(job) if made is None else made.result()
        built.job = job
        for _ in range(ROUNDS):
            job = built.job
            run.underway -= {(a.authority.key, a.local_id) for a in job.arrivals}
            try:
                self._index.database.attempt(lambda work, made=built: self._write(work, run, made))  # type: ignore[misc]
            except IntegrityError:
                run.loaded.rows -= len(job.arrivals)
                fresh = build(self._job(run, [a.row for a in job.arrivals]))
                fresh.unchanged += built.unchanged
                fresh.doubts += [doubt for doubt in built.doubts if not doubt.taken]
                built = fresh
                continue
            self._note(run, built)
            return
        raise Unavailable(violation(Condition.RECORD_LOCKED, "record", "others are adding the same records; try again"))

    def _write(self, work: Work, run: _Run, built: Built) -> None:
        write(work.connection, built)
        if run.options.is_queued:
            for arrival in built.job.arrivals:
                work.tell(MATCH, str(arrival.record))

    def _note(self, run: _Run, built: Built) -> None:
        for doubt in sorted(built.doubts, key=lambda d: d.row.line):
            run.errors.add(doubt.row, doubt.reason, taken=doubt.taken)
        refused = sum(not doubt.taken for doubt in built.doubts)
        run.loaded.doubtful += len(built.doubts) - refused
        run.loaded.refused += refused
        run.loaded.unchanged += built.unchanged
        run.loaded.added += len(built.job.arrivals)
        log.info("block imported", records=len(built.job.arrivals), rows=run.loaded.rows)

    def _take_repeated(self, run: _Run) -> None:
        """Rows whose identifier stood in the file before: by now its record is there to be compared with."""
        while run.later:
            rows, run.later = run.later[: run.options.block], run.later[run.options.block :]
            run.loaded.rows -= len(rows)
            self._finish(run, self._job(run, rows))


def write(connection: Connection, built: Built) -> None:
    """Writes everything of a block."""
    put(connection, PERSON, built.persons)
    put(connection, PATIENT_RECORD, built.records)
    put(connection, IDENTIFIER, built.identifiers)
    put(connection, NAME_INDEX, built.names)
    put(connection, PLACE_INDEX, built.places)
    put(connection, CONTACT_INDEX, built.contacts)
    put_pairs(connection, BLOCKING_KEY, built.keys, built.owners)


@contextmanager
def _builders(processes: int) -> Iterator[Callable[[Job], Future[Built] | None]]:
    """How blocks are built: in further processes while this one writes, or here when it is their turn."""
    if not processes:
        yield lambda _: None
        return
    with ExitStack() as stack:
        # what is built holds no rings, and looking for some would take a quarter of the time
        pool: Executor = stack.enter_context(ProcessPoolExecutor(processes, get_context("spawn"), gc.disable))
        stack.callback(pool.shutdown, wait=True, cancel_futures=True)
        yield lambda job: pool.submit(build_apart, job)


def _parts(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), _ASKED_AT_ONCE):
        yield values[start : start + _ASKED_AT_ONCE]
