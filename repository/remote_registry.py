"""A registry at another address: ITI-42, and ITI-18 to see what it has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from access.subject import Subject
from atna import events
from atna.message import AuditMessage, Outcome
from atna.participants import Side, calling, outcome_of
from ebrim.model import DocumentEntry, Submission
from ebrim.query import QuerySlot, adhoc_query_request, quoted_list
from ebrim.responses import RegistryAnswer, ResponseStatus, read_query_response, read_registry_response
from ebrim.uuids import QueryId
from ebrim.writer import submit_objects_request
from kernel.database import Database
from kernel.errors import Condition, HieError, Refused, Rejected, Unavailable, Unreadable, Violation, violation
from repository.model import RepositoryContext
from soap.zeep_client import Reply, SoapFaultReceived

REGISTER: Final = "DocumentRegistry_RegisterDocumentSet-b"
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
        try:
            reply = self._call(REGISTER, submit_objects_request(submission))
            warnings = _judged(read_registry_response(reply.body))
        except HieError as error:
            self._leave(self._registered(submission, subject, "", outcome_of(error)))
            raise
        self._leave(self._registered(submission, subject, reply.message_id, Outcome.SUCCESS))
        return warnings

    def entries(self, unique_ids: Sequence[str], subject: Subject) -> Sequence[DocumentEntry]:
        """The entries it has with these uniqueIds, of any status. Raises `Unavailable`."""
        found: list[DocumentEntry] = []
        for start in range(0, len(unique_ids), _PORTION):
            slot = QuerySlot("$XDSDocumentEntryUniqueId", (quoted_list(unique_ids[start : start + _PORTION]),))
            found += self._ask(adhoc_query_request(QueryId.GET_DOCUMENTS.value, [slot]), subject)
        return found

    def _ask(self, question: bytes, subject: Subject) -> Sequence[DocumentEntry]:
        try:
            reply = self._call(QUERY, question)
            answer = read_query_response(reply.body)
            if answer.answer.status is not ResponseStatus.SUCCESS:
                raise _unclear("it could not say which documents it has")
        except HieError as error:
            self._leave(self._asked(question, subject, "", outcome_of(error)))
            raise error if isinstance(error, Unavailable) else _unclear("it could not say which documents it has") from error
        self._leave(self._asked(question, subject, reply.message_id, Outcome.SUCCESS))
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

    def _registered(self, submission: Submission, subject: Subject, message_id: str, outcome: Outcome) -> AuditMessage:
        held = submission.submission_set
        return events.register_document_set(
            self._context.audit,
            self._calling(subject, message_id),
            when=self._context.clock(),
            outcome=outcome,
            patient_id=held.patient_id if held else None,
            submission_set_unique_id=held.unique_id if held else None,
            side=Side.SENDER,
        )

    def _asked(self, question: bytes, subject: Subject, message_id: str, outcome: Outcome) -> AuditMessage:
        return events.stored_query(
            self._context.audit,
            self._calling(subject, message_id),
            when=self._context.clock(),
            outcome=outcome,
            query=events.AuditedQuery(question, QueryId.GET_DOCUMENTS.value),
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
