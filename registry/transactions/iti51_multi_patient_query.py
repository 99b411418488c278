"""ITI-51 Multi-Patient Stored Query (ITI TF-2, 3.51)."""

from __future__ import annotations

from access.exchange import subject_of
from ebrim.errors import ErrorCodes
from ebrim.namespaces import QUERY
from ebrim.query import read_query
from ebrim.responses import query_response
from kernel.errors import HieError
from registry.service import RegistryService
from registry.transactions.iti18_stored_query import query_in
from soap.exchange import Answer, BodySchema, Exchange, Operation


class MultiPatientStoredQuery:
    """Answers a stored query over several patients with a query:AdhocQueryResponse."""

    operation = Operation(
        name="DocumentRegistry_MultiPatientStoredQuery",
        action="urn:ihe:iti:2009:MultiPatientStoredQuery",
        answer_action="urn:ihe:iti:2009:MultiPatientStoredQueryResponse",
        root=f"{{{QUERY}}}AdhocQueryRequest",
        schema=BodySchema.XDS,
    )

    def __init__(self, registry: RegistryService) -> None:
        self._registry = registry

    def answer(self, exchange: Exchange) -> Answer:
        """The objects found, or references to them."""
        found = self._registry.query_multiple_patients(read_query(exchange.body), subject_of(exchange))
        return Answer(query_response(found))

    def refuse(self, exchange: Exchange, error: HieError) -> Answer:
        """Failure with every violation, on the record."""
        self._registry.refuse_multi_patient_query(query_in(exchange), subject_of(exchange), error)
        return Answer(query_response((), error.violations, ErrorCodes.REGISTRY))
