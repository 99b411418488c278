"""What a consumer sends and reads: QBP^Q23 and QBP^Q22, and their answers (ITI-9: ITI TF-2, 3.9; ITI-21: 3.21)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from hl7v2.ack import ReceivedError, read_acknowledgement
from hl7v2.datatypes import read_cx, write_authority, write_cx
from hl7v2.er7 import Er7Text, Message, Segment, Writer
from hl7v2.header import OutgoingMessage
from hl7v2.patient import read_demographics
from kernel.demographics import Demographics
from kernel.demographics_query import DemographicsHit, DemographicsPage
from kernel.errors import Condition, Rejected, Severity, Violation
from kernel.findings import Findings
from kernel.identifiers import AssigningAuthority, PatientId
from kernel.times import dtm_of

CONDITIONS = {
    "100": Condition.SEGMENT_MISSING,
    "101": Condition.FIELD_MISSING,
    "102": Condition.FIELD_INVALID,
    "103": Condition.VALUE_UNKNOWN,
    "200": Condition.MESSAGE_TYPE_UNSUPPORTED,
    "201": Condition.EVENT_UNSUPPORTED,
    "202": Condition.PROCESSING_ID_UNSUPPORTED,
    "203": Condition.VERSION_UNSUPPORTED,
    "204": Condition.IDENTIFIER_UNKNOWN,
    "205": Condition.IDENTIFIER_DUPLICATE,
    "206": Condition.RECORD_LOCKED,
}
"""What others say in table 0357, in our words; everything else is INTERNAL."""


@dataclass(frozen=True, slots=True)
class Parties:
    """MSH-3 to MSH-6: who sends, and to whom."""

    application: str
    facility: str
    receiving_application: str = ""
    receiving_facility: str = ""


@dataclass(frozen=True, slots=True)
class Envelope:
    """What every message of ours needs: the parties, the time, and a fresh control id, which also tags the query.

    The control id has 20 characters at most.
    """

    parties: Parties
    now: datetime
    control_id: str


def pix_query(patient_id: PatientId, wanted: Sequence[AssigningAuthority], envelope: Envelope) -> OutgoingMessage:
    """QBP^Q23: which identifiers of the wanted authorities, or of all, belong to the same patient."""
    writer = Writer()
    qpd = {
        1: writer.plain("IHE PIX Query"),
        2: writer.text(envelope.control_id),
        3: write_cx(writer, patient_id),
        4: _wanted(writer, wanted),
    }
    return _query(writer, "Q23", qpd, envelope)


def pdq_query(
    known: Demographics, identifiers: Sequence[PatientId], wanted: Sequence[AssigningAuthority], envelope: Envelope
) -> OutgoingMessage:
    """QBP^Q22: who fits what is known. Only the first name, address and telephone number are asked for."""
    writer = Writer()
    criteria = [writer.repetition(writer.text(f"@PID.{path}"), writer.text(value)) for path, value in _criteria(known, identifiers)]
    qpd = {
        1: writer.plain("IHE PDQ Query"),
        2: writer.text(envelope.control_id),
        3: writer.repeated(*criteria),
        8: _wanted(writer, wanted),
    }
    return _query(writer, "Q22", qpd, envelope)


def read_pix_answer(message: Message) -> tuple[PatientId, ...]:
    """The identifiers of an RSP^K23, none when there are none. Raises `Rejected` when the query was not answered."""
    require_accepted(message)
    return tuple(found for pid in message.all("PID") for found in _identifiers(pid))


def read_pdq_answer(message: Message) -> DemographicsPage:
    """The patients of an RSP^K22. Raises `Rejected` when the query was not answered."""
    require_accepted(message)
    hits = tuple(_hits(message))
    total, remaining = (message.get(f"QAK-{n}") for n in (4, 6))
    return DemographicsPage(hits, _number(total, len(hits)), _number(remaining, 0), message.get("DSC-1"))


def require_accepted(message: Message) -> None:
    """Raises `Rejected`, with what the other system found wrong, unless it says that all is well."""
    answer = read_acknowledgement(message)
    if answer.is_accepted and message.get("QAK-2") not in ("AE", "AR"):
        return
    errors = [_violation(e) for e in answer.errors if e.severity != "I"]
    if not any(e.is_error for e in errors):
        errors.append(
            Violation(Condition.INTERNAL, "MSA-1", f"the answer is {answer.code or 'no acknowledgement'} without a reason")
        )
    raise Rejected(errors)


def _violation(error: ReceivedError) -> Violation:
    severity = Severity.WARNING if error.severity == "W" else Severity.ERROR
    text = f"{error.code} {error.text}".strip()
    return Violation(CONDITIONS.get(error.code, Condition.INTERNAL), error.place, text, severity)


def _query(writer: Writer, event: str, qpd: dict[int, Er7Text], envelope: Envelope) -> OutgoingMessage:
    parties = envelope.parties
    msh: dict[int, str] = {
        3: writer.text(parties.application),
        4: writer.text(parties.facility),
        5: writer.text(parties.receiving_application),
        6: writer.text(parties.receiving_facility),
        7: f"{dtm_of(envelope.now)}+0000",
        9: writer.plain("QBP", event, "QBP_Q21"),
        10: writer.text(envelope.control_id),
        11: "P",
        12: "2.5",
    }
    return OutgoingMessage(msh, (writer.segment("QPD", qpd), writer.segment("RCP", {1: "I"})))


def _wanted(writer: Writer, wanted: Sequence[AssigningAuthority]) -> Er7Text:
    empty = Er7Text("")
    return writer.repeated(*(writer.repetition(empty, empty, empty, write_authority(writer, authority)) for authority in wanted))


def _criteria(known: Demographics, identifiers: Sequence[PatientId]) -> Iterator[tuple[str, str]]:
    """Fields of PID and what they must hold, empty ones left out."""
    for identifier in identifiers:
        authority = identifier.authority
        yield "3.1", identifier.id
        yield from _given({"3.4.1": authority.namespace, "3.4.2": authority.universal_id, "3.4.3": authority.universal_id_type})
    name, mother = known.name, known.mother_name
    address = known.addresses[0] if known.addresses else None
    parts = {
        "5.1": name.family if name else "",
        "5.2": name.given[0] if name and name.given else "",
        "6.1": mother.family if mother else "",
        "7": known.birth.text if known.birth else "",
        "8": known.sex,
        "11.1": address.lines[0] if address and address.lines else "",
        "11.3": address.city if address else "",
        "11.4": address.state if address else "",
        "11.5": address.postcode if address else "",
        "13.1": known.telecoms[0].value if known.telecoms else "",
    }
    yield from _given(parts)


def _given(parts: dict[str, str]) -> Iterator[tuple[str, str]]:
    return ((path, value) for path, value in parts.items() if value)


def _identifiers(pid: Segment) -> Iterator[PatientId]:
    return (found for repetition in pid.repetitions(3) if (found := read_cx(repetition)) is not None)


def _hits(message: Message) -> Iterator[DemographicsHit]:
    pid: Segment | None = None
    confidence: int | None = None
    for segment in (*message.segments, None):
        if segment is None or segment.name == "PID":
            if pid is not None:
                demographics, _ = read_demographics(message, pid, Findings(lenient=True))
                yield DemographicsHit(tuple(_identifiers(pid)), demographics, confidence)
            pid, confidence = segment, None
        elif segment.name == "QRI" and segment.value(1):
            confidence = _number(segment.value(1), 0)


def _number(text: str, otherwise: int) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else otherwise
