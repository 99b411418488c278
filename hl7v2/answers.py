"""Answers to queries: RSP^K23, RSP^K22 and RSP^ZV2, also when a query is refused (ITI TF-2, 3.9.4.2, 3.21.4.2, 3.22.4.2)."""

from __future__ import annotations

from collections.abc import Sequence

from hl7v2.ack import AA, acknowledgement_code, acknowledgement_segments, refused
from hl7v2.er7 import Er7Text, Writer
from hl7v2.exchange import V2Exchange
from hl7v2.header import OutgoingMessage, answer_header
from hl7v2.patient import write_pid
from hl7v2.visit import write_pv1
from kernel.demographics import Demographics
from kernel.demographics_query import DemographicsPage
from kernel.errors import HieError, Violation
from kernel.identifiers import PatientId

_ANSWER_KINDS = {
    ("QBP", "Q23"): ("RSP", "K23", "RSP_K23"),
    ("QBP", "Q22"): ("RSP", "K22", "RSP_K21"),
    ("QBP", "ZV1"): ("RSP", "ZV2", "RSP_ZV2"),
}
OK, NOT_FOUND = "OK", "NF"


def pix_answer(exchange: V2Exchange, identifiers: Sequence[PatientId], warnings: Sequence[Violation] = ()) -> OutgoingMessage:
    """RSP^K23: the corresponding identifiers in one PID, or NF without any (ITI TF-2, 3.9.4.2.2.6)."""
    writer = Writer(exchange.message.encoding.completed)
    if not identifiers:
        return _answer(exchange, writer, AA, (NOT_FOUND,), (), tuple(warnings))
    # the name is required by HL7 and none is given: an empty one and a pseudonym without content
    no_name = writer.repeated(Er7Text(""), writer.plain("", "", "", "", "", "", "S"))
    pid = write_pid(writer, tuple(identifiers), Demographics(), no_name=no_name)
    return _answer(exchange, writer, AA, (OK,), (pid,), tuple(warnings))


def pdq_answer(exchange: V2Exchange, page: DemographicsPage, warnings: Sequence[Violation] = ()) -> OutgoingMessage:
    """RSP^K22 or RSP^ZV2: a PID for each person, PV1 where visits were asked for, QRI where a confidence is known, and DSC when
    more can be asked for."""
    writer = Writer(exchange.message.encoding.completed)
    if not page.hits:
        return _answer(exchange, writer, AA, (NOT_FOUND, "", str(page.total), "0", "0"), (), tuple(warnings))
    no_name = writer.plain("", "", "", "", "", "", "U")
    segments: list[Er7Text] = []
    for n, hit in enumerate(page.hits, 1):
        segments.append(write_pid(writer, hit.identifiers, hit.demographics, set_id=n, no_name=no_name))
        if hit.visit is not None:
            segments.append(write_pv1(writer, hit.visit, set_id=n))
        if hit.confidence is not None:
            segments.append(writer.segment("QRI", {1: str(hit.confidence)}))
    if page.pointer:
        segments.append(writer.segment("DSC", {1: writer.text(page.pointer), 2: "I"}))
    counts = (OK, "", str(page.total), str(len(page.hits)), str(page.remaining))
    return _answer(exchange, writer, AA, counts, tuple(segments), tuple(warnings))


def query_refused(exchange: V2Exchange, error: HieError) -> OutgoingMessage:
    """The RSP that says why a query was not answered; an ACK where the message is no query (QCN^J01)."""
    if (exchange.header.message_type, exchange.header.event) not in _ANSWER_KINDS:
        return refused(exchange, error)
    code = acknowledgement_code(error)
    return _answer(exchange, Writer(exchange.message.encoding.completed), code, (code,), (), error.violations)


def _answer(
    exchange: V2Exchange,
    writer: Writer,
    code: str,
    status: tuple[str, ...],
    body: tuple[Er7Text, ...],
    violations: tuple[Violation, ...],
) -> OutgoingMessage:
    header = exchange.header
    kind = writer.plain(*_ANSWER_KINDS[header.message_type, header.event])
    msh = answer_header(header, message_type=kind, control_id=exchange.answer_id, now=exchange.now)
    qpd = exchange.message.segment("QPD")
    echo = dict(enumerate(qpd.fields[1:], 1)) if qpd else {}
    segments = (
        *acknowledgement_segments(writer, header, code, violations),
        writer.segment("QAK", {1: echo.get(2, ""), **dict(enumerate(status, 2))}),
        writer.segment("QPD", echo),
        *body,
    )
    return OutgoingMessage(msh, segments, writer.encoding, exchange.message.charset)
