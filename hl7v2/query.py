"""QPD, RCP, DSC and QID to questions (ITI-9: ITI TF-2, 3.9; ITI-21 and 22: 3.21 and 3.22)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from hl7v2.datatypes import is_empty_address, read_authority, read_cx
from hl7v2.er7 import Message, Repetition, Segment
from hl7v2.patient import SEXES
from kernel.demographics import Address
from kernel.demographics_query import (
    AddressCriterion,
    BirthCriterion,
    CrossReferenceQuery,
    DemographicsQuery,
    NameCriterion,
    SexCriterion,
    TelecomCriterion,
    WantedAuthority,
)
from kernel.errors import Condition
from kernel.findings import Findings
from kernel.identifiers import AssigningAuthority, PatientId
from kernel.patient_update import SentIdentifier
from kernel.times import parse_dtm
from kernel.visit import ASKED, VisitCriterion

_FIELD = re.compile(r"@PID\.(\d{1,2})(?:\.(\d{1,2}))?(?:\.(\d{1,2}))?\Z")
_VISIT = re.compile(r"@PV1\.(\d{1,2})(?:\.(\d{1,2}))?(?:\.(\d{1,2}))?\Z")
_PDQ_NAMES = frozenset({"IHE PDQ QUERY", "IHE PDVQ QUERY"})
VISITS = "ZV1"
"""The event of ITI-22."""
ALIKE = frozenset({"FUZZY", "PHONETIC", "PROBABILISTIC"})
"""Names of algorithms by which names that sound or look alike are found too."""
_NAME_PARTS = {1: "family", 2: "given", 3: "second", 4: "suffix", 5: "prefix"}
_ADDRESS_PARTS = {1: "street", 2: "other", 3: "city", 4: "state", 5: "postcode", 6: "country", 9: "county"}
_TELECOM_PARTS = {1: "number", 4: "email", 6: "area", 7: "local", 12: "number"}
_IDENTIFIER_PARTS = {1: "id", 4: "authority"}
_AUTHORITY_PARTS = {1: "namespace", 2: "universal_id", 3: "universal_id_type"}
_PARTS: dict[int, dict[int, str]] = {
    3: _IDENTIFIER_PARTS,
    5: _NAME_PARTS,
    6: _NAME_PARTS,
    7: {1: "birth"},
    8: {1: "sex"},
    11: _ADDRESS_PARTS,
    13: _TELECOM_PARTS,
    14: _TELECOM_PARTS,
    18: _IDENTIFIER_PARTS,
}
"""The fields of PID that can be asked for, and the components of each."""


@dataclass(slots=True)
class _Asked:
    """What is asked of one field: its parts, and where the first and each of them stood in QPD-3."""

    number: int
    parts: dict[str, str] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)

    @property
    def where(self) -> str:
        return next(iter(self.places.values()))


def read_pix_query(message: Message, *, lenient: bool = False) -> CrossReferenceQuery:
    """The question of a QBP^Q23. Raises `Rejected` with everything that is wrong."""
    findings = Findings(lenient=lenient)
    qpd = _parameters(message, findings)
    _control(message, findings)
    repetitions = qpd.repetitions(3)
    if len(repetitions) > 1:
        findings.error(Condition.FIELD_INVALID, "QPD-3[2]", "one identifier is expected")
    patient_id = read_cx(repetitions[0]) if repetitions else None
    if patient_id is None:
        findings.error(Condition.FIELD_MISSING, "QPD-3[1].1" if repetitions else "QPD-3", "the identifier is missing")
        patient_id = PatientId("", AssigningAuthority())
    elif not (patient_id.authority.namespace or patient_id.authority.universal_id):
        findings.error(Condition.FIELD_MISSING, "QPD-3[1].4", "the assigning authority is missing")
    wanted = _wanted(qpd, 4)
    identifier = SentIdentifier(patient_id, "QPD-3[1].1", "QPD-3[1].4")
    return CrossReferenceQuery(identifier, wanted, qpd.value(2), findings.warnings())


def read_pdq_query(message: Message, *, lenient: bool = False) -> DemographicsQuery:
    """The question of a QBP^Q22 or QBP^ZV1. Raises `Rejected` with everything that is wrong."""
    findings = Findings(lenient=lenient)
    qpd = _parameters(message, findings)
    if qpd.value(1).upper() not in _PDQ_NAMES:
        findings.warn(Condition.QUERY_UNKNOWN, "QPD-1", "the query name is not that of the profile")
    asks_visits = message.get("MSH-9.2") == VISITS
    query = _compared(_described(tuple(_asked(qpd, findings, asks_visits=asks_visits)), findings), qpd, findings)
    if asks_visits:
        query = replace(query, visits=tuple(_visits(qpd, findings)))
    if query.is_empty and not findings.has_error_at("QPD-3"):
        findings.error(Condition.FIELD_MISSING, "QPD-3", "nothing is asked for")
    limit = _control(message, findings)
    warnings = findings.warnings()
    return replace(
        query,
        every_identifier=True,
        wanted=_wanted(qpd, 8),
        limit=limit,
        continuation=message.get("DSC-1"),
        tag=qpd.value(2),
        warnings=warnings,
    )


def _visits(qpd: Segment, findings: Findings) -> Iterator[VisitCriterion]:
    """What is asked of the visit (ITI TF-2, 3.22.4.1.2.2)."""
    for n, repetition in enumerate(qpd.repetitions(3), 1):
        match, text = _VISIT.match(repetition.get(1).strip()), repetition.get(2).strip()
        if match is None or not text:
            continue
        number, component, subcomponent = (int(g) if g else 1 for g in match.groups())
        if number in ASKED and component and subcomponent:
            yield VisitCriterion(f"QPD-3[{n}]", number, component, subcomponent, text)
        else:
            findings.error(Condition.PARAMETER_INVALID, f"QPD-3[{n}].1", "this field cannot be asked for")


def _compared(query: DemographicsQuery, qpd: Segment, findings: Findings) -> DemographicsQuery:
    """How names are compared and how well a patient has to fit (HL7 2.5, 3.3.57: QPD-4 confidence, QPD-5 algorithm)."""
    threshold, algorithm = qpd.value(4).strip(), qpd.value(5).strip().upper()
    if threshold.isascii() and threshold.isdigit() and len(threshold) < 4 and int(threshold) <= 100:
        query = replace(query, minimum_degree=int(threshold))
    elif threshold:
        findings.warn(Condition.FIELD_INVALID, "QPD-4", "a confidence from 0 to 100 is expected; everybody who fits is given")
    if algorithm in ALIKE:
        return replace(query, names=tuple(map(_alike, query.names)), mothers=tuple(map(_alike, query.mothers)))
    if algorithm and algorithm != "EXACT":
        findings.warn(Condition.VALUE_UNKNOWN, "QPD-5", f"algorithms: EXACT, {', '.join(sorted(ALIKE))}; EXACT is used")
    return query


def _alike(name: NameCriterion) -> NameCriterion:
    return replace(name, fuzzy=True)


def read_cancel(message: Message) -> str:
    """The query tag of a QCN^J01. Raises `Rejected` when there is none."""
    findings = Findings(lenient=False)
    tag = message.get("QID-1")
    if not tag:
        findings.error(Condition.FIELD_MISSING, "QID-1", "the query tag is missing")
    findings.warnings()
    return tag


def _parameters(message: Message, findings: Findings) -> Segment:
    qpd = message.segment("QPD")
    if qpd is None:
        findings.error(Condition.SEGMENT_MISSING, "QPD", "the segment QPD is missing")
        findings.warnings()
        raise AssertionError("unreachable")
    if not qpd.raw(1):
        findings.tolerated(Condition.FIELD_MISSING, "QPD-1", "the query name is missing")
    if not qpd.raw(2):
        findings.tolerated(Condition.FIELD_MISSING, "QPD-2", "the query tag is missing")
    return qpd


def _control(message: Message, findings: Findings) -> int | None:
    """Checks RCP; the number of records wanted at a time, None without a wish."""
    rcp = message.segment("RCP")
    if rcp is None:
        findings.tolerated(Condition.SEGMENT_MISSING, "RCP", "the segment RCP is missing")
        return None
    if rcp.value(1) != "I":
        findings.tolerated(Condition.VALUE_UNKNOWN, "RCP-1", "only immediate answers (I) are given")
    quantity, unit = rcp.value(2), rcp.value(2, 2)
    if unit not in ("", "RD"):
        findings.tolerated(Condition.VALUE_UNKNOWN, "RCP-2.2", "only records (RD) are counted")
        return None
    if not quantity:
        return None
    if quantity.isascii() and quantity.isdigit() and len(quantity) < 10 and int(quantity) > 0:
        return int(quantity)
    findings.tolerated(Condition.FIELD_INVALID, "RCP-2.1", "a number of records is expected")
    return None


def _wanted(qpd: Segment, number: int) -> tuple[WantedAuthority, ...]:
    found = ((n, read_authority(r)) for n, r in enumerate(qpd.repetitions(number), 1) if not r.is_empty)
    return tuple(WantedAuthority(authority, f"QPD-{number}[{n}]") for n, authority in found)


def _asked(qpd: Segment, findings: Findings, *, asks_visits: bool) -> Iterator[_Asked]:
    """The repetitions of QPD-3, put together by field. A part that comes again begins another value of the field."""
    open_fields: dict[int, _Asked] = {}
    for n, repetition in enumerate(qpd.repetitions(3), 1):
        place = f"QPD-3[{n}]"
        name = repetition.get(1).strip()
        match = _FIELD.match(name)
        if asks_visits and _VISIT.match(name):
            continue
        if match is None:
            if not repetition.is_empty:
                findings.error(Condition.PARAMETER_INVALID, f"{place}.1", "a field is named like @PID.5.1")
            continue
        number, component, subcomponent = (int(g) if g else 1 for g in match.groups())
        part = _PARTS.get(number, {}).get(component)
        if part is None:
            findings.error(Condition.PARAMETER_INVALID, f"{place}.1", "this field cannot be asked for")
            continue
        for name, value in _values(part, subcomponent, repetition):
            current = open_fields.get(number)
            if current is None or name in current.parts:
                if current is not None:
                    yield current
                current = open_fields[number] = _Asked(number)
            current.parts[name] = value
            current.places[name] = place
    yield from open_fields.values()


def _values(part: str, subcomponent: int, repetition: Repetition) -> Iterable[tuple[str, str]]:
    if part != "authority":
        values = [(part, repetition.get(2))]
    elif subcomponent == 1:
        # the whole authority may be given at once: namespace&universal id&type
        values = [(name, repetition.get(2, n)) for n, name in _AUTHORITY_PARTS.items()]
    else:
        values = [(_AUTHORITY_PARTS.get(subcomponent, "namespace"), repetition.get(2))]
    return [(name, value.strip()) for name, value in values if value.strip()]


def _described(asked: tuple[_Asked, ...], findings: Findings) -> DemographicsQuery:
    def of(*numbers: int) -> list[_Asked]:
        return [a for a in asked if a.number in numbers]

    for number in (5, 6, 7, 8, 11):
        for again in of(number)[1:]:
            findings.error(Condition.PARAMETER_COUNT, again.where, f"PID-{number} is asked for twice")
    return DemographicsQuery(
        identifiers=tuple(_identifiers(of(3), findings)),
        names=tuple(map(_name, of(5))),
        birth=tuple(_births(of(7), findings)),
        sex=tuple(_sexes(of(8), findings)),
        addresses=tuple(a for a in map(_address, of(11)) if not is_empty_address(a.address)),
        telecoms=tuple(map(_telecom, of(13, 14))),
        mothers=tuple(map(_name, of(6))),
        accounts=tuple(_identifiers(of(18), findings)),
    )


def _identifiers(asked: list[_Asked], findings: Findings) -> Iterator[SentIdentifier]:
    for a in asked:
        authority = AssigningAuthority(*(a.parts.get(name, "") for name in _AUTHORITY_PARTS.values()))
        if "id" not in a.parts:
            findings.error(Condition.PARAMETER_MISSING, a.where, f"@PID.{a.number}.4 is given without @PID.{a.number}.1")
        elif a.number == 3 and not (authority.namespace or authority.universal_id):
            findings.error(Condition.PARAMETER_MISSING, a.where, "@PID.3.1 is given without @PID.3.4")
        else:
            place = a.places["id"]
            authority_places = [a.places[name] for name in _AUTHORITY_PARTS.values() if name in a.places]
            authority_place = authority_places[0] if authority_places else place
            yield SentIdentifier(PatientId(a.parts["id"], authority), place, authority_place)


def _name(a: _Asked) -> NameCriterion:
    given = tuple(a.parts[name] for name in ("given", "second") if name in a.parts)
    parts = a.parts
    return NameCriterion(a.where, parts.get("family", ""), given, parts.get("prefix", ""), parts.get("suffix", ""))


def _births(asked: list[_Asked], findings: Findings) -> Iterator[BirthCriterion]:
    for a in asked:
        # 1984* asks for what 1984 asks for: a date of less precision
        birth = parse_dtm(a.parts["birth"].removesuffix("*"))
        if birth is None:
            findings.error(Condition.PARAMETER_INVALID, a.where, "not a date or time")
        else:
            yield BirthCriterion(a.where, birth, birth)


def _sexes(asked: list[_Asked], findings: Findings) -> Iterator[SexCriterion]:
    for a in asked:
        sex = a.parts["sex"].upper()
        if sex not in SEXES:
            findings.error(Condition.VALUE_UNKNOWN, a.where, "the value is not in table 0001")
        yield SexCriterion(a.where, sex)


def _address(a: _Asked) -> AddressCriterion:
    get = a.parts.get
    lines = (get("street", ""), get("other", "")) if "other" in a.parts else (get("street", ""),) if "street" in a.parts else ()
    address = Address(lines, get("city", ""), get("state", ""), get("postcode", ""), get("country", ""), get("county", ""))
    return AddressCriterion(a.where, address)


def _telecom(a: _Asked) -> TelecomCriterion:
    value = a.parts.get("email") or a.parts.get("number") or a.parts.get("area", "") + a.parts.get("local", "")
    return TelecomCriterion(a.where, value)
