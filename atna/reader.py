"""Reads audit messages of others: DICOM's attribute names, RFC 3881's, and the habits of real senders."""

from __future__ import annotations

import binascii
from base64 import b64decode
from datetime import UTC, datetime
from typing import Final

from atna.message import (
    AuditMessage,
    AuditSource,
    Defect,
    Indicator,
    Outcome,
    Participant,
    ParticipantObject,
)
from atna.vocabulary import Action
from kernel.codes import Code
from kernel.errors import Condition, Unreadable, violation
from kernel.xml import Element, parse_xml

LIMIT: Final = 1 << 20
"""Bytes of one audit message."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_BOM: Final = b"\xef\xbb\xbf"


def read(data: bytes, *, limit: int = LIMIT) -> AuditMessage:
    """The message in the XML, either dialect, with its `defects`; raises `Unreadable` when it is no audit message at all.

    A byte order mark, an XML declaration and white space around are taken. Without a readable time `when` is 1970.
    """
    root = parse_xml(data.removeprefix(_BOM).strip(b" \t\r\n\0"), limit=limit)
    parts = _parts(root)
    identification = parts.get("EventIdentification")
    if root.tag.rpartition("}")[2] != "AuditMessage" or identification is None:
        raise Unreadable(violation(Condition.MALFORMED, "AuditMessage", "the XML is not an audit message"))
    event = identification[0]
    defects: list[Defect] = []
    about = _parts(event)
    code = _code(about["EventID"][0]) if "EventID" in about else Code("", "")
    if not code.code:
        defects.append(Defect.EVENT_MISSING)
    participants = tuple(map(_participant, parts.get("ActiveParticipant", ())))
    if not participants:
        defects.append(Defect.PARTICIPANT_MISSING)
    return AuditMessage(
        event=code,
        action=_action(event, defects),
        when=_when(event, defects),
        outcome=_outcome(event, about, defects),
        participants=participants,
        source=_source(parts, defects),
        types=tuple(map(_code, about.get("EventTypeCode", ()))),
        purposes=tuple(map(_code, about.get("PurposeOfUse", ()))),
        objects=tuple(_object(e, defects) for e in parts.get("ParticipantObjectIdentification", ())),
        defects=tuple(dict.fromkeys(defects)),
    )


def _parts(parent: Element) -> dict[str, list[Element]]:
    """The children by their local names; a namespace is no matter."""
    found: dict[str, list[Element]] = {}
    for child in parent:
        tag = child.tag
        found.setdefault(tag.rpartition("}")[2] if "}" in tag else tag, []).append(child)
    return found


def _code(element: Element) -> Code:
    get = element.get
    return Code(
        get("csd-code") or get("code") or (element.text or "").strip(),  # AuditSourceTypeCode of 2016a is bare text
        get("codeSystemName") or get("codeSystem") or "",
        get("originalText") or get("displayName") or "",
    )


def _action(event: Element, defects: list[Defect]) -> Action:
    try:
        return Action(event.get("EventActionCode", "E").strip())  # optional in both dialects
    except ValueError:
        defects.append(Defect.ACTION_UNKNOWN)
        return Action.EXECUTE


def _when(event: Element, defects: list[Defect]) -> datetime:
    text = event.get("EventDateTime", "").strip()
    try:
        when = datetime.fromisoformat(text)
        if when.tzinfo is None:
            defects.append(Defect.TIME_WITHOUT_ZONE)
            when = when.replace(tzinfo=UTC)
        return when.astimezone(UTC)
    except (ValueError, OverflowError):
        defects.append(Defect.TIME_UNREADABLE)
        return _EPOCH


def _outcome(event: Element, about: dict[str, list[Element]], defects: list[Defect]) -> Outcome:
    text = event.get("EventOutcomeIndicator", "").strip()
    description = _text(about, "EventOutcomeDescription")
    if not text:
        defects.append(Defect.OUTCOME_EMPTY)
        return Outcome(Indicator.SUCCESS, description)
    try:
        return Outcome(Indicator(int(text)), description)
    except ValueError:
        defects.append(Defect.OUTCOME_UNKNOWN)
        return Outcome(Indicator.SERIOUS, description)


def _participant(element: Element) -> Participant:
    get = element.get
    return Participant(
        user_id=get("UserID", ""),
        is_requestor=get("UserIsRequestor", "true").strip() in ("true", "1"),
        roles=tuple(map(_code, _parts(element).get("RoleIDCode", ()))),
        alternative_user_id=get("AlternativeUserID", ""),
        user_name=get("UserName", ""),
        network_id=get("NetworkAccessPointID", "").strip(),
        network_type=_number(get("NetworkAccessPointTypeCode")),
    )


def _source(parts: dict[str, list[Element]], defects: list[Defect]) -> AuditSource:
    found = parts.get("AuditSourceIdentification")
    if not found or not found[0].get("AuditSourceID"):
        defects.append(Defect.SOURCE_MISSING)
    if not found:
        return AuditSource("", "")
    element = found[0]
    kinds = tuple(map(_code, _parts(element).get("AuditSourceTypeCode", ())))
    if not kinds and (element.get("csd-code") or element.get("code")):
        kinds = (_code(element),)  # some senders put the type's attributes here
    return AuditSource(element.get("AuditEnterpriseSiteID", ""), element.get("AuditSourceID", ""), kinds)


def _object(element: Element, defects: list[Defect]) -> ParticipantObject:
    get, parts = element.get, _parts(element)
    return ParticipantObject(
        id=get("ParticipantObjectID", ""),
        id_type=_code(parts["ParticipantObjectIDTypeCode"][0]) if "ParticipantObjectIDTypeCode" in parts else Code("", ""),
        type_code=_number(get("ParticipantObjectTypeCode")),
        role=_number(get("ParticipantObjectTypeCodeRole")),
        life_cycle=_number(get("ParticipantObjectDataLifeCycle")),
        sensitivity=get("ParticipantObjectSensitivity", ""),
        name=_text(parts, "ParticipantObjectName"),
        query=_bytes(parts["ParticipantObjectQuery"][0].text or "", defects) if "ParticipantObjectQuery" in parts else None,
        details=tuple((e.get("type", ""), _bytes(e.get("value", ""), defects)) for e in parts.get("ParticipantObjectDetail", ())),
    )


def _text(parts: dict[str, list[Element]], name: str) -> str:
    return (parts[name][0].text or "").strip() if name in parts else ""


def _bytes(text: str, defects: list[Defect]) -> bytes:
    try:
        return b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        defects.append(Defect.NOT_BASE64)
        return text.encode()


def _number(text: str | None) -> int | None:
    if text is None:
        return None
    digits = text.strip()
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 4 else None
