"""Trains a compression dictionary for stored metadata from synthetic objects, and says what it saves on others.

    python scripts/train_dictionary.py registry/dictionary_2.zdict [BYTES]

A dictionary in use is never written over: rows name it by its number (see registry/fragments.py).
"""

from __future__ import annotations

import random
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path

import zstandard

from ebrim.model import Association, Author, CodedValue, DocumentEntry, Folder, Identifier, LocalText, Slot, SubmissionSet
from ebrim.writer import render
from kernel.codes import Code

LOINC, SNOMED, CONFIDENTIALITY = "2.16.840.1.113883.6.1", "2.16.840.1.113883.6.96", "2.16.840.1.113883.5.25"
FORMATS, DICOM, LOCAL = "1.3.6.1.4.1.19376.1.2.3", "1.2.840.10008.2.16.4", "1.3.6.1.4.1.21367.100.1"
TYPES = (
    ("34108-1", "Outpatient Note"),
    ("18842-5", "Discharge summary"),
    ("11488-4", "Consultation note"),
    ("34117-2", "History and physical note"),
    ("57133-1", "Referral note"),
    ("28570-0", "Procedure note"),
    ("11502-2", "Laboratory report"),
    ("18748-4", "Diagnostic imaging study"),
    ("60591-5", "Patient summary Document"),
    ("57833-6", "Prescription for medication"),
    ("11369-6", "History of Immunization"),
    ("34133-9", "Summarization of Episode Note"),
    ("11504-8", "Surgical operation note"),
    ("57016-8", "Privacy policy acknowledgment Document"),
)
CLASSES = (
    ("11369-6", "History of Immunization"),
    ("History and Physical", "History and Physical"),
    ("Communication", "Communication"),
    ("371531000", "Report of clinical encounter"),
    ("4241000179101", "Laboratory report"),
    ("4201000179104", "Imaging report"),
    ("Evaluation and management", "Evaluation and management"),
    ("REPORTS", "Reports"),
    ("SUMMARIES", "Summaries"),
)
FORMAT_CODES = (
    ("urn:ihe:pcc:xphr:2007", "XPHR"),
    ("urn:ihe:iti:xds-sd:pdf:2008", "Scanned document (PDF)"),
    ("urn:ihe:iti:xds-sd:text:2008", "Scanned document (text)"),
    ("urn:ihe:pcc:xds-ms:2007", "Medical Summaries"),
    ("urn:ihe:lab:xd-lab:2008", "CDA Laboratory Report"),
    ("urn:ihe:rad:1.2.840.10008.5.1.4.1.1.88.59", "Key Object Selection Document"),
    ("urn:ihe:iti:xds:2017:mimeTypeSufficient", "mimeType Sufficient"),
    ("urn:hl7-org:sdwg:ccda-structuredBody:2.1", "C-CDA structured body"),
    ("urn:ihe:iti:bppc:2007", "Basic Patient Privacy Consents"),
)
FACILITIES = (
    ("Outpatient", "Outpatient"),
    ("22232009", "Hospital"),
    ("264372000", "Pharmacy"),
    ("35971002", "Ambulatory care site"),
    ("HOSP", "Hospital"),
)
PRACTICES = (
    ("General Medicine", "General Medicine"),
    ("394802001", "General medicine"),
    ("394609007", "General surgery"),
    ("394579002", "Cardiology"),
    ("394585009", "Obstetrics and gynecology"),
    ("394914008", "Radiology"),
)
EVENTS = (
    ("CT", "Computed Tomography"),
    ("MR", "Magnetic Resonance"),
    ("US", "Ultrasound"),
    ("T-D3000", "Chest"),
    ("T-A0100", "Brain"),
)
LEVELS = (("N", "normal"), ("R", "restricted"), ("V", "very restricted"), ("L", "low"))
MIMES = ("text/xml", "application/pdf", "text/plain", "application/dicom", "application/fhir+json", "image/jpeg", "text/html")
FAMILIES = (
    "Smith",
    "Jones",
    "Meier",
    "Rossi",
    "Garcia",
    "Novak",
    "Ivanova",
    "Nguyen",
    "Silva",
    "Khan",
    "Dubois",
    "Larsen",
    "Kovacs",
    "Yilmaz",
)
GIVENS = ("Anna", "Peter", "Maria", "John", "Elena", "Ahmed", "Sofia", "Lucas", "Mia", "Noah", "Chiara", "Ivan")
ROOTS = ("1.3.6.1.4.1.21367.2011.2.3", "1.2.276.0.76.3.1.105", "2.16.756.5.30.1.127", "1.3.6.1.4.1.12559.11.10", "2.25")
STREETS = ("Main Street", "Station Road", "Hauptstrasse", "Church Lane", "Via Roma")

_chance = random.Random(20261122)


def _code(choices: Sequence[tuple[str, str]], *schemes: str) -> CodedValue:
    code, display = _chance.choice(choices)
    scheme = _chance.choice(schemes)
    return CodedValue(Code(code, scheme, display), scheme_values=(scheme,))


def _uuid() -> str:
    return f"urn:uuid:{uuid.UUID(int=_chance.getrandbits(128), version=4)}"


def _oid() -> str:
    return f"{_chance.choice(ROOTS)}.{_chance.randrange(10**6)}.{_chance.randrange(10**9)}"


def _time(length: int = 14) -> str:
    c = _chance
    day = f"{c.randint(2008, 2029)}{c.randint(1, 12):02}{c.randint(1, 28):02}"
    whole = f"{day}{c.randint(0, 23):02}{c.randint(0, 59):02}{c.randint(0, 59):02}"
    return whole[:length]


def _author() -> Author:
    kind = _chance.choice(("Clinic", "Hospital", "Practice", "Laboratory"))
    institution = f"{kind} {_chance.choice(FAMILIES)}^^^^^&{_oid()}&ISO^^^^{_chance.randrange(10**6)}"
    return Author(
        person=(f"{_chance.randrange(10**6)}^{_chance.choice(FAMILIES)}^{_chance.choice(GIVENS)}^^^Dr^^^&{_oid()}&ISO",),
        institution=(institution,),
        role=_chance.choice(((), ("Attending",), ("Primary Surgeon",), ("Author",))),
        specialty=_chance.choice(((), ("Orthopedic",), ("Cardiology",))),
        telecom=_chance.choice(((), ("^^Internet^anna.smith@hospital.example.org",))),
    )


def _patient() -> str:
    return f"{_chance.randrange(10**7)}^^^&{_chance.choice(ROOTS)}.{_chance.randrange(1000)}&ISO"


def _info(patient: str) -> tuple[str, ...]:
    c = _chance
    return (
        f"PID-3|{patient}",
        f"PID-5|{c.choice(FAMILIES)}^{c.choice(GIVENS)}^^^",
        f"PID-7|{_time(8)}",
        f"PID-8|{c.choice('MFU')}",
        f"PID-11|{c.randint(1, 300)} {c.choice(STREETS)}^^Metropolis^IL^{c.randrange(10**5):05}^USA",
    )


def an_entry() -> DocumentEntry:
    """A document entry of a plausible source."""
    patient, c = _patient(), _chance
    start = _time(c.choice((12, 14)))
    return DocumentEntry(
        id=_uuid(),
        mime_type=c.choice(MIMES),
        title=(LocalText(c.choice(TYPES)[1], c.choice(("", "en-us", "de-CH"))),),
        comments=c.choice(((), (LocalText("Scanned on arrival"),))),
        patient_ids=(Identifier(_patient()),),
        unique_ids=(Identifier(_oid()),),
        authors=tuple(_author() for _ in range(c.choice((1, 1, 2)))),
        class_codes=(_code(CLASSES, LOINC, SNOMED, LOCAL),),
        type_codes=(_code(TYPES, LOINC),),
        format_codes=(_code(FORMAT_CODES, FORMATS),),
        facility_codes=(_code(FACILITIES, SNOMED, LOCAL),),
        practice_codes=(_code(PRACTICES, SNOMED, LOCAL),),
        confidentiality_codes=(_code(LEVELS, CONFIDENTIALITY),),
        event_codes=tuple(_code(EVENTS, DICOM) for _ in range(c.choice((0, 0, 1, 2)))),
        creation_time=(_time(c.choice((8, 14, 14))),),
        service_start_time=c.choice(((), (start,))),
        service_stop_time=c.choice(((), (start,))),
        hash=(f"{c.getrandbits(160):040x}",),
        size=(str(c.randrange(10**6)),),
        language_code=(c.choice(("en-us", "de-CH", "fr-CH", "en", "it")),),
        legal_authenticator=c.choice(((), _author().person)),
        repository_unique_id=(f"{c.choice(ROOTS)}.{c.randrange(100)}",),
        source_patient_id=(patient,),
        source_patient_info=_info(patient),
        reference_id_list=c.choice(((), (), (f"{_oid()}^^^&{_oid()}&ISO^urn:ihe:iti:xds:2013:accession",))),
        uri=c.choice(((), (), (f"DOC{c.randrange(10**5)}.XML",))),
    )


def a_set() -> SubmissionSet:
    """A submission set of a plausible source."""
    return SubmissionSet(
        id=_uuid(),
        title=(LocalText(_chance.choice(("Physical", "Discharge", "Visit"))),),
        patient_ids=(Identifier(_patient()),),
        unique_ids=(Identifier(_oid()),),
        source_ids=(Identifier(_oid()),),
        authors=(_author(),),
        content_type_codes=(_code(TYPES + CLASSES, LOINC, SNOMED, LOCAL),),
        submission_time=(_time(),),
        intended_recipients=_chance.choice(((), (f"Some Hospital|^{_chance.choice(FAMILIES)}^{_chance.choice(GIVENS)}^^^Dr",))),
    )


def a_folder() -> Folder:
    """A folder of a plausible source."""
    return Folder(
        id=_uuid(),
        title=(LocalText(_chance.choice(("Pregnancy", "Diabetes", "Referral"))),),
        patient_ids=(Identifier(_patient()),),
        unique_ids=(Identifier(_oid()),),
        codes=(_code(CLASSES, LOCAL, LOINC),),
    )


def an_association() -> Association:
    """An association that says more than its columns do."""
    kind = _chance.choice(
        ("urn:ihe:iti:2007:AssociationType:RPLC", "urn:ihe:iti:2007:AssociationType:XFRM", "urn:ihe:iti:2007:AssociationType:APND")
    )
    previous = (Slot("SubmissionSetStatus", ("Original",)), Slot("PreviousVersion", (str(_chance.randint(1, 9)),)))
    return Association(
        id=_uuid(),
        type=kind,
        source=_uuid(),
        target=_uuid(),
        documentation=(_code(CLASSES, LOCAL),),
        slots=_chance.choice(((), previous)),
    )


def samples(count: int) -> list[bytes]:
    """Stored forms: mostly entries."""
    return [render(_chance.choice((an_entry, an_entry, an_entry, a_set, a_set, a_folder, an_association))()) for _ in range(count)]


def main() -> None:
    target = Path(sys.argv[1])
    size = int(sys.argv[2]) if len(sys.argv) > 2 else 32 << 10
    if target.exists():
        raise SystemExit(f"{target} is there; rows may depend on it")
    dictionary = zstandard.train_dictionary(size, [*samples(6_000)], level=9)
    target.write_bytes(dictionary.as_bytes())
    compressor = zstandard.ZstdCompressor(dict_data=dictionary, level=9)
    for make in (an_entry, a_set, a_folder, an_association):
        others = [render(make()) for _ in range(500)]
        packed = [len(compressor.compress(xml)) for xml in others]
        print(f"{make.__name__:16} {sum(map(len, others)) / 500:7.0f} B -> {sum(packed) / 500:5.0f} B")


if __name__ == "__main__":
    main()
