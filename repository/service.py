"""Provide and register, retrieve: the use cases of a document repository."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

from access.subject import Subject
from atna import events
from atna.message import Outcome
from atna.participants import outcome_of
from ebrim.model import Submission
from ebrim.retrieve import DocumentRequest
from kernel.database import Database, Work
from kernel.errors import Condition, HieError, Rejected, Unavailable, Violation, rejected, violation
from repository.model import (
    DocumentRecord,
    OnDemandRecord,
    ReceivedDocument,
    RepositoryContext,
    Retrieval,
    RetrievedDocument,
    State,
)
from repository.on_demand import OnDemandDocuments
from repository.ports import RegistryPort
from repository.providing import Providing
from repository.receiving import DocumentRecipient
from repository.store import RepositoryStore
from repository.vault import Vault

_log = logging.getLogger(__name__)


class RepositoryService:
    """A document repository. Safe to be called from many threads."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        registry: RegistryPort,
        context: RepositoryContext,
        on_demand: OnDemandDocuments | None = None,
        recipient: DocumentRecipient | None = None,
    ) -> None:
        self._database = database
        self._vault = vault
        self._context = context
        self._store = RepositoryStore()
        self._on_demand = on_demand
        self._recipient = recipient
        self._providing = Providing(database, vault, registry, context)

    # --- ITI-41

    def provide_and_register(
        self, submission: Submission, documents: Sequence[ReceivedDocument], subject: Subject
    ) -> Sequence[Violation]:
        """ITI-41. Keeps the documents and registers them; returns warnings. What was staged is gone when it returns.

        Raises `Rejected` when nothing is kept, `RejectedByRegistry` when the registry said no, `Unavailable` when it is not known
        what the registry did or there is no room: then the same request may be sent again and goes on from there.
        """
        held = submission.submission_set
        provide = self._providing.provide
        if self._recipient is not None and held is not None and held.limited_metadata:
            provide = self._recipient.receive
        return provide(submission, documents, subject, lambda: self._provision_event(submission, subject, Outcome.SUCCESS))

    def refuse_provision(self, submission: Submission | None, subject: Subject, error: HieError) -> None:
        """Leaves the audit record of an ITI-41 that was not carried out; what could not be read is None."""
        message = self._provision_event(submission, subject, outcome_of(error))
        self._database.record_refusal(lambda work: work.audit(message))

    def _provision_event(self, submission: Submission | None, subject: Subject, outcome: Outcome) -> bytes:
        held = submission.submission_set if submission else None
        return events.provide_and_register(
            self._context.audit,
            subject,
            when=self._context.clock(),
            outcome=outcome,
            patient_id=held.patient_id if held else None,
            submission_set_unique_id=held.unique_id if held else None,
        ).to_xml()

    # --- ITI-43

    def retrieve(self, requests: Sequence[DocumentRequest], subject: Subject) -> Retrieval:
        """ITI-43. The documents that were found, their bytes checked, and what is wrong with the others.

        The audit record is there before a byte leaves. Raises `Rejected` for more documents than one answer may hold.
        """
        if len(requests) > self._context.retrieve_limit:
            detail = f"{len(requests)} documents asked for, {self._context.retrieve_limit} at the most are given at once"
            raise rejected(Condition.TOO_MANY_RESULTS, "", detail)
        with self._database.read() as connection:
            wanted = {r.document_unique_id for r in requests}
            records = self._store.documents(connection, sorted(wanted))
            on_demand = self._store.on_demand(connection, sorted(wanted - records.keys()))
        found: list[RetrievedDocument] = []
        violations: list[Violation] = []
        audited: list[events.AuditedDocument] = []
        for request in requests:
            record = records.get(request.document_unique_id)
            made = on_demand.get(request.document_unique_id)
            result = self._opened(request, record) if made is None else self._made(request, made, subject)
            if isinstance(result, RetrievedDocument):
                found.append(result)
            else:
                violations.append(result)
            audited.append(_audited(request, record, None if isinstance(result, RetrievedDocument) else result))
        with self._database.begin() as work:
            self._audit_retrieval(work, audited, subject, Outcome.SUCCESS)
        return Retrieval(found, violations)

    def refuse_retrieval(self, requests: Sequence[DocumentRequest], subject: Subject, error: HieError) -> None:
        """Leaves the audit record of an ITI-43 that was not carried out."""
        documents = [_audited(request, None, None) for request in requests]
        self._database.record_refusal(lambda work: self._audit_retrieval(work, documents, subject, outcome_of(error)))

    def _made(self, request: DocumentRequest, record: OnDemandRecord, subject: Subject) -> RetrievedDocument | Violation:
        if self._on_demand is None or request.repository_unique_id != self._context.repository_unique_id:
            return self._opened(request, None)
        given = self._on_demand.give(request, record, subject)
        if not isinstance(given, DocumentRecord):
            return given
        opened = self._opened(request, given)
        if not isinstance(opened, RetrievedDocument):
            return opened
        return replace(
            opened,
            document_unique_id=request.document_unique_id,
            new_repository_unique_id=self._context.repository_unique_id,
            new_document_unique_id=given.unique_id,
        )

    def _opened(self, request: DocumentRequest, record: DocumentRecord | None) -> RetrievedDocument | Violation:
        if request.repository_unique_id != self._context.repository_unique_id:
            return violation(
                Condition.REPOSITORY_UNKNOWN, request.repository_unique_id, "this repositoryUniqueId is not served here"
            )
        if record is None or record.state in (State.ORPHAN, State.RECEIVED):
            return violation(Condition.DOCUMENT_UNKNOWN, request.document_unique_id, "no document has this uniqueId")
        try:
            opened = self._vault.open(record.content)
        except Unavailable as problem:
            if problem.condition is Condition.CONTENT_DAMAGED:
                _log.error("the content %s is damaged or missing", record.content.sha256)
                self._context.on_damage(record.content)
            return violation(problem.condition, request.document_unique_id, problem.detail)
        return RetrievedDocument(
            request.repository_unique_id, record.unique_id, record.mime_type, request.home, record.content.size, opened
        )

    def _audit_retrieval(self, work: Work, documents: Sequence[events.AuditedDocument], subject: Subject, outcome: Outcome) -> None:
        for event in events.retrieve_document_set(
            self._context.audit, subject, when=self._context.clock(), outcome=outcome, documents=documents
        ):
            work.audit(event.to_xml())


def _audited(request: DocumentRequest, record: DocumentRecord | None, problem: Violation | None) -> events.AuditedDocument:
    return events.AuditedDocument(
        request.document_unique_id,
        request.repository_unique_id,
        request.home,
        record.patient_id if record else "",
        outcome_of(Rejected(problem)) if problem else None,
    )
