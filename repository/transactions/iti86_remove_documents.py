"""ITI-86 Remove Documents (Remove Metadata and Documents, 3.86)."""

from __future__ import annotations

from typing import Final

from access.exchange import subject_of
from ebrim.errors import ErrorCodes
from ebrim.namespaces import RMD
from ebrim.responses import ResponseStatus, registry_response
from ebrim.retrieve import read_document_requests
from kernel.errors import HieError
from repository.model import Removal
from repository.removing import DocumentRemover
from soap.exchange import Answer, BodySchema, Exchange, Operation

OPERATION: Final = Operation(
    name="DocumentRepository_RemoveDocuments",
    action="urn:ihe:iti:2017:RemoveDocuments",
    answer_action="urn:ihe:iti:2017:RemoveDocumentsResponse",
    root=f"{{{RMD}}}RemoveDocumentsRequest",
    schema=BodySchema.XDS,
    # the published example of this transaction has the name of the supplement in its action
    other_actions=("urn:ihe:iti:rmd:2017:RemoveDocuments",),
)


class RemoveDocuments:
    """Reads which documents are to go, and answers a RegistryResponse that names those that could not."""

    operation = OPERATION

    def __init__(self, remover: DocumentRemover) -> None:
        self._remover = remover

    def answer(self, exchange: Exchange) -> Answer:
        """The answer. Raises `HieError`."""
        removal = self._remover.remove(read_document_requests(exchange.body), subject_of(exchange))
        return Answer((registry_response(removal.violations, ErrorCodes.REPOSITORY, status=_status(removal)),))

    def refuse(self, exchange: Exchange, error: HieError) -> Answer:
        """A RegistryResponse with every error, and the audit record."""
        self._remover.refuse(read_document_requests(exchange.body), subject_of(exchange), error)
        return Answer((registry_response(error.violations, ErrorCodes.REPOSITORY),))


def _status(removal: Removal) -> ResponseStatus:
    if not removal.violations:
        return ResponseStatus.SUCCESS
    return ResponseStatus.PARTIAL_SUCCESS if removal.unique_ids else ResponseStatus.FAILURE
