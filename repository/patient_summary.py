"""The patient summary: an on-demand document that is made of the patient's registered entries."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from access.subject import Subject
from content.summary import SummarizedDocument, SummarizedPatient, SummaryHead, clinical_document
from ebrim.datatypes import parse_xcn
from ebrim.model import CodedValue, DocumentEntry
from kernel.codes import Code
from kernel.identifiers import parse_cx
from repository.ports import Draft, RegistryPort

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_UNKNOWN: Final = Code("", "")


class PatientSummary:
    """Lists the Approved documents of the patient (an `OnDemandProvider`).

    A document is listed only where each of its confidentiality codes is one of the on-demand entry's own: a summary that many may
    read does not tell of what few may. Earlier snapshots of summaries are not listed.
    """

    name = "patient-summary"

    def __init__(self, registry: RegistryPort) -> None:
        self._registry = registry

    def draft(self, entry: DocumentEntry, subject: Subject) -> Draft:
        """The summary of the entry's patient. Raises `Unavailable`."""
        found = self._registry.documents_of(entry.patient_id, subject)
        listed = [document for document in found if _may_be_listed(document, entry) and not _is_summary(document, entry)]
        return SummaryDraft(entry, _patient(entry, listed), tuple(map(_row, listed)))


@dataclass(frozen=True, slots=True)
class SummaryDraft:
    """A summary before it has an id and a time."""

    entry: DocumentEntry
    patient: SummarizedPatient
    documents: tuple[SummarizedDocument, ...]

    @property
    def mime_type(self) -> str:
        """As the on-demand entry promised."""
        return self.entry.mime_type

    @property
    def fingerprint(self) -> bytes:
        """Of everything but the id and the time."""
        return hashlib.sha256(self.render("", _EPOCH)).digest()

    def render(self, unique_id: str, at: datetime) -> bytes:
        """The CDA document."""
        entry = self.entry
        head = SummaryHead(
            unique_id=unique_id,
            code=_first(entry.type_codes),
            title=entry.title_text,
            language=next(iter(entry.language_code), ""),
            confidentiality=_first(entry.confidentiality_codes),
            keeper=next(iter(entry.repository_unique_id), ""),
        )
        return clinical_document(head, self.patient, self.documents, at=at)


def _keys(values: Sequence[CodedValue]) -> set[tuple[str, str]]:
    return {value.code.key for value in values}


def _may_be_listed(document: DocumentEntry, entry: DocumentEntry) -> bool:
    return _keys(document.confidentiality_codes) <= _keys(entry.confidentiality_codes)


def _is_summary(document: DocumentEntry, entry: DocumentEntry) -> bool:
    return (
        document.repository_unique_id == entry.repository_unique_id
        and _keys(document.type_codes) == _keys(entry.type_codes)
        and _keys(document.format_codes) == _keys(entry.format_codes)
    )


def _row(document: DocumentEntry) -> SummarizedDocument:
    kind = _first(document.class_codes)
    people = (person for author in document.authors for person in author.person)
    return SummarizedDocument(
        unique_id=document.unique_id,
        title=document.title_text,
        class_name=kind.display or kind.code,
        type_code=_first(document.type_codes),
        created=next(iter(document.creation_time), ""),
        author="; ".join(filter(None, map(_name, people))),
    )


def _name(xcn: str) -> str:
    person = parse_xcn(xcn)
    return " ".join(filter(None, (person.prefix, person.given, person.further, person.family, person.suffix))) or person.id


def _patient(entry: DocumentEntry, documents: Sequence[DocumentEntry]) -> SummarizedPatient:
    """Her identifier in the affinity domain, and what the on-demand entry says of her, or else the newest document that does."""
    identifier = parse_cx(entry.patient_id)
    newest = sorted(documents, key=lambda d: (next(iter(d.creation_time), ""), d.unique_id), reverse=True)
    fields = next(filter(None, (_demographics(d) for d in (entry, *newest))), {})
    name = fields.get("PID-5", "").split("~")[0].split("^")
    family, given = name[0], tuple(filter(None, name[1:3]))
    return SummarizedPatient(
        ids=(identifier,) if identifier else (),
        family=family,
        given=given,
        birth=fields.get("PID-7", ""),
        sex=fields.get("PID-8", ""),
    )


def _demographics(document: DocumentEntry) -> dict[str, str]:
    """sourcePatientInfo by field, where it names the patient (ITI TF-3 4.2.3.2.23)."""
    fields = {name: value for name, _, value in (text.partition("|") for text in document.source_patient_info)}
    return fields if fields.get("PID-5") else {}


def _first(values: Sequence[CodedValue]) -> Code:
    return values[0].code if values else _UNKNOWN
