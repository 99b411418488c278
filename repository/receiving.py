"""A Document Recipient (XDR, ITI TF-1 15): submissions with limited metadata are kept until somebody completes and files them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from access.subject import Subject
from ebrim.model import DocumentEntry, Submission
from ebrim.reader import read_submission
from ebrim.writer import submit_objects_request
from kernel.database import Database
from kernel.errors import Condition, Rejected, Violation, rejected, violation, warning
from kernel.xml import parse_xml
from repository import rules
from repository.model import DocumentRecord, Receipt, ReceivedDocument, RepositoryContext
from repository.ports import RegistryPort
from repository.providing import Audit, Providing
from repository.store import RepositoryStore
from repository.vault import Content, Vault
from soap.exchange import Attachment, PartHeaders


class DocumentRecipient:
    """Receives without asking a registry; nobody is given the documents until they are filed."""

    def __init__(self, database: Database, vault: Vault, registry: RegistryPort, context: RepositoryContext) -> None:
        self._database = database
        self._vault = vault
        self._context = context
        self._providing = Providing(database, vault, registry, context)
        self._store = RepositoryStore()

    def receive(
        self, submission: Submission, documents: Sequence[ReceivedDocument], subject: Subject, audit: Audit | None = None
    ) -> Sequence[Violation]:
        """ITI-41 to a Document Recipient. Gives the warning that the documents wait; the same request again is answered the same.

        Raises `Rejected` and `Unavailable` as `Providing.provide`.
        """
        found = tuple(rules.judge(submission, documents))
        if any(v.is_error for v in found):
            raise Rejected(found)
        metadata = submit_objects_request(submission)
        attachments = {document.entry_id: document.attachment for document in documents}
        records = [_record(entry, attachments[entry.id]) for entry in submission.entries]
        set_id = submission.submission_sets[0].unique_id
        receipt = Receipt(set_id, _digest(metadata, records), metadata, subject.source)
        if not self._is_known(receipt):
            for document in documents:
                self._vault.publish(document.attachment)
            self._keep(receipt, records)
        with self._database.begin() as work:
            if audit is not None:
                work.audit(audit())
        for document in documents:
            document.attachment.path.unlink(missing_ok=True)
        return (*found, warning(Condition.DOCUMENT_QUEUED, set_id, "it was received with limited metadata and waits to be filed"))

    def waiting(self) -> Sequence[Receipt]:
        """What waits to be filed, the oldest first."""
        with self._database.read() as connection:
            return self._store.receipts(connection)

    def submission(self, set_unique_id: str) -> Submission:
        """What was received, as it was sent. Raises `Rejected` when there is none that waits."""
        with self._database.read() as connection:
            receipt = self._store.receipt(connection, set_unique_id)
        if receipt is None or receipt.is_filed:
            raise rejected(Condition.DOCUMENT_UNKNOWN, set_unique_id, "nothing that was received under this uniqueId waits")
        return read_submission(parse_xml(receipt.metadata))

    def file(self, set_unique_id: str, completed: Submission, subject: Subject) -> Sequence[Violation]:
        """Registers what was received, with its metadata completed; gives the registry's warnings.

        Raises `Rejected`, `RejectedByRegistry` and `Unavailable`; then it waits on.
        """
        original = self.submission(set_unique_id)
        ids = [entry.unique_id for entry in original.entries]
        if [entry.unique_id for entry in completed.entries] != ids:
            raise rejected(Condition.METADATA_INVALID, set_unique_id, "these are not the entries that were received")
        with self._database.read() as connection:
            records = self._store.documents(connection, ids)
        staged = [ReceivedDocument(e.id, self._staged(records[e.unique_id].content)) for e in completed.entries]
        try:
            warnings = self._providing.provide(completed, staged, subject)
        finally:
            for document in staged:
                document.attachment.path.unlink(missing_ok=True)
        with self._database.begin() as work:
            self._store.mark_filed(work, set_unique_id)
        return warnings

    def _is_known(self, receipt: Receipt) -> bool:
        """Raises `Rejected` when another one was received under the same uniqueId."""
        with self._database.read() as connection:
            known = self._store.receipt(connection, receipt.set_unique_id)
        if known is not None and known.digest != receipt.digest:
            raise rejected(
                Condition.UNIQUE_ID_IN_USE, receipt.set_unique_id, "another submission set with this uniqueId was received"
            )
        return known is not None

    def _keep(self, receipt: Receipt, records: Sequence[DocumentRecord]) -> None:
        with self._database.begin() as work:
            if self._store.receipt(work.connection, receipt.set_unique_id) is not None:
                return  # the same request, a moment earlier
            taken = self._store.add_receipt(work, receipt, records)
            present = self._store.documents(work.connection, taken)
            contents = {record.unique_id: record.content for record in records}
            differing = [unique_id for unique_id in taken if present[unique_id].content != contents[unique_id]]
            if differing:
                told = "another document with this uniqueId is stored"
                raise Rejected(violation(Condition.HASH_DIFFERS, unique_id, told) for unique_id in differing)

    def _staged(self, content: Content) -> Attachment:
        """The bytes once more, as if they had just come. Raises `Unavailable` when they are damaged."""
        sink = self._vault.stage(PartHeaders("received@affinity"))
        try:
            for chunk in self._vault.open(content).chunks():
                sink.write(chunk)
            return sink.close()
        except BaseException:
            sink.abort()
            raise


def without_label(submission: Submission) -> Submission:
    """The same as full metadata: whether they are is for the registry to judge."""
    return replace(
        submission,
        entries=tuple(replace(entry, limited_metadata=False) for entry in submission.entries),
        submission_sets=tuple(replace(one, limited_metadata=False) for one in submission.submission_sets),
        folders=tuple(replace(folder, limited_metadata=False) for folder in submission.folders),
    )


def _record(entry: DocumentEntry, attachment: Attachment) -> DocumentRecord:
    content = Content(attachment.sha256, attachment.size)
    return DocumentRecord(entry.unique_id, content, attachment.sha1, entry.mime_type, entry.patient_id)


def _digest(metadata: bytes, records: Sequence[DocumentRecord]) -> bytes:
    digest = hashlib.sha256(metadata)
    for record in records:
        digest.update(bytes.fromhex(record.content.sha256))
    return digest.digest()
