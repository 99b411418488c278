"""ITI-21 Patient Demographics Query (ITI TF-2, 3.21)."""

from __future__ import annotations

from atna.events import AuditedQuery
from hl7v2.ack import acknowledged
from hl7v2.answers import pdq_answer, query_refused
from hl7v2.exchange import MessageKind, V2Exchange
from hl7v2.header import OutgoingMessage
from hl7v2.query import read_cancel, read_pdq_query
from kernel.errors import HieError
from mpi.audit import V2, Dialect
from mpi.queries import Asked, MpiQueries
from mpi.transactions.exchanges import on_record, subject_of_v2, tolerated_v2


class PatientDemographicsQuery:
    """Answers who fits a description, page by page, until it is told to stop."""

    handles: frozenset[MessageKind] = frozenset({("QBP", "Q22"), ("QCN", "J01")})

    def __init__(self, queries: MpiQueries) -> None:
        self._queries = queries

    def answer(self, exchange: V2Exchange) -> OutgoingMessage:
        """RSP^K22 with a page of patients; an ACK to a cancellation."""
        if exchange.header.message_type == "QCN":
            self._queries.cancel(read_cancel(exchange.message), subject_of_v2(exchange))
            return acknowledged(exchange, exchange.warnings)
        return answer_description(self._queries, exchange, V2)

    def refuse(self, exchange: V2Exchange, error: HieError) -> OutgoingMessage:
        """RSP^K22, or ACK, with every fault, on the record."""
        return refuse_description(self._queries, exchange, V2, error)


def answer_description(queries: MpiQueries, exchange: V2Exchange, dialect: Dialect) -> OutgoingMessage:
    """A page of those who fit."""
    query = read_pdq_query(exchange.message, lenient=exchange.lenient)
    page = queries.search(Asked(query, _audited(exchange)), subject_of_v2(exchange), dialect)
    return pdq_answer(exchange, page, tolerated_v2(exchange, query.warnings))


def refuse_description(queries: MpiQueries, exchange: V2Exchange, dialect: Dialect, error: HieError) -> OutgoingMessage:
    """Why there is no answer, on the record."""
    subject = subject_of_v2(exchange)
    on_record(lambda: queries.refused(dialect.search, subject, _audited(exchange), (), error))
    return query_refused(exchange, error)


def _audited(exchange: V2Exchange) -> AuditedQuery:
    return AuditedQuery(exchange.raw, exchange.message.get("QPD-2") or exchange.message.get("QID-1"))
