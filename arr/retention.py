"""Keeping records no longer than one must: segments are sealed, exported, and dropped when their time is over.

Who seals may only add; who drops must own the tables. A patient who is held keeps every segment that she occurs in.
"""

from __future__ import annotations

import gzip
import json
import os
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from hashlib import sha256
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from access.subject import Subject
from arr import seals, store
from arr.chain import BLOCK, START, Tree, canonical, chained, leaf_hash, node_hash
from arr.packing import unpacked
from arr.ports import NoDirectory, PatientDirectory
from arr.proofs import inclusion_path
from arr.seals import Act, Seal
from arr.service import URI
from arr.settings import ArrSettings
from arr.signing import SignedNote, Trust
from arr.tables import HOLD
from arr.terms import Kind, term
from atna.message import Outcome
from atna.participants import AuditContext
from atna.system_events import audit_log_used
from atna.vocabulary import Action, LifeCycle
from kernel.database import Database, Work, insert_into
from kernel.errors import Condition, HieError, Refused, Unavailable, rejected, violation
from kernel.times import Clock

_PACKING: Final = 3
"""How hard exports are packed: a third of the time of gzip's own choice, a tenth more of disk."""


class State(Enum):
    """How far a segment is."""

    OPEN = "open"
    FULL = "full"
    SEALED = "sealed"
    DROPPED = "dropped"


class Why(Enum):
    """Why a segment is not dropped."""

    HELD = "a patient in it is held"
    NOT_EXPORTED = "its export is not there, or is not of these records"


@dataclass(frozen=True, slots=True)
class Segment:
    """Records from `first` to `last`, which came between `since` and `until` (milliseconds since 1970)."""

    first: int
    last: int
    since: int
    until: int
    state: State


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of a segment whose time is over: it goes, unless something is in the way."""

    segment: Segment
    kept_because: Why | None


@dataclass(frozen=True, slots=True)
class Hold:
    """A patient (CX) whose records are not dropped; by whom, since when (milliseconds since 1970) and why."""

    patient: str
    why: str
    held_by: str
    held_at: int


class Retention:
    """What is done to whole segments, each time on the record."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Clock,
        context: AuditContext,
        settings: ArrSettings,
        trust: Trust,
        directory: PatientDirectory | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._context = context
        self._settings = settings
        self._trust = trust
        self._directory = directory or NoDirectory()

    def segments(self, subject: Subject) -> tuple[Segment, ...]:
        """Every segment, dropped ones too, the oldest first."""
        with self._database.read() as connection:
            found = tuple(self._segments(connection))
        with self._database.begin() as work:
            self._tell(work, subject, b"segments")
        return found

    def seal(self, folder: Path, subject: Subject, before: datetime | None = None) -> Iterator[Segment]:
        """Seals every full segment whose records all came before, the oldest first, and writes each into a file of the folder.

        The records are held against chain and tree; raises `Unavailable` when they are not what was recorded, or when there is no
        key to sign with.
        """
        limit = _milliseconds(before) if before else self._now() + 1
        with self._database.read() as connection:
            found = list(self._segments(connection))
        for segment in found:
            if segment.state is State.FULL and segment.until < limit:
                yield self._seal(segment, folder, subject)
            elif segment.state in (State.FULL, State.OPEN):
                return

    def retain(
        self, folder: Path, subject: Subject, why: str, *, before: datetime | None = None, is_rehearsal: bool = False
    ) -> Iterator[Fate]:
        """Drops the sealed segments whose records all came before a moment, by default as long ago as records must be kept.

        Raises `Refused` unless the database's role owns the tables, `Rejected` when the moment is younger than that, `Unavailable`
        while somebody reads the records. A rehearsal only tells.
        """
        limit = self._limit(before)
        if not is_rehearsal:
            self._require_owner(subject)
        with self._database.read() as connection:
            sealed = {s.first: s for s in self._kept(connection, Act.SEALED)}
            old = [s for s in self._segments(connection) if s.state is State.SEALED and s.until < limit]
        for segment in old:
            seal = sealed[segment.first]
            kept_because = self._in_the_way(seal, folder)
            if kept_because is None and not is_rehearsal:
                self._drop(seal, subject, why)
            yield Fate(segment, kept_because)

    def hold(self, patient: str, why: str, subject: Subject) -> None:
        """Records of the patient are not dropped until she is released."""
        with self._database.begin() as work:
            values = {"patient": patient, "why": why, "held_by": subject.user, "held_at": work.now}
            kept = {name: values[name] for name in ("why", "held_by", "held_at")}
            statement = insert_into(work.connection, HOLD).values(**values)
            work.connection.execute(statement.on_conflict_do_update(index_elements=["patient"], set_=kept))
            self._tell(work, subject, f"hold&why={why}".encode(), patient)

    def release(self, patient: str, subject: Subject) -> bool:
        """The patient is held no longer; false when she was not."""
        with self._database.begin() as work:
            gone = work.connection.execute(HOLD.delete().where(HOLD.c.patient == patient)).rowcount
            self._tell(work, subject, b"release", patient)
        return gone > 0

    def holds(self, subject: Subject) -> tuple[Hold, ...]:
        """Who is held, the longest first."""
        with self._database.begin() as work:
            rows = work.connection.execute(sa.select(HOLD).order_by(HOLD.c.held_at, HOLD.c.patient)).all()
            self._tell(work, subject, b"holds")
        return tuple(Hold(row.patient, row.why, row.held_by, row.held_at) for row in rows)

    # inside

    def _now(self) -> int:
        return _milliseconds(self._clock())

    def _kept(self, connection: Connection, act: Act) -> list[Seal]:
        return seals.believed(connection, act, self._trust.keys)

    def _segments(self, connection: Connection) -> Iterator[Segment]:
        head = _head(connection)
        if head is None:
            return
        sealed = {seal.first: seal for seal in self._kept(connection, Act.SEALED)}
        dropped = {seal.first for seal in self._kept(connection, Act.DROPPED)}
        size = self._settings.segment_records
        for first, last in seals.ranges(connection, list(sealed.values()), head.sequence, size):
            if first in sealed:
                state = State.DROPPED if first in dropped else State.SEALED
                yield Segment(first, last, sealed[first].since, sealed[first].until, state)
                continue
            # the partition that the head stands in is never closed, so that there always is a last one
            is_full = last < head.sequence
            times = seals.received_between(connection, first, last if is_full else head.sequence)
            if times is not None:
                yield Segment(first, last, *times, State.FULL if is_full else State.OPEN)

    def _seal(self, segment: Segment, folder: Path, subject: Subject) -> Segment:
        path = folder / file_name(segment.first, segment.last)
        draft = path.with_name(path.name + ".part")
        with draft.open("wb") as file:
            with gzip.GzipFile(filename="", fileobj=file, mode="wb", compresslevel=_PACKING, mtime=0) as packed:
                seal, signed = self._written(segment, subject, packed.write)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(path)
        with self._database.begin() as work:
            seals.keep(work.connection, seal, signed)
            self._tell(work, subject, b"seal", segment=seal)
        return Segment(seal.first, seal.last, seal.since, seal.until, State.SEALED)

    def _written(self, segment: Segment, subject: Subject, write: Callable[[bytes], object]) -> tuple[Seal, SignedNote]:
        """The head, every record with its path, and the seal at the end."""
        with self._database.read() as connection:
            if not self._database.is_sqlite:
                connection.execution_options(isolation_level="REPEATABLE READ")
            head = _head(connection)
            if head is None:
                raise _damaged(segment)
            write(_line({"note": head.note.text, "signature": head.note.signature.hex(), "key": head.note.key_id}))
            reading = _Reading(connection, segment, head.sequence, self._kept(connection, Act.DROPPED))
            for line in reading.lines():
                write(line)
        seal = Seal(
            log_id=head.log_id,
            act=Act.SEALED,
            first=segment.first,
            last=segment.last,
            before=reading.before,
            begins=reading.begins,
            ends=reading.ends,
            root=reading.tree.root,
            since=reading.since,
            until=reading.until,
            made_at=self._now(),
            who=subject.user,
            why="",
        )
        signed = self._signed(seal)
        write(_line({"seal": signed.text, "signature": signed.signature.hex(), "key": signed.key_id}))
        return seal, signed

    def _signed(self, seal: Seal) -> SignedNote:
        if self._trust.signer is None:
            raise Unavailable(violation(Condition.CONTENT_DAMAGED, "audit log", "there is no key to sign with"))
        return self._trust.signer.sign(seal.text)

    def _limit(self, before: datetime | None) -> int:
        years = self._settings.retention_years
        if years is None:
            raise rejected(Condition.PARAMETER_MISSING, "arr.retention_years", "set how many years records are kept")
        now = self._clock().astimezone(UTC)
        youngest = now.replace(year=now.year - years, day=min(now.day, 28))
        if before is not None and before > youngest:
            raise rejected(Condition.PARAMETER_INVALID, "before", f"records are kept for {years} years: {youngest:%Y-%m-%d}")
        return _milliseconds(before or youngest)

    def _require_owner(self, subject: Subject) -> None:
        with self._database.read() as connection:
            if seals.is_owner(connection):
                return
        why = Refused(violation(Condition.NOT_ALLOWED, "database", "only the role that owns the tables drops records"))
        self._database.record_refusal(lambda work: self._tell(work, subject, b"drop", outcome=Outcome.SERIOUS.because(why.detail)))
        raise why

    def _in_the_way(self, seal: Seal, folder: Path) -> Why | None:
        if self._is_held(seal):
            return Why.HELD
        return None if is_export_of(folder / file_name(seal.first, seal.last), seal) else Why.NOT_EXPORTED

    def _is_held(self, seal: Seal) -> bool:
        with self._database.read() as connection:
            patients = connection.execute(sa.select(HOLD.c.patient)).scalars().all()
            known = {name for patient in patients for name in (patient, *self._directory.identifiers(patient))}
            terms = [term(Kind.PATIENT, name) for name in sorted(known)]
            return bool(terms) and seals.has_any(connection, terms, seal.first, seal.last)

    def _drop(self, seal: Seal, subject: Subject, why: str) -> None:
        tombstone = replace(seal, act=Act.DROPPED, made_at=self._now(), who=subject.user, why=why)
        signed = self._signed(tombstone)

        def act(work: Work) -> None:
            store.lock(work.connection)
            seals.keep(work.connection, tombstone, signed)
            seals.drop(work.connection, seal.first, seal.last)
            self._tell(work, subject, f"drop&why={why}".encode(), segment=tombstone)

        self._database.attempt(act)

    def _tell(
        self,
        work: Work,
        subject: Subject,
        asked: bytes,
        patient: str = "",
        *,
        segment: Seal | None = None,
        outcome: Outcome = Outcome.SUCCESS,
    ) -> None:
        uri = f"{URI}:{segment.first}-{segment.last}" if segment else URI
        event = audit_log_used(
            self._context,
            subject,
            when=self._clock(),
            outcome=outcome,
            uris=[uri],
            query=asked,
            patient_ids=[patient] if patient else [],
        )
        if segment is not None and segment.act is Act.DROPPED:
            log, *others = event.objects
            event = replace(event, action=Action.DELETE, objects=(replace(log, life_cycle=LifeCycle.PERMANENT_ERASURE), *others))
        work.audit(event.to_xml())


class _Reading:
    """The records of a segment as lines of an export; each is held against the chain, each block against the tree."""

    def __init__(self, connection: Connection, segment: Segment, size: int, dropped: Sequence[Seal]) -> None:
        self._connection = connection
        self._dropped = dropped
        self._segment = segment
        self._size = size
        self._subtrees = store.StoredSubtrees(connection)
        self.tree = Tree()
        self.before = self.begins = self.ends = START
        self.since, self.until = segment.since, segment.until

    def lines(self) -> Iterator[bytes]:
        """Every record. Raises `Unavailable` when one is not what was recorded."""
        if self._segment.first > 1:
            self.before = self._hash_before()
        self.ends = self.before
        block: list[tuple[int, str, bytes, bytes]] = []
        expected = self._segment.first
        for sequence, kept, origin, packing, data in store.records(self._connection, expected - 1):
            if sequence > self._segment.last:
                break
            content = self._content(packing, data)
            leaf = leaf_hash(canonical(origin, content))
            if sequence != expected or chained(self.ends, sequence, leaf) != kept:
                raise _damaged(self._segment)
            self.ends = kept
            self.begins = kept if sequence == self._segment.first else self.begins
            self._count_time(origin)
            block.append((sequence, origin, content, leaf))
            expected += 1
            if len(block) == BLOCK:
                yield from self._block(block)
                block = []
        if expected != self._segment.last + 1:
            raise _damaged(self._segment)

    def _hash_before(self) -> bytes:
        found = store.rows(self._connection, [self._segment.first - 1])
        if found:
            return found[self._segment.first - 1].hash
        ends = [seal.ends for seal in self._dropped if seal.last == self._segment.first - 1]
        if not ends:
            raise _damaged(self._segment)
        return ends[0]

    def _content(self, packing: int, data: bytes) -> bytes:
        try:
            return unpacked(packing, data)
        except ValueError:
            raise _damaged(self._segment) from None

    def _count_time(self, origin: str) -> None:
        received_at = int(json.loads(origin)[0])
        self.since, self.until = min(self.since, received_at), max(self.until, received_at)

    def _block(self, block: Sequence[tuple[int, str, bytes, bytes]]) -> Iterator[bytes]:
        levels = [[leaf for *_, leaf in block]]
        while len(levels[-1]) > 1:
            below = levels[-1]
            levels.append([node_hash(below[at], below[at + 1]) for at in range(0, len(below), 2)])
        number = (block[0][0] - 1) // BLOCK
        if store.block_roots(self._connection, number, 1) != levels[-1]:
            raise _damaged(self._segment)
        self.tree.add_block(levels[-1][0])
        above = [node.hex() for node in inclusion_path(self._subtrees, block[0][0] - 1, self._size)[len(levels) - 1 :]]
        for at, (sequence, origin, content, _) in enumerate(block):
            path = [level[(at >> height) ^ 1].hex() for height, level in enumerate(levels[:-1])] + above
            yield _line({"sequence": sequence, "origin": origin, "data": b64encode(content).decode(), "path": path})


def file_name(first: int, last: int) -> str:
    """Of the export of a segment."""
    return f"audit-{first:012}-{last:012}.jsonl.gz"


def is_export_of(path: Path, seal: Seal) -> bool:
    """Whether the file holds every record of the segment, as they were sealed, and ends with that seal."""
    tree, expected, is_sealed = Tree(), seal.first, False
    try:
        with gzip.open(path, "rb") as file:
            next(file)
            for line in file:
                found = json.loads(line)
                if "seal" in found:
                    is_sealed = found["seal"] == seal.text
                    continue
                if found["sequence"] != expected:
                    return False
                tree.add(sha256(b"\0" + found["origin"].encode() + b"\n" + b64decode(found["data"])).digest())
                expected += 1
    except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, StopIteration):
        return False
    return is_sealed and expected == seal.last + 1 and tree.root == seal.root


def _head(connection: Connection) -> store.Head | None:
    try:
        return store.head(connection)
    except ValueError:
        where = violation(Condition.CONTENT_DAMAGED, "audit log", "the head of the audit log is damaged; verify it")
        raise Unavailable(where) from None


def _line(what: dict[str, object]) -> bytes:
    return json.dumps(what, separators=(",", ":")).encode() + b"\n"


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _damaged(segment: Segment) -> HieError:
    where = f"records {segment.first} to {segment.last}"
    return Unavailable(violation(Condition.CONTENT_DAMAGED, where, "they are not what was recorded; verify the audit log"))
