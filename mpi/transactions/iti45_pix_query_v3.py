"""ITI-45 PIXV3 Query (ITI TF-2, 3.45)."""

from __future__ import annotations

from atna.events import AuditedQuery, pix_query_v3
from hl7v3.answers import pix_answer, query_refused
from hl7v3.elements import NAMESPACE
from hl7v3.query import query_element, query_tag, read_pix_query
from kernel.errors import HieError
from kernel.identifiers import PatientId
from kernel.xml import Element, canonical
from mpi.audit import V3
from mpi.queries import MpiQueries
from mpi.transactions.exchanges import V3Context, on_record, subject_of_v3
from soap.exchange import Answer, BodySchema, Exchange, Operation


class PixQueryV3:
    """Answers which identifiers correspond to one."""

    operation = Operation(
        name="PIXManager_PRPA_IN201309UV02",
        action="urn:hl7-org:v3:PRPA_IN201309UV02",
        answer_action="urn:hl7-org:v3:PRPA_IN201310UV02",
        root=f"{{{NAMESPACE}}}PRPA_IN201309UV02",
        schema=BodySchema.HL7V3,
    )

    def __init__(self, queries: MpiQueries, context: V3Context) -> None:
        self._queries = queries
        self._context = context

    def answer(self, exchange: Exchange) -> Answer:
        """PRPA_IN201310UV02 with the identifiers, or with none."""
        request = self._context.request(exchange)
        subject = subject_of_v3(exchange, request)
        query = read_pix_query(request.body, lenient=self._queries.is_lenient(subject))
        found = self._queries.cross_reference(query, subject, V3, audited_query(request.body))
        return Answer((pix_answer(request, found),))

    def refuse(self, exchange: Exchange, error: HieError) -> Answer:
        """PRPA_IN201310UV02 with every fault, on the record."""
        request = self._context.request(exchange)
        subject, asked = subject_of_v3(exchange, request), _asked(request.body)
        audited = audited_query(request.body)
        on_record(lambda: self._queries.refused(pix_query_v3, subject, audited, asked, error))
        return Answer((query_refused(request, error),))


def audited_query(body: Element) -> AuditedQuery:
    """queryByParameter as sent, the whole message where it has none, and the id of the query."""
    element = query_element(body)
    return AuditedQuery(canonical(body if element is None else element), query_tag(body))


def _asked(body: Element) -> tuple[PatientId, ...]:
    try:
        return (read_pix_query(body, lenient=True).identifier.patient_id,)
    except HieError:
        return ()
