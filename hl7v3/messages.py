"""Transmission wrapper, acknowledgements, and conditions to their codes (ITI TF-2 appendix O; ITI-44: 3.44.4.1.3)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from hl7v3.datatypes import InstanceId, read_instance_id, read_time
from hl7v3.elements import NAMESPACE, XSI, child, fit, local_name, tag, value_of
from kernel.errors import Condition, HieError, Severity, Unreadable, Violation
from kernel.identifiers import Oid
from kernel.times import Dtm, dtm_of
from kernel.xml import Element

INTERACTIONS = "2.16.840.1.113883.1.6"
TABLE_0357 = "2.16.840.1.113883.12.357"
DETAIL_CODES = "2.16.840.1.113883.5.1100"
ACCEPT_ACKNOWLEDGEMENT = "MCCI_IN000002UV01"


@dataclass(frozen=True, slots=True)
class Transmission:
    """What a message says of itself; whatever is missing is empty."""

    interaction: str
    message_id: InstanceId
    created: Dtm | None
    processing_code: str
    sender: InstanceId
    sender_organization: InstanceId
    receiver: InstanceId
    receiver_organization: InstanceId
    target: InstanceId

    @property
    def source(self) -> str:
        """The sending device's OID, as the audit trail names it."""
        return self.sender.root


@dataclass(frozen=True, slots=True)
class V3Exchange:
    """A request and what an answer needs: the time, an id for the answer, and the OID of our device."""

    body: Element
    transmission: Transmission
    now: datetime
    answer_id: str
    device: Oid


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """What a condition is called in an answer.

    `reject` where the same message may be taken later or was not read (AR, CR), else AE and CE. `code` is one of `system`.
    """

    code: str
    text: str
    system: str = DETAIL_CODES
    reject: bool = False


_UNKNOWN_KEY = ErrorCode("204", "Unknown key identifier", TABLE_0357)
_DUPLICATE_KEY = ErrorCode("KEY205", "Duplicate key identifier")
_LOCKED = ErrorCode("KEY206", "Application record locked")
_SYNTAX = ErrorCode("SYN", "Syntax error", reject=True)
_ELEMENT = ErrorCode("SYN105", "Required element missing")
_DATA_TYPE = ErrorCode("SYN102", "Data type error")
_VALUE = ErrorCode("SYN103", "Value not found in code system")
_CONSTRAINT = ErrorCode("SYN113", "Formal constraint violation")
_NOT_ALLOWED = ErrorCode("NS260", "Unknown sender", reject=True)
_INTERNAL = ErrorCode("INTERR", "Internal system error")
_TRY_AGAIN = ErrorCode("INTERR", "Internal system error", reject=True)

CODES: dict[Condition, ErrorCode] = {
    Condition.MALFORMED: _SYNTAX,
    Condition.TOO_LARGE: ErrorCode("NOSTORE", "No storage space for message", reject=True),
    Condition.CHARSET_UNSUPPORTED: _SYNTAX,
    Condition.MESSAGE_TYPE_UNSUPPORTED: ErrorCode("NS200", "Unsupported interaction", reject=True),
    Condition.EVENT_UNSUPPORTED: ErrorCode("NS200", "Unsupported interaction", reject=True),
    Condition.PROCESSING_ID_UNSUPPORTED: ErrorCode("NS202", "Unsupported processing id", reject=True),
    Condition.VERSION_UNSUPPORTED: ErrorCode("NS203", "Unsupported version id", reject=True),
    Condition.MESSAGE_ID_REUSED: _DUPLICATE_KEY,
    Condition.SEGMENT_MISSING: ErrorCode("SYN100", "Required association missing"),
    Condition.FIELD_MISSING: _ELEMENT,
    Condition.FIELD_INVALID: _DATA_TYPE,
    Condition.VALUE_UNKNOWN: _VALUE,
    Condition.NOT_AUTHENTICATED: _NOT_ALLOWED,
    Condition.NOT_ALLOWED: _NOT_ALLOWED,
    Condition.SOURCE_NOT_ALLOWED: _UNKNOWN_KEY,
    Condition.PATIENT_UNKNOWN: _UNKNOWN_KEY,
    Condition.PATIENT_MISMATCH: _UNKNOWN_KEY,
    Condition.IDENTIFIER_UNKNOWN: _UNKNOWN_KEY,
    Condition.IDENTIFIER_DUPLICATE: _DUPLICATE_KEY,
    Condition.AUTHORITY_UNKNOWN: _UNKNOWN_KEY,
    Condition.MERGE_IMPOSSIBLE: _UNKNOWN_KEY,
    Condition.RECORD_LOCKED: _LOCKED,
    Condition.CONTINUATION_UNKNOWN: _UNKNOWN_KEY,
    Condition.METADATA_INVALID: _CONSTRAINT,
    Condition.UNIQUE_ID_IN_USE: _DUPLICATE_KEY,
    Condition.UNIQUE_ID_REPEATED: _DUPLICATE_KEY,
    Condition.HASH_DIFFERS: _DUPLICATE_KEY,
    Condition.SIZE_DIFFERS: _DUPLICATE_KEY,
    Condition.CONTENT_DIFFERS: _CONSTRAINT,
    Condition.CONTENT_INVALID: _CONSTRAINT,
    Condition.DOCUMENT_MISSING: _ELEMENT,
    Condition.METADATA_MISSING: _ELEMENT,
    Condition.REFERENCE_UNRESOLVED: _UNKNOWN_KEY,
    Condition.TARGET_DEPRECATED: _UNKNOWN_KEY,
    Condition.EXTRA_METADATA_DROPPED: _CONSTRAINT,
    Condition.DOCUMENT_QUEUED: _CONSTRAINT,
    Condition.VERSION_WRONG: _CONSTRAINT,
    Condition.UPDATE_INVALID: _CONSTRAINT,
    Condition.UPDATE_OPERATION_INVALID: _CONSTRAINT,
    Condition.UPDATE_IDENTIFIER_CHANGED: _CONSTRAINT,
    Condition.UPDATE_PATIENT_CHANGED: _CONSTRAINT,
    Condition.UPDATE_TYPE_CHANGED: _CONSTRAINT,
    Condition.UPDATE_IMMUTABLE: _CONSTRAINT,
    Condition.UPDATE_NOT_PERMITTED: _CONSTRAINT,
    Condition.UPDATE_REQUEST_INVALID: _CONSTRAINT,
    Condition.UPDATE_ANNOTATION_INVALID: _CONSTRAINT,
    Condition.REFERENCES_EXIST: _CONSTRAINT,
    Condition.WOULD_ORPHAN: _CONSTRAINT,
    Condition.REMOVAL_FAILED: _INTERNAL,
    Condition.QUERY_UNKNOWN: _VALUE,
    Condition.PARAMETER_MISSING: _ELEMENT,
    Condition.PARAMETER_COUNT: ErrorCode("SYN110", "Number of association repetitions exceeds limit"),
    Condition.PARAMETER_INVALID: _DATA_TYPE,
    Condition.SEVERAL_PATIENTS: _UNKNOWN_KEY,
    Condition.TOO_MANY_RESULTS: _INTERNAL,
    Condition.DOCUMENT_UNKNOWN: _UNKNOWN_KEY,
    Condition.REPOSITORY_UNKNOWN: _UNKNOWN_KEY,
    Condition.COMMUNITY_MISSING: _ELEMENT,
    Condition.COMMUNITY_UNKNOWN: _UNKNOWN_KEY,
    Condition.COMMUNITY_UNAVAILABLE: _TRY_AGAIN,
    Condition.REGISTRY_UNAVAILABLE: _TRY_AGAIN,
    Condition.PEER_UNAVAILABLE: _TRY_AGAIN,
    Condition.BUSY: _TRY_AGAIN,
    Condition.OUT_OF_RESOURCES: ErrorCode("NOSTORE", "No storage space for message", reject=True),
    Condition.CONTENT_DAMAGED: _INTERNAL,
    Condition.INTERNAL: _INTERNAL,
}

_SEVERITIES = {Severity.ERROR: "E", Severity.WARNING: "W"}


def read_transmission(body: Element) -> Transmission:
    """The wrapper of any message; never fails, so that also a bad message can be answered."""
    sender, receiver = child(body, "sender", "device"), child(body, "receiver", "device")
    organization = ("asAgent", "representedOrganization", "id")
    return Transmission(
        interaction=local_name(body),
        message_id=read_instance_id(child(body, "id")),
        created=read_time(child(body, "creationTime")),
        processing_code=value_of(child(body, "processingCode"), "code"),
        sender=read_instance_id(child(sender, "id")),
        sender_organization=read_instance_id(child(sender, *organization)),
        receiver=read_instance_id(child(receiver, "id")),
        receiver_organization=read_instance_id(child(receiver, *organization)),
        target=read_instance_id(child(body, "acknowledgement", "targetMessage", "id")),
    )


def v3_exchange(body: Element, *, now: datetime, answer_id: str, device: Oid) -> V3Exchange:
    """A request ready to be answered. `answer_id` is the extension of our message's id, with or without `urn:uuid:`."""
    return V3Exchange(body, read_transmission(body), now, answer_id.removeprefix("urn:uuid:"), device)


def accepted(exchange: V3Exchange, warnings: Iterable[Violation] = ()) -> bytes:
    """MCCI_IN000002UV01 with CA: the message was taken."""
    return _accept_acknowledgement(exchange, "CA", warnings)


def refused(exchange: V3Exchange, error: HieError) -> bytes:
    """MCCI_IN000002UV01 with CE or CR: the message was not taken, and why. A query is refused by `answers.query_refused`."""
    return _accept_acknowledgement(exchange, "CR" if is_reject(error) else "CE", error.violations)


def _accept_acknowledgement(exchange: V3Exchange, code: str, violations: Iterable[Violation]) -> bytes:
    return message(exchange, ACCEPT_ACKNOWLEDGEMENT, acknowledgement(exchange, code, violations))


def is_reject(error: HieError) -> bool:
    """Whether an error is a rejection: the message was not read, or may be sent again later."""
    return isinstance(error, Unreadable) or any(v.is_error and CODES[v.condition].reject for v in error.violations)


def acknowledgement(exchange: V3Exchange, code: str, violations: Iterable[Violation] = ()) -> str:
    """The acknowledgement element: its code, the request's id, and one detail for each violation."""
    target = tag("targetMessage", exchange.transmission.message_id.element())
    return tag("acknowledgement", tag("typeCode", code=code), target, *map(_detail, violations))


def _detail(violation: Violation) -> str:
    meaning = CODES[violation.condition]
    return tag(
        "acknowledgementDetail",
        tag("code", code=meaning.code, codeSystem=meaning.system, displayName=meaning.text),
        tag("text", fit(violation.detail)),
        tag("location", fit(violation.where)) if violation.where else "",
        typeCode=_SEVERITIES[violation.severity],
    )


def message(exchange: V3Exchange, interaction: str, *content: str) -> bytes:
    """An answer: the transmission wrapper with sender and receiver swapped, and what comes after `sender`."""
    sent = exchange.transmission
    receiver = _device(sent.sender, sent.sender_organization)
    sender = _device(InstanceId(exchange.device), sent.receiver_organization)
    head = wrapper(
        interaction,
        InstanceId(exchange.device, exchange.answer_id),
        exchange.now,
        accept="NE",
        processing_code=sent.processing_code,
        receiver=receiver,
        sender=sender,
    )
    return document(interaction, head, *content)


def wrapper(
    interaction: str,
    message_id: InstanceId,
    now: datetime,
    *,
    accept: str,
    processing_code: str,
    receiver: str,
    sender: str,
) -> str:
    """The elements of a transmission from `id` to `sender`; receiver and sender are device elements."""
    return "".join(
        (
            message_id.element(),
            tag("creationTime", value=dtm_of(now)),
            tag("interactionId", root=INTERACTIONS, extension=interaction),
            tag("processingCode", code=processing_code if processing_code in ("P", "T", "D") else "P"),
            tag("processingModeCode", code="T"),
            tag("acceptAckCode", code=accept),
            tag("receiver", receiver, typeCode="RCV"),
            tag("sender", sender, typeCode="SND"),
        )
    )


def device(oid: str) -> str:
    """A device element that holds nothing but its OID."""
    return _device(InstanceId(oid), InstanceId())


def document(interaction: str, *content: str) -> bytes:
    """The body element of an interaction."""
    return tag(interaction, *content, xmlns=NAMESPACE, **{"xmlns:xsi": XSI}, ITSVersion="XML_1.0").encode()


def _device(device_id: InstanceId, organization: InstanceId) -> str:
    agent = ""
    if organization.root:
        represented = tag(
            "representedOrganization", InstanceId(organization.root).element(), classCode="ORG", determinerCode="INSTANCE"
        )
        agent = tag("asAgent", represented, classCode="AGNT")
    return tag("device", device_id.element(), agent, classCode="DEV", determinerCode="INSTANCE")
