"""ITI-61 Register On-Demand Document Entry (ITI TF-2, 3.61)."""

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


class RegisterOnDemandDocumentEntry:
    """Registers entries whose documents are made when they are asked for; answers an rs:RegistryResponse."""

    operation = Operation(
        name="DocumentRegistry_RegisterOnDemandDocumentEntry",
        action="urn:ihe:iti:2010:RegisterOnDemandDocumentEntry",
        answer_action="urn:ihe:iti:2010:RegisterOnDemandDocumentResponse",
        root=f"{{{LCM}}}SubmitObjectsRequest",
        schema=BodySchema.XDS,
    )

    def __init__(self, registry: RegistryService) -> None:
        self._registry = registry

    def answer(self, exchange: Exchange) -> Answer:
        """Success, perhaps with warnings."""
        warnings = self._registry.register_on_demand(read_submission(exchange.body), subject_of(exchange))
        return Answer((registry_response(warnings, ErrorCodes.REGISTRY),))

    def refuse(self, exchange: Exchange, error: HieError) -> Answer:
        """Failure with every violation, on the record."""
        submission = read_submission(exchange.body)
        self._registry.refuse_submission(events.register_on_demand, submission, subject_of(exchange), error)
        return Answer((registry_response(error.violations, ErrorCodes.REGISTRY),))
