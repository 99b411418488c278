"""What a consumer sends and reads: PRPA_IN201309UV02 and PRPA_IN201305UV02, and their answers (ITI TF-2, 3.45 and 3.47)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from hl7v3.datatypes import (
    SEX_SYSTEM,
    InstanceId,
    read_address,
    read_name,
    read_patient_id,
    read_sex,
    read_telecom,
    read_time,
    write_address,
    write_name,
    write_patient_id,
    write_telecom,
    write_time,
)
from hl7v3.elements import child, children, fit, tag, text_of, value_of
from hl7v3.messages import INTERACTIONS, device, document, wrapper
from kernel.demographics import Demographics
from kernel.demographics_query import DemographicsHit, DemographicsPage
from kernel.errors import Condition, Rejected, Severity, Violation
from kernel.identifiers import AssigningAuthority, Oid, PatientId
from kernel.xml import Element

PIX_QUERY, PDQ_QUERY = "PRPA_IN201309UV02", "PRPA_IN201305UV02"
ACCEPTED = ("AA", "CA")
CONDITIONS = {
    "204": Condition.IDENTIFIER_UNKNOWN,
    "KEY204": Condition.IDENTIFIER_UNKNOWN,
    "KEY205": Condition.IDENTIFIER_DUPLICATE,
    "KEY206": Condition.RECORD_LOCKED,
    "SYN100": Condition.SEGMENT_MISSING,
    "SYN101": Condition.FIELD_MISSING,
    "SYN105": Condition.FIELD_MISSING,
    "SYN102": Condition.FIELD_INVALID,
    "SYN103": Condition.VALUE_UNKNOWN,
    "SYN113": Condition.FIELD_INVALID,
    "NS200": Condition.MESSAGE_TYPE_UNSUPPORTED,
}
"""What others say in AcknowledgementDetailCode, in our words; everything else is INTERNAL."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """What every message of ours needs: the OIDs of both devices, the time, and a fresh id, which also names the query."""

    sender: Oid
    receiver: Oid
    now: datetime
    message_id: str


def pix_query(patient_id: PatientId, wanted: Sequence[AssigningAuthority], envelope: Envelope) -> bytes:
    """PRPA_IN201309UV02: which identifiers of the wanted authorities, or of all, belong to the same patient."""
    sources = (_parameter("dataSource", "DataSource.id", tag("value", root=a.universal_id)) for a in wanted)
    asked = _parameter("patientIdentifier", "Patient.id", write_patient_id(patient_id, "value"))
    query = tag(
        "queryByParameter",
        _query_id(envelope),
        tag("statusCode", code="new"),
        tag("responsePriorityCode", code="I"),
        tag("parameterList", *sources, asked),
    )
    return _message(PIX_QUERY, query, envelope)


def pdq_query(
    known: Demographics, identifiers: Sequence[PatientId], wanted: Sequence[AssigningAuthority], envelope: Envelope
) -> bytes:
    """PRPA_IN201305UV02: who fits what is known. Only the first name, address and telephone number are asked for."""
    query = tag(
        "queryByParameter",
        _query_id(envelope),
        tag("statusCode", code="new"),
        tag("responseModalityCode", code="R"),
        tag("responsePriorityCode", code="I"),
        tag("parameterList", *_parameters(known, identifiers, wanted)),
    )
    return _message(PDQ_QUERY, query, envelope)


def read_pix_answer(body: Element) -> tuple[PatientId, ...]:
    """The identifiers of a PRPA_IN201310UV02, none when there are none. Raises `Rejected` when the query was not answered."""
    require_accepted(body)
    return tuple(found for patient in _patients(body) for found in _identifiers(patient))


def read_pdq_answer(body: Element) -> DemographicsPage:
    """The patients of a PRPA_IN201306UV02. Raises `Rejected` when the query was not answered."""
    require_accepted(body)
    hits = tuple(map(_hit, _patients(body)))
    ack = child(body, "controlActProcess", "queryAck")
    total, remaining = (value_of(child(ack, f"result{name}Quantity")) for name in ("Total", "Remaining"))
    return DemographicsPage(hits, _number(total, len(hits)), _number(remaining, 0))


def require_accepted(body: Element) -> None:
    """Raises `Rejected`, with what the other system found wrong, unless it says that all is well."""
    answer = child(body, "acknowledgement")
    code = value_of(child(answer, "typeCode"), "code")
    response = value_of(child(body, "controlActProcess", "queryAck", "queryResponseCode"), "code")
    if code in ACCEPTED and response not in ("AE", "QE"):
        return
    errors = [_violation(d) for d in children(answer, "acknowledgementDetail") if d.get("typeCode") != "I"]
    if not any(e.is_error for e in errors):
        text = f"the answer is {code or 'no acknowledgement'} without a reason"
        errors.append(Violation(Condition.INTERNAL, "acknowledgement/typeCode", text))
    raise Rejected(errors)


def _violation(detail: Element) -> Violation:
    code = value_of(child(detail, "code"), "code")
    text = text_of(child(detail, "text")) or value_of(child(detail, "code"), "displayName")
    severity = Severity.WARNING if detail.get("typeCode") == "W" else Severity.ERROR
    condition = CONDITIONS.get(code, Condition.INTERNAL)
    return Violation(condition, text_of(child(detail, "location")), f"{code} {text}".strip(), severity)


def _message(interaction: str, query: str, envelope: Envelope) -> bytes:
    head = wrapper(
        interaction,
        InstanceId(envelope.sender, envelope.message_id),
        envelope.now,
        accept="AL",
        processing_code="P",
        receiver=device(envelope.receiver),
        sender=device(envelope.sender),
    )
    code = tag("code", code=interaction.replace("_IN", "_TE"), codeSystem=INTERACTIONS)
    return document(interaction, head, tag("controlActProcess", code, query, classCode="CACT", moodCode="EVN"))


def _query_id(envelope: Envelope) -> str:
    return InstanceId(envelope.sender, envelope.message_id).element("queryId")


def _parameter(name: str, text: str, *values: str) -> str:
    return tag(name, *values, tag("semanticsText", fit(text)))


def _parameters(known: Demographics, identifiers: Sequence[PatientId], wanted: Sequence[AssigningAuthority]) -> Iterator[str]:
    """In the order of the schema."""
    if known.sex:
        code = {"M": "M", "F": "F"}.get(known.sex, "UN")
        yield _parameter(
            "livingSubjectAdministrativeGender",
            "LivingSubject.administrativeGender",
            tag("value", code=code, codeSystem=SEX_SYSTEM),
        )
    if known.birth:
        yield _parameter("livingSubjectBirthTime", "LivingSubject.birthTime", write_time("value", known.birth))
    for identifier in identifiers:
        yield _parameter("livingSubjectId", "LivingSubject.id", write_patient_id(identifier, "value"))
    if known.name:
        yield _parameter("livingSubjectName", "LivingSubject.name", write_name(known.name, "value"))
    if known.mother_name and not known.mother_name.is_empty:
        yield _parameter("mothersMaidenName", "Person.MothersMaidenName", write_name(known.mother_name, "value"))
    for authority in wanted:
        yield _parameter(
            "otherIDsScopingOrganization", "OtherIDs.scopingOrganization.id", tag("value", root=authority.universal_id)
        )
    if known.addresses:
        yield _parameter("patientAddress", "Patient.addr", _as_value(write_address(known.addresses[0]), "addr"))
    if known.telecoms:
        yield _parameter("patientTelecom", "Patient.telecom", _as_value(write_telecom(known.telecoms[0]), "telecom"))


def _as_value(element: str, name: str) -> str:
    """An element of ours under the name that parameters have."""
    return "<value" + element.removeprefix(f"<{name}").replace(f"</{name}>", "</value>")


def _patients(body: Element) -> Iterator[Element]:
    for subject in children(child(body, "controlActProcess"), "subject"):
        patient = child(subject, "registrationEvent", "subject1", "patient")
        if patient is not None:
            yield patient


def _identifiers(patient: Element) -> Iterator[PatientId]:
    others = (i for o in children(child(patient, "patientPerson"), "asOtherIDs") for i in children(o, "id"))
    found = (read_patient_id(i, is_named=True) for i in (*children(patient, "id"), *others) if not i.get("nullFlavor"))
    return (i for i in dict.fromkeys(found) if i is not None)


def _hit(patient: Element) -> DemographicsHit:
    person = child(patient, "patientPerson")
    names = (n for n in map(read_name, children(person, "name")) if not n.is_empty)
    # the patient's own address, as some supply it, else that of the person
    addresses = (read_address(a) for p in (patient, person) for a in children(p, "addr"))
    telecoms = (read_telecom(t) for p in (patient, person) for t in children(p, "telecom"))
    demographics = Demographics(
        names=tuple(names),
        sex=read_sex(child(person, "administrativeGenderCode")).strip("?"),
        birth=read_time(child(person, "birthTime")),
        addresses=tuple(a for a in addresses if a),
        telecoms=tuple(t for t in telecoms if t),
    )
    match = value_of(child(patient, "subjectOf1", "queryMatchObservation", "value"))
    confidence = _number(match, -1)
    return DemographicsHit(tuple(_identifiers(patient)), demographics, confidence if confidence >= 0 else None)


def _number(text: str, otherwise: int) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else otherwise
