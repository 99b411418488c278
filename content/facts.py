"""What a document says of itself, in the terms of XDS metadata; empty where it does not say."""

from __future__ import annotations

from dataclasses import dataclass

from kernel.codes import Code
from kernel.identifiers import PatientId
from kernel.times import parse_dtm

NOTHING = Code("", "")


@dataclass(frozen=True, slots=True)
class FactualAuthor:
    """An author: XCN and XON as metadata hold them."""

    person: str = ""
    institution: str = ""


@dataclass(frozen=True, slots=True)
class DocumentFacts:
    """Times are DTM in UTC, `patient_info` the values of sourcePatientInfo, `legal_authenticator` an XCN, `reference_ids` CXi."""

    unique_id: str = ""
    title: str = ""
    language: str = ""
    mime_type: str = ""
    creation_time: str = ""
    service_start: str = ""
    service_stop: str = ""
    type_code: Code = NOTHING
    format_code: Code = NOTHING
    facility_code: Code = NOTHING
    confidentiality_codes: tuple[Code, ...] = ()
    patient_ids: tuple[PatientId, ...] = ()
    patient_info: tuple[str, ...] = ()
    authors: tuple[FactualAuthor, ...] = ()
    legal_authenticator: str = ""
    reference_ids: tuple[str, ...] = ()


SILENCE = DocumentFacts()
"""Of a document that says nothing of itself."""


def in_utc(text: str) -> str:
    """A time as metadata hold it, with the precision it was given; nothing for what is none (ITI TF-3 4.2.3.1.7)."""
    dtm = parse_dtm(text)
    if dtm is None:
        return ""
    # seconds may have a fraction, and an odd number of digits is no DTM
    precision = min(len(dtm.digits), 14) & ~1
    return f"{dtm.floor:014d}"[:precision]


def component(text: str) -> str:
    """A text as one component of XCN or XON: its delimiters would make it several."""
    return " ".join("".join(" " if c in "^&~|\\" or not c.isprintable() else c for c in text).split())
