"""Limited metadata made whole: what was sent stays as it is, and only what is missing is filled in."""

from __future__ import annotations

from dataclasses import replace

from app.client_metadata import (
    CONFIDENTIALITY,
    FACILITY,
    FORMAT,
    LANGUAGE,
    TYPE,
    SubmissionMetadata,
)
from ebrim.model import Association, AssociationType, CodedValue, DocumentEntry, Identifier, Slot, Submission
from ebrim.uuids import SLOT_SUBMISSION_SET_STATUS
from kernel.codes import Code
from kernel.identifiers import PatientId
from repository.receiving import without_label


def completed(submission: Submission, patient: PatientId, metadata: SubmissionMetadata, *, now: str) -> Submission:
    """The submission for a patient of the affinity domain, with the codes of `metadata` where it has none; `now` is a DTM."""
    own = (Identifier(patient.cx),)
    held = replace(
        submission.submission_sets[0],
        patient_ids=own,
        content_type_codes=submission.submission_sets[0].content_type_codes or _coded(metadata.content_type_code),
        submission_time=submission.submission_sets[0].submission_time or (now,),
    )
    entries = tuple(_entry(entry, patient, metadata, now) for entry in submission.entries)
    members = {a.target for a in submission.associations if a.type == AssociationType.HAS_MEMBER.value and a.source == held.id}
    original = (Slot(SLOT_SUBMISSION_SET_STATUS, ("Original",)),)
    added = tuple(
        Association(id=f"member-{entry.id}", type=AssociationType.HAS_MEMBER.value, source=held.id, target=entry.id, slots=original)
        for entry in entries
        if entry.id not in members
    )
    folders = tuple(replace(folder, patient_ids=own) for folder in submission.folders)
    associations = submission.associations + added
    return without_label(replace(submission, entries=entries, submission_sets=(held,), folders=folders, associations=associations))


def _entry(entry: DocumentEntry, patient: PatientId, metadata: SubmissionMetadata, now: str) -> DocumentEntry:
    theirs = tuple(identifier.value for identifier in entry.patient_ids[:1])
    return replace(
        entry,
        patient_ids=(Identifier(patient.cx),),
        source_patient_id=entry.source_patient_id or theirs or (patient.cx,),
        class_codes=entry.class_codes or _coded(metadata.class_code),
        type_codes=entry.type_codes or _coded(metadata.type_code or TYPE),
        format_codes=entry.format_codes or _coded(metadata.format_code or FORMAT),
        facility_codes=entry.facility_codes or _coded(metadata.facility_code or FACILITY),
        practice_codes=entry.practice_codes or _coded(metadata.practice_code),
        confidentiality_codes=entry.confidentiality_codes or _coded(metadata.confidentiality_code or CONFIDENTIALITY),
        language_code=entry.language_code or (metadata.language or LANGUAGE,),
        creation_time=entry.creation_time or (metadata.creation_time or now,),
    )


def _coded(code: Code) -> tuple[CodedValue, ...]:
    return (CodedValue(code),)
