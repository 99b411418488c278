"""ITI-9 PIX Query (ITI TF-2, 3.9)."""

from __future__ import annotations

from atna.events import AuditedQuery, pix_query
from hl7v2.answers import pix_answer, query_refused
from hl7v2.exchange import MessageKind, V2Exchange
from hl7v2.header import OutgoingMessage
from hl7v2.query import read_pix_query
from kernel.errors import HieError
from kernel.identifiers import PatientId
from mpi.audit import V2
from mpi.queries import MpiQueries
from mpi.transactions.exchanges import on_record, subject_of_v2, tolerated_v2


class PixQuery:
    """Answers which identifiers correspond to one."""

    handles: frozenset[MessageKind] = frozenset({("QBP", "Q23")})

    def __init__(self, queries: MpiQueries) -> None:
        self._queries = queries

    def answer(self, exchange: V2Exchange) -> OutgoingMessage:
        """RSP^K23 with the identifiers, or with none."""
        query = read_pix_query(exchange.message, lenient=exchange.lenient)
        found = self._queries.cross_reference(query, subject_of_v2(exchange), V2, _audited(exchange))
        return pix_answer(exchange, found, tolerated_v2(exchange, query.warnings))

    def refuse(self, exchange: V2Exchange, error: HieError) -> OutgoingMessage:
        """RSP^K23 with every fault, on the record."""
        subject, asked = subject_of_v2(exchange), _asked(exchange)
        on_record(lambda: self._queries.refused(pix_query, subject, _audited(exchange), asked, error))
        return query_refused(exchange, error)


def _audited(exchange: V2Exchange) -> AuditedQuery:
    return AuditedQuery(exchange.raw, exchange.message.get("QPD-2"))


def _asked(exchange: V2Exchange) -> tuple[PatientId, ...]:
    try:
        return (read_pix_query(exchange.message, lenient=True).identifier.patient_id,)
    except HieError:
        return ()
