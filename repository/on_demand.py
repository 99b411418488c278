"""Documents that are made when they are asked for, and the snapshots that are kept of them (ITI TF-2 3.43.4.1.3, 3.61)."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from access.subject import Subject
from ebrim.model import (
    Association,
    AssociationType,
    CodedValue,
    DocumentEntry,
    EntryType,
    Identifier,
    Slot,
    Status,
    Submission,
    SubmissionSet,
)
from ebrim.retrieve import DocumentRequest
from ebrim.uuids import SLOT_SUBMISSION_SET_STATUS
from kernel.database import Database
from kernel.errors import Condition, Rejected, Unavailable, Violation, rejected, violation
from kernel.identifiers import EntryUuid, NewUuid, Oid, oid_from_uuid
from kernel.times import dtm_of
from repository.model import DocumentRecord, OnDemandRecord, ReceivedDocument, RepositoryContext, RetrievedDocument, State
from repository.ports import Draft, OnDemandProvider, RegistryPort
from repository.providing import Providing
from repository.store import RepositoryStore
from repository.vault import InMemory, Vault
from soap.exchange import PartHeaders

TRIES: Final = 8
"""Under how many ids one snapshot may be begun: an id is given up when its registration was left open, or its document removed."""
_TAKEN: Final = frozenset({Condition.UNIQUE_ID_IN_USE, Condition.HASH_DIFFERS, Condition.SIZE_DIFFERS})


@dataclass(frozen=True, slots=True)
class OnDemandOptions:
    """Who makes on-demand documents, and whether what was given out is kept and registered as a snapshot."""

    providers: Sequence[OnDemandProvider] = ()
    keeps_snapshots: bool = True


@dataclass(frozen=True, slots=True)
class _Wanted:
    """One on-demand document on its way out."""

    record: OnDemandRecord
    entry: DocumentEntry
    draft: Draft
    subject: Subject


class OnDemandDocuments:
    """The on-demand documents of a repository. Safe to be called from many threads."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        registry: RegistryPort,
        context: RepositoryContext,
        options: OnDemandOptions,
        *,
        new_uuid: NewUuid,
    ) -> None:
        self._database = database
        self._vault = vault
        self._registry = registry
        self._context = context
        self._providers: Mapping[str, OnDemandProvider] = {provider.name: provider for provider in options.providers}
        self._keeps_snapshots = options.keeps_snapshots
        self._new_uuid = new_uuid
        self._store = RepositoryStore()
        self._providing = Providing(database, vault, registry, context)

    def register(self, submission: Submission, provider: str, subject: Subject) -> Sequence[Violation]:
        """ITI-61: from now on the documents of these entries are made by `provider` when they are asked for. Gives warnings.

        Raises `Rejected`, `RejectedByRegistry`, `Unavailable`. What a registry did not take is never given out: whether it has
        the entry is asked each time.
        """
        held = submission.submission_set
        if provider not in self._providers:
            raise rejected(
                Condition.METADATA_INVALID, "provider", f"there is none of that name; there are {sorted(self._providers)}"
            )
        if held is None or len(held.content_type_codes) != 1 or not all(entry.is_on_demand for entry in submission.entries):
            raise rejected(Condition.METADATA_INVALID, "SubmissionSet", "one set with a contentTypeCode, on-demand entries alone")
        content_type = held.content_type_codes[0].code
        ours = tuple(
            replace(entry, repository_unique_id=(self._context.repository_unique_id,), hash=(), size=(), creation_time=())
            for entry in submission.entries
        )
        records = [OnDemandRecord(entry.unique_id, provider, content_type) for entry in ours]
        with self._database.begin() as work:
            self._store.put_on_demand(work, records)
        return self._registry.register_on_demand(replace(submission, entries=ours), subject)

    def give(
        self, request: DocumentRequest, record: OnDemandRecord, subject: Subject
    ) -> DocumentRecord | RetrievedDocument | Violation:
        """The snapshot of the document as it is now, or the document itself where none is kept, or why there is neither."""
        provider = self._providers.get(record.provider)
        try:
            entry = self._entry(record, subject)
            if provider is None or entry is None:
                return violation(Condition.DOCUMENT_UNKNOWN, request.document_unique_id, "no document has this uniqueId")
            wanted = _Wanted(record, entry, provider.draft(entry, subject), subject)
            is_approved = entry.status == Status.APPROVED.value
            # a registry takes no snapshot of an entry that is deprecated (ITI TF-3 4.2.2.2.6)
            return self._snapshot(wanted) if self._keeps_snapshots and is_approved else self._passing(request, wanted)
        except Unavailable as problem:
            is_registry = problem.condition is Condition.REGISTRY_UNAVAILABLE
            return violation(Condition.BUSY if is_registry else problem.condition, request.document_unique_id, problem.detail)
        except Rejected as no:
            detail = f"the registry does not take the snapshot: {no.detail}"
            return violation(Condition.INTERNAL, request.document_unique_id, detail)

    def _entry(self, record: OnDemandRecord, subject: Subject) -> DocumentEntry | None:
        """What the registry has of it, the Approved version first."""
        found = [
            entry
            for entry in self._registry.entries([record.unique_id], subject)
            if entry.is_on_demand and entry.repository_unique_id == (self._context.repository_unique_id,)
        ]
        return min(found, key=lambda entry: entry.status != Status.APPROVED.value, default=None)

    def _passing(self, request: DocumentRequest, wanted: _Wanted) -> RetrievedDocument:
        """Made for this one answer: without a repository where it could be had again."""
        unique_id = oid_from_uuid(self._new_uuid())
        data = wanted.draft.render(unique_id, self._context.clock())
        return RetrievedDocument(
            request.repository_unique_id,
            request.document_unique_id,
            wanted.draft.mime_type,
            request.home,
            len(data),
            InMemory(data),
            new_document_unique_id=unique_id,
        )

    def _snapshot(self, wanted: _Wanted) -> DocumentRecord:
        """Kept and registered before it is given out; as long as it would say the same, the one that is there."""
        ids = list(_snapshot_ids(wanted))
        with self._database.read() as connection:
            present = self._store.documents(connection, ids)
        for unique_id in ids:
            record = present.get(unique_id)
            if record is not None and record.state is State.REGISTERED:
                return record
            if record is not None and record.state is State.STORED:
                continue
            try:
                return self._made(unique_id, wanted)
            except Rejected as no:
                if not any(v.condition in _TAKEN for v in no.violations):
                    raise
        raise Unavailable(violation(Condition.BUSY, wanted.record.unique_id, "its snapshots were left unfinished; try again later"))

    def _made(self, unique_id: Oid, wanted: _Wanted) -> DocumentRecord:
        at = self._context.clock()
        submission = _snapshot_submission(wanted, unique_id, dtm_of(at), source_id=self._context.repository_unique_id)
        sink = self._vault.stage(PartHeaders("snapshot@affinity", wanted.draft.mime_type))
        try:
            sink.write(wanted.draft.render(unique_id, at))
            document = ReceivedDocument(submission.entries[0].id, sink.close())
            self._providing.provide(submission, [document], wanted.subject)
        finally:
            sink.abort()
        with self._database.read() as connection:
            return self._store.documents(connection, [unique_id])[unique_id]


def _snapshot_ids(wanted: _Wanted) -> Iterator[Oid]:
    """The uniqueIds that a snapshot of this content may have: whoever asks twice for the same gets the same document."""
    for number in range(TRIES):
        told = b"\0".join((wanted.record.unique_id.encode(), wanted.draft.fingerprint, str(number).encode()))
        yield _named(told)


def _named(told: bytes) -> Oid:
    return oid_from_uuid(EntryUuid(f"urn:uuid:{uuid.UUID(bytes=hashlib.sha256(told).digest()[:16], version=5)}"))


def _snapshot_submission(wanted: _Wanted, unique_id: Oid, now: str, *, source_id: str) -> Submission:
    """The stable entry, with all that the on-demand one says, and what ties the two (ITI TF-3 4.2.2.2.6)."""
    entry = replace(
        _without_ids(wanted.entry),
        id="Snapshot",
        object_type=EntryType.STABLE.value,
        mime_type=wanted.draft.mime_type,
        unique_ids=(Identifier(unique_id),),
        creation_time=(now,),
        document_availability=(),
    )
    held = SubmissionSet(
        id="SubmissionSet",
        patient_ids=(Identifier(entry.patient_id),),
        unique_ids=(Identifier(_named(b"set of " + unique_id.encode())),),
        source_ids=(Identifier(source_id),),
        content_type_codes=(CodedValue(wanted.record.content_type),),
        submission_time=(now,),
    )
    original = (Slot(SLOT_SUBMISSION_SET_STATUS, ("Original",)),)
    return Submission(
        entries=(entry,),
        submission_sets=(held,),
        associations=(
            Association(id="Member", type=AssociationType.HAS_MEMBER.value, source=held.id, target=entry.id, slots=original),
            Association(id="Of", type=AssociationType.IS_SNAPSHOT_OF.value, source=entry.id, target=wanted.entry.id),
        ),
    )


def _without_ids(entry: DocumentEntry) -> DocumentEntry:
    """An entry as it is submitted: what the registry added, and the ids of its parts, are left out."""
    return replace(
        entry,
        logical_id="",
        version="",
        status="",
        home="",
        sub_ids=(),
        patient_ids=(Identifier(entry.patient_id),),
        authors=tuple(replace(author, classification_id="", classified_object="") for author in entry.authors),
        class_codes=_codes(entry.class_codes),
        type_codes=_codes(entry.type_codes),
        format_codes=_codes(entry.format_codes),
        facility_codes=_codes(entry.facility_codes),
        practice_codes=_codes(entry.practice_codes),
        confidentiality_codes=_codes(entry.confidentiality_codes),
        event_codes=_codes(entry.event_codes),
    )


def _codes(values: Sequence[CodedValue]) -> tuple[CodedValue, ...]:
    return tuple(replace(value, classification_id="", classified_object="") for value in values)
