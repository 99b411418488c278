"""ITI-47 Patient Demographics Query HL7 V3 (ITI TF-2, 3.47)."""

from __future__ import annotations

from atna.events import pdq_v3
from hl7v3.answers import pdq_answer, query_refused
from hl7v3.elements import NAMESPACE
from hl7v3.messages import accepted, refused
from hl7v3.query import read_continuation, read_pdq_query
from kernel.errors import HieError
from kernel.xml import parse_xml
from mpi.audit import V3
from mpi.queries import Asked, MpiQueries
from mpi.transactions.exchanges import V3Context, on_record, subject_of_v3
from mpi.transactions.iti45_pix_query_v3 import audited_query
from soap.exchange import Answer, BodySchema, Exchange, Operation

_CONTINUATION = f"{{{NAMESPACE}}}QUQI_IN000003UV01"
_ANSWER = "urn:hl7-org:v3:PRPA_IN201306UV02"


class PatientDemographicsQueryV3:
    """Answers who fits a description: the first page."""

    operation = Operation(
        name="PDSupplier_PRPA_IN201305UV02",
        action="urn:hl7-org:v3:PRPA_IN201305UV02",
        answer_action=_ANSWER,
        root=f"{{{NAMESPACE}}}PRPA_IN201305UV02",
        schema=BodySchema.HL7V3,
    )

    def __init__(self, queries: MpiQueries, context: V3Context) -> None:
        self._queries = queries
        self._context = context

    def answer(self, exchange: Exchange) -> Answer:
        """PRPA_IN201306UV02 with patients, or with none."""
        request = self._context.request(exchange)
        subject = subject_of_v3(exchange, request)
        query = read_pdq_query(request.body, lenient=self._queries.is_lenient(subject))
        audited = audited_query(request.body)
        page = self._queries.search(Asked(query, audited, audited.content, keep_lacking=True), subject, V3)
        return Answer((pdq_answer(request, page),))

    def refuse(self, exchange: Exchange, error: HieError) -> Answer:
        """PRPA_IN201306UV02 with every fault, on the record."""
        request = self._context.request(exchange)
        audited, subject = audited_query(request.body), subject_of_v3(exchange, request)
        on_record(lambda: self._queries.refused(pdq_v3, subject, audited, (), error))
        return Answer((query_refused(request, error),))


class DemographicsContinuationV3:
    """The next page of an answer."""

    operation = Operation(
        name="PDSupplier_QUQI_IN000003UV01_Continue",
        action="urn:hl7-org:v3:QUQI_IN000003UV01_Continue",
        answer_action=_ANSWER,
        root=_CONTINUATION,
        schema=BodySchema.HL7V3,
        other_actions=("urn:hl7-org:v3:PDSupplier_QUQI_IN000003UV01_Continue",),
    )

    def __init__(self, queries: MpiQueries, context: V3Context) -> None:
        self._queries = queries
        self._context = context

    def answer(self, exchange: Exchange) -> Answer:
        """PRPA_IN201306UV02 with the page, repeating the question; the bare acknowledgement where it is a cancellation."""
        request = self._context.request(exchange)
        subject = subject_of_v3(exchange, request)
        asked = read_continuation(request.body)
        if asked.is_cancel:
            self._queries.cancel(asked.tag, subject)
            return Answer((accepted(request),))
        following = self._queries.more(asked.tag, asked.start, asked.quantity, subject, V3)
        return Answer((pdq_answer(request, following.page, query=parse_xml(following.question)),))

    def refuse(self, exchange: Exchange, error: HieError) -> Answer:
        """PRPA_IN201306UV02 with every fault, on the record."""
        request = self._context.request(exchange)
        audited, subject = audited_query(request.body), subject_of_v3(exchange, request)
        on_record(lambda: self._queries.refused(pdq_v3, subject, audited, (), error))
        return Answer((query_refused(request, error),))


class DemographicsCancelV3:
    """The end of an answer that goes on."""

    operation = Operation(
        name="PDSupplier_QUQI_IN000003UV01_Cancel",
        action="urn:hl7-org:v3:QUQI_IN000003UV01_Cancel",
        answer_action="urn:hl7-org:v3:MCCI_IN000002UV01",
        root=f"{_CONTINUATION}_Cancel",
        schema=BodySchema.HL7V3,
        other_actions=("urn:hl7-org:v3:PDSupplier_QUQI_IN000003UV01_Cancel",),
        other_roots=(_CONTINUATION, f"{_CONTINUATION}_Message"),
    )

    def __init__(self, queries: MpiQueries, context: V3Context) -> None:
        self._queries = queries
        self._context = context

    def answer(self, exchange: Exchange) -> Answer:
        """MCCI_IN000002UV01 with CA, also when there was nothing left to end."""
        request = self._context.request(exchange)
        asked = read_continuation(request.body)
        self._queries.cancel(asked.tag, subject_of_v3(exchange, request))
        return Answer((accepted(request),))

    def refuse(self, exchange: Exchange, error: HieError) -> Answer:
        """MCCI_IN000002UV01 with CE or CR and every fault, on the record."""
        request = self._context.request(exchange)
        audited, subject = audited_query(request.body), subject_of_v3(exchange, request)
        on_record(lambda: self._queries.refused(pdq_v3, subject, audited, (), error))
        return Answer((refused(request, error),))
