"""A client of XDS.b for any server: provide and register, find, retrieve (ITI-41, 18, 43)."""

from __future__ import annotations

import hashlib
import shutil
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from app.client_documents import facts_in
from app.client_metadata import DocumentFile, FileFacts, SubmissionMetadata, submission_of
from app.contracts import FOLDER
from ebrim.model import CodedValue, DocumentEntry, EntryType, Status, Submission
from ebrim.query import QuerySlot, adhoc_query_request, quoted, quoted_list
from ebrim.responses import RegistryAnswer, ResponseStatus, read_query_response, read_registry_response
from ebrim.retrieve import DocumentRequest, DocumentResponse, provide_request, read_retrieve_response, retrieve_request
from ebrim.uuids import QueryId
from kernel.errors import Condition, Rejected, Unreadable, Violation, violation
from kernel.identifiers import NewUuid, PatientId
from kernel.times import Clock, dtm_of
from soap.exchange import OutgoingPart
from soap.zeep_client import Reply, SoapClient

_CHUNK: Final = 256 << 10
_STABLE_AND_ON_DEMAND: Final = (EntryType.STABLE.value, EntryType.ON_DEMAND.value)


@dataclass(frozen=True, slots=True)
class Server:
    """A server of XDS.b: the addresses of its doors, and how to reach them.

    What arrives goes to the folder `spool` first, best on the file system where it is to stay. `timeout` is in seconds.
    """

    registry: str
    repository: str
    spool: Path
    timeout: float = 60.0
    tls: ssl.SSLContext | None = None

    @classmethod
    def at(cls, url: str, spool: Path, *, timeout: float = 60.0, tls: ssl.SSLContext | None = None) -> Server:
        """A server of ours, by its address alone; an address with a path is that of one service of any make."""
        return cls(service_at(url, "/xds/registry"), service_at(url, "/xds/repository"), spool, timeout, tls)


def service_at(url: str, path: str) -> str:
    """The address of a service: as it is when it has a path, else our path below it."""
    return url if urlsplit(url).path.strip("/") else url.rstrip("/") + path


@dataclass(frozen=True, slots=True)
class ProvidedFile:
    """A document to be sent: the id of its entry, where its bytes are, and their number."""

    entry_id: str
    path: Path
    size: int


@dataclass(frozen=True, slots=True)
class SubmittedDocument:
    """A document that was provided, as its entry says."""

    file: str
    unique_id: str
    mime_type: str
    size: int
    sha1: str


@dataclass(frozen=True, slots=True)
class Submitted:
    """What became of a submission: the set's uniqueId, the documents, and the server's warnings."""

    submission_set: str
    documents: tuple[SubmittedDocument, ...]
    warnings: tuple[Violation, ...] = ()


@dataclass(frozen=True, slots=True)
class FoundDocument:
    """One row of an answer to a query; times and codes as registered, codes as `code^^scheme`."""

    unique_id: str
    entry_uuid: str
    repository_unique_id: str
    title: str
    mime_type: str
    creation_time: str
    class_code: str
    type_code: str
    format_code: str
    status: str
    size: str
    sha1: str
    patient_id: str
    author: str
    is_on_demand: bool
    home: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a search for documents is narrowed to. Times are DTM from (included) to (excluded); codes are `code^^scheme`."""

    status: tuple[Status, ...] = (Status.APPROVED,)
    class_codes: tuple[str, ...] = ()
    type_codes: tuple[str, ...] = ()
    format_codes: tuple[str, ...] = ()
    created_from: str = ""
    created_to: str = ""
    author: str = ""
    with_on_demand: bool = False


EVERYTHING: Final = Wanted()


@dataclass(frozen=True, slots=True)
class Retrieved:
    """A document on disk; `unique_id` is its own where an on-demand document was made."""

    path: Path
    unique_id: str
    mime_type: str
    size: int
    sha1: str
    sha256: str


class XdsClient:
    """Speaks the transactions of a source and a consumer to one server.

    Every call raises `Unavailable` when the server does not answer, `soap.zeep_client.SoapFaultReceived` for a fault, and
    `Rejected` with the server's own errors when it refuses.
    """

    def __init__(self, server: Server, *, clock: Clock, new_uuid: NewUuid) -> None:
        self._clock = clock
        self._new_uuid = new_uuid
        self._registry = _soap(server, "registry.wsdl", server.registry)
        self._repository = _soap(server, "repository.wsdl", server.repository)

    def submit(self, files: Sequence[DocumentFile], patient_id: PatientId, metadata: SubmissionMetadata) -> Submitted:
        """ITI-41: the files in one submission set. The documents are read twice, for their digests and to be sent."""
        facts = [_facts(file) for file in files]
        submission = submission_of(facts, patient_id, metadata, now=dtm_of(self._clock()), new_uuid=self._new_uuid)
        sent = [ProvidedFile(entry.id, fact.file.path, fact.size) for fact, entry in zip(facts, submission.entries, strict=True)]
        warnings = self.provide(submission, sent)
        documents = tuple(
            SubmittedDocument(fact.file.path.name, entry.unique_id, entry.mime_type, fact.size, fact.sha1)
            for fact, entry in zip(facts, submission.entries, strict=True)
        )
        return Submitted(submission.submission_sets[0].unique_id, documents, warnings)

    def provide(self, submission: Submission, files: Sequence[ProvidedFile]) -> tuple[Violation, ...]:
        """ITI-41 of a submission as it is, with a file for each of its entries; the server's warnings."""
        kinds = {entry.id: entry.mime_type for entry in submission.entries}
        parts, pairs = [], []
        for file in files:
            content_id = f"{self._new_uuid()[-36:]}@hie"
            parts.append(OutgoingPart(content_id, kinds[file.entry_id], file.size, _chunks(file.path)))
            pairs.append((file.entry_id, content_id))
        body = provide_request(submission, pairs)
        reply = self._repository.call("DocumentRepository_ProvideAndRegisterDocumentSet-b", body, parts, mtom=True)
        return _successful(read_registry_response(reply.body)).violations

    def find(self, patient_id: PatientId, wanted: Wanted = EVERYTHING) -> tuple[FoundDocument, ...]:
        """ITI-18 FindDocuments: the documents of a patient."""
        slots = [QuerySlot("$XDSDocumentEntryPatientId", (quoted(patient_id.cx),)), *_narrowed(wanted)]
        return self._query(QueryId.FIND_DOCUMENTS, slots)

    def locate(self, unique_id: str) -> FoundDocument:
        """ITI-18 GetDocuments: the entry of a document, the approved one first. Raises `Rejected` when there is none."""
        slots = [QuerySlot("$XDSDocumentEntryUniqueId", (quoted_list([unique_id]),))]
        named = (d for d in self._query(QueryId.GET_DOCUMENTS, slots) if d.unique_id == unique_id)
        found = sorted(named, key=lambda d: d.status != Status.APPROVED.name)
        if not found:
            raise Rejected(violation(Condition.DOCUMENT_UNKNOWN, unique_id, "the registry has no document with this uniqueId"))
        return found[0]

    def retrieve(self, unique_id: str, target: Path, *, repository_unique_id: str = "", home: str = "") -> Retrieved:
        """ITI-43: one document to a file. Without a repository's id the registry is asked for it, and for the hash to compare with.

        `target` is a file, or a folder in which the file is named by the uniqueId. It appears whole or not at all.
        """
        expected = ""
        if not repository_unique_id:
            entry = self.locate(unique_id)
            repository_unique_id, home = entry.repository_unique_id, home or entry.home
            expected = "" if entry.is_on_demand else entry.sha1.lower()
        body = retrieve_request([DocumentRequest(repository_unique_id, unique_id, home)])
        reply = self._repository.call("DocumentRepository_RetrieveDocumentSet", body, mtom=True)
        try:
            return _kept(reply, _target(target, unique_id), expected)
        finally:
            reply.discard()

    def close(self) -> None:
        """Closes the connections."""
        self._registry.close()
        self._repository.close()

    def _query(self, query: QueryId, slots: Sequence[QuerySlot]) -> tuple[FoundDocument, ...]:
        reply = self._registry.call("DocumentRegistry_RegistryStoredQuery", adhoc_query_request(query.value, slots))
        found = read_query_response(reply.body)
        _successful(found.answer)
        return tuple(map(_row, found.objects.entries))


def _soap(server: Server, contract: str, endpoint: str) -> SoapClient:
    return SoapClient(
        FOLDER / contract,
        endpoint,
        timeout=server.timeout,
        spool=server.spool,
        tls=server.tls,
        away=Condition.PEER_UNAVAILABLE,
    )


def _facts(file: DocumentFile) -> FileFacts:
    """Size, SHA-1 and time of a file. Raises `Rejected` when it cannot be read."""
    digest = hashlib.sha1(usedforsecurity=False)  # the profile's hash: it tells documents apart, it does not protect them
    size = 0
    try:
        for chunk in _chunks(file.path):
            digest.update(chunk)
            size += len(chunk)
        changed = datetime.fromtimestamp(file.path.stat().st_mtime, UTC)
        says = facts_in(file.path)
    except OSError as problem:
        raise Rejected(violation(Condition.DOCUMENT_MISSING, file.path.name, problem.strerror or "cannot be read")) from None
    return FileFacts(file, size, digest.hexdigest(), dtm_of(changed), says)


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as opened:
        while chunk := opened.read(_CHUNK):
            yield chunk


def _successful(answer: RegistryAnswer) -> RegistryAnswer:
    """The answer of a success, perhaps with warnings. Raises `Rejected` otherwise."""
    if answer.status is ResponseStatus.SUCCESS:
        return answer
    errors = answer.violations
    if not any(e.is_error for e in errors):
        status = answer.status.name if answer.status else "none of the profile's"
        errors = (*errors, violation(Condition.INTERNAL, "answer", f"the status is {status} and no error says why"))
    raise Rejected(errors)


def _narrowed(wanted: Wanted) -> Iterator[QuerySlot]:
    yield QuerySlot("$XDSDocumentEntryStatus", (quoted_list(s.value for s in wanted.status),))
    lists = {
        "ClassCode": wanted.class_codes,
        "TypeCode": wanted.type_codes,
        "FormatCode": wanted.format_codes,
        "AuthorPerson": (wanted.author,) if wanted.author else (),
        "Type": _STABLE_AND_ON_DEMAND if wanted.with_on_demand else (),
    }
    for name, values in lists.items():
        if values:
            # one Value for each: a Value has 256 characters at most
            yield QuerySlot(f"$XDSDocumentEntry{name}", tuple(quoted_list([v]) for v in values))
    for name, time in (("CreationTimeFrom", wanted.created_from), ("CreationTimeTo", wanted.created_to)):
        if time:
            yield QuerySlot(f"$XDSDocumentEntry{name}", (time,))


def _row(entry: DocumentEntry) -> FoundDocument:
    return FoundDocument(
        unique_id=entry.unique_id,
        entry_uuid=entry.id,
        repository_unique_id=_first(entry.repository_unique_id),
        title=entry.title_text,
        mime_type=entry.mime_type,
        creation_time=_first(entry.creation_time),
        class_code=_code(entry.class_codes),
        type_code=_code(entry.type_codes),
        format_code=_code(entry.format_codes),
        status=next((s.name for s in Status if s.value == entry.status), entry.status),
        size=_first(entry.size),
        sha1=_first(entry.hash),
        patient_id=entry.patient_id,
        author="; ".join(person for author in entry.authors for person in author.person),
        is_on_demand=entry.is_on_demand,
        home=entry.home,
    )


def _kept(reply: Reply, target: Path, expected: str) -> Retrieved:
    answer = read_retrieve_response(reply.body)
    if not answer.documents:
        _successful(answer.answer)
        raise Unreadable(violation(Condition.MALFORMED, "answer", "it says success and brings no document"))
    document = answer.documents[0]
    attachment = reply.attachments.get(document.content.content_id)
    if attachment is None:
        raise Unreadable(violation(Condition.MALFORMED, "answer", document.content.problem or "the document has no content"))
    if expected and expected != attachment.sha1:
        detail = f"its SHA-1 is {attachment.sha1}, registered is {expected}"
        raise Rejected(violation(Condition.CONTENT_DIFFERS, document.document_unique_id, detail))
    shutil.move(attachment.path, target)
    return Retrieved(target, _own_id(document), document.mime_type, attachment.size, attachment.sha1, attachment.sha256)


def _own_id(document: DocumentResponse) -> str:
    return document.new_document_unique_id or document.document_unique_id


def _target(target: Path, unique_id: str) -> Path:
    if not target.is_dir():
        return target
    # a uniqueId may be root^extension; what is no letter, digit or dot stays out of file names
    return target / "".join(c if c.isalnum() or c in ".-" else "_" for c in unique_id)


def _first(values: Sequence[str]) -> str:
    return values[0] if values else ""


def _code(values: Sequence[CodedValue]) -> str:
    return f"{values[0].code.code}^^{values[0].code.scheme}" if values else ""
