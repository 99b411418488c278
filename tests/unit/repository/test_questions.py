"""Questions are those of the stored queries, whatever stands in an identifier."""

from __future__ import annotations

from ebrim.query import QuerySlot
from repository.questions import slots_of_documents, slots_of_patient


def test_documents_are_asked_for_by_all_their_unique_ids_at_once() -> None:
    assert slots_of_documents(["2.999.1", "2.999.2"]) == (QuerySlot("$XDSDocumentEntryUniqueId", ("('2.999.1','2.999.2')",)),)


def test_a_quote_in_a_patient_id_stays_inside_its_value() -> None:
    patient, status = slots_of_patient("O'1^^^&2.999&ISO")

    assert patient == QuerySlot("$XDSDocumentEntryPatientId", ("'O''1^^^&2.999&ISO'",))
    assert status == QuerySlot("$XDSDocumentEntryStatus", ("('urn:oasis:names:tc:ebxml-regrep:StatusType:Approved')",))
