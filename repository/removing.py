"""The removal of documents (ITI-86): the rows go in one unit of work, the bytes as soon as nothing can need them."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Final

from access.subject import Subject
from atna import events
from atna.message import Outcome
from atna.participants import outcome_of
from ebrim.retrieve import DocumentRequest
from kernel.database import Database, Work
from kernel.errors import Condition, HieError, Rejected, Unavailable, Violation, rejected, violation
from repository.model import DocumentRecord, Removal, RepositoryContext, State
from repository.store import RepositoryStore
from repository.vault import Vault

_log = logging.getLogger(__name__)

IN_FLIGHT: Final = timedelta(hours=1)
"""Bytes published more recently may belong to a submission whose rows are not there yet; the sweep removes those later."""


class DocumentRemover:
    """Takes documents out of the repository. The registry is not told: a document administrator removes the entries by ITI-62."""

    def __init__(self, database: Database, vault: Vault, context: RepositoryContext) -> None:
        self._database = database
        self._vault = vault
        self._context = context
        self._store = RepositoryStore()

    def remove(self, requests: Sequence[DocumentRequest], subject: Subject) -> Removal:
        """ITI-86. What was removed, and what is wrong with the others; one document named twice is one.

        From the commit on nobody is given the documents; a failure of the vault leaves bytes for the sweep and no more. Raises
        `Rejected` for more documents than one request may name.
        """
        wanted = tuple(dict.fromkeys(requests))
        if len(wanted) > self._context.retrieve_limit:
            detail = f"{len(wanted)} documents named, {self._context.retrieve_limit} at the most are removed at once"
            raise rejected(Condition.REMOVAL_FAILED, "", detail)
        with self._database.begin() as work:
            removed, violations = self._taken_out(work, wanted, subject)
        self._discard({record.content.sha256 for record in removed})
        return Removal(tuple(record.unique_id for record in removed), violations)

    def refuse(self, requests: Sequence[DocumentRequest], subject: Subject, error: HieError) -> None:
        """Leaves the audit record of an ITI-86 that was not carried out."""
        documents = [_audited(request, None, None) for request in requests]
        self._database.record_refusal(lambda work: self._leave(work, documents, subject, outcome_of(error)))

    def _taken_out(
        self, work: Work, wanted: Sequence[DocumentRequest], subject: Subject
    ) -> tuple[list[DocumentRecord], tuple[Violation, ...]]:
        """Deletes the rows and leaves the record of it, in one commit."""
        ours = [r.document_unique_id for r in wanted if r.repository_unique_id == self._context.repository_unique_id]
        # in the order of their ids, so that two requests for the same documents wait for each other and not crosswise
        removed = {record.unique_id: record for record in self._store.remove_documents(work, sorted(set(ours)))}
        present = self._store.documents(work.connection, sorted(set(ours) - removed.keys()))
        problems = {request: self._problem(request, removed, present) for request in wanted}
        documents = [_audited(r, removed.get(r.document_unique_id), problems[r]) for r in wanted]
        self._leave(work, documents, subject, Outcome.SUCCESS)
        return list(removed.values()), tuple(filter(None, problems.values()))

    def _leave(self, work: Work, documents: Sequence[events.AuditedDocument], subject: Subject, outcome: Outcome) -> None:
        for event in events.remove_documents(
            self._context.audit, subject, when=self._context.clock(), outcome=outcome, documents=documents
        ):
            work.audit(event.to_xml())

    def _problem(
        self, request: DocumentRequest, removed: dict[str, DocumentRecord], present: dict[str, DocumentRecord]
    ) -> Violation | None:
        if request.repository_unique_id != self._context.repository_unique_id:
            return violation(
                Condition.REPOSITORY_UNKNOWN, request.repository_unique_id, "this repositoryUniqueId is not served here"
            )
        if request.document_unique_id in removed:
            return None
        record = present.get(request.document_unique_id)
        if record is None or record.state in (State.ORPHAN, State.RECEIVED):
            return violation(Condition.DOCUMENT_UNKNOWN, request.document_unique_id, "no document has this uniqueId")
        detail = "its registration has not come to its end; try again later"
        return violation(Condition.REMOVAL_FAILED, request.document_unique_id, detail)

    def _discard(self, keys: set[str]) -> None:
        """The bytes of documents that no other document has."""
        cutoff = self._context.clock() - IN_FLIGHT
        for key in sorted(self._unreferred(keys)):
            try:
                self._vault.discard(key, unless_since=cutoff)
            except (Unavailable, OSError):
                _log.warning("the content %s is left for the sweep", key)

    def _unreferred(self, keys: set[str]) -> Iterator[str]:
        with self._database.read() as connection:
            referred = self._store.referred(connection, sorted(keys))
        yield from keys - referred


def _audited(request: DocumentRequest, record: DocumentRecord | None, problem: Violation | None) -> events.AuditedDocument:
    return events.AuditedDocument(
        request.document_unique_id,
        request.repository_unique_id,
        request.home,
        record.patient_id if record else "",
        outcome_of(Rejected(problem)) if problem else None,
    )
