"""ITI-57 Update Document Set (XDS Metadata Update, 3.57)."""

from __future__ import annotations

from access.exchange import subject_of
from atna import events
from ebrim.errors import ErrorCodes
from ebrim.namespaces import LCM
from ebrim.reader import read_submission
from ebrim.responses import registry_response
from kernel.errors import HieError
from registry.service import RegistryService
from soap.exchange import Answer, BodySchema, Exchange, Operation


class UpdateDocumentSet:
    """Changes registered metadata; answers an rs:RegistryResponse."""

    operation = Operation(
        name="DocumentRegistry_UpdateDocumentSet",
        action="urn:ihe:iti:2010:UpdateDocumentSet",
        answer_action="urn:ihe:iti:2010:UpdateDocumentSetResponse",
        root=f"{{{LCM}}}SubmitObjectsRequest",
        schema=BodySchema.XDS,
    )

    def __init__(self, registry: RegistryService) -> None:
        self._registry = registry

    def answer(self, exchange: Exchange) -> Answer:
        """Success, perhaps with warnings."""
        warnings = self._registry.update(read_submission(exchange.body), subject_of(exchange))
        return Answer((registry_response(warnings, ErrorCodes.REGISTRY),))

    def refuse(self, exchange: Exchange, error: HieError) -> Answer:
        """Failure with every violation, on the record."""
        submission = read_submission(exchange.body)
        self._registry.refuse_submission(events.update_document_set, submission, subject_of(exchange), error)
        return Answer((registry_response(error.violations, ErrorCodes.REGISTRY),))
