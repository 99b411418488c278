"""ITI-22 Patient Demographics and Visit Query (ITI TF-2, 3.22): as ITI-21, of patients who have a visit. It is cancelled there."""

from __future__ import annotations

from hl7v2.exchange import MessageKind, V2Exchange
from hl7v2.header import OutgoingMessage
from hl7v2.query import VISITS
from kernel.errors import HieError
from mpi.audit import V2_VISITS
from mpi.queries import MpiQueries
from mpi.transactions.iti21_pdq import answer_description, refuse_description


class PatientDemographicsAndVisitQuery:
    """Answers who fits a description and has a visit that does, with the latest such visit."""

    handles: frozenset[MessageKind] = frozenset({("QBP", VISITS)})

    def __init__(self, queries: MpiQueries) -> None:
        self._queries = queries

    def answer(self, exchange: V2Exchange) -> OutgoingMessage:
        """RSP^ZV2 with a page of patients, each with a visit."""
        return answer_description(self._queries, exchange, V2_VISITS)

    def refuse(self, exchange: V2Exchange, error: HieError) -> OutgoingMessage:
        """RSP^ZV2 with every fault, on the record."""
        return refuse_description(self._queries, exchange, V2_VISITS, error)
