"""Builders of XDS metadata: whole and valid; a test changes the one thing it is about."""

from __future__ import annotations

from typing import Any

from ebrim.model import (
    Association,
    AssociationType,
    Author,
    CodedValue,
    DocumentEntry,
    Folder,
    Identifier,
    LocalText,
    Slot,
    Submission,
    SubmissionSet,
)
from kernel.codes import Code

PATIENT = "P-1^^^&1.3.6.1.4.1.21367.2005.13.20.1000&ISO"
SOURCE_PATIENT = "S-1^^^&2.999.1.1&ISO"
REPOSITORY = "1.3.6.1.4.1.21367.2011.2.3.7"
SHA1_OF_ABC = "a9993e364706816aba3e25717850c26c9cd0d89d"


def a_code(code: str = "34108-1", scheme: str = "2.16.840.1.113883.6.1", display: str = "Outpatient note") -> CodedValue:
    """A code with its scheme and name."""
    return CodedValue(Code(code, scheme, display), scheme_values=(scheme,))


def a_document_entry(**changes: Any) -> DocumentEntry:
    """A stable entry as a repository registers it."""
    whole: dict[str, Any] = {
        "id": "Document01",
        "mime_type": "text/plain",
        "title": (LocalText("Letter", "en"),),
        "comments": (LocalText("About the letter"),),
        "patient_ids": (Identifier(PATIENT),),
        "unique_ids": (Identifier("2.999.7.1"),),
        "authors": (Author(person=("^Smitty^Gerald^^^",), institution=("Clinic^^^^^^^^^2.999.3",), role=("Attending",)),),
        "class_codes": (a_code("History and Physical", "2.999.4.1", "History and Physical"),),
        "type_codes": (a_code(),),
        "format_codes": (a_code("urn:ihe:iti:xds:2017:mimeTypeSufficient", "1.3.6.1.4.1.19376.1.2.3", "by MIME type"),),
        "facility_codes": (a_code("Outpatient", "2.999.4.2", "Outpatient"),),
        "practice_codes": (a_code("General Medicine", "2.999.4.3", "General Medicine"),),
        "confidentiality_codes": (a_code("N", "2.16.840.1.113883.5.25", "normal"),),
        "creation_time": ("20260102",),
        "hash": (SHA1_OF_ABC,),
        "size": ("3",),
        "language_code": ("en-us",),
        "repository_unique_id": (REPOSITORY,),
        "source_patient_id": (SOURCE_PATIENT,),
        "source_patient_info": ("PID-3|S-1^^^&2.999.1.1&ISO", "PID-8|F"),
    }
    return DocumentEntry(**(whole | changes))


def a_provided_entry(**changes: Any) -> DocumentEntry:
    """An entry as a source provides it: the repository has yet to add hash, size and its own id."""
    return a_document_entry(**({"hash": (), "size": (), "repository_unique_id": ()} | changes))


def a_submission_set(**changes: Any) -> SubmissionSet:
    """A submission set."""
    whole: dict[str, Any] = {
        "id": "SubmissionSet01",
        "title": (LocalText("Visit", "en"),),
        "patient_ids": (Identifier(PATIENT),),
        "unique_ids": (Identifier("2.999.8.1"),),
        "source_ids": (Identifier("2.999.9.1"),),
        "authors": (Author(person=("^Dopplemeyer^Sherry^^^",)),),
        "content_type_codes": (a_code("History and Physical", "2.999.4.4", "History and Physical"),),
        "submission_time": ("20260102101112",),
    }
    return SubmissionSet(**(whole | changes))


def a_folder(**changes: Any) -> Folder:
    """A folder."""
    whole: dict[str, Any] = {
        "id": "Folder01",
        "title": (LocalText("Pregnancy"),),
        "patient_ids": (Identifier(PATIENT),),
        "unique_ids": (Identifier("2.999.10.1"),),
        "codes": (a_code("Referrals", "2.999.4.5", "Referrals"),),
    }
    return Folder(**(whole | changes))


def a_membership(source: str = "SubmissionSet01", target: str = "Document01", **changes: Any) -> Association:
    """A HasMember from set to entry, with its SubmissionSetStatus."""
    whole: dict[str, Any] = {
        "id": f"member-{target}",
        "type": AssociationType.HAS_MEMBER.value,
        "source": source,
        "target": target,
        "slots": (Slot("SubmissionSetStatus", ("Original",)),),
    }
    return Association(**(whole | changes))


def a_submission(*entries: DocumentEntry, **changes: Any) -> Submission:
    """A set with its entries, one when none is given, and the associations between them."""
    held = entries or (a_document_entry(),)
    whole: dict[str, Any] = {
        "entries": held,
        "submission_sets": (a_submission_set(),),
        "associations": tuple(a_membership(target=entry.id) for entry in held),
    }
    return Submission(**(whole | changes))
