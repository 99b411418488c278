"""PRPA_IN201310UV02 and PRPA_IN201306UV02, the answers to queries, also when a query is refused (ITI TF-2, 3.45.4.2, 3.47.4.2)."""

from __future__ import annotations

from collections.abc import Sequence

from hl7v3.datatypes import InstanceId, is_writable, read_instance_id
from hl7v3.elements import child, echo, tag
from hl7v3.messages import INTERACTIONS, V3Exchange, acknowledgement, is_reject, message
from hl7v3.patient import write_match, write_subject
from hl7v3.query import query_element
from kernel.demographics import Demographics
from kernel.demographics_query import DemographicsPage
from kernel.errors import HieError, Violation
from kernel.identifiers import PatientId
from kernel.xml import Element

PIX_ANSWER, PDQ_ANSWER = "PRPA_IN201310UV02", "PRPA_IN201306UV02"
PIX_QUERY = "PRPA_IN201309UV02"
OK, NOT_FOUND = "OK", "NF"


def pix_answer(exchange: V3Exchange, identifiers: Sequence[PatientId]) -> bytes:
    """PRPA_IN201310UV02: the corresponding identifiers in one registration event, or NF without any."""
    told = [i for i in identifiers if is_writable(i)]
    subject = write_subject(told, Demographics(), exchange.device) if told else ""
    response = tag("queryResponseCode", code=OK if told else NOT_FOUND)
    return _answer(exchange, PIX_ANSWER, subject, "AA", response, query=query_element(exchange.body))


def pdq_answer(exchange: V3Exchange, page: DemographicsPage, *, query: Element | None = None) -> bytes:
    """PRPA_IN201306UV02: a registration event for each person, with confidence, and the quantities of the paging.

    `query` is the queryByParameter to repeat where the request, a continuation, does not hold it.
    """
    subjects = (
        write_subject(h.identifiers, h.demographics, exchange.device, match=write_match(h.confidence), lacking=h.lacking)
        for h in page.hits
    )
    response = "".join(
        (
            tag("queryResponseCode", code=OK if page.hits else NOT_FOUND),
            tag("resultTotalQuantity", value=str(page.total)),
            tag("resultCurrentQuantity", value=str(len(page.hits))),
            tag("resultRemainingQuantity", value=str(page.remaining)),
        )
    )
    asked = query_element(exchange.body) if query is None else query
    return _answer(exchange, PDQ_ANSWER, "".join(subjects), "AA", response, query=asked)


def query_refused(exchange: V3Exchange, error: HieError) -> bytes:
    """The answer that says why a query, or its continuation, was not answered."""
    interaction = PIX_ANSWER if exchange.transmission.interaction == PIX_QUERY else PDQ_ANSWER
    code = "AR" if is_reject(error) else "AE"
    query = query_element(exchange.body)
    response = tag("queryResponseCode", code="AE")
    return _answer(exchange, interaction, "", code, response, query=query, violations=error.violations)


def _answer(
    exchange: V3Exchange,
    interaction: str,
    subjects: str,
    code: str,
    response: str,
    *,
    query: Element | None = None,
    violations: Sequence[Violation] = (),
) -> bytes:
    status = "deliveredResponse" if code == "AA" else "aborted"
    ack = tag(
        "queryAck",
        _query_id(exchange, query).element("queryId"),
        tag("statusCode", code=status),
        response,
    )
    act = tag(
        "controlActProcess",
        tag("code", code=interaction.replace("_IN", "_TE"), codeSystem=INTERACTIONS),
        subjects,
        ack,
        echo(query) if query is not None else "",
        classCode="CACT",
        moodCode="EVN",
    )
    return message(exchange, interaction, acknowledgement(exchange, code, violations), act)


def _query_id(exchange: V3Exchange, query: Element | None) -> InstanceId:
    continuation = child(exchange.body, "controlActProcess", "queryContinuation")
    return read_instance_id(child(query if query is not None else continuation, "queryId"))
