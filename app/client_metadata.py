"""The metadata of what the client submits: codes that any affinity domain is likely to have, unless others are given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from content.facts import SILENCE, DocumentFacts, FactualAuthor
from ebrim.model import (
    Association,
    AssociationType,
    Author,
    CodedValue,
    DocumentEntry,
    Identifier,
    LocalText,
    Slot,
    Submission,
    SubmissionSet,
)
from ebrim.uuids import SLOT_SUBMISSION_SET_STATUS
from kernel.codes import Code
from kernel.errors import Condition, Rejected, violation
from kernel.identifiers import EntryUuid, NewUuid, Oid, PatientId, oid_from_uuid

LOINC: Final = "2.16.840.1.113883.6.1"
SNOMED_CT: Final = "2.16.840.1.113883.6.96"
SOURCE: Final = oid_from_uuid(EntryUuid("urn:uuid:5d4e1c3a-6a5b-4f0e-9c57-0b6d0b8f5f21"))
"""What the client calls itself where no sourceId is given."""

CLASS: Final = Code("SUMMARIES", "1.3.6.1.4.1.19376.1.2.6.1", "Summaries")
TYPE: Final = Code("34133-9", LOINC, "Summary of episode note")
FORMAT: Final = Code("urn:ihe:iti:xds:2017:mimeTypeSufficient", "1.3.6.1.4.1.19376.1.2.3", "mimeType Sufficient")
FACILITY: Final = Code("22232009", SNOMED_CT, "Hospital")
PRACTICE: Final = Code("309927009", SNOMED_CT, "General medical department (environment)")
CONFIDENTIALITY: Final = Code("N", "2.16.840.1.113883.5.25", "normal")
LANGUAGE: Final = "en-US"
CONTENT_TYPE: Final = Code("22232009", SNOMED_CT, "Hospital")

MIME_TYPES: Final = {
    ".pdf": "application/pdf",
    ".xml": "text/xml",
    ".cda": "text/xml",
    ".txt": "text/plain",
    ".hl7": "application/x-hl7",
    ".dcm": "application/dicom",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".json": "application/fhir+json",
}


@dataclass(frozen=True, slots=True)
class DocumentFile:
    """A file to be submitted; the title is its name where none is given, the MIME type goes by its suffix."""

    path: Path
    title: str = ""
    mime_type: str = ""


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What was found out about a file: bytes, SHA-1 in hex, when it was changed (DTM), and what it says of itself."""

    file: DocumentFile
    size: int
    sha1: str
    changed: str
    says: DocumentFacts = SILENCE


@dataclass(frozen=True, slots=True)
class SubmissionMetadata:
    """What is said of the documents of one submission.

    `source_patient_id` is the identifier at the source, the affinity domain's where none is given. `author` is an XCN,
    `institution` an XON. `creation_time` is a DTM, the time of the file where none is given. `replaces` is the entryUUID of the
    document that a single file replaces.

    What is given here wins over what a document says of itself, and that over the codes any affinity domain is likely to have.
    """

    class_code: Code = CLASS
    type_code: Code | None = None
    format_code: Code | None = None
    facility_code: Code | None = None
    practice_code: Code = PRACTICE
    confidentiality_code: Code | None = None
    content_type_code: Code = CONTENT_TYPE
    source_patient_id: PatientId | None = None
    source_id: Oid = SOURCE
    author: str = ""
    institution: str = ""
    language: str = ""
    title: str = ""
    creation_time: str = ""
    replaces: str = ""


def submission_of(
    files: Sequence[FileFacts], patient_id: PatientId, metadata: SubmissionMetadata, *, now: str, new_uuid: NewUuid
) -> Submission:
    """A submission set with an entry for each file, `now` (DTM) being its time. Raises `Rejected` for what cannot be submitted."""
    if not files:
        raise Rejected(violation(Condition.DOCUMENT_MISSING, "files", "there is no file to submit"))
    if metadata.replaces and len(files) != 1:
        raise Rejected(violation(Condition.METADATA_INVALID, "replaces", "one document is replaced by one file"))
    entries = tuple(_entry(number, facts, patient_id, metadata, new_uuid) for number, facts in enumerate(files, 1))
    whole = SubmissionSet(
        id="SubmissionSet01",
        title=_texts(metadata.title, metadata.language or LANGUAGE),
        patient_ids=(Identifier(patient_id.cx),),
        unique_ids=(Identifier(oid_from_uuid(new_uuid())),),
        source_ids=(Identifier(metadata.source_id),),
        authors=_authors(metadata),
        content_type_codes=(_coded(metadata.content_type_code),),
        submission_time=(now,),
    )
    original = (Slot(SLOT_SUBMISSION_SET_STATUS, ("Original",)),)
    associations = [
        Association(id=f"Member{n:02}", type=AssociationType.HAS_MEMBER.value, source=whole.id, target=entry.id, slots=original)
        for n, entry in enumerate(entries, 1)
    ]
    if metadata.replaces:
        replacement = AssociationType.RPLC.value
        associations.append(Association(id="Replacement", type=replacement, source=entries[0].id, target=metadata.replaces))
    return Submission(entries=entries, submission_sets=(whole,), associations=tuple(associations))


def _entry(number: int, facts: FileFacts, patient_id: PatientId, metadata: SubmissionMetadata, new_uuid: NewUuid) -> DocumentEntry:
    says = facts.says
    source_patient_id = metadata.source_patient_id or next(iter(says.patient_ids), patient_id)
    language = metadata.language or says.language or LANGUAGE
    confidentiality = (metadata.confidentiality_code,) if metadata.confidentiality_code else says.confidentiality_codes
    return DocumentEntry(
        id=f"Document{number:02}",
        mime_type=_mime_type(facts),
        title=_texts(facts.file.title or says.title or facts.file.path.name, language),
        patient_ids=(Identifier(patient_id.cx),),
        unique_ids=(Identifier(says.unique_id or oid_from_uuid(new_uuid())),),
        authors=_authors(metadata) or tuple(map(_author, says.authors)),
        class_codes=(_coded(metadata.class_code),),
        type_codes=(_chosen(metadata.type_code, says.type_code, TYPE),),
        format_codes=(_chosen(metadata.format_code, says.format_code, FORMAT),),
        facility_codes=(_chosen(metadata.facility_code, says.facility_code, FACILITY),),
        practice_codes=(_coded(metadata.practice_code),),
        confidentiality_codes=tuple(map(_coded, confidentiality or (CONFIDENTIALITY,))),
        creation_time=(metadata.creation_time or says.creation_time or facts.changed,),
        service_start_time=_given(says.service_start),
        service_stop_time=_given(says.service_stop),
        hash=(facts.sha1,),
        size=(str(facts.size),),
        language_code=(language,),
        legal_authenticator=_given(says.legal_authenticator),
        source_patient_id=(source_patient_id.cx,),
        source_patient_info=says.patient_info,
        reference_id_list=says.reference_ids,
    )


def _chosen(given: Code | None, said: Code, usual: Code) -> CodedValue:
    return _coded(given or (said if said.code else usual))


def _given(text: str) -> tuple[str, ...]:
    return (text,) if text else ()


def _author(author: FactualAuthor) -> Author:
    return Author(person=_given(author.person), institution=_given(author.institution))


def _mime_type(facts: FileFacts) -> str:
    file = facts.file
    found = file.mime_type or facts.says.mime_type or MIME_TYPES.get(file.path.suffix.lower(), "")
    if not found:
        detail = f"the suffix {file.path.suffix or 'is missing and'} does not tell the MIME type; give it (--mime-type)"
        raise Rejected(violation(Condition.METADATA_INVALID, file.path.name, detail))
    return found


def _texts(text: str, language: str) -> tuple[LocalText, ...]:
    return (LocalText(text, language),) if text else ()


def _coded(code: Code) -> CodedValue:
    return CodedValue(code)


def _authors(metadata: SubmissionMetadata) -> tuple[Author, ...]:
    person = (metadata.author,) if metadata.author else ()
    institution = (metadata.institution,) if metadata.institution else ()
    return (Author(person=person, institution=institution),) if person or institution else ()
