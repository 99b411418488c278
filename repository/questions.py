"""What a repository asks of a registry by stored query, wherever the registry is (ITI TF-2 3.18.4.1.2.3.7)."""

from __future__ import annotations

from collections.abc import Sequence

from ebrim.model import Status
from ebrim.query import QuerySlot, quoted, quoted_list


def slots_of_documents(unique_ids: Sequence[str]) -> tuple[QuerySlot, ...]:
    """GetDocuments by uniqueId."""
    return (QuerySlot("$XDSDocumentEntryUniqueId", (quoted_list(unique_ids),)),)


def slots_of_patient(patient_id: str) -> tuple[QuerySlot, ...]:
    """FindDocuments: the Approved stable documents of a patient."""
    return (
        QuerySlot("$XDSDocumentEntryPatientId", (quoted(patient_id),)),
        QuerySlot("$XDSDocumentEntryStatus", (quoted_list([Status.APPROVED.value]),)),
    )
