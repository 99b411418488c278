"""ITI-62 Remove Metadata (Remove Metadata and Documents, 3.62)."""

from __future__ import annotations

from access.exchange import subject_of
from ebrim.errors import ErrorCodes
from ebrim.namespaces import LCM, RIM
from ebrim.reader import read_object_refs
from ebrim.responses import registry_response
from kernel.errors import HieError
from registry.service import RegistryService
from soap.exchange import Answer, BodySchema, Exchange, Operation


class RemoveMetadata:
    """Takes objects out of the registry; answers an rs:RegistryResponse."""

    operation = Operation(
        name="DocumentRegistry_DeleteDocumentSet",
        action="urn:ihe:iti:2010:DeleteDocumentSet",
        answer_action="urn:ihe:iti:2010:DeleteDocumentSetResponse",
        root=f"{{{LCM}}}RemoveObjectsRequest",
        schema=BodySchema.XDS,
    )

    def __init__(self, registry: RegistryService) -> None:
        self._registry = registry

    def answer(self, exchange: Exchange) -> Answer:
        """Success, when everything that was named is gone."""
        self._registry.remove(_uuids(exchange), subject_of(exchange))
        return Answer((registry_response((), ErrorCodes.REGISTRY),))

    def refuse(self, exchange: Exchange, error: HieError) -> Answer:
        """Failure with every violation, on the record."""
        self._registry.refuse_removal(_uuids(exchange), subject_of(exchange), error)
        return Answer((registry_response(error.violations, ErrorCodes.REGISTRY),))


def _uuids(exchange: Exchange) -> tuple[str, ...]:
    lists = exchange.body.iterchildren(f"{{{RIM}}}ObjectRefList")
    return tuple(ref.id for one in lists for ref in read_object_refs(one))
