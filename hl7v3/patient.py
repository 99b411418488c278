"""Patients in registration events, to identifiers and demographics and back (ITI TF-2, 3.44, 3.45, 3.46, 3.47)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from hl7v3.datatypes import (
    InstanceId,
    is_writable,
    read_address,
    read_name,
    read_patient_id,
    read_sex,
    read_telecom,
    write_address,
    write_name,
    write_patient_id,
    write_sex,
    write_telecom,
    write_time,
)
from hl7v3.elements import child, children, fit, tag, text_of, value_of
from hl7v3.places import Node, root_of
from kernel.demographics import Demographics, HumanName
from kernel.errors import Condition
from kernel.findings import Findings
from kernel.identifiers import AssigningAuthority, PatientId
from kernel.patient_update import ALL_FIELDS, PatientMerge, PatientUpdate, SentIdentifier
from kernel.times import Dtm, parse_dtm
from kernel.xml import Element

NATIONAL_ID_ROOT = "2.16.840.1.113883.4.1"
"""The only root whose identifiers are known to be what v2 calls PID-19."""
ID_LIMIT = 255
_MOTHER = "MTH"
_ROLES_OF_OTHERS = frozenset({"CIT", "EMP"})
_BIRTH_ORDER_LIMIT = 99
_UNSPOKEN = frozenset({"account", "driver_licence"})
"""What v3 has no element for, so that its absence says nothing."""
_T = TypeVar("_T")


def read_update(body: Element, *, lenient: bool = False) -> PatientUpdate:
    """The patient of PRPA_IN201301UV02 or PRPA_IN201302UV02, which replaces what was said before. Raises `Rejected`."""
    findings = Findings(lenient=lenient)
    event = _event(body, findings)
    update = _update(body, event, findings)
    if event.one("replacementOf") is not None:
        findings.error(Condition.FIELD_INVALID, f"{event.path}/replacementOf", "a replacement has a message of its own")
    findings.warnings()
    return update


def read_merge(body: Element, *, lenient: bool = False) -> PatientMerge:
    """The survivor and the subsumed identifier of PRPA_IN201304UV02. Raises `Rejected` with everything that is wrong."""
    findings = Findings(lenient=lenient)
    event = _event(body, findings)
    role = event.one("replacementOf", "priorRegistration", "subject1", "priorRegisteredRole")
    subsumed = _identifiers(role, findings) if role else ()
    if len(event.each("replacementOf")) > 1 or len(subsumed) > 1:
        findings.error(Condition.PARAMETER_COUNT, f"{event.path}/replacementOf", "one pair to a message")
    if not subsumed:
        findings.error(Condition.FIELD_MISSING, f"{event.path}/replacementOf", "the subsumed identifier is missing")
    update = _update(body, event, findings)
    findings.warnings()
    old = subsumed[0]
    same = (i for i in update.identifiers if i.patient_id.authority.universal_id == old.patient_id.authority.universal_id)
    # the demographics of the survivor are not updated by a merge: ITI TF-2, 3.44.4.3
    return PatientMerge(next(same, update.identifiers[0]), old, replace(update, spoken=frozenset()))


def _event(body: Element, findings: Findings) -> Node:
    act = root_of(body).one("controlActProcess")
    subjects = act.each("subject") if act else ()
    event = subjects[0].one("registrationEvent") if subjects else None
    if len(subjects) > 1:
        findings.error(Condition.PARAMETER_COUNT, subjects[1].path, "one patient, or one pair, to a message")
    if event is None or event.one("subject1", "patient") is None:
        findings.error(Condition.SEGMENT_MISSING, f"{root_of(body).path}/controlActProcess/subject", "no patient is registered")
        findings.warnings()
        raise AssertionError("unreachable")
    return event


def _update(body: Element, event: Node, findings: Findings) -> PatientUpdate:
    patient = event.one("subject1", "patient")
    assert patient is not None
    person = patient.one("patientPerson")
    identifiers = _identifiers(patient, findings)
    if not identifiers:
        findings.error(Condition.FIELD_MISSING, f"{patient.path}/id", "no identifier")
    others = _other_identifiers(person, findings) if person else ()
    demographics = _demographics(patient, person, others, findings)
    created = parse_dtm(value_of(child(body, "creationTime")))
    return PatientUpdate(
        identifiers,
        demographics,
        _spoken(demographics),
        created,
        tuple(i for i in others if i.patient_id.authority.universal_id != NATIONAL_ID_ROOT),
        findings.warnings(),
    )


def _spoken(demographics: Demographics) -> frozenset[str]:
    # a name that is null was not told; everything else that is absent is no longer so
    unspoken = set(_UNSPOKEN)
    if not demographics.names:
        unspoken.add("names")
    if not demographics.national_id:
        unspoken.add("national_id")
    return ALL_FIELDS - unspoken


def _identifiers(parent: Node, findings: Findings) -> tuple[SentIdentifier, ...]:
    found: dict[PatientId, SentIdentifier] = {}
    for node in parent.each("id"):
        patient_id = read_patient_id(node.element)
        if patient_id is None:
            if not node.element.get("nullFlavor"):
                findings.tolerated(Condition.FIELD_MISSING, node.at("extension"), "the identifier is missing")
        elif not patient_id.authority.universal_id:
            # assigningAuthorityName is a hint and names no authority
            findings.warn(Condition.FIELD_MISSING, node.at("root"), "an identifier without root is passed over")
        elif len(patient_id.id) > ID_LIMIT:
            findings.error(Condition.FIELD_INVALID, node.at("extension"), f"an identifier has at most {ID_LIMIT} characters")
        else:
            found.setdefault(patient_id, SentIdentifier(patient_id, node.path, node.path))
    return tuple(found.values())


def _other_identifiers(person: Node, findings: Findings) -> tuple[SentIdentifier, ...]:
    found: list[SentIdentifier] = []
    for role in person.each("asOtherIDs"):
        quiet = Findings(lenient=True)
        in_role = _identifiers(role, quiet)
        findings.found += quiet.found
        if value_of(role.element, "classCode") in _ROLES_OF_OTHERS:
            in_role = tuple(i for i in in_role if i.patient_id.authority.universal_id == NATIONAL_ID_ROOT)
        found += in_role
    return tuple(found)


def _demographics(patient: Node, person: Node | None, others: tuple[SentIdentifier, ...], findings: Findings) -> Demographics:
    if person is None:
        return Demographics()
    element = person.element
    national = (i.patient_id.id for i in others if i.patient_id.authority.universal_id == NATIONAL_ID_ROOT)
    mother = _mother(element)
    return Demographics(
        names=tuple(n for n in map(read_name, children(element, "name")) if not n.is_empty),
        sex=_sex(person, findings),
        birth=_time(person, "birthTime", findings),
        addresses=_of_person_or_role(patient, person, "addr", read_address),
        telecoms=_of_person_or_role(patient, person, "telecom", read_telecom),
        mother_name=next((n for n in map(read_name, _mother_names(mother)) if not n.is_empty), None),
        mother_ids=tuple(filter(None, map(read_patient_id, children(mother, "id")))),
        multiple_birth=_indicator(element, "multipleBirthInd"),
        birth_order=_birth_order(person, findings),
        deceased=_indicator(element, "deceasedInd"),
        death=_time(person, "deceasedTime", findings),
        national_id=next(national, ""),
        marital_status=value_of(child(element, "maritalStatusCode"), "code"),
        race=value_of(child(element, "raceCode"), "code"),
        religion=value_of(child(element, "religiousAffiliationCode"), "code"),
        language=value_of(child(element, "languageCommunication", "languageCode"), "code"),
        nationality=value_of(child(element, "asCitizen", "politicalNation", "code"), "code"),
        ethnicity=value_of(child(element, "ethnicGroupCode"), "code"),
        birth_place=_birth_place(child(element, "birthPlace")),
    )


def _of_person_or_role(patient: Node, person: Node, name: str, read: Callable[[Element], _T | None]) -> tuple[_T, ...]:
    found = tuple(v for v in map(read, children(person.element, name)) if v is not None)
    return found or tuple(v for v in map(read, children(patient.element, name)) if v is not None)


def _mother(person: Element) -> Element | None:
    relations = children(person, "personalRelationship")
    return next((r for r in relations if value_of(child(r, "code"), "code") == _MOTHER), None)


def _mother_names(relation: Element | None) -> list[Element]:
    return children(child(relation, "relationshipHolder1"), "name")


def _birth_place(element: Element | None) -> str:
    return text_of(child(element, "birthplace", "name")) or text_of(child(element, "addr", "city"))


def _sex(person: Node, findings: Findings) -> str:
    element = child(person.element, "administrativeGenderCode")
    sex = read_sex(element)
    if sex != "?":
        return sex
    findings.tolerated(Condition.VALUE_UNKNOWN, f"{person.path}/administrativeGenderCode/@code", "F, M or UN is expected")
    return ""


def _time(person: Node, name: str, findings: Findings) -> Dtm | None:
    text = value_of(child(person.element, name))
    found = parse_dtm(text) if text else None
    if text and found is None:
        findings.tolerated(Condition.FIELD_INVALID, f"{person.path}/{name}/@value", "not a date or time")
    return found


def _indicator(person: Element, name: str) -> bool | None:
    return {"true": True, "1": True, "false": False, "0": False}.get(value_of(child(person, name)))


def _birth_order(person: Node, findings: Findings) -> int | None:
    text = value_of(child(person.element, "multipleBirthOrderNumber"))
    if not text:
        return None
    if text.isascii() and text.isdigit() and 0 < int(text[:9]) <= _BIRTH_ORDER_LIMIT:
        return int(text[:9])
    where = f"{person.path}/multipleBirthOrderNumber/@value"
    findings.tolerated(Condition.FIELD_INVALID, where, f"a number from 1 to {_BIRTH_ORDER_LIMIT} is expected")
    return None


def write_subject(
    identifiers: Sequence[PatientId],
    demographics: Demographics,
    custodian: str,
    *,
    match: str = "",
    lacking: Sequence[AssigningAuthority] = (),
    replaced: PatientId | None = None,
) -> str:
    """A `subject` with a registration event of one patient, kept by the device `custodian`.

    Identifiers of the first one's authority stand in patient/id, those of others in asOtherIDs; one whose authority has no OID
    cannot be told. `match` is what `write_match` gives. `lacking` are authorities that were asked for and in which there is none.
    `replaced` is a subsumed identifier.
    """
    event = tag(
        "registrationEvent",
        tag("id", nullFlavor="NA"),
        tag("statusCode", code="active"),
        tag("subject1", _patient(identifiers, demographics, match, lacking), typeCode="SBJ"),
        tag("custodian", tag("assignedEntity", InstanceId(custodian).element(), classCode="ASSIGNED"), typeCode="CST"),
        _replacement(replaced) if replaced else "",
        classCode="REG",
        moodCode="EVN",
    )
    return tag("subject", event, typeCode="SUBJ")


def _replacement(replaced: PatientId) -> str:
    role = tag("priorRegisteredRole", write_patient_id(replaced), classCode="PAT")
    prior = tag(
        "priorRegistration",
        tag("statusCode", code="obsolete"),
        tag("subject1", role, typeCode="SBJ"),
        classCode="REG",
        moodCode="EVN",
    )
    return tag("replacementOf", prior, typeCode="RPLC")


def write_match(confidence: int | None) -> str:
    """queryMatchObservation, which an answer to a demographics query must have; null when the confidence is not known."""
    known = {"nullFlavor": "UNK"} if confidence is None else {"value": str(confidence)}
    value = tag("value", xsi_type="INT", **known)
    return tag("subjectOf1", tag("queryMatchObservation", tag("code", code="IHE_PDQ"), value, classCode="COND", moodCode="EVN"))


def _patient(identifiers: Sequence[PatientId], d: Demographics, match: str, lacking: Sequence[AssigningAuthority]) -> str:
    told = [i for i in identifiers if is_writable(i)]
    root = told[0].authority.universal_id if told else ""
    own = [i for i in told if i.authority.universal_id == root]
    others = [i for i in told if i.authority.universal_id != root]
    provider = tag(
        "providerOrganization",
        InstanceId(root).element(),
        tag("contactParty", classCode="CON"),
        classCode="ORG",
        determinerCode="INSTANCE",
    )
    return tag(
        "patient",
        "".join(map(write_patient_id, own)) or tag("id", nullFlavor="NA"),
        tag("statusCode", code="active"),
        _person(d, others, lacking),
        provider,
        match,
        classCode="PAT",
    )


def _person(d: Demographics, others: Sequence[PatientId], lacking: Sequence[AssigningAuthority]) -> str:
    """patientPerson, its children in the order of PRPA_MT201310UV02."""
    return tag(
        "patientPerson",
        "".join(map(write_name, d.names)) or tag("name", nullFlavor="NA"),
        *map(write_telecom, d.telecoms),
        write_sex(d.sex),
        write_time("birthTime", d.birth),
        _write_indicator("deceasedInd", d.deceased),
        write_time("deceasedTime", d.death),
        _write_indicator("multipleBirthInd", d.multiple_birth),
        tag("multipleBirthOrderNumber", value=str(d.birth_order)) if d.birth_order else "",
        *map(write_address, d.addresses),
        _code("maritalStatusCode", d.marital_status),
        _code("religiousAffiliationCode", d.religion),
        _code("raceCode", d.race),
        _code("ethnicGroupCode", d.ethnicity),
        _citizen(d.nationality),
        *(_other_id(write_patient_id(i), i.authority) for i in others),
        *(_other_id(tag("id", nullFlavor="NA"), a) for a in lacking if a.oid),
        _write_mother(d.mother_name, d.mother_ids),
        _write_birth_place(d.birth_place),
        tag("languageCommunication", _code("languageCode", d.language)) if d.language else "",
        classCode="PSN",
        determinerCode="INSTANCE",
    )


def _write_indicator(name: str, value: bool | None) -> str:
    return "" if value is None else tag(name, value="true" if value else "false")


def _code(name: str, code: str) -> str:
    # a code of the schema's type has no white space; what is no code goes as the text it came as
    if not code:
        return ""
    return tag(name, code=code) if not any(c.isspace() for c in code) else tag(name, tag("originalText", fit(code)))


def _citizen(nationality: str) -> str:
    if not nationality:
        return ""
    nation = tag("politicalNation", _code("code", nationality), classCode="NAT", determinerCode="INSTANCE")
    return tag("asCitizen", nation, classCode="CIT")


def _other_id(identifier: str, authority: AssigningAuthority) -> str:
    organization = tag(
        "scopingOrganization", InstanceId(authority.universal_id).element(), classCode="ORG", determinerCode="INSTANCE"
    )
    return tag("asOtherIDs", identifier, organization, classCode="PAT")


def _write_mother(name: HumanName | None, ids: Sequence[PatientId]) -> str:
    told = [i for i in ids if is_writable(i)]
    if name is None and not told:
        return ""
    holder = tag(
        "relationshipHolder1",
        write_name(name) if name else tag("name", nullFlavor="NA"),
        classCode="PSN",
        determinerCode="INSTANCE",
    )
    code = tag("code", code=_MOTHER, codeSystem="2.16.840.1.113883.5.111")
    return tag("personalRelationship", *map(write_patient_id, told), code, holder, classCode="PRS")


def _write_birth_place(place: str) -> str:
    if not place:
        return ""
    inner = tag("birthplace", tag("name", fit(place)), classCode="PLC", determinerCode="INSTANCE")
    return tag("birthPlace", inner, classCode="BIRTHPL")
