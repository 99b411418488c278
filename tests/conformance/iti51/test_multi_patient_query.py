"""ITI-51: documents and folders of several patients (ITI TF-2 3.51), and a recorded query."""

from __future__ import annotations

import pytest
from lxml import etree

from tests.conformance.conftest import NewPatient
from tests.support import messages as m
from tests.support.checked import CheckedSoapWire
from tests.support.shared import sample
from tests.support.wire import unique_id

ACTION = "urn:ihe:iti:2009:MultiPatientStoredQuery"
DOCUMENTS, FOLDERS = "urn:uuid:3d1bdb10-39a2-11de-89c2-2f44d94eaa9f", "urn:uuid:50d3f5ac-39a2-11de-a1ca-b366239e58df"
STATUS = m.slot("$XDSDocumentEntryStatus", f"('{m.APPROVED}')")


def patients(*cxs: str) -> str:
    """The parameter that names them."""
    return m.slot("$XDSDocumentEntryPatientId", "(" + ",".join(f"'{cx}'" for cx in cxs) + ")")


@pytest.fixture
def entries(soap: CheckedSoapWire, new_patient: NewPatient) -> list[m.Entry]:
    """One entry each of three patients."""
    made = [m.Entry(new_patient().cx) for _ in range(3)]
    for entry in made:
        assert soap.call(m.ACTION_42, m.submission(entry)).status_urn == "Success"
    return made


def test_documents_of_the_named_patients_are_found(soap: CheckedSoapWire, entries: list[m.Entry]) -> None:
    one, other, _ = entries

    reply = soap.call(ACTION, m.stored_query(DOCUMENTS, patients(one.patient, other.patient), STATUS))

    assert reply.header["Action"] == f"{ACTION}Response"
    assert {unique_id(e) for e in reply.entries()} == {one.unique_id, other.unique_id}


def test_without_patients_a_code_is_enough(soap: CheckedSoapWire, entries: list[m.Entry]) -> None:
    code = m.slot("$XDSDocumentEntryClassCode", "('DISCHARGE^^2.999.77.1')")

    reply = soap.call(ACTION, m.stored_query(DOCUMENTS, code, STATUS, return_type="ObjectRef"))

    assert (reply.status_urn, len(reply.ids()) >= len(entries)) == ("Success", True), reply.errors


def test_folders_of_several_patients_are_found(soap: CheckedSoapWire, entries: list[m.Entry]) -> None:
    ids = []
    for entry in entries[:2]:
        ids.append(m.fresh_oid())
        objects = [
            m.set_xml(entry.patient),
            m.folder_xml(entry.patient, unique_id=ids[-1]),
            m.association(m.HAS_MEMBER, "Set", "Folder"),
        ]
        assert soap.call(m.ACTION_42, m.submit_objects(objects)).status_urn == "Success"
    named = m.slot("$XDSFolderPatientId", "(" + ",".join(f"'{e.patient}'" for e in entries) + ")")

    reply = soap.call(ACTION, m.stored_query(FOLDERS, named, m.slot("$XDSFolderStatus", f"('{m.APPROVED}')")))

    assert {unique_id(p) for p in reply.body.iter(f"{{{m.RIM}}}RegistryPackage")} == set(ids)


@pytest.mark.parametrize(
    ("body", "codes"),
    [
        (m.stored_query(DOCUMENTS, STATUS), ["XDSStoredQueryMissingParam"]),
        (m.stored_query(DOCUMENTS, patients(m.cx("1"))), ["XDSStoredQueryMissingParam"]),
        (m.stored_query(DOCUMENTS, patients("1"), STATUS), ["XDSRegistryError"]),
        (m.find_documents(m.cx("1")), ["XDSUnknownStoredQuery"]),
    ],
    ids=["neither patient nor code", "no status", "no patient id", "a query of ITI-18"],
)
def test_what_is_wrong_is_named(soap: CheckedSoapWire, body: str, codes: list[str]) -> None:
    reply = soap.call(ACTION, body)

    assert (reply.status_urn, reply.codes, reply.ids()) == ("Failure", codes, [])


def test_a_recorded_query_with_blanks_and_line_ends_is_read(soap: CheckedSoapWire) -> None:
    body = etree.tostring(etree.fromstring(sample("iti-51", "FindDocumentsForMultiplePatients-request.xml"))).decode()  # noqa: TID251

    reply = soap.call(ACTION, body)

    assert (reply.status_urn, reply.ids()) == ("Success", [])
