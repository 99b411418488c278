"""PID, with MRG, NK1 and EVN, to identifiers and demographics and back (HL7 2.5, 3.4; ITI TF-2, 3.8 and 3.30)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from hl7v2.datatypes import (
    is_empty_address,
    read_cx,
    read_xad,
    read_xpn,
    read_xtn,
    write_cx,
    write_xad,
    write_xpn,
    write_xtn,
)
from hl7v2.er7 import Er7Text, Message, Repetition, Segment, Writer
from hl7v2.visit import read_visit
from kernel.demographics import Address, Demographics, HumanName, Telecom
from kernel.errors import Condition
from kernel.findings import Findings
from kernel.identifiers import PatientId
from kernel.patient_update import (
    HOME_TELECOMS,
    WORK_TELECOMS,
    LinkChange,
    PatientMerge,
    PatientUpdate,
    SentIdentifier,
    is_work,
)
from kernel.times import Dtm, parse_dtm
from kernel.visit import Visit

SEXES = frozenset("FMOUAN")
ID_LIMIT = 255
_MOTHER = frozenset({"MTH", "MOTHER"})
_YES_NO = {"Y": True, "N": False}
_BIRTH_ORDER_LIMIT = 99
_VISIT_EVENTS = frozenset({"A01", "A04", "A05", "A08"})
_TEXTS = {
    "race": 10,
    "language": 15,
    "marital_status": 16,
    "religion": 17,
    "national_id": 19,
    "driver_licence": 20,
    "ethnicity": 22,
    "birth_place": 23,
    "nationality": 26,
}
_T = TypeVar("_T")


def read_update(message: Message, *, lenient: bool = False) -> PatientUpdate:
    """The patient of an ADT message (A01, A04, A05, A08, A28, A31). Raises `Rejected` with everything that is wrong."""
    findings = Findings(lenient=lenient)
    pid = _only(message, "PID", findings)
    recorded = _event(message, findings)
    if message.get("MSH-9.2") in _VISIT_EVENTS and message.segment("PV1") is None:
        findings.warn(Condition.SEGMENT_MISSING, "PV1", "the segment PV1 is missing")
    return _update(message, pid, recorded, findings, name_required=True, visit=read_visit(message, findings))


def read_merge(message: Message, *, lenient: bool = False) -> PatientMerge:
    """The pair of an A40 (PID-3 survives, MRG-1 ends) or an A47 (PID-3 is the new id, MRG-1 the old). Raises `Rejected`."""
    findings = Findings(lenient=lenient)
    pid, mrg = _only(message, "PID", findings), _only(message, "MRG", findings)
    recorded = _event(message, findings)
    subsumed = _single(mrg, 1, findings)
    update = _update(message, pid, recorded, findings, name_required=False)
    survivor = next((i for i in update.identifiers if _same_authority(i, subsumed)), update.identifiers[0])
    return PatientMerge(survivor, subsumed, update)


def read_pair(message: Message) -> tuple[SentIdentifier, SentIdentifier]:
    """The two patients of an A24 (link) or A37 (unlink): the first identifier of each PID. Raises `Rejected`."""
    findings = Findings(lenient=False)
    segments = message.all("PID")
    if len(segments) != 2:
        findings.error(Condition.SEGMENT_MISSING, "PID[2]", "two PID segments are expected")
        findings.warnings()
    lists = [read_identifiers(pid, 3, findings, occurrence=n) for n, pid in enumerate(segments, 1)]
    findings.warnings()
    return lists[0][0], lists[1][0]


def read_link_change(message: Message) -> LinkChange:
    """ITI-64 (A43): PID-3 holds current domain id and local id, MRG-1 the previous domain id and perhaps a subsumed local id."""
    findings = Findings(lenient=False)
    pid, mrg = _only(message, "PID", findings), _only(message, "MRG", findings)
    new = read_identifiers(pid, 3, findings)
    old = read_identifiers(mrg, 1, findings)
    if len(new) < 2:
        findings.error(Condition.FIELD_MISSING, "PID-3[2]", "the local identifier is missing")
    findings.warnings()
    return LinkChange(new[0], new[1], old[0], old[1] if len(old) > 1 else None)


def _only(message: Message, name: str, findings: Findings) -> Segment:
    found = message.all(name)
    if len(found) > 1:
        findings.error(Condition.FIELD_INVALID, f"{name}[2]", "one patient, or one pair, to a message")
    if not found:
        findings.error(Condition.SEGMENT_MISSING, name, f"the segment {name} is missing")
        findings.warnings()
    return found[0]


def _event(message: Message, findings: Findings) -> Dtm | None:
    segment = message.segment("EVN")
    if segment is None:
        findings.tolerated(Condition.SEGMENT_MISSING, "EVN", "the segment EVN is missing")
        return None
    return parse_dtm(segment.value(2))


def _update(
    message: Message,
    pid: Segment,
    recorded: Dtm | None,
    findings: Findings,
    *,
    name_required: bool,
    visit: Visit | None = None,
) -> PatientUpdate:
    identifiers = read_identifiers(pid, 3, findings)
    demographics, spoken = read_demographics(message, pid, findings)
    if name_required and "names" not in spoken:
        findings.tolerated(Condition.FIELD_MISSING, "PID-5", "the patient's name is missing")
    return PatientUpdate(identifiers, demographics, spoken, recorded, warnings=findings.warnings(), visit=visit)


def read_identifiers(segment: Segment, number: int, findings: Findings, occurrence: int = 1) -> tuple[SentIdentifier, ...]:
    """The identifiers of a field of CX, at least one or a finding. Null ones are passed over, repeated ones taken once."""
    name = segment.name if occurrence == 1 else f"{segment.name}[{occurrence}]"
    found: dict[PatientId, SentIdentifier] = {}
    for n, repetition in enumerate(segment.repetitions(number), 1):
        place = f"{name}-{number}[{n}]"
        patient_id = read_cx(repetition)
        if patient_id is None:
            if not repetition.is_empty and not repetition.components[0][0]:
                findings.tolerated(Condition.FIELD_MISSING, f"{place}.1", "the identifier is missing")
        elif len(patient_id.id) > ID_LIMIT:
            findings.error(Condition.FIELD_INVALID, f"{place}.1", f"an identifier has at most {ID_LIMIT} characters")
        else:
            found.setdefault(patient_id, SentIdentifier(patient_id, f"{place}.1", f"{place}.4"))
    if not found:
        findings.error(Condition.FIELD_MISSING, f"{name}-{number}", "no identifier")
    return tuple(found.values())


def _single(segment: Segment, number: int, findings: Findings) -> SentIdentifier:
    found = read_identifiers(segment, number, findings)
    if len(found) > 1:
        findings.error(Condition.FIELD_INVALID, f"{segment.name}-{number}[2]", "one identifier is expected")
    if not found:
        findings.warnings()
    return found[0]


def _same_authority(one: SentIdentifier, other: SentIdentifier) -> bool:
    a, b = one.patient_id.authority, other.patient_id.authority
    if a.universal_id and b.universal_id:
        return a.universal_id == b.universal_id
    return a.namespace == b.namespace


def read_demographics(message: Message, pid: Segment, findings: Findings) -> tuple[Demographics, frozenset[str]]:
    """What PID and NK1 say of the patient, and which parts of it they speak of: a value, or `\"\"` for none."""
    reader = _PidReader(pid, findings)
    texts = {name: reader.text(name, number) for name, number in _TEXTS.items()}
    demographics = Demographics(
        names=reader.each("names", 5, _name),
        sex=reader.sex(),
        birth=reader.birth(),
        addresses=reader.each("addresses", 11, _address),
        telecoms=reader.each(HOME_TELECOMS, 13, _home_telecom) + reader.each(WORK_TELECOMS, 14, _work_telecom),
        mother_name=next(iter(reader.each("mother_name", 6, _name)), None),
        mother_ids=reader.each("mother_ids", 21, read_cx),
        multiple_birth=reader.yes_no("multiple_birth", 24),
        birth_order=reader.birth_order(),
        deceased=reader.yes_no("deceased", 30),
        death=reader.death(),
        account=next(iter(reader.each("account", 18, read_cx)), None),
        **texts,
    )
    return _with_mother(message, demographics, reader.spoken)


def _with_mother(message: Message, demographics: Demographics, spoken: set[str]) -> tuple[Demographics, frozenset[str]]:
    if {"mother_name", "mother_ids"} <= spoken:
        return demographics, frozenset(spoken)
    nk1 = next((s for s in message.all("NK1") if s.value(3).upper() in _MOTHER), None)
    if nk1 is None:
        return demographics, frozenset(spoken)
    reader = _PidReader(nk1, Findings(lenient=True), spoken)
    name, ids = demographics.mother_name, demographics.mother_ids
    if "mother_name" not in spoken:
        name = next(iter(reader.each("mother_name", 2, _name)), None)
    if "mother_ids" not in spoken:
        ids = reader.each("mother_ids", 33, read_cx)
    return replace(demographics, mother_name=name, mother_ids=ids), frozenset(spoken)


def _name(repetition: Repetition) -> HumanName | None:
    name = read_xpn(repetition)
    return None if name.is_empty else name


def _address(repetition: Repetition) -> Address | None:
    address = read_xad(repetition)
    return None if is_empty_address(address) else address


def _home_telecom(repetition: Repetition) -> Telecom | None:
    return read_xtn(repetition)


def _work_telecom(repetition: Repetition) -> Telecom | None:
    telecom = read_xtn(repetition)
    return telecom and Telecom(telecom.value, telecom.kind, "WPN")


class _PidReader:
    """Reads fields and notes which parts of the demographics they speak of."""

    def __init__(self, segment: Segment, findings: Findings, spoken: set[str] | None = None) -> None:
        self.segment = segment
        self.findings = findings
        self.spoken: set[str] = set() if spoken is None else spoken

    def each(self, part: str, number: int, read: Callable[[Repetition], _T | None]) -> tuple[_T, ...]:
        """A repeated field. One that holds nothing of use, such as an address type alone, is as if it were empty."""
        if self.segment.is_null(number):
            self.spoken.add(part)
            return ()
        values = tuple(v for v in map(read, self.segment.repetitions(number)) if v is not None)
        if values:
            self.spoken.add(part)
        return values

    def text(self, part: str, number: int) -> str:
        """A text, or a coded element's code, or its text where it has no code."""
        if not self.segment.raw(number):
            return ""
        value = self.segment.value(number) or self.segment.value(number, 2)
        if value or self.segment.is_null(number):
            self.spoken.add(part)
        return value

    def sex(self) -> str:
        """PID-8, of table 0001."""
        value = self.text("sex", 8).strip()
        if value.upper() in SEXES:
            if value not in SEXES:
                self.findings.warn(Condition.VALUE_UNKNOWN, "PID-8", "table 0001 has capital letters")
            return value.upper()
        if value:
            self.findings.tolerated(Condition.VALUE_UNKNOWN, "PID-8", "the value is not in table 0001")
            self.spoken.discard("sex")
        return ""

    def birth(self) -> Dtm | None:
        """PID-7, at the precision it was sent with."""
        text = self.text("birth", 7).strip()
        found = parse_dtm(text) if text else None
        if text and found is None:
            self.findings.tolerated(Condition.FIELD_INVALID, "PID-7", "not a date or time")
            self.spoken.discard("birth")
        return found

    def death(self) -> Dtm | None:
        """PID-29. Nonsense is known to be sent here and is passed over."""
        text = self.text("death", 29).strip()
        found = parse_dtm(text) if text else None
        if text and found is None:
            self.findings.warn(Condition.FIELD_INVALID, "PID-29", "not a date or time")
            self.spoken.discard("death")
        return found

    def yes_no(self, part: str, number: int) -> bool | None:
        """Y or N."""
        value = self.text(part, number).strip().upper()
        if value and value not in _YES_NO:
            self.findings.tolerated(Condition.VALUE_UNKNOWN, f"PID-{number}", "Y or N is expected")
            self.spoken.discard(part)
        return _YES_NO.get(value)

    def birth_order(self) -> int | None:
        """PID-25."""
        value = self.text("birth_order", 25).strip()
        if not value:
            return None
        if value.isascii() and value.isdigit() and 0 < int(value[:9]) <= _BIRTH_ORDER_LIMIT:
            return int(value[:9])
        self.findings.tolerated(Condition.FIELD_INVALID, "PID-25", f"a number from 1 to {_BIRTH_ORDER_LIMIT} is expected")
        self.spoken.discard("birth_order")
        return None


def write_pid(
    writer: Writer,
    identifiers: tuple[PatientId, ...],
    demographics: Demographics,
    *,
    set_id: int | None = None,
    no_name: str = "",
) -> Er7Text:
    """A PID segment; `no_name` is the composed text that stands in PID-5 when there is no name."""
    d = demographics
    work = [t for t in d.telecoms if is_work(t)]
    home = [t for t in d.telecoms if not is_work(t)]
    fields: dict[int, str] = {
        1: str(set_id) if set_id else "",
        3: writer.repeated(*(write_cx(writer, i) for i in identifiers)),
        5: writer.repeated(*(write_xpn(writer, n) for n in d.names)) or no_name,
        6: write_xpn(writer, d.mother_name) if d.mother_name else "",
        7: writer.text(d.birth.text) if d.birth else "",
        8: writer.text(d.sex),
        11: writer.repeated(*(write_xad(writer, a) for a in d.addresses)),
        13: writer.repeated(*(write_xtn(writer, t) for t in home)),
        14: writer.repeated(*(write_xtn(writer, t) for t in work)),
        18: write_cx(writer, d.account) if d.account else "",
        21: writer.repeated(*(write_cx(writer, i) for i in d.mother_ids)),
        24: _yes_no(d.multiple_birth),
        25: str(d.birth_order) if d.birth_order else "",
        29: writer.text(d.death.text) if d.death else "",
        30: _yes_no(d.deceased),
    }
    fields.update({number: writer.text(getattr(d, name)) for name, number in _TEXTS.items()})
    return writer.segment("PID", fields)


def _yes_no(value: bool | None) -> str:
    return "" if value is None else "Y" if value else "N"
