"""ITI-92 Restricted Update Document Set (Restricted Metadata Update, 3.92)."""

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


class RestrictedUpdateDocumentSet:
    """Changes those registered metadata that a restricted update may; answers an rs:RegistryResponse."""

    operation = Operation(
        name="UpdateResponder_RestrictedUpdateDocumentSet",
        action="urn:ihe:iti:2018:RestrictedUpdateDocumentSet",
        answer_action="urn:ihe:iti:2018:RestrictedUpdateDocumentSetResponse",
        root=f"{{{LCM}}}SubmitObjectsRequest",
        schema=BodySchema.XDS,
    )

    def __init__(self, registry: RegistryService) -> None:
        self._registry = registry

    def answer(self, exchange: Exchange) -> Answer:
        """Success, perhaps with warnings."""
        warnings = self._registry.update_restricted(read_submission(exchange.body), subject_of(exchange))
        return Answer((registry_response(warnings, ErrorCodes.REGISTRY),))

    def refuse(self, exchange: Exchange, error: HieError) -> Answer:
        """Failure with every violation, on the record."""
        submission = read_submission(exchange.body)
        self._registry.refuse_submission(events.restricted_update, submission, subject_of(exchange), error)
        return Answer((registry_response(error.violations, ErrorCodes.REGISTRY),))
