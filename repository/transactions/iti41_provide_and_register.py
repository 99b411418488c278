"""ITI-41 Provide and Register Document Set-b (ITI TF-2, 3.41)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from access.exchange import subject_of
from ebrim.errors import ErrorCodes
from ebrim.model import Submission
from ebrim.namespaces import XDSB
from ebrim.responses import registry_response
from ebrim.retrieve import ProvideRequest, read_provide_request
from kernel.errors import Condition, HieError, Rejected, Unreadable, Violation, violation
from repository.model import ReceivedDocument
from repository.ports import RejectedByRegistry
from repository.service import RepositoryService
from soap.exchange import Answer, BodySchema, Exchange, Operation

OPERATION: Final = Operation(
    name="DocumentRepository_ProvideAndRegisterDocumentSet-b",
    action="urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-b",
    answer_action="urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-bResponse",
    root=f"{{{XDSB}}}ProvideAndRegisterDocumentSetRequest",
    schema=BodySchema.XDS,
)


class ProvideAndRegister:
    """Reads metadata and documents, has them kept and registered, answers with a RegistryResponse."""

    operation = OPERATION

    def __init__(self, service: RepositoryService) -> None:
        self._service = service

    def answer(self, exchange: Exchange) -> Answer:
        """The answer. Raises `HieError`."""
        request = read_provide_request(exchange.body)
        problems = tuple(_unplaced(request, exchange))
        if problems:
            raise Rejected(problems)
        documents = [ReceivedDocument(d.entry_id, exchange.attachments[d.content.content_id]) for d in request.documents]
        warnings = self._service.provide_and_register(request.submission, documents, subject_of(exchange))
        # warnings come from the registry, in whose words they are told
        return Answer((registry_response(warnings, ErrorCodes.REGISTRY),))

    def refuse(self, exchange: Exchange, error: HieError) -> Answer:
        """A RegistryResponse with every error, and the audit record."""
        self._service.refuse_provision(_submission(exchange), subject_of(exchange), error)
        codes = ErrorCodes.REGISTRY if isinstance(error, RejectedByRegistry) else ErrorCodes.REPOSITORY
        return Answer((registry_response(error.violations, codes),))


def _unplaced(request: ProvideRequest, exchange: Exchange) -> Iterator[Violation]:
    """Documents whose bytes did not come with the message."""
    for document in request.documents:
        content = document.content
        if content.problem:
            yield violation(Condition.DOCUMENT_MISSING, document.entry_id, content.problem)
        elif content.content_id not in exchange.attachments:
            yield violation(Condition.DOCUMENT_MISSING, document.entry_id, "the message does not hold the content of this Document")


def _submission(exchange: Exchange) -> Submission | None:
    try:
        return read_provide_request(exchange.body).submission
    except Unreadable:
        return None
