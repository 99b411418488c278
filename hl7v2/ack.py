"""Acknowledgements: from conditions to MSA-1 and table 0357, and from errors to ERR segments (HL7 2.5, 2.9 and 2.15.5)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hl7v2.er7 import Er7Text, Message, Segment, Writer
from hl7v2.exchange import V2Exchange
from hl7v2.header import Header, OutgoingMessage, answer_header
from hl7v2.places import parse_place
from kernel.errors import Condition, HieError, Severity, Unreadable, Violation

AA, AE, AR = "AA", "AE", "AR"


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """What a condition is called in an answer: MSA-1, and code and text of table 0357."""

    acknowledgement: str
    code: str
    text: str


_SEQUENCE = ErrorCode(AE, "100", "Segment sequence error")
_REQUIRED = ErrorCode(AE, "101", "Required field missing")
_DATA_TYPE = ErrorCode(AE, "102", "Data type error")
_TABLE_VALUE = ErrorCode(AE, "103", "Table value not found")
_UNKNOWN_KEY = ErrorCode(AE, "204", "Unknown key identifier")
_DUPLICATE_KEY = ErrorCode(AE, "205", "Duplicate key identifier")
_LOCKED = ErrorCode(AE, "206", "Application record locked")
_INTERNAL = ErrorCode(AE, "207", "Application internal error")
_TRY_AGAIN = ErrorCode(AR, "207", "Application internal error")

CODES: dict[Condition, ErrorCode] = {
    Condition.MALFORMED: ErrorCode(AR, "100", "Segment sequence error"),
    Condition.TOO_LARGE: ErrorCode(AR, "207", "Application internal error"),
    Condition.CHARSET_UNSUPPORTED: ErrorCode(AR, "103", "Table value not found"),
    Condition.MESSAGE_TYPE_UNSUPPORTED: ErrorCode(AR, "200", "Unsupported message type"),
    Condition.EVENT_UNSUPPORTED: ErrorCode(AR, "201", "Unsupported event code"),
    Condition.PROCESSING_ID_UNSUPPORTED: ErrorCode(AR, "202", "Unsupported processing id"),
    Condition.VERSION_UNSUPPORTED: ErrorCode(AR, "203", "Unsupported version id"),
    Condition.MESSAGE_ID_REUSED: _DUPLICATE_KEY,
    Condition.SEGMENT_MISSING: _SEQUENCE,
    Condition.FIELD_MISSING: _REQUIRED,
    Condition.FIELD_INVALID: _DATA_TYPE,
    Condition.VALUE_UNKNOWN: _TABLE_VALUE,
    Condition.NOT_AUTHENTICATED: _TRY_AGAIN,
    Condition.NOT_ALLOWED: _TRY_AGAIN,
    Condition.SOURCE_NOT_ALLOWED: _UNKNOWN_KEY,
    Condition.PATIENT_UNKNOWN: _UNKNOWN_KEY,
    Condition.PATIENT_MISMATCH: _UNKNOWN_KEY,
    Condition.IDENTIFIER_UNKNOWN: _UNKNOWN_KEY,
    Condition.IDENTIFIER_DUPLICATE: _DUPLICATE_KEY,
    Condition.AUTHORITY_UNKNOWN: _UNKNOWN_KEY,
    Condition.MERGE_IMPOSSIBLE: _UNKNOWN_KEY,
    Condition.RECORD_LOCKED: _LOCKED,
    Condition.CONTINUATION_UNKNOWN: _UNKNOWN_KEY,
    Condition.METADATA_INVALID: _DATA_TYPE,
    Condition.UNIQUE_ID_IN_USE: _DUPLICATE_KEY,
    Condition.UNIQUE_ID_REPEATED: _DUPLICATE_KEY,
    Condition.HASH_DIFFERS: _DUPLICATE_KEY,
    Condition.SIZE_DIFFERS: _DUPLICATE_KEY,
    Condition.CONTENT_DIFFERS: _DATA_TYPE,
    Condition.CONTENT_INVALID: _DATA_TYPE,
    Condition.DOCUMENT_MISSING: _REQUIRED,
    Condition.METADATA_MISSING: _REQUIRED,
    Condition.REFERENCE_UNRESOLVED: _UNKNOWN_KEY,
    Condition.TARGET_DEPRECATED: _UNKNOWN_KEY,
    Condition.EXTRA_METADATA_DROPPED: _DATA_TYPE,
    Condition.DOCUMENT_QUEUED: _DATA_TYPE,
    Condition.VERSION_WRONG: _DATA_TYPE,
    Condition.UPDATE_INVALID: _DATA_TYPE,
    Condition.UPDATE_OPERATION_INVALID: _DATA_TYPE,
    Condition.UPDATE_IDENTIFIER_CHANGED: _DATA_TYPE,
    Condition.UPDATE_PATIENT_CHANGED: _DATA_TYPE,
    Condition.UPDATE_TYPE_CHANGED: _DATA_TYPE,
    Condition.UPDATE_IMMUTABLE: _DATA_TYPE,
    Condition.UPDATE_NOT_PERMITTED: _DATA_TYPE,
    Condition.UPDATE_REQUEST_INVALID: _DATA_TYPE,
    Condition.UPDATE_ANNOTATION_INVALID: _DATA_TYPE,
    Condition.REFERENCES_EXIST: _DATA_TYPE,
    Condition.WOULD_ORPHAN: _DATA_TYPE,
    Condition.REMOVAL_FAILED: _INTERNAL,
    Condition.QUERY_UNKNOWN: _TABLE_VALUE,
    Condition.PARAMETER_MISSING: _REQUIRED,
    Condition.PARAMETER_COUNT: _DATA_TYPE,
    Condition.PARAMETER_INVALID: _DATA_TYPE,
    Condition.SEVERAL_PATIENTS: _UNKNOWN_KEY,
    Condition.TOO_MANY_RESULTS: _INTERNAL,
    Condition.DOCUMENT_UNKNOWN: _UNKNOWN_KEY,
    Condition.REPOSITORY_UNKNOWN: _UNKNOWN_KEY,
    Condition.COMMUNITY_MISSING: _REQUIRED,
    Condition.COMMUNITY_UNKNOWN: _UNKNOWN_KEY,
    Condition.COMMUNITY_UNAVAILABLE: _TRY_AGAIN,
    Condition.REGISTRY_UNAVAILABLE: _TRY_AGAIN,
    Condition.PEER_UNAVAILABLE: _TRY_AGAIN,
    Condition.BUSY: _TRY_AGAIN,
    Condition.OUT_OF_RESOURCES: _TRY_AGAIN,
    Condition.CONTENT_DAMAGED: _INTERNAL,
    Condition.INTERNAL: _INTERNAL,
}
"""AR where the header is to be corrected or the same message may be sent later, AE where sending it again is no use."""

_SEVERITIES = {Severity.ERROR: "E", Severity.WARNING: "W"}


def acknowledged(exchange: V2Exchange, warnings: Iterable[Violation] = ()) -> OutgoingMessage:
    """The plain AA of a message that was taken."""
    return acknowledgement(exchange, AA, warnings)


def refused(exchange: V2Exchange, error: HieError) -> OutgoingMessage:
    """The ACK that says why a message was not taken. A refused query is answered by `query.query_refused`."""
    return acknowledgement(exchange, acknowledgement_code(error), error.violations)


def acknowledgement(exchange: V2Exchange, code: str, violations: Iterable[Violation]) -> OutgoingMessage:
    """An ACK with MSA-1 and what was found wrong."""
    header = exchange.header
    writer = Writer(exchange.message.encoding.completed)
    # HL7 2.5, 2.9.2: ACK^event^ACK; before, and where no event could be read, plain ACK
    has_event = header.event and not header.has_old_errors
    kind = writer.plain("ACK", header.event, "ACK") if has_event else Er7Text("ACK")
    msh = answer_header(header, message_type=kind, control_id=exchange.answer_id, now=exchange.now)
    segments = acknowledgement_segments(writer, header, code, tuple(violations))
    return OutgoingMessage(msh, segments, writer.encoding, exchange.message.charset)


def acknowledgement_segments(writer: Writer, header: Header, code: str, violations: tuple[Violation, ...]) -> tuple[Er7Text, ...]:
    """MSA, and ERR as the version of the request writes it: one segment for each violation from 2.5 on, one for all before."""
    msa = {1: code, 2: header.segment.raw(10)}
    if not header.has_old_errors:
        return (writer.segment("MSA", msa), *(_err(writer, v) for v in violations))
    if not violations or code == AA:
        # ERR-1 knows no severity: a warning would look like an error
        return (writer.segment("MSA", msa),)
    msa[3] = writer.text(_first_error(violations).detail)
    places = writer.repeated(*(_old_err(writer, v) for v in violations))
    return (writer.segment("MSA", msa), writer.segment("ERR", {1: places}))


def acknowledgement_code(error: HieError) -> str:
    """MSA-1 for an error: AR when the message was not read, a violation says so or the header is at fault, else AE."""
    if isinstance(error, Unreadable):
        return AR
    for violation in error.violations:
        if violation.is_error and (CODES[violation.condition].acknowledgement == AR or violation.where.startswith("MSH")):
            return AR
    return AE


def _first_error(violations: tuple[Violation, ...]) -> Violation:
    return next((v for v in violations if v.is_error), violations[0])


def _err(writer: Writer, violation: Violation) -> Er7Text:
    meaning = CODES[violation.condition]
    place = parse_place(violation.where)
    return writer.segment(
        "ERR",
        {
            2: writer.plain(*place.parts) if place else "",
            3: writer.plain(meaning.code, meaning.text, "HL70357"),
            4: _SEVERITIES[violation.severity],
            7: writer.text(violation.condition.name),
            8: writer.text(violation.detail),
        },
    )


def _old_err(writer: Writer, violation: Violation) -> Er7Text:
    # HL7 2.3.1, 2.24.2: ELD is segment, sequence, field position, code and text of the error as a CE
    meaning = CODES[violation.condition]
    place = parse_place(violation.where)
    parts = place.parts[:3] if place else ()
    parts += ("",) * (3 - len(parts))
    code = writer.component(meaning.code, meaning.text, "HL70357")
    return writer.repetition(*map(writer.text, parts), code)


@dataclass(frozen=True, slots=True)
class ReceivedError:
    """An error in an answer of another system: `place` is ERR-2 as sent, `code` of table 0357, `text` for a person."""

    place: str
    code: str
    text: str
    severity: str = "E"


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """What another system answered: MSA-1, MSA-2, and its errors, whichever way they are written."""

    code: str
    control_id: str
    errors: tuple[ReceivedError, ...] = ()

    @property
    def is_accepted(self) -> bool:
        """Whether the message was taken: AA, or CA in enhanced mode."""
        return self.code in ("AA", "CA")


def read_acknowledgement(message: Message) -> Acknowledgement:
    """MSA and ERR of an answer; the code is empty when there is no MSA."""
    errors: list[ReceivedError] = []
    for segment in message.all("ERR"):
        errors += _received_errors(segment)
    text = message.get("MSA-3")
    if text and not errors:
        errors.append(ReceivedError("", "", text))
    return Acknowledgement(message.get("MSA-1"), message.get("MSA-2"), tuple(errors))


def _received_errors(segment: Segment) -> list[ReceivedError]:
    if segment.raw(1):
        old = segment.repetitions(1)
        return [ReceivedError("^".join(filter(None, (r.get(1), r.get(2), r.get(3)))), r.get(4), r.get(4, 2)) for r in old]
    text = segment.value(8) or segment.value(7) or segment.value(3, 2)
    places = segment.raw(2).split(segment.encoding.repetition) if segment.raw(2) else [""]
    severity = segment.value(4) or "E"
    return [ReceivedError(place, segment.value(3), text, severity) for place in places]
