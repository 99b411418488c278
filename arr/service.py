"""The use cases of the audit record repository: take and append, search and show, export, verify."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from access.subject import Subject
from arr import partitions, seals, store
from arr.intake import audit_xml, prepare
from arr.model import AuditRecord, AuditSearch, Channel, Cursor, Page, Prepared, Received, Use
from arr.packing import PLAIN, delivered, unpacked
from arr.ports import NoDirectory, PatientDirectory
from arr.proofs import growth_path, inclusion_path
from arr.seals import Act
from arr.settings import ArrSettings
from arr.signing import Note, SignedNote, Trust
from arr.terms import FLAWED, Kind, term, words_of
from arr.verification import Progress, Report, Verifier
from arr.witness import last_witnessed, read_witness, tell_witness
from atna.message import Indicator, Outcome
from atna.participants import AuditContext, outcome_of
from atna.system_events import audit_log_used
from kernel.database import Database, Work
from kernel.errors import Condition, HieError, Unavailable, violation
from kernel.times import Clock

URI: Final = "urn:affinity:audit"
PAGE_LIMIT: Final = 1_000
"""Records on one page at the most."""
_EXPORT_PAGE: Final = 500
_SCAN_PAGES: Final = 20


@dataclass(frozen=True, slots=True)
class RecordProof:
    """A record, its path from the leaf up, and the signed head whose root the path leads to."""

    record: AuditRecord
    path: tuple[bytes, ...]
    head: SignedNote


@dataclass(frozen=True, slots=True)
class GrowthProof:
    """That the log of the signed head begins with the `before` records it once had."""

    before: int
    path: tuple[bytes, ...]
    head: SignedNote


class AuditService:
    """The log. One instance serves every thread of a process."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Clock,
        context: AuditContext,
        new_log_id: Callable[[], str],
        settings: ArrSettings,
        trust: Trust | None = None,
        directory: PatientDirectory | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._context = context
        self._new_log_id = new_log_id
        self._settings = settings
        trust = trust or Trust()
        self._signer = trust.signer
        self._keys = trust.keys
        self._directory = directory or NoDirectory()
        self._room = 0

    # taking

    def record(self, received: Sequence[Received]) -> int:
        """ITI-20: appends messages as they came, in one unit of work; gives the number of the last. Nothing is turned away."""
        prepared = [prepare(one) for one in received]
        return self._database.attempt(lambda work: self.append(work, prepared))

    def prepare(self, messages: Sequence[bytes]) -> list[Prepared]:
        """Messages of our own outbox, as carried there, ready for `append`; no unit of work is needed, and none should be open."""
        now = self._now()
        prepared = []
        for packing, small, data in map(delivered, messages):
            # a message that was not worth packing is looked at again: short ones cost little
            known = (packing, small) if packing != PLAIN else None
            prepared.append(prepare(Received(data, Channel.LOCAL, now), as_packed=known))
        return prepared

    def append(self, work: Work, prepared: Sequence[Prepared]) -> int:
        """Appends within a unit of work of the caller; gives the number of the last record."""
        store.lock(work.connection)
        before = self._head(work.connection)
        if not prepared:
            return before.sequence if before else 0
        self._make_room(work.connection, (before.sequence if before else 0) + len(prepared))
        try:
            sequence, last, tree = store.append(work.connection, before, prepared)
        except IntegrityError as problem:
            raise _damaged() from problem
        log_id = before.log_id if before else self._new_log_id()
        note = self._signed(Note(log_id, sequence, tree.root, last, work.now))
        store.save_head(work.connection, log_id, sequence, last, tree, note)
        every = self._settings.checkpoint_records
        if sequence // every > (before.sequence if before else 0) // every:
            store.save_checkpoint(work.connection, sequence, note)
        return sequence

    def checkpoint(self) -> int:
        """Keeps the present head for good and shows it to the witness; to be called every minute. Gives the log's length."""
        with self._database.begin() as work:
            store.lock(work.connection)
            head = self._head(work.connection)
            if head is not None:  # a partition ahead, so that no message waits for one
                self._make_room(work.connection, head.sequence + self._settings.segment_records)
            if head is not None and store.last_checkpoint(work.connection) < head.sequence:
                store.save_checkpoint(work.connection, head.sequence, head.note)
        if self._settings.witness_file is not None:
            self._tell_witness(self._settings.witness_file)
        return head.sequence if head else 0

    # using: each use is itself audited

    def search(
        self, wanted: AuditSearch, subject: Subject, *, limit: int = 50, before: Cursor | None = None, use: Use | None = None
    ) -> Page:
        """The newest records that fit, older than `before`. Patients are found by every identifier of theirs."""
        page = self._page(self._of_persons(wanted), limit, before)
        uris = [use.address_of(record.sequence) for record in page.records] if use else []
        self._tell_use(subject, uris or [URI], str(wanted).encode(), wanted.patients, use)
        return page

    def scan(
        self,
        wanted: AuditSearch,
        subject: Subject,
        fits: Callable[[AuditRecord], bool],
        *,
        limit: int,
        before: Cursor | None,
        use: Use,
    ) -> Page:
        """As `search`, of those that `fits` lets through, which no index finds: a page may be short, and the next one goes on."""
        found: list[AuditRecord] = []
        for _ in range(_SCAN_PAGES):
            page = self._page(wanted, PAGE_LIMIT, before)
            for record in page.records:
                before = _cursor_of(record)
                if fits(record):
                    found.append(record)
                    if len(found) == limit:
                        break
            if len(found) == limit or page.following is None:
                break
        is_last = page.following is None and (not page.records or before == _cursor_of(page.records[-1]))
        self._tell_use(subject, [URI], str(wanted).encode(), (), use)
        return Page(tuple(found), None if is_last else before)

    def view(self, sequence: int, subject: Subject, *, use: Use | None = None) -> AuditRecord | None:
        """One record by its number; None when there is none."""
        with self._database.read() as connection:
            row = store.rows(connection, [sequence]).get(sequence)
        self._tell_use(subject, [use.address_of(sequence) if use else f"{URI}:{sequence}"], None, (), use)
        return _record(row) if row else None

    def collect(
        self, wanted: Sequence[AuditSearch], subject: Subject, why: str, limit: int
    ) -> tuple[tuple[AuditRecord, ...], bool]:
        """Every record that fits one of the searches, newest first, and whether there are more than `limit`; used for a report."""
        found: dict[int, AuditRecord] = {}
        is_cut = False
        for one in map(self._of_persons, wanted):
            before: Cursor | None = None
            while len(found) < limit:
                page = self._page(one, PAGE_LIMIT, before)
                found |= {record.sequence: record for record in page.records}
                before = page.following
                if before is None:
                    break
            is_cut = is_cut or before is not None
        asked = " or ".join(map(str, wanted))
        self._tell_use(subject, [URI], f"{why}&{asked}".encode(), [p for one in wanted for p in one.patients])
        newest = sorted(found.values(), key=lambda r: (r.summary.event_at, r.sequence), reverse=True)
        return tuple(newest[:limit]), is_cut or len(newest) > limit

    def count_by_day(
        self, since: datetime | None, until: datetime | None, subject: Subject
    ) -> dict[tuple[int, str, int | None], int]:
        """How many records there are of each day (since 1970, UTC), kind of event and outcome; None is that of unreadable ones."""
        with self._database.read() as connection:
            found = store.counts_by_day(connection, _milliseconds(since), _milliseconds(until))
        self._tell_use(subject, [URI], b"report daily", ())
        return found

    def dropped(self) -> tuple[int, datetime | None]:
        """How many records are gone by tombstones, and when the last of them came; nothing of the log is shown, so it is no use."""
        with self._database.read() as connection:
            gone = seals.believed(connection, Act.DROPPED, self._keys)
        until = max((seal.until for seal in gone), default=None)
        return sum(seal.count for seal in gone), None if until is None else datetime.fromtimestamp(until / 1000, UTC)

    def tell_refused(self, subject: Subject, why: HieError, query: bytes, use: Use) -> None:
        """Puts on the record that somebody was not let at the log, or asked for what it cannot give."""
        self._tell_use(subject, [URI], query, (), use, outcome_of(why))

    def export(self, wanted: AuditSearch, subject: Subject) -> Iterator[bytes]:
        """The signed head of the log, then every record that fits, newest first, each a line of JSON.

        A record's line holds how it came, the bytes received and the path to the head's root, all of which `verify_export.py`
        verifies, and nothing else.
        """
        self._tell_use(subject, [URI], f"export&{wanted}".encode(), wanted.patients)
        return self._exported(self._of_persons(wanted))

    def prove(self, sequence: int, subject: Subject) -> RecordProof | None:
        """That a record is in the log its signed head speaks of; None when there is no such record."""
        self._tell_use(subject, [f"{URI}:{sequence}"], b"prove", ())
        with self._one_instant() as connection:
            head = self._head(connection)
            row = store.rows(connection, [sequence]).get(sequence)
            if head is None or row is None:
                return None
            path = inclusion_path(store.StoredSubtrees(connection), sequence - 1, head.sequence)
        return RecordProof(_record(row), path, head.note)

    def prove_growth(self, before: int, subject: Subject) -> GrowthProof | None:
        """That the log has only grown since it had `before` records; None when it never had so many, or none.

        None also when it needs records that were dropped; it does not where a segment ended.
        """
        self._tell_use(subject, [URI], f"prove growth&{before}".encode(), ())
        with self._one_instant() as connection:
            head = self._head(connection)
            if head is None or not 0 < before <= head.sequence:
                return None
            try:
                path = growth_path(store.StoredSubtrees(connection), before, head.sequence)
            except ValueError:
                return None
        return GrowthProof(before, path, head.note)

    def verify(self, subject: Subject | None, *, deep: bool = False, progress: Progress = lambda _: None) -> Report:
        """Reads the whole log; `deep` reads every message again as well. Without a subject it is no use, but our own care."""
        witnessed = read_witness(self._settings.witness_file) if self._settings.witness_file else ()
        if subject is not None:
            self._tell_use(subject, [URI], b"verify", ())
        verifier = Verifier(self._keys, witnessed, progress)
        with self._one_instant() as connection:
            return verifier.run(connection, deep=deep)

    # inside

    def _now(self) -> int:
        return int(self._clock().timestamp() * 1000)

    @contextmanager
    def _one_instant(self) -> Iterator[Connection]:
        """A connection whose every statement sees the same records."""
        with self._database.read() as connection:
            if self._database.is_sqlite:
                yield connection
            else:
                yield connection.execution_options(isolation_level="REPEATABLE READ")

    def _make_room(self, connection: Connection, upto: int) -> None:
        """Room for record `upto`; the caller holds the lock. What is remembered was there before this unit of work, so it stays."""
        if upto > self._room:
            self._room = partitions.room(connection)
        if upto > self._room:
            partitions.make_room(connection, upto, self._settings.segment_records)

    def _head(self, connection: Connection) -> store.Head | None:
        try:
            return store.head(connection)
        except ValueError:
            raise _damaged() from None

    def _signed(self, note: Note) -> SignedNote:
        return self._signer.sign(note.text) if self._signer else SignedNote(note.text)

    def _of_persons(self, wanted: AuditSearch) -> AuditSearch:
        """The same search for every identifier of the persons asked for."""
        known = (found for patient in wanted.patients for found in (patient, *self._directory.identifiers(patient)))
        return replace(wanted, patients=tuple(dict.fromkeys(known)))

    def _tell_use(
        self,
        subject: Subject,
        uris: Sequence[str],
        query: bytes | None,
        patients: Sequence[str],
        use: Use | None = None,
        outcome: Outcome = Outcome.SUCCESS,
    ) -> None:
        event = audit_log_used(
            self._context, subject, when=self._clock(), outcome=outcome, uris=uris, query=query, patient_ids=patients
        )
        if use is not None:
            event = replace(event, types=(use.kind,))
        with self._database.begin() as work:
            work.audit(event.to_xml())

    def _page(self, wanted: AuditSearch, limit: int, before: Cursor | None) -> Page:
        limit = max(1, min(limit, PAGE_LIMIT))
        with self._database.read() as connection:
            rows = store.find(connection, _condition(wanted), before, limit + 1)
        following = Cursor(rows[limit - 1].event_at, rows[limit - 1].sequence) if len(rows) > limit else None
        return Page(tuple(map(_record, rows[:limit])), following)

    def _exported(self, wanted: AuditSearch) -> Iterator[bytes]:
        with self._one_instant() as connection:
            head = self._head(connection)
            if head is None:
                return
            yield _head_line(head.note)
            subtrees = store.StoredSubtrees(connection)
            before: Cursor | None = None
            while rows := store.find(connection, _condition(wanted), before, _EXPORT_PAGE):
                for row in rows:
                    yield _line(_record(row), inclusion_path(subtrees, row.sequence - 1, head.sequence))
                before = Cursor(rows[-1].event_at, rows[-1].sequence)

    def _tell_witness(self, path: Path) -> None:
        with self._database.read() as connection:
            fresh = store.checkpoints(connection, last_witnessed(path))
        tell_witness(path, [signed for _, signed in fresh])


def _cursor_of(record: AuditRecord) -> Cursor:
    return Cursor(record.summary.event_at, record.sequence)


def _damaged() -> Unavailable:
    return Unavailable(violation(Condition.CONTENT_DAMAGED, "audit log", "the head of the audit log is damaged; verify it"))


def _record(row: store.RecordRow) -> AuditRecord:
    try:
        received = Received.of_origin(row.origin, unpacked(row.packing, row.data))
    except (ValueError, TypeError):
        received = Received(b"", Channel.LOCAL, row.received_at, flaws=("DAMAGED",))
    return AuditRecord(row.sequence, row.hash, received, store.summary_of(row), audit_xml(received))


def _head_line(note: SignedNote) -> bytes:
    what = {"note": note.text, "signature": note.signature.hex(), "key": note.key_id}
    return json.dumps(what, separators=(",", ":")).encode() + b"\n"


def _line(record: AuditRecord, path: Sequence[bytes]) -> bytes:
    what = {
        "sequence": record.sequence,
        "origin": record.received.origin,
        "data": b64encode(record.received.data).decode(),
        "path": [node.hex() for node in path],
    }
    return json.dumps(what, separators=(",", ":")).encode() + b"\n"


def _condition(wanted: AuditSearch) -> store.Condition:
    """The search as terms; the field that finds least stands first."""
    fields = (
        (Kind.FLAW, (FLAWED,) if wanted.is_flawed else ()),
        (Kind.OBJECT, wanted.objects),
        (Kind.PATIENT, wanted.patients),
        (Kind.USER, wanted.users),
        (Kind.PURPOSE, wanted.purposes),
        (Kind.ROLE, wanted.roles),
        (Kind.ADDRESS, wanted.addresses),
        (Kind.EVENT, wanted.event_types),
        (Kind.EVENT, wanted.events),
        (Kind.SOURCE, wanted.sources),
        (Kind.ALTERNATIVE, wanted.alternatives),
        (Kind.OBJECT_KIND, wanted.object_kinds),
    )
    groups = [tuple(dict.fromkeys(term(kind, value) for value in values)) for kind, values in fields if values]
    words = [(term(Kind.WORD, word),) for word in words_of(wanted.text) or ((wanted.text,) if wanted.text else ())]
    # an object, a patient or a user is rarer than most words; a role or an event is not
    leading = sum(map(bool, (wanted.is_flawed, wanted.objects, wanted.patients, wanted.users)))
    groups[leading:leading] = words
    outcomes = tuple(int(o) for o in wanted.outcomes)
    if outcomes and Indicator.SUCCESS not in wanted.outcomes:  # failures are few, and have terms
        groups.append(tuple(term(Kind.OUTCOME, str(o)) for o in outcomes))
        outcomes = ()
    since, until, came, gone = (_milliseconds(at) for at in (wanted.since, wanted.until, *wanted.received))
    return store.Condition(tuple(groups), since, until, outcomes, wanted.actions, (came, gone))


def _milliseconds(at: datetime | None) -> int | None:
    return None if at is None else int(at.timestamp() * 1000)
