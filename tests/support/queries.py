"""Every stored query as a consumer writes it, about one patient of whom the ids of some objects are known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.support import messages as m
from tests.support.updates import APND, DEPRECATED

ACTION_51 = "urn:ihe:iti:2009:MultiPatientStoredQuery"
REFERENCE = "R-77^^^&2.999.5.3&ISO^urn:ihe:iti:xds:2013:accession"
REFERENCES = {"urn:ihe:iti:xds:2013:referenceIdList": (REFERENCE,)}
"""The slot of an entry that is found by its reference id."""


@dataclass(frozen=True)
class Known:
    """A patient, an entry that has `REFERENCES`, its set and its folder."""

    patient: str
    unique_id: str
    uuid: str
    set_unique_id: str
    folder_unique_id: str
    folder_uuid: str


def _status(name: str) -> str:
    return m.slot(f"$XDS{name}Status", f"('{m.APPROVED}','{DEPRECATED}')")


def _patient(known: Known, name: str) -> str:
    return m.slot(f"${name}", f"'{known.patient}'")


def _patients(known: Known, name: str) -> str:
    return m.slot(f"${name}", f"('{known.patient}')")


def _entries(known: Known, *more: str) -> list[str]:
    return [_patient(known, "XDSDocumentEntryPatientId"), ENTRY, *more]


ENTRY, FOLDER, SET = _status("DocumentEntry"), _status("Folder"), _status("SubmissionSet")
BY_REFERENCE = m.slot("$XDSDocumentEntryReferenceIdList", f"('{REFERENCE}')")
RELATED = m.slot("$AssociationTypes", f"('urn:ihe:iti:2010:AssociationType:IsSnapshotOf','{APND}')")
ASKED: Mapping[str, Callable[[Known], list[str]]] = {
    "FindDocuments": _entries,
    "FindDocumentsByReferenceId": lambda k: _entries(k, BY_REFERENCE),
    "FindDocumentsByTitle": lambda k: _entries(k, m.slot("$XDSDocumentEntryTitle", "('Discharge %')")),
    "FindDocumentsExclude": lambda k: _entries(k, m.slot("$XDSDocumentEntryClassCodeExclude", "('REFERRAL^^2.999.77.1')")),
    "FindSubmissionSets": lambda k: [_patient(k, "XDSSubmissionSetPatientId"), SET],
    "FindFolders": lambda k: [_patient(k, "XDSFolderPatientId"), FOLDER],
    "GetAll": lambda k: [_patient(k, "patientId"), ENTRY, FOLDER, SET],
    "GetDocuments": lambda k: [m.slot("$XDSDocumentEntryLogicalID", f"('{k.uuid}')")],
    "GetFolders": lambda k: [m.slot("$XDSFolderUniqueId", f"('{k.folder_unique_id}')")],
    "GetAssociations": lambda k: [m.slot("$uuid", f"('{k.uuid}')")],
    "GetDocumentsAndAssociations": lambda k: [m.slot("$XDSDocumentEntryUniqueId", f"('{k.unique_id}')")],
    "GetSubmissionSets": lambda k: [m.slot("$uuid", f"('{k.uuid}','{k.folder_uuid}')")],
    "GetSubmissionSetAndContents": lambda k: [m.slot("$XDSSubmissionSetUniqueId", f"'{k.set_unique_id}'")],
    "GetFolderAndContents": lambda k: [m.slot("$XDSFolderUniqueId", f"'{k.folder_unique_id}'")],
    "GetFoldersForDocument": lambda k: [m.slot("$XDSDocumentEntryUniqueId", f"'{k.unique_id}'")],
    "GetRelatedDocuments": lambda k: [m.slot("$XDSDocumentEntryUniqueId", f"'{k.unique_id}'"), RELATED],
    "FindDocumentsForMultiplePatients": lambda k: [_patients(k, "XDSDocumentEntryPatientId"), ENTRY],
    "FindFoldersForMultiplePatients": lambda k: [_patients(k, "XDSFolderPatientId"), FOLDER],
    "FindDocumentsByReferenceIdForMultiplePatients": lambda k: [
        _patients(k, "XDSDocumentEntryPatientId"),
        ENTRY,
        BY_REFERENCE,
    ],
}
"""The slots of each query."""
