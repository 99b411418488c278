"""ITI-18 Registry Stored Query (ITI TF-2, 3.18)."""

from __future__ import annotations

from access.exchange import subject_of
from ebrim.errors import ErrorCodes
from ebrim.namespaces import QUERY
from ebrim.query import StoredQuery, read_query
from ebrim.responses import query_response
from kernel.errors import HieError, Unreadable
from registry.service import RegistryService
from soap.exchange import Answer, BodySchema, Exchange, Operation


class StoredQueryDoor:
    """Answers a stored query with a query:AdhocQueryResponse."""

    operation = Operation(
        name="DocumentRegistry_RegistryStoredQuery",
        action="urn:ihe:iti:2007:RegistryStoredQuery",
        answer_action="urn:ihe:iti:2007:RegistryStoredQueryResponse",
        root=f"{{{QUERY}}}AdhocQueryRequest",
        schema=BodySchema.XDS,
        other_actions=("urn:ihe:iti:2008:RegistryStoredQueryAsync",),
    )

    def __init__(self, registry: RegistryService) -> None:
        self._registry = registry

    def answer(self, exchange: Exchange) -> Answer:
        """The objects found, or references to them."""
        return Answer(query_response(self._registry.query(read_query(exchange.body), subject_of(exchange))))

    def refuse(self, exchange: Exchange, error: HieError) -> Answer:
        """Failure with every violation, on the record."""
        self._registry.refuse_query(query_in(exchange), subject_of(exchange), error)
        return Answer(query_response((), error.violations, ErrorCodes.REGISTRY))


def query_in(exchange: Exchange) -> StoredQuery | None:
    """The query of a request that was refused; None when it holds none."""
    try:
        return read_query(exchange.body)
    except Unreadable:
        return None
