"""ITI-42 Register Document Set-b (ITI TF-2, 3.42)."""

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


class RegisterDocumentSet:
    """Registers a submission; answers an rs:RegistryResponse."""

    operation = Operation(
        name="DocumentRegistry_RegisterDocumentSet-b",
        action="urn:ihe:iti:2007:RegisterDocumentSet-b",
        answer_action="urn:ihe:iti:2007:RegisterDocumentSet-bResponse",
        root=f"{{{LCM}}}SubmitObjectsRequest",
        schema=BodySchema.XDS,
        other_actions=("urn:ihe:iti:2008:RegisterDocumentSet-bAsync",),
    )

    def __init__(self, registry: RegistryService) -> None:
        self._registry = registry

    def answer(self, exchange: Exchange) -> Answer:
        """Success, perhaps with warnings."""
        warnings = self._registry.register(read_submission(exchange.body), subject_of(exchange))
        return Answer((registry_response(warnings, ErrorCodes.REGISTRY),))

    def refuse(self, exchange: Exchange, error: HieError) -> Answer:
        """Failure with every violation, on the record."""
        submission = read_submission(exchange.body)
        self._registry.refuse_submission(events.register_document_set, submission, subject_of(exchange), error)
        return Answer((registry_response(error.violations, ErrorCodes.REGISTRY),))
