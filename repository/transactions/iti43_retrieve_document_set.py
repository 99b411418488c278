"""ITI-43 Retrieve Document Set (ITI TF-2, 3.43)."""

from __future__ import annotations

from typing import Final

from access.exchange import subject_of
from ebrim.errors import ErrorCodes
from ebrim.namespaces import XDSB
from ebrim.responses import ResponseStatus
from ebrim.retrieve import (
    RETRIEVE_RESPONSE_TAIL,
    Content,
    DocumentResponse,
    document_response,
    read_document_requests,
    retrieve_response_head,
)
from kernel.errors import HieError
from repository.model import Retrieval, RetrievedDocument
from repository.service import RepositoryService
from soap.exchange import Answer, BodySchema, Exchange, Operation, OutgoingPart

OPERATION: Final = Operation(
    name="DocumentRepository_RetrieveDocumentSet",
    action="urn:ihe:iti:2007:RetrieveDocumentSet",
    answer_action="urn:ihe:iti:2007:RetrieveDocumentSetResponse",
    root=f"{{{XDSB}}}RetrieveDocumentSetRequest",
    schema=BodySchema.XDS,
    mtom=True,
)


class RetrieveDocumentSet:
    """Reads which documents are wanted, and streams those that were found as parts."""

    operation = OPERATION

    def __init__(self, service: RepositoryService) -> None:
        self._service = service

    def answer(self, exchange: Exchange) -> Answer:
        """The answer. Raises `HieError`."""
        retrieval = self._service.retrieve(read_document_requests(exchange.body), subject_of(exchange))
        head = retrieve_response_head(retrieval.violations, _status(retrieval))
        numbered = list(enumerate(retrieval.documents, start=1))
        bodies = [document_response(_response(number, document)) for number, document in numbered]
        return Answer((head, *bodies, RETRIEVE_RESPONSE_TAIL), tuple(_part(number, document) for number, document in numbered))

    def refuse(self, exchange: Exchange, error: HieError) -> Answer:
        """A RetrieveDocumentSetResponse with every error, and the audit record."""
        self._service.refuse_retrieval(read_document_requests(exchange.body), subject_of(exchange), error)
        head = retrieve_response_head(error.violations, ResponseStatus.FAILURE, ErrorCodes.REPOSITORY)
        return Answer((head, RETRIEVE_RESPONSE_TAIL))


def _status(retrieval: Retrieval) -> ResponseStatus:
    if not retrieval.violations:
        return ResponseStatus.SUCCESS
    return ResponseStatus.PARTIAL_SUCCESS if retrieval.documents else ResponseStatus.FAILURE


def _content_id(number: int) -> str:
    return f"document-{number}@affinity"


def _response(number: int, document: RetrievedDocument) -> DocumentResponse:
    return DocumentResponse(
        document.repository_unique_id,
        document.document_unique_id,
        document.mime_type,
        Content(content_id=_content_id(number)),
        document.home,
        document.new_repository_unique_id,
        document.new_document_unique_id,
    )


def _part(number: int, document: RetrievedDocument) -> OutgoingPart:
    return OutgoingPart(_content_id(number), document.mime_type, document.size, document.opened.chunks())
