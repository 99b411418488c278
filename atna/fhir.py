"""The audit message as a FHIR AuditEvent (R4), field by field as the resource's own mapping to DICOM has it."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime
from typing import Final

from atna.message import AuditMessage, Participant, ParticipantObject
from atna.vocabulary import TRANSACTIONS, XDS_METADATA, ObjectRole, ObjectType
from fhir_r4.json import Resource, coding, concept, made
from kernel.codes import Code
from kernel.identifiers import is_oid, read_cx

DCM: Final = "http://dicom.nema.org/resources/ontology/DCM"
TRANSACTION: Final = "urn:ihe:event-type-code"
ENTITY_TYPE: Final = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
ENTITY_ROLE: Final = "http://terminology.hl7.org/CodeSystem/object-role"
LIFE_CYCLE: Final = "http://terminology.hl7.org/CodeSystem/dicom-audit-lifecycle"
SOURCE_TYPE: Final = "http://terminology.hl7.org/CodeSystem/security-source-type"
_SYSTEMS: Final = {
    "DCM": DCM,
    TRANSACTIONS: TRANSACTION,
    "RFC-3881": "http://terminology.hl7.org/CodeSystem/audit-event-id-type",
}
_OTHER: Final = "urn:affinity:code-system:"
"""Before the name of a code system that has no URI, so that equal codes of different systems stay apart."""


_SCHEMES: Final = {
    **{uri: scheme for scheme, uri in _SYSTEMS.items()},
    _OTHER + "-".join(XDS_METADATA.split()): XDS_METADATA,
}


def audit_event(message: AuditMessage, record: int, received_at: int) -> Resource:
    """The resource with the record's number as its id; `received_at` is milliseconds since 1970."""
    return numbered(new_audit_event(message), record, received_at)


def numbered(resource: Resource, record: int, received_at: int) -> Resource:
    """A resource as the repository gives it out: with its id and version there, whatever it had where it came from."""
    meta = resource.get("meta")
    kept = meta if isinstance(meta, dict) else {}
    ours = made(versionId="1", lastUpdated=_instant(datetime.fromtimestamp(received_at / 1000, UTC)))
    rest = {name: value for name, value in resource.items() if name not in ("resourceType", "id", "meta")}
    return {"resourceType": "AuditEvent", "id": str(record), "meta": {**kept, **ours}, **rest}


def new_audit_event(message: AuditMessage) -> Resource:
    """The resource as it is sent to a repository, which gives it its id."""
    return made(
        resourceType="AuditEvent",
        type=_coding(message.event),
        subtype=[_coding(code) for code in message.types],
        action=message.action.value,
        recorded=_instant(message.when),
        outcome=str(int(message.outcome.indicator)),
        outcomeDesc=message.outcome.description,
        purposeOfEvent=[_concept(code) for code in message.purposes],
        agent=[_agent(who) for who in message.participants],
        source=made(
            site=message.source.site,
            observer=made(identifier=made(value=message.source.id), display="" if message.source.id else "unknown"),
            type=[_source_type(code) for code in message.source.types],
        ),
        entity=[_entity(what) for what in message.objects],
    )


def system_of(scheme: str) -> str:
    """The URI of a codeSystemName; empty for none."""
    if not scheme or scheme.startswith(("http:", "https:", "urn:")):
        return scheme
    if is_oid(scheme):
        return f"urn:oid:{scheme}"
    return _SYSTEMS.get(scheme) or _OTHER + "-".join(scheme.split())


def scheme_of(system: str) -> str:
    """The codeSystemName of a URI: the other way round."""
    if system.startswith("urn:oid:") and is_oid(system.removeprefix("urn:oid:")):
        return system.removeprefix("urn:oid:")
    return _SCHEMES.get(system) or system.removeprefix(_OTHER)


def _coding(code: Code) -> Resource:
    return coding(system_of(code.scheme), code.code, code.display)


def _concept(code: Code) -> Resource:
    return concept(system_of(code.scheme), code.code, code.display)


def _source_type(code: Code) -> Resource:
    is_number = code.code.isdigit() and code.scheme in ("DCM", "")
    return coding(SOURCE_TYPE if is_number else system_of(code.scheme), code.code, code.display)


def _agent(who: Participant) -> Resource:
    first, *others = who.roles or (None,)
    return made(
        type=_concept(first) if first else None,
        role=[_concept(code) for code in others if code],
        who=made(identifier=made(value=who.user_id)),
        altId=who.alternative_user_id,
        name=who.user_name,
        requestor=who.is_requestor,
        network=made(address=who.network_id, type=None if who.network_type is None else str(int(who.network_type))),
    )


def _entity(what: ParticipantObject) -> Resource:
    return made(
        what=_what(what),
        type=_numbered(ENTITY_TYPE, what.type_code),
        role=_numbered(ENTITY_ROLE, what.role),
        lifecycle=_numbered(LIFE_CYCLE, what.life_cycle),
        securityLabel=[made(display=what.sensitivity)] if what.sensitivity else [],
        name="" if what.query else what.name,  # sev-1: a name or a query, not both
        query=b64encode(what.query).decode() if what.query else "",
        detail=[made(type=kind or "detail", valueBase64Binary=b64encode(value).decode()) for kind, value in what.details if value],
    )


def _what(what: ParticipantObject) -> Resource:
    """A reference by identifier: a patient's with its assigning authority, anything else with what kind of id it is."""
    patient = read_cx(what.id) if what.type_code == ObjectType.PERSON and what.role in (None, ObjectRole.PATIENT) else None
    if patient is not None and patient.authority.oid:
        assigner = made(display=patient.authority.namespace)
        identifier = made(system=f"urn:oid:{patient.authority.oid}", value=patient.id, assigner=assigner)
        return made(type="Patient", identifier=identifier)
    kind = _concept(what.id_type) if what.id_type.code or what.id_type.display else None
    return made(identifier=made(type=kind, value=what.id))


def _numbered(system: str, number: int | None) -> Resource | None:
    return None if number is None else coding(system, str(int(number)))


def _instant(when: datetime) -> str:
    return when.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
