"""ITI-43: documents out by MTOM, unknown ones by name, recorded requests (ITI TF-2 3.43)."""

from __future__ import annotations

import hashlib

import pytest

from tests.conformance.conftest import Patient
from tests.support import messages as m
from tests.support.checked import CheckedSoapWire
from tests.support.service import Service
from tests.support.shared import sample
from tests.support.wire import Reply

PATH = "/xds/repository"


@pytest.fixture
def documents(soap: CheckedSoapWire, patient: Patient) -> dict[str, bytes]:
    """Three documents by uniqueId."""
    entries = [m.Entry(patient.cx, hash=None, size=None, mime_type=kind) for kind in ("text/plain", "text/xml", "application/pdf")]
    contents = {e.unique_id: f"\r\n{e.id}".encode() * 1000 * n for n, e in enumerate(entries)}
    for entry in entries:
        kind, data = m.provide_and_register(entry, contents[entry.unique_id])
        assert soap.post(data, kind, PATH).status_urn == "Success"
    return contents


def retrieve(soap: CheckedSoapWire, *wanted: tuple[str, str]) -> Reply:
    """Asks for pairs of repositoryUniqueId and uniqueId."""
    return soap.call(m.ACTION_43, m.retrieve(*wanted), PATH)


def names(reply: Reply) -> list[str]:
    """The uniqueIds of the documents in an answer."""
    return [e.text for e in reply.body.iter(f"{{{m.XDSB}}}DocumentUniqueId")]


def test_documents_come_back_byte_for_byte_as_parts(soap: CheckedSoapWire, documents: dict[str, bytes]) -> None:
    reply = retrieve(soap, *((m.REPOSITORY, u) for u in documents))

    assert reply.status_urn == "Success"
    assert reply.content_type.startswith("multipart/related")
    assert names(reply) == list(documents)
    assert [hashlib.sha1(p).hexdigest() for p in reply.parts()[1:]] == [hashlib.sha1(c).hexdigest() for c in documents.values()]
    assert [e.text for e in reply.body.iter(f"{{{m.XDSB}}}mimeType")] == ["text/plain", "text/xml", "application/pdf"]
    assert {e.text for e in reply.body.iter(f"{{{m.XDSB}}}RepositoryUniqueId")} == {m.REPOSITORY}


def test_a_document_may_be_asked_for_twice(soap: CheckedSoapWire, documents: dict[str, bytes]) -> None:
    unique, content = list(documents.items())[1]

    reply = retrieve(soap, (m.REPOSITORY, unique), (m.REPOSITORY, unique))

    assert reply.parts()[1:] == [content, content]


def test_those_that_are_there_come_with_the_names_of_those_that_are_not(soap: CheckedSoapWire, documents: dict[str, bytes]) -> None:
    (unique, content), strange = list(documents.items())[2], m.fresh_oid()

    reply = retrieve(soap, (m.REPOSITORY, strange), (m.REPOSITORY, unique), ("2.999.8.8", unique))

    assert reply.status_urn == "PartialSuccess"
    assert reply.parts()[1:] == [content]
    assert [(code, context.partition(":")[0]) for code, context in reply.errors] == [
        ("XDSDocumentUniqueIdError", strange),
        ("XDSUnknownRepositoryId", "2.999.8.8"),
    ]


@pytest.mark.parametrize(
    ("repository", "code"), [(m.REPOSITORY, "XDSDocumentUniqueIdError"), ("2.999.8.8", "XDSUnknownRepositoryId")]
)
def test_where_nothing_is_found_the_answer_is_a_failure(soap: CheckedSoapWire, repository: str, code: str) -> None:
    reply = retrieve(soap, (repository, m.fresh_oid()))

    assert (reply.status, reply.status_urn, reply.codes) == (200, "Failure", [code])
    assert reply.content_type.startswith("multipart/related")
    assert names(reply) == []


def test_more_documents_than_are_given_at_once_are_refused(narrow: Service) -> None:
    with CheckedSoapWire(narrow.http_port) as soap:
        reply = retrieve(soap, *((m.REPOSITORY, m.fresh_oid()) for _ in range(4)))

    assert (reply.status_urn, reply.codes) == ("Failure", ["XDSTooManyResults"])


def test_a_request_as_mtom_is_answered_the_same(soap: CheckedSoapWire, documents: dict[str, bytes]) -> None:
    unique, content = list(documents.items())[1]
    kind, data = m.multipart(m.envelope(m.ACTION_43, m.retrieve((m.REPOSITORY, unique))), {})

    assert soap.post(data, kind, PATH).parts()[1:] == [content]


@pytest.mark.parametrize("name", ["RetrieveDocumentSetRequest_SOAP.xml", "soap-ret-req.xml"])
def test_recorded_requests_for_documents_of_others_are_told_so(soap: CheckedSoapWire, name: str) -> None:
    reply = soap.post(sample("iti-43", name), path=PATH)

    assert (reply.status_urn, set(reply.codes)) == ("Failure", {"XDSUnknownRepositoryId"})
    assert len(reply.errors) == 2


def test_a_recorded_request_finds_what_there_is(soap: CheckedSoapWire, documents: dict[str, bytes]) -> None:
    (one, first), (other, second) = list(documents.items())[1:]
    raw = sample("iti-43", "soap-ret-req.xml").decode().replace("1.3.6.1.4...1000", m.REPOSITORY)

    reply = soap.post(raw.replace("1.3.6.1.4...2300", one).replace("1.3.6.1.4...2301", other).encode(), path=PATH)

    assert reply.status_urn == "Success"
    assert reply.parts()[1:] == [first, second]
