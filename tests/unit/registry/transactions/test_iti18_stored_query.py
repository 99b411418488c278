"""ITI-18 and ITI-51 at their doors."""

from __future__ import annotations

import base64

import pytest
from lxml import etree

from ebrim.model import Identifier
from ebrim.query import OBJECT_REF, QuerySlot, adhoc_query_request, quoted, quoted_list
from ebrim.responses import QueryAnswer, ResponseStatus, read_query_response
from ebrim.uuids import QueryId
from kernel.xml import parse_xml
from registry.tables import METADATA
from registry.transactions.iti18_stored_query import StoredQueryDoor
from registry.transactions.iti51_multi_patient_query import MultiPatientStoredQuery
from tests.conftest import MakeDatabase
from tests.support.metadata import PATIENT, a_document_entry, a_submission, a_submission_set
from tests.support.registry import APPROVED, OTHER_PATIENT, Registry, a_registry, audits, put
from tests.support.shared import sample

OF_PATIENT = QuerySlot("$XDSDocumentEntryPatientId", (quoted(PATIENT),))
OF_BOTH = QuerySlot("$XDSDocumentEntryPatientId", (quoted_list([PATIENT, OTHER_PATIENT]),))
IS_APPROVED = QuerySlot("$XDSDocumentEntryStatus", (quoted_list([APPROVED]),))


@pytest.fixture
def registry(make_database: MakeDatabase) -> Registry:
    registry = a_registry(make_database(METADATA))
    registry.register(a_submission())
    return registry


def ask(registry: Registry, query: QueryId, *slots: QuerySlot, return_type: str = "LeafClass") -> QueryAnswer:
    """A query at the door of its transaction."""
    is_multiple = query.name.endswith("MULTIPLE_PATIENTS")
    door = MultiPatientStoredQuery(registry.service) if is_multiple else StoredQueryDoor(registry.service)
    return read_query_response(put(door, adhoc_query_request(query.value, slots, return_type=return_type)))


def codes(answer: QueryAnswer) -> list[str]:
    """The error codes of a failure."""
    assert answer.answer.status is ResponseStatus.FAILURE
    return [e.code for e in answer.answer.errors]


def test_a_query_is_answered_and_recorded_with_its_patient_and_its_text(registry: Registry) -> None:
    answer = ask(registry, QueryId.FIND_DOCUMENTS, OF_PATIENT, IS_APPROVED)

    assert answer.answer.status is ResponseStatus.SUCCESS
    assert [e.unique_id for e in answer.objects.entries] == ["2.999.7.1"]
    (message,) = audits(registry)[1:]
    assert 'csd-code="ITI-18"' in message
    assert 'EventOutcomeIndicator="0"' in message
    assert PATIENT.replace("&", "&amp;") in message
    query = etree.XML(message).findtext(".//ParticipantObjectQuery")
    assert b"$XDSDocumentEntryPatientId" in base64.b64decode(query or "")


@pytest.mark.parametrize("query", [QueryId.GET_ALL, QueryId.GET_DOCUMENTS, QueryId.FIND_DOCUMENTS])
def test_every_query_leaves_one_record_also_when_nothing_is_found(registry: Registry, query: QueryId) -> None:
    nobody = quoted(PATIENT.replace("P-1", "P-9"))
    statuses = [QuerySlot(f"$XDS{kind}Status", (quoted_list([APPROVED]),)) for kind in ("DocumentEntry", "SubmissionSet", "Folder")]
    slots = {
        QueryId.GET_ALL: [QuerySlot("$patientId", (nobody,)), *statuses],
        QueryId.GET_DOCUMENTS: [QuerySlot("$XDSDocumentEntryUniqueId", ("('1.2.3')",))],
        QueryId.FIND_DOCUMENTS: [QuerySlot("$XDSDocumentEntryPatientId", (nobody,)), IS_APPROVED],
    }[query]

    answer = ask(registry, query, *slots)

    assert (answer.answer.status, list(answer.objects.objects())) == (ResponseStatus.SUCCESS, [])
    assert len(audits(registry)[1:]) == 1


def test_a_refused_query_is_recorded_as_a_failure(registry: Registry) -> None:
    assert codes(ask(registry, QueryId.FIND_DOCUMENTS, OF_PATIENT)) == ["XDSStoredQueryMissingParam"]

    (message,) = audits(registry)[1:]
    assert 'EventOutcomeIndicator="8"' in message


def test_an_answer_that_is_too_large_is_recorded_as_a_failure_only(make_database: MakeDatabase) -> None:
    registry = a_registry(make_database(METADATA), max_results=1)
    registry.register(a_submission())
    another = a_document_entry(unique_ids=(Identifier("2.999.7.2"),))
    registry.register(a_submission(another, submission_sets=(a_submission_set(unique_ids=(Identifier("2.999.8.2"),)),)))

    assert codes(ask(registry, QueryId.FIND_DOCUMENTS, OF_PATIENT, IS_APPROVED)) == ["XDSTooManyResults"]
    assert ['EventOutcomeIndicator="8"' in message for message in audits(registry)[2:]] == [True]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("urn:uuid:99999999-9999-4999-8999-999999999999", "XDSUnknownStoredQuery"),
        (QueryId.FIND_DOCUMENTS_FOR_MULTIPLE_PATIENTS.value, "XDSUnknownStoredQuery"),
    ],
)
def test_a_query_of_another_transaction_is_unknown(registry: Registry, query: str, code: str) -> None:
    request = adhoc_query_request(query, (OF_PATIENT, IS_APPROVED))

    assert codes(read_query_response(put(StoredQueryDoor(registry.service), request))) == [code]


def test_a_return_type_that_nobody_knows_is_refused(registry: Registry) -> None:
    answer = ask(registry, QueryId.FIND_DOCUMENTS, OF_PATIENT, IS_APPROVED, return_type="RegistryObject")

    assert codes(answer) == ["XDSRegistryError"]


def test_references_are_answered_for_object_ref(registry: Registry) -> None:
    answer = ask(registry, QueryId.FIND_DOCUMENTS, OF_PATIENT, IS_APPROVED, return_type=OBJECT_REF)

    assert (len(answer.refs), answer.objects.entries) == (1, ())


def test_a_query_over_several_patients_leaves_a_record_for_each(registry: Registry) -> None:
    answer = ask(registry, QueryId.FIND_DOCUMENTS_FOR_MULTIPLE_PATIENTS, OF_BOTH, IS_APPROVED)

    assert [e.unique_id for e in answer.objects.entries] == ["2.999.7.1"]
    assert [message.count("ITI-51") >= 1 for message in audits(registry)[1:]] == [True, True]


def test_a_refused_query_over_several_patients_leaves_a_record(registry: Registry) -> None:
    assert codes(ask(registry, QueryId.FIND_FOLDERS_FOR_MULTIPLE_PATIENTS)) == [
        "XDSStoredQueryMissingParam",
        "XDSStoredQueryMissingParam",
    ]
    assert len(audits(registry)[1:]) == 1


@pytest.mark.parametrize(
    ("folder", "name", "expected"),
    [
        # no quotes around the patient id, no bracket that closes
        ("iti-18", "sq-req-bad-pid-format-NEGATIVE.xml", ["XDSRegistryError"]),
        ("iti-18", "RegistryStoredQueryRequest_SOAP.xml", ["XDSRegistryError", "XDSRegistryError", "XDSStoredQueryMissingParam"]),
        ("iti-18", "FindDocuments-request.xml", ["XDSRegistryError"]),
        ("iti-18", "soap-sq-req.xml", []),
        ("iti-51", "FindDocumentsForMultiplePatients-request.xml", []),
    ],
)
def test_recorded_requests_get_the_answer_of_the_profile(registry: Registry, folder: str, name: str, expected: list[str]) -> None:
    root = parse_xml(sample(folder, name))
    request = next(root.iter("{*}AdhocQueryRequest"))
    door = MultiPatientStoredQuery(registry.service) if folder == "iti-51" else StoredQueryDoor(registry.service)

    answer = read_query_response(put(door, etree.tostring(request)))

    assert sorted(e.code for e in answer.answer.errors) == sorted(expected)
