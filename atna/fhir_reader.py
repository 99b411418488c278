"""Reads a FHIR AuditEvent (R4) as the audit message it stands for: the mapping of `atna.fhir`, the other way round.

What a message has no place for (extensions, policies, parts of a data type that we do not write) stays in the resource, which is
kept as it came.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Final

from atna.fhir import SOURCE_TYPE, scheme_of
from atna.message import AuditMessage, AuditSource, Defect, Indicator, Outcome, Participant, ParticipantObject
from atna.reader import LIMIT
from atna.vocabulary import PATIENT_NUMBER, Action, ObjectRole, ObjectType
from fhir_r4.json import Resource
from fhir_r4.structure import shape_faults, shape_of
from kernel.codes import Code
from kernel.errors import Condition, Rejected, Violation, rejected, violation

FAULTS_LIMIT: Final = 50
"""Faults of one resource that are told."""
NAME: Final = "AuditEvent"
_RESOURCE: Final = shape_of(
    "resourceType:code! id:string meta:anything implicitRules:uri language:code text:anything contained:anything* "
    "type:Coding! subtype:Coding* action:code period:Period recorded:instant! outcome:code outcomeDesc:string "
    "purposeOfEvent:CodeableConcept* agent:agent+ source:source! entity:entity* modifierExtension:anything*"
)
_TYPES: Final = {
    "agent": shape_of(
        "type:CodeableConcept role:CodeableConcept* who:Reference altId:string name:string requestor:boolean! location:Reference "
        "policy:uri* media:Coding network:network purposeOfUse:CodeableConcept* modifierExtension:anything*"
    ),
    "network": shape_of("address:string type:code modifierExtension:anything*"),
    "source": shape_of("site:string observer:Reference! type:Coding* modifierExtension:anything*"),
    "entity": shape_of(
        "what:Reference type:Coding role:Coding lifecycle:Coding securityLabel:Coding* name:string description:string "
        "query:base64Binary detail:detail* modifierExtension:anything*"
    ),
    "detail": shape_of("type:string! valueString:string valueBase64Binary:base64Binary modifierExtension:anything*"),
}
_ACTIONS: Final = {action.value: action for action in Action}
_OUTCOMES: Final = {str(int(indicator)): indicator for indicator in Indicator}
_NETWORKS: Final = {str(number): number for number in range(1, 6)}


def read_audit_event(resource: Resource) -> AuditMessage:
    """The message, with its `defects`. Raises `Rejected` with everything that keeps the resource from being an AuditEvent of R4."""
    faults = tuple(islice(_faults(resource), FAULTS_LIMIT))
    if faults:
        raise Rejected(faults)
    agents = _elements(resource, "agent")
    recorded = _time(_text(resource, "recorded"))
    assert recorded is not None
    message = AuditMessage(
        event=_code(_element(resource, "type")),
        action=_ACTIONS[_text(resource, "action") or Action.EXECUTE.value],  # optional in both
        when=recorded,
        outcome=Outcome(_OUTCOMES[_text(resource, "outcome") or "0"], _text(resource, "outcomeDesc")),
        participants=tuple(map(_participant, agents)),
        source=_source(_element(resource, "source")),
        types=tuple(map(_code, _elements(resource, "subtype"))),
        purposes=tuple(dict.fromkeys(_purposes(resource, agents))),
        objects=tuple(map(_object, _elements(resource, "entity"))),
        defects=tuple(_defects(resource)),
    )
    if len(message.to_xml()) > LIMIT:
        raise rejected(Condition.TOO_LARGE, NAME, f"as an audit message it has more than {LIMIT} bytes")
    return message


def _faults(resource: Resource) -> Iterator[Violation]:
    if resource.get("resourceType") != NAME:
        yield violation(Condition.MESSAGE_TYPE_UNSUPPORTED, "resourceType", f"only {NAME} is taken here")
        return
    wrong = False
    for fault in shape_faults(resource, _RESOURCE, NAME, _TYPES):
        wrong = True
        yield fault
    if not wrong:
        yield from _content_faults(resource)


def _content_faults(resource: Resource) -> Iterator[Violation]:
    """What the codes and the resource's own rules ask for, of one that has the shape."""
    yield from _code_faults(_text(resource, "action"), _ACTIONS, f"{NAME}.action")
    yield from _code_faults(_text(resource, "outcome"), _OUTCOMES, f"{NAME}.outcome")
    if not _text(_element(resource, "type"), "code"):
        yield violation(Condition.FIELD_MISSING, f"{NAME}.type.code", "say what kind of event it is")
    if _time(_text(resource, "recorded")) is None:
        yield violation(Condition.FIELD_INVALID, f"{NAME}.recorded", "there is no such time")
    for number, agent in enumerate(_elements(resource, "agent")):
        yield from _code_faults(_text(_element(agent, "network"), "type"), _NETWORKS, f"{NAME}.agent[{number}].network.type")
    for number, entity in enumerate(_elements(resource, "entity")):
        where = f"{NAME}.entity[{number}]"
        if "name" in entity and "query" in entity:
            yield violation(Condition.CONTENT_INVALID, where, "an entity has a name or a query, not both (sev-1)")
        values = [(f"{where}.query", entity.get("query"))]
        for at, detail in enumerate(_elements(entity, "detail")):
            values.append((f"{where}.detail[{at}].valueBase64Binary", detail.get("valueBase64Binary")))
            if ("valueString" in detail) is ("valueBase64Binary" in detail):
                told = "a detail has a valueString or a valueBase64Binary"
                yield violation(Condition.FIELD_MISSING, f"{where}.detail[{at}].value[x]", told)
        for path, value in values:
            if isinstance(value, str) and _bytes(value) is None:
                yield violation(Condition.FIELD_INVALID, path, "it is base64")


def _code_faults(code: str, known: Iterable[str], where: str) -> Iterator[Violation]:
    if code and code not in known:
        yield violation(Condition.VALUE_UNKNOWN, where, f"it is one of {', '.join(known)}")


def _defects(resource: Resource) -> Iterator[Defect]:
    if "outcome" not in resource:
        yield Defect.OUTCOME_EMPTY
    if not _source(_element(resource, "source")).id:
        yield Defect.SOURCE_MISSING


def _time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text.replace(":60", ":59", 1) if text[17:19] == "60" else text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _participant(agent: Resource) -> Participant:
    network = _element(agent, "network")
    kind = _element(agent, "type")
    return Participant(
        user_id=_identity(_element(agent, "who")) or _text(agent, "altId") or _text(agent, "name"),
        is_requestor=agent.get("requestor") is True,
        roles=tuple(_concept(one) for one in (*((kind,) if kind else ()), *_elements(agent, "role"))),
        alternative_user_id=_text(agent, "altId"),
        user_name=_text(agent, "name") or _text(_element(agent, "who"), "display"),
        network_id=_text(network, "address"),
        network_type=_NETWORKS.get(_text(network, "type")),
    )


def _source(source: Resource) -> AuditSource:
    kinds = (_code(one) for one in _elements(source, "type"))
    # SOURCE_TYPE has DICOM's numbers
    types = tuple(Code(k.code, "DCM", k.display) if k.scheme == SOURCE_TYPE else k for k in kinds)
    return AuditSource(_text(source, "site"), _identity(_element(source, "observer")), types)


def _purposes(resource: Resource, agents: Sequence[Resource]) -> Iterator[Code]:
    for one in _elements(resource, "purposeOfEvent"):
        yield _concept(one)
    for agent in agents:
        for one in _elements(agent, "purposeOfUse"):
            yield _concept(one)


def _object(entity: Resource) -> ParticipantObject:
    what = _element(entity, "what")
    query = _text(entity, "query")
    label = next(iter(_elements(entity, "securityLabel")), {})
    details = _elements(entity, "detail")
    type_code, role = _number(entity, "type"), _number(entity, "role")
    is_patient = type_code == ObjectType.PERSON and role in (None, ObjectRole.PATIENT)
    identifier = _element(what, "identifier")
    cx = _patient_id(identifier) if is_patient else ""
    return ParticipantObject(
        id=cx or _identity(what),
        id_type=PATIENT_NUMBER if cx else _concept(_element(identifier, "type")),
        type_code=type_code,
        role=role,
        life_cycle=_number(entity, "lifecycle"),
        sensitivity=_text(label, "display") or _text(label, "code"),
        name=_text(entity, "name"),
        query=_bytes(query) if query else None,
        details=tuple((_text(one, "type"), _detail(one)) for one in details),
    )


def _detail(detail: Resource) -> bytes:
    binary = _text(detail, "valueBase64Binary")
    return (_bytes(binary) or b"") if binary else _text(detail, "valueString").encode("utf-8", "replace")


def _patient_id(identifier: Resource) -> str:
    """An identifier with its system as CX, as ITI-81 asks for it; empty for one without."""
    system, value = _text(identifier, "system"), _text(identifier, "value")
    if not system or not value or "^" in system + value or "&" in system + value:
        return ""
    oid = system.removeprefix("urn:oid:")
    namespace = _text(_element(identifier, "assigner"), "display")
    if "^" in namespace or "&" in namespace:
        namespace = ""
    return f"{value}^^^{namespace}&{oid}&ISO" if oid != system else f"{value}^^^{system}"


def _identity(reference: Resource) -> str:
    """Whom or what a reference means: by identifier, else by address, else by name."""
    identifier = _text(_element(reference, "identifier"), "value")
    return identifier or _text(reference, "reference") or _text(reference, "display")


def _concept(concept: Resource) -> Code:
    """The first Coding that has a code; the text alone where there is none."""
    codings = [_code(one) for one in _elements(concept, "coding")]
    return next((code for code in codings if code.code), Code("", "", _text(concept, "text")))


def _code(coding: Resource) -> Code:
    return Code(_text(coding, "code"), scheme_of(_text(coding, "system")), _text(coding, "display"))


def _number(entity: Resource, name: str) -> int | None:
    code = _text(_element(entity, name), "code")
    return int(code) if code.isascii() and code.isdigit() and len(code) < 5 else None


def _bytes(text: str) -> bytes | None:
    try:
        return b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return None


def _text(element: Resource, name: str) -> str:
    value = element.get(name)
    return value if isinstance(value, str) else ""


def _element(element: Resource, name: str) -> Resource:
    value = element.get(name)
    return value if isinstance(value, dict) else {}


def _elements(element: Resource, name: str) -> Sequence[Resource]:
    value = element.get(name)
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
