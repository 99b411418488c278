"""ITI-61: entries whose documents are made on demand (ITI TF-2 3.61), and a recorded request."""

from __future__ import annotations

import pytest

from tests.conformance.conftest import Patient
from tests.support import messages as m
from tests.support.checked import CheckedSoapWire
from tests.support.edits import ENTRY, Edit, edited, insert, put
from tests.support.shared import sample
from tests.support.wire import unique_id

ACTION = "urn:ihe:iti:2010:RegisterOnDemandDocumentEntry"
ON_DEMAND = "urn:uuid:34268e47-fdf5-41a6-ba33-82133c465248"
STABLE = "urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1"
SNAPSHOT = "urn:ihe:iti:2010:AssociationType:IsSnapshotOf"


def on_demand(patient: Patient, **changes: str) -> m.Entry:
    """An entry without creation time, hash and size."""
    return m.Entry(patient.cx, object_type=ON_DEMAND, hash=None, size=None, **changes)  # type: ignore[arg-type]


def request(entry: m.Entry, *edits: Edit) -> str:
    """It in a submission."""
    body = m.submission(entry).replace(m.slot("creationTime", entry.creation_time), "")
    return edited(body, *edits)


def found(soap: CheckedSoapWire, patient: Patient) -> list[str]:
    """The uniqueIds of the patient's on-demand entries."""
    asked = m.find_documents(patient.cx, m.slot("$XDSDocumentEntryType", f"('{ON_DEMAND}')"))
    return [unique_id(e) for e in soap.call(m.ACTION_18, asked).entries()]


def test_an_on_demand_entry_is_registered(soap: CheckedSoapWire, patient: Patient) -> None:
    entry = on_demand(patient)

    reply = soap.call(ACTION, request(entry))

    assert (reply.status_urn, reply.refusals) == ("Success", [])
    assert found(soap, patient) == [entry.unique_id]


def test_a_stable_entry_may_be_its_snapshot(soap: CheckedSoapWire, patient: Patient) -> None:
    entry, snapshot = on_demand(patient), m.Entry(patient.cx)
    soap.call(ACTION, request(entry))
    asked = m.stored_query(m.GET_DOCUMENTS, m.slot("$XDSDocumentEntryUniqueId", f"('{entry.unique_id}')"))
    (registered,) = soap.call(m.ACTION_18, asked).entries()
    link = insert("//rim:RegistryObjectList", m.association(SNAPSHOT, snapshot.id, registered.get("id")))

    assert soap.call(m.ACTION_42, edited(m.submission(snapshot), link)).status_urn == "Success"


@pytest.mark.parametrize(
    ("name", "value"),
    [("creationTime", "20260114"), ("hash", m.EMPTY_SHA1), ("size", "0")],
)
def test_it_has_nothing_that_only_a_document_has(soap: CheckedSoapWire, patient: Patient, name: str, value: str) -> None:
    extra = insert(ENTRY, m.slot(name, value), before="rim:Name")

    reply = soap.call(ACTION, request(on_demand(patient), extra))

    assert [code for code, _ in reply.refusals] == ["XDSRegistryMetadataError"]
    assert name in reply.refusals[0][1]
    assert found(soap, patient) == []


def test_a_stable_entry_is_not_registered_this_way(soap: CheckedSoapWire, patient: Patient) -> None:
    reply = soap.call(ACTION, request(on_demand(patient), put(ENTRY, "objectType", STABLE)))

    assert reply.status_urn == "Failure"
    assert {code for code, _ in reply.refusals} == {"XDSRegistryMetadataError"}


def test_a_uniqueid_of_a_stable_document_is_taken(soap: CheckedSoapWire, patient: Patient) -> None:
    stable = m.Entry(patient.cx)
    soap.call(m.ACTION_42, m.submission(stable))

    reply = soap.call(ACTION, request(on_demand(patient, unique_id=stable.unique_id)))

    assert [code for code, _ in reply.refusals] == ["XDSDuplicateUniqueIdInRegistry"]


def test_the_example_of_the_profile_is_refused_for_what_it_lacks(soap: CheckedSoapWire) -> None:
    reply = soap.post(sample("iti-61", "RegisterOnDemandDocumentEntryRequest_SOAP.xml"))

    assert reply.status_urn == "Failure"
    assert {code for code, _ in reply.refusals} <= {"XDSRegistryMetadataError", "XDSUnknownPatientId"}
