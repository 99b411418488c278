"""A registry at another address: ITI-42, and ITI-18 to see what it has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from access.subject import Subject
from atna import events
from atna.message import AuditMessage, Outcome
from atna.participants import Side, calling, outcome_of
from ebrim.model import DocumentEntry, Submission
from ebrim.query import QuerySlot, adhoc_query_request
from ebrim.responses import RegistryAnswer, ResponseStatus, read_query_response, read_registry_response
from ebrim.uuids import QueryId
from ebrim.writer import submit_objects_request
from kernel.database import Database
from kernel.errors import Condition, HieError, Refused, Rejected, Unavailable, Unreadable, Violation, violation
from repository.model import RepositoryContext
from repository.questions import slots_of_documents, slots_of_patient
from soap.zeep_client import Reply, SoapFaultReceived

REGISTER: Final = "DocumentRegistry_RegisterDocumentSet-b"
REGISTER_ON_DEMAND: Final = "DocumentRegistry_RegisterOnDemandDocumentEntry"
QUERY: Final = "DocumentRegistry_RegistryStoredQuery"
_PORTION: Final = 100
"""uniqueIds in one question."""
_COME_AGAIN: Final = frozenset({Condition.BUSY, Condition.OUT_OF_RESOURCES, Condition.REGISTRY_UNAVAILABLE})


class Caller(Protocol):
    """What is needed of a `SoapClient`."""

    def call(self, operation: str, body: bytes) -> Reply:
        """Sends a body and reads the answer."""
        ...


class RemoteRegistry:
    """A `RegistryPort` over the wire; leaves the audit records of a sender (Document Repository as source of ITI-42)."""

    def __init__(self, client: Caller, endpoint: str, database: Database, context: RepositoryContext) -> None:
        self._client = client
        self._endpoint = endpoint
        self._database = database
        self._context = context

    def register(self, submission: Submission, subject: Subject) -> Sequence[Violation]:
        """ITI-42. Raises `Rejected` when the registry said no, `Unavailable` when it is not known what it did."""
        return self._submit(REGISTER, events.register_document_set, submission, subject)

    def register_on_demand(self, submission: Submission, subject: Subject) -> Sequence[Violation]:
        """ITI-61. Raises as `register`."""
        return self._submit(REGISTER_ON_DEMAND, events.register_on_demand, submission, subject)

    def _submit(
        self, operation: str, event: Callable[..., AuditMessage], submission: Submission, subject: Subject
    ) -> Sequence[Violation]:
        try:
            reply = self._call(operation, submit_objects_request(submission))
            warnings = _judged(read_registry_response(reply.body))
        except HieError as error:
            self._leave(self._registered(event, submission, subject, "", outcome_of(error)))
            raise
        self._leave(self._registered(event, submission, subject, reply.message_id, Outcome.SUCCESS))
        return warnings

    def entries(self, unique_ids: Sequence[str], subject: Subject) -> Sequence[DocumentEntry]:
        """The entries it has with these uniqueIds, of any status. Raises `Unavailable`."""
        found: list[DocumentEntry] = []
        for start in range(0, len(unique_ids), _PORTION):
            found += self._ask(QueryId.GET_DOCUMENTS, slots_of_documents(unique_ids[start : start + _PORTION]), subject)
        return found

    def documents_of(self, patient_id: str, subject: Subject) -> Sequence[DocumentEntry]:
        """The Approved stable entries of a patient. Raises `Unavailable`."""
        return self._ask(QueryId.FIND_DOCUMENTS, slots_of_patient(patient_id), subject)

    def _ask(self, query: QueryId, slots: Sequence[QuerySlot], subject: Subject) -> Sequence[DocumentEntry]:
        question = adhoc_query_request(query.value, slots)
        asked = events.AuditedQuery(question, query.value)
        try:
            reply = self._call(QUERY, question)
            answer = read_query_response(reply.body)
            if answer.answer.status is not ResponseStatus.SUCCESS:
                raise _unclear("it could not say which documents it has")
        except HieError as error:
            self._leave(self._asked(asked, subject, "", outcome_of(error)))
            raise error if isinstance(error, Unavailable) else _unclear("it could not say which documents it has") from error
        self._leave(self._asked(asked, subject, reply.message_id, Outcome.SUCCESS))
        return answer.objects.entries

    def _call(self, operation: str, body: bytes) -> Reply:
        """Raises `Rejected` only where it is certain that nothing was done."""
        try:
            reply = self._client.call(operation, body)
        except SoapFaultReceived as fault:
            if fault.is_receiver:
                raise _unclear("it answered with a fault of its own") from fault
            raise
        except (Unreadable, Refused) as problem:
            # answered by something that is no registry, or one that does not know us: for an operator to mend, and then again
            raise _unclear(problem.detail) from problem
        reply.discard()
        return reply

    def _registered(
        self, event: Callable[..., AuditMessage], submission: Submission, subject: Subject, message_id: str, outcome: Outcome
    ) -> AuditMessage:
        held = submission.submission_set
        return event(
            self._context.audit,
            self._calling(subject, message_id),
            when=self._context.clock(),
            outcome=outcome,
            patient_id=held.patient_id if held else None,
            submission_set_unique_id=held.unique_id if held else None,
            side=Side.SENDER,
        )

    def _asked(self, query: events.AuditedQuery, subject: Subject, message_id: str, outcome: Outcome) -> AuditMessage:
        return events.stored_query(
            self._context.audit,
            self._calling(subject, message_id),
            when=self._context.clock(),
            outcome=outcome,
            query=query,
            side=Side.SENDER,
        )

    def _calling(self, subject: Subject, message_id: str) -> Subject:
        return calling(self._endpoint, source=self._context.audit.host, message_id=message_id, on_behalf_of=subject)

    def _leave(self, message: AuditMessage) -> None:
        with self._database.begin() as work:
            work.audit(message.to_xml())


def _judged(answer: RegistryAnswer) -> Sequence[Violation]:
    """The warnings of a success. Raises `Rejected` or `Unavailable` for anything else."""
    found = answer.violations
    if answer.status is ResponseStatus.SUCCESS and not any(v.is_error for v in found):
        return found
    if answer.status is not ResponseStatus.FAILURE:
        raise _unclear("its answer is neither success nor failure")
    errors = [v for v in found if v.is_error]
    if errors and all(v.condition in _COME_AGAIN for v in errors):
        raise Unavailable(errors)
    raise Rejected(found if errors else (*found, violation(Condition.INTERNAL, "", "the registry said no without a reason")))


def _unclear(detail: str) -> Unavailable:
    return Unavailable(violation(Condition.REGISTRY_UNAVAILABLE, "registry", detail))
