"""A patient summary of our own making: an HL7 CDA R2 document that lists what is registered of a patient, and says nothing else.

Every value comes from document entries; what they do not say is left out or marked as unknown (nullFlavor), never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Final

from kernel.codes import Code
from kernel.identifiers import PatientId, is_oid
from kernel.xml import escape

_SEXES: Final = {"M": "M", "F": "F", "O": "UN", "A": "UN"}
"""HL7 table 0001 to AdministrativeGender; everything else is unknown."""
_COLUMNS: Final = ("Date", "Kind", "Title", "Author", "Document")
_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_GENDER_SYSTEM: Final = "2.16.840.1.113883.5.1"


@dataclass(frozen=True, slots=True)
class SummarizedPatient:
    """Who it is about: `birth` is a DTM, `sex` a value of HL7 table 0001; empty where it is not known."""

    ids: tuple[PatientId, ...]
    family: str = ""
    given: tuple[str, ...] = ()
    birth: str = ""
    sex: str = ""


@dataclass(frozen=True, slots=True)
class SummarizedDocument:
    """One document of the patient; `created` is a DTM."""

    unique_id: str
    title: str
    class_name: str
    type_code: Code
    created: str
    author: str = ""


@dataclass(frozen=True, slots=True)
class SummaryHead:
    """What the summary says of itself. `keeper` is the OID of the repository that makes and keeps it."""

    unique_id: str
    code: Code
    title: str
    language: str
    confidentiality: Code
    keeper: str


def clinical_document(
    head: SummaryHead, patient: SummarizedPatient, documents: Sequence[SummarizedDocument], *, at: datetime
) -> bytes:
    """The summary as of that moment, in UTF-8; its documents in sections by their class, the newest first."""
    pieces = [
        '<?xml version="1.0" encoding="UTF-8"?>\n<ClinicalDocument xmlns="urn:hl7-org:v3">',
        '<typeId root="2.16.840.1.113883.1.3" extension="POCD_HD000040"/>',
        _id(head.unique_id),
        _code("code", head.code),
        f"<title>{_text(head.title)}</title>" if head.title else "",
        f'<effectiveTime value="{_instant(at)}"/>',
        _code("confidentialityCode", head.confidentiality),
        f'<languageCode code="{_text(head.language)}"/>',
        *_record_target(patient),
        f'<author><time value="{_instant(at)}"/><assignedAuthor>{_id(head.keeper)}<assignedAuthoringDevice>'
        "<softwareName>Affinity</softwareName></assignedAuthoringDevice></assignedAuthor></author>",
        "<custodian><assignedCustodian><representedCustodianOrganization>"
        f"{_id(head.keeper)}</representedCustodianOrganization></assignedCustodian></custodian>",
        "<component><structuredBody>",
        *_sections(documents),
        "</structuredBody></component></ClinicalDocument>",
    ]
    return "".join(pieces).encode()


def _text(text: str) -> str:
    """For element content and attributes; what XML cannot hold is dropped."""
    kept = "".join(
        c for c in text if c in "\t\n\r" or (ord(c) >= 32 and not 0xD800 <= ord(c) <= 0xDFFF and ord(c) not in (0xFFFE, 0xFFFF))
    )
    return escape(kept)


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y%m%d%H%M%S+0000")


def _attribute(name: str, text: str) -> str:
    """An attribute with its value; nothing where there is none, for an empty one is not valid."""
    value = _text(text)
    return f' {name}="{value}"' if value else ""


def _id(unique_id: str) -> str:
    """An II: a uniqueId is an OID, perhaps with an extension after a caret (ITI TF-3 4.2.3.2.26)."""
    root, _, extension = unique_id.partition("^")
    return f'<id root="{root}"{_attribute("extension", extension)}/>' if is_oid(root) else '<id nullFlavor="UNK"/>'


def _code(element: str, code: Code) -> str:
    """A CD; a scheme that is no OID cannot stand as codeSystem."""
    value = _attribute("code", "".join(code.code.split()))
    if not value:
        return f'<{element} nullFlavor="UNK"/>'
    system = _attribute("codeSystem" if is_oid(code.scheme) else "codeSystemName", code.scheme)
    return f"<{element}{value}{system}{_attribute('displayName', code.display)}/>"


def _record_target(patient: SummarizedPatient) -> Iterator[str]:
    yield "<recordTarget><patientRole>"
    for identifier in patient.ids:
        yield _id(f"{identifier.authority.universal_id}^{identifier.id}")
    yield "<patient>"
    yield from _name(patient)
    sex = _SEXES.get(patient.sex)
    yield (
        f'<administrativeGenderCode code="{sex}" codeSystem="{_GENDER_SYSTEM}"/>'
        if sex
        else '<administrativeGenderCode nullFlavor="UNK"/>'
    )
    yield f'<birthTime value="{_text(patient.birth)}"/>' if patient.birth.isdecimal() else '<birthTime nullFlavor="UNK"/>'
    yield "</patient></patientRole></recordTarget>"


def _name(patient: SummarizedPatient) -> Iterator[str]:
    if not patient.family and not patient.given:
        yield '<name nullFlavor="UNK"/>'
        return
    yield "<name>"
    yield from (f"<given>{_text(given)}</given>" for given in patient.given)
    yield f"<family>{_text(patient.family)}</family>" if patient.family else ""
    yield "</name>"


def _sections(documents: Sequence[SummarizedDocument]) -> Iterator[str]:
    if not documents:
        yield "<component><section><title>Documents</title><text>No document is registered.</text></section></component>"
        return

    def class_of(document: SummarizedDocument) -> str:
        return document.class_name

    newest = sorted(documents, key=lambda d: (d.created.ljust(14, "0"), d.unique_id), reverse=True)
    for name, members in groupby(sorted(newest, key=class_of), class_of):
        yield from _section(name, list(members))


def _section(name: str, documents: Sequence[SummarizedDocument]) -> Iterator[str]:
    yield f"<component><section><title>{_text(name or 'Documents')}</title><text><table>"
    yield f"<thead><tr>{_cells('th', _COLUMNS)}</tr></thead><tbody>"
    for d in documents:
        yield f"<tr>{_cells('td', (_day(d.created), d.type_code.display or d.type_code.code, d.title, d.author, d.unique_id))}</tr>"
    yield "</tbody></table></text>"
    for document in documents:
        yield (
            f'<entry><act classCode="ACT" moodCode="EVN">{_code("code", document.type_code)}<reference typeCode="REFR">'
            f'<externalDocument classCode="DOC" moodCode="EVN">{_id(document.unique_id)}{_code("code", document.type_code)}'
            "</externalDocument></reference></act></entry>"
        )
    yield "</section></component>"


def _cells(element: str, texts: Iterable[str]) -> str:
    return "".join(f"<{element}>{_text(text)}</{element}>" for text in texts)


def _day(dtm: str) -> str:
    """2026-01-14, or as much of it as there is."""
    digits = dtm[:8]
    return "-".join(filter(None, (digits[:4], digits[4:6], digits[6:8])))
