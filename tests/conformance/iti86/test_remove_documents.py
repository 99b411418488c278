"""ITI-86: documents removed from the repository; their metadata stay until the registry is told (Remove Metadata and Documents)."""

from __future__ import annotations

import pytest

from tests.conformance.conftest import Patient
from tests.support import messages as m
from tests.support.checked import CheckedSoapWire
from tests.support.service import Service
from tests.support.shared import sample
from tests.support.wire import Reply, unique_id

PATH = "/xds/repository"
ACTION = "urn:ihe:iti:2017:RemoveDocuments"


@pytest.fixture
def documents(soap: CheckedSoapWire, patient: Patient) -> list[str]:
    """The uniqueIds of two documents."""
    entries = [m.Entry(patient.cx, hash=None, size=None) for _ in range(2)]
    for entry in entries:
        kind, data = m.provide_and_register(entry, f"content of {entry.id}".encode())
        assert soap.post(data, kind, PATH).status_urn == "Success"
    return [entry.unique_id for entry in entries]


def remove(soap: CheckedSoapWire, *wanted: tuple[str, str], action: str = ACTION) -> Reply:
    """Asks for the removal of pairs of repositoryUniqueId and uniqueId."""
    return soap.call(action, m.remove_documents(*wanted), PATH)


def retrieved(soap: CheckedSoapWire, unique: str) -> list[str]:
    """The codes of an attempt to get a document."""
    return soap.call(m.ACTION_43, m.retrieve((m.REPOSITORY, unique)), PATH).codes


@pytest.mark.parametrize("action", [ACTION, "urn:ihe:iti:rmd:2017:RemoveDocuments"])
def test_a_removed_document_is_given_to_nobody(soap: CheckedSoapWire, documents: list[str], action: str) -> None:
    one, other = documents

    reply = remove(soap, (m.REPOSITORY, one), action=action)

    assert (reply.status_urn, reply.errors) == ("Success", [])
    assert reply.header["Action"] == "urn:ihe:iti:2017:RemoveDocumentsResponse"
    assert retrieved(soap, one) == ["XDSDocumentUniqueIdError"]
    assert retrieved(soap, other) == []


def test_the_registry_still_has_its_entry(soap: CheckedSoapWire, documents: list[str], patient: Patient) -> None:
    remove(soap, *((m.REPOSITORY, unique) for unique in documents))

    found = soap.call(m.ACTION_18, m.find_documents(patient.cx)).entries()

    assert {unique_id(entry) for entry in found} == set(documents)


def test_those_that_are_there_go_and_the_others_are_named(soap: CheckedSoapWire, documents: list[str]) -> None:
    strange = m.fresh_oid()

    reply = remove(soap, (m.REPOSITORY, strange), (m.REPOSITORY, documents[0]), ("2.999.8.8", documents[1]))

    assert reply.status_urn == "PartialSuccess"
    assert [(code, context.partition(":")[0]) for code, context in reply.errors] == [
        ("XDSDocumentUniqueIdError", strange),
        ("XDSUnknownRepositoryId", "2.999.8.8"),
    ]
    assert (retrieved(soap, documents[0]), retrieved(soap, documents[1])) == (["XDSDocumentUniqueIdError"], [])


def test_a_document_cannot_be_removed_twice(soap: CheckedSoapWire, documents: list[str]) -> None:
    remove(soap, (m.REPOSITORY, documents[0]))

    again = remove(soap, (m.REPOSITORY, documents[0]))

    assert (again.status_urn, again.codes) == ("Failure", ["XDSDocumentUniqueIdError"])


def test_more_documents_than_are_removed_at_once_are_refused(narrow: Service) -> None:
    with CheckedSoapWire(narrow.http_port) as soap:
        reply = remove(soap, *((m.REPOSITORY, m.fresh_oid()) for _ in range(4)))

    assert (reply.status_urn, reply.codes) == ("Failure", ["XDSRemoveDocumentsError"])


def test_a_recorded_request_for_documents_of_others_is_told_so(soap: CheckedSoapWire) -> None:
    body = sample("iti-86", "RemoveDocumentsRequest.xml").decode().partition("?>")[2]

    reply = soap.call(ACTION, body, PATH)

    assert (reply.status_urn, set(reply.codes)) == ("Failure", {"XDSUnknownRepositoryId"})
    assert len(reply.errors) == 2


def test_a_recorded_request_removes_what_there_is(soap: CheckedSoapWire, documents: list[str]) -> None:
    body = sample("iti-86", "RemoveDocumentsRequest.xml").decode().partition("?>")[2].replace("1.3.6.1.4.1000", m.REPOSITORY)
    named = body.replace("1.3.6.1.4.2300", documents[0]).replace("1.3.6.1.4.2301", documents[1])

    reply = soap.call(ACTION, named, PATH)

    assert reply.status_urn == "Success"
    assert [retrieved(soap, unique) for unique in documents] == [["XDSDocumentUniqueIdError"]] * 2
