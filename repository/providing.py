"""Documents kept, then registered: two units of work with a named state between (ITI TF-2 3.41.4.1.3)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from access.subject import Subject
from ebrim.model import DocumentEntry, Submission
from ebrim.writer import submit_objects_request
from kernel.database import Database, Work
from kernel.errors import Condition, Rejected, Violation, rejected, violation
from repository import rules
from repository.model import DocumentRecord, ReceivedDocument, RepositoryContext, State, SubmissionRecord
from repository.ports import RegistryPort, RejectedByRegistry
from repository.store import RepositoryStore
from repository.vault import Content, Vault

Audit = Callable[[], bytes]
"""Makes the audit message that is left in the commit which ends it."""


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One submission on its way through: as the registry gets it, and what is kept of its documents."""

    submission: Submission
    record: SubmissionRecord
    records: tuple[DocumentRecord, ...]

    @property
    def unique_ids(self) -> tuple[str, ...]:
        return tuple(record.unique_id for record in self.records)


class Providing:
    """Keeps documents and has them registered. Safe to be called from many threads."""

    def __init__(self, database: Database, vault: Vault, registry: RegistryPort, context: RepositoryContext) -> None:
        self._database = database
        self._vault = vault
        self._registry = registry
        self._context = context
        self._store = RepositoryStore()

    def provide(
        self, submission: Submission, documents: Sequence[ReceivedDocument], subject: Subject, audit: Audit | None = None
    ) -> Sequence[Violation]:
        """Keeps the documents and registers them; returns warnings. What was staged is gone when it returns.

        Raises `Rejected` when nothing is kept, `RejectedByRegistry` when the registry said no, `Unavailable` when it is not known
        what the registry did or there is no room: then the same may be asked for again and goes on from there.
        """
        found = tuple(rules.judge(submission, documents))
        if any(v.is_error for v in found):
            raise Rejected(found)
        attempt = self._attempt(submission, documents)
        if self._is_done(attempt, subject):
            self._finish(attempt, documents, audit, is_settled=True)
            return found
        for document in documents:
            self._vault.publish(document.attachment)
        self._database.attempt(lambda work: self._store_attempt(work, attempt))
        warnings = self._register(attempt, subject)
        self._finish(attempt, documents, audit)
        return (*found, *warnings)

    def _attempt(self, submission: Submission, documents: Sequence[ReceivedDocument]) -> _Attempt:
        attachments = {document.entry_id: document.attachment for document in documents}
        digest = hashlib.sha256(submit_objects_request(submission))
        entries, records = [], []
        for entry in submission.entries:
            attachment = attachments[entry.id]
            digest.update(bytes.fromhex(attachment.sha256))
            content = Content(attachment.sha256, attachment.size)
            records.append(DocumentRecord(entry.unique_id, content, attachment.sha1, entry.mime_type, entry.patient_id))
            entries.append(self._completed(entry, attachment.sha1, attachment.size))
        record = SubmissionRecord(submission.submission_sets[0].unique_id, digest.digest(), State.STORED)
        return _Attempt(replace(submission, entries=tuple(entries)), record, tuple(records))

    def _completed(self, entry: DocumentEntry, sha1: str, size: int) -> DocumentEntry:
        """ITI TF-2 3.41.4.1.3: the repository says where the document is, how long, and what its hash is."""
        return replace(entry, repository_unique_id=(self._context.repository_unique_id,), hash=(sha1,), size=(str(size),))

    def _is_done(self, attempt: _Attempt, subject: Subject) -> bool:
        """Whether this very submission was registered before, and still is, so that the sender only missed our answer.

        Raises `Rejected` early where the constraints would do so after the documents were published.
        """
        with self._database.read() as connection:
            known = self._store.submission(connection, attempt.record.set_unique_id)
            present = self._store.documents(connection, attempt.unique_ids)
        if known is not None and known.state is State.REGISTERED:
            if known.digest != attempt.record.digest:
                raise _set_in_use(known)
            if len(present) == len(attempt.records) and self._is_held(attempt, subject):
                return True
        _require_same_content(attempt, present)
        return False

    def _store_attempt(self, work: Work, attempt: _Attempt) -> None:
        """The rows of a submission. Raises `Rejected`."""
        if not self._store.add_submission(work, attempt.record):
            known = self._store.submission(work.connection, attempt.record.set_unique_id, lock=True)
            is_whole = len(self._store.documents(work.connection, attempt.unique_ids)) == len(attempt.records)
            self._store.restart_submission(work, _begun_again(known, attempt.record, is_whole=is_whole))
        # in the order of their ids, so that two submissions of the same documents wait for each other and not crosswise
        ordered = sorted(attempt.records, key=lambda record: record.unique_id)
        taken = [record.unique_id for record in ordered if not self._store.add_document(work, record, attempt.record)]
        if taken:
            _require_same_content(attempt, self._store.documents(work.connection, taken))

    def _register(self, attempt: _Attempt, subject: Subject) -> Sequence[Violation]:
        """Raises `RejectedByRegistry` after the documents were made orphans, and `Unavailable`."""
        try:
            return self._registry.register(attempt.submission, subject)
        except Rejected as no:
            if _says_in_use(no) and self._was_registered(attempt, subject):
                return ()
            with self._database.begin() as work:
                self._store.settle_orphan(work, attempt.record)
            raise RejectedByRegistry(no.violations) from no

    def _was_registered(self, attempt: _Attempt, subject: Subject) -> bool:
        """Whether an earlier or a simultaneous request of the same submission did it, and only its end was not seen here."""
        with self._database.read() as connection:
            known = self._store.submission(connection, attempt.record.set_unique_id)
        if known is None or known.digest != attempt.record.digest:
            return False
        return known.state is State.REGISTERED or (known.attempts > 1 and self._is_held(attempt, subject))

    def _is_held(self, attempt: _Attempt, subject: Subject) -> bool:
        entries = self._registry.entries(attempt.unique_ids, subject)
        return not rules.missing_from(attempt.records, entries, self._context.repository_unique_id)

    def _finish(
        self, attempt: _Attempt, documents: Sequence[ReceivedDocument], audit: Audit | None, *, is_settled: bool = False
    ) -> None:
        with self._database.begin() as work:
            if not is_settled:  # what is settled is not written again: it might have been removed a moment ago
                self._store.settle_registered(work, attempt.record, attempt.records)
            if audit is not None:
                work.audit(audit())
        for document in documents:
            document.attachment.path.unlink(missing_ok=True)


def _says_in_use(no: Rejected) -> bool:
    return any(v.condition is Condition.UNIQUE_ID_IN_USE for v in no.violations)


def _set_in_use(known: SubmissionRecord) -> Rejected:
    return rejected(Condition.UNIQUE_ID_IN_USE, known.set_unique_id, "another submission set with this uniqueId is registered")


def _begun_again(known: SubmissionRecord | None, present: SubmissionRecord, *, is_whole: bool) -> SubmissionRecord:
    """The submission with its attempts counted. Raises `Rejected` when the registry has another of the same set.

    One that was registered and whose documents were removed since (ITI-86) is a new one: only the registry, should it have been
    relieved of the set as well, can let it in again. A request that comes twice does not bring back what was removed.
    """
    if known is None or known.state is State.ORPHAN:
        return present
    is_same = known.digest == present.digest
    if known.state is State.REGISTERED and not is_same:
        raise _set_in_use(known)
    if known.state is State.REGISTERED and not is_whole:
        return present
    return replace(present, attempts=known.attempts + 1) if is_same else present


def _require_same_content(attempt: _Attempt, present: Mapping[str, DocumentRecord]) -> None:
    """A uniqueId that is in use names the same bytes for ever (ITI TF-2 3.41.4.1.3). Raises `Rejected`."""
    found = tuple(_differences(attempt, present))
    if found:
        raise Rejected(found)


def _differences(attempt: _Attempt, present: Mapping[str, DocumentRecord]) -> Iterator[Violation]:
    for record in attempt.records:
        other = present.get(record.unique_id)
        if other is not None and other.state is not State.ORPHAN and other.content != record.content:
            yield violation(Condition.HASH_DIFFERS, record.unique_id, "another document with this uniqueId is stored")
