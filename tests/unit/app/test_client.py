"""A source and consumer of documents against a server that answers by script."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.client import FoundDocument, Server, Submitted, Wanted, XdsClient
from app.client_metadata import DocumentFile, SubmissionMetadata
from ebrim.errors import ErrorCodes
from ebrim.model import Status
from ebrim.query import parse_slot, read_query
from ebrim.responses import ResponseStatus, registry_response
from ebrim.retrieve import read_document_requests, read_provide_request
from ebrim.uuids import QueryId
from ebrim.writer import write
from kernel.errors import Condition, Rejected, Unavailable, Unreadable, Violation, violation, warning
from kernel.identifiers import AssigningAuthority, PatientId
from soap.zeep_client import SoapFaultReceived
from tests.support.clocks import TickingClock, counted_uuids
from tests.support.metadata import REPOSITORY, a_document_entry
from tests.support.soap_stub import Received, Scripted, SoapStub, enveloped, related, soap_stub

PATIENT = PatientId("P-1", AssigningAuthority.of_oid("1.3.6.1.4.1.21367.2005.13.20.1000"))
QUERY = "urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0"
RIM = "urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0"
XDSB = "urn:ihe:iti:xds-b:2007"
CONTENT = b"\r\nabc\r\n"
SHA1 = hashlib.sha1(CONTENT).hexdigest()
QUERY_ACTION = "urn:ihe:iti:2007:RegistryStoredQuery"


@pytest.fixture
def stub() -> Iterator[SoapStub]:
    with soap_stub() as running:
        yield running


@pytest.fixture
def client(stub: SoapStub, tmp_path: Path) -> Iterator[XdsClient]:
    server = Server(stub.url, stub.url, tmp_path / "spool", timeout=5)
    made = XdsClient(server, clock=TickingClock(), new_uuid=counted_uuids())
    yield made
    made.close()


@pytest.fixture
def letter(tmp_path: Path) -> DocumentFile:
    (tmp_path / "letter.txt").write_bytes(CONTENT)
    return DocumentFile(tmp_path / "letter.txt")


def registry_answer(*found: Violation, status: ResponseStatus = ResponseStatus.SUCCESS) -> Scripted:
    """A RegistryResponse."""
    return Scripted(enveloped(registry_response(found, ErrorCodes.REPOSITORY, status=status).decode()))


def query_answer(*entries: object, status: ResponseStatus = ResponseStatus.SUCCESS) -> Scripted:
    """An AdhocQueryResponse with these objects."""
    objects = b"".join(write(e) for e in entries).decode()  # type: ignore[arg-type]
    body = f'<q:AdhocQueryResponse xmlns:q="{QUERY}" status="{status.value}"><RegistryObjectList xmlns="{RIM}">{objects}'
    return Scripted(enveloped(body + "</RegistryObjectList></q:AdhocQueryResponse>"))


def document_answer(content: bytes = CONTENT) -> Scripted:
    """An ITI-43 answer with one document."""
    success = registry_response((), ErrorCodes.REPOSITORY, status=ResponseStatus.SUCCESS).decode()
    inner = (
        f"<RepositoryUniqueId>{REPOSITORY}</RepositoryUniqueId><DocumentUniqueId>2.999.7.1</DocumentUniqueId>"
        '<mimeType>text/plain</mimeType><Document><x:Include xmlns:x="http://www.w3.org/2004/08/xop/include" href="cid:d@s"/>'
    )
    body = f'<RetrieveDocumentSetResponse xmlns="{XDSB}">{success}<DocumentResponse>{inner}</Document></DocumentResponse>'
    return related(enveloped(body + "</RetrieveDocumentSetResponse>"), ("d@s", "text/plain", content))


def library(*entries: object, content: bytes = CONTENT):  # type: ignore[no-untyped-def]  # a script for the stub
    """A registry with these entries and a repository with this content."""

    def script(received: Received) -> Scripted:
        return query_answer(*entries) if received.header("Action") == QUERY_ACTION else document_answer(content)

    return script


# Submit


def test_a_file_is_provided_with_its_metadata_and_bytes(client: XdsClient, stub: SoapStub, letter: DocumentFile) -> None:
    stub.script = lambda _: registry_answer()

    done = client.submit([letter], PATIENT, SubmissionMetadata())

    (sent,) = stub.received
    request = read_provide_request(sent.content)
    (entry,), (document,) = request.submission.entries, request.documents
    assert document.entry_id == entry.id
    assert f"Content-ID: <{document.content.content_id}>".encode() in sent.parts[1][0]
    assert [content for _, content in sent.parts[1:]] == [CONTENT]
    assert (entry.patient_id, entry.hash, entry.size) == (PATIENT.cx, (SHA1,), (str(len(CONTENT)),))
    assert done == Submitted(request.submission.submission_sets[0].unique_id, done.documents)
    assert [(d.file, d.unique_id, d.sha1) for d in done.documents] == [("letter.txt", entry.unique_id, SHA1)]


def test_the_time_of_submission_is_that_of_the_clock(client: XdsClient, stub: SoapStub, letter: DocumentFile) -> None:
    stub.script = lambda _: registry_answer()

    client.submit([letter], PATIENT, SubmissionMetadata())

    (held,) = read_provide_request(stub.received[0].content).submission.submission_sets
    assert held.submission_time == ("20261122100001",)


def test_warnings_travel_with_the_success(client: XdsClient, stub: SoapStub, letter: DocumentFile) -> None:
    stub.script = lambda _: registry_answer(warning(Condition.EXTRA_METADATA_DROPPED, "Document01", "urn:x"))

    done = client.submit([letter], PATIENT, SubmissionMetadata())

    assert [w.condition for w in done.warnings] == [Condition.EXTRA_METADATA_DROPPED]


def test_a_refusal_is_raised_with_every_error(client: XdsClient, stub: SoapStub, letter: DocumentFile) -> None:
    errors = (violation(Condition.PATIENT_UNKNOWN, "", "nobody"), violation(Condition.CONTENT_DIFFERS, "Document01", "hash"))
    stub.script = lambda _: registry_answer(*errors, status=ResponseStatus.FAILURE)

    with pytest.raises(Rejected) as raised:
        client.submit([letter], PATIENT, SubmissionMetadata())

    assert raised.value.condition is Condition.PATIENT_UNKNOWN
    assert len(raised.value.violations) == 2


@pytest.mark.parametrize("status", [ResponseStatus.FAILURE, ResponseStatus.PARTIAL_SUCCESS])
def test_anything_but_success_is_a_refusal_even_without_errors(
    client: XdsClient, stub: SoapStub, letter: DocumentFile, status: ResponseStatus
) -> None:
    stub.script = lambda _: registry_answer(status=status)

    with pytest.raises(Rejected):
        client.submit([letter], PATIENT, SubmissionMetadata())


def test_a_file_that_is_not_there_is_refused_before_anything_is_sent(client: XdsClient, stub: SoapStub, tmp_path: Path) -> None:
    with pytest.raises(Rejected) as raised:
        client.submit([DocumentFile(tmp_path / "none.txt")], PATIENT, SubmissionMetadata())

    assert raised.value.condition is Condition.DOCUMENT_MISSING
    assert stub.received == []


# Find


def test_documents_found_are_rows(client: XdsClient, stub: SoapStub) -> None:
    entry = a_document_entry(id="urn:uuid:1", status=Status.APPROVED.value)
    stub.script = lambda _: query_answer(entry)

    rows = client.find(PATIENT)

    assert rows == (
        FoundDocument(
            unique_id="2.999.7.1",
            entry_uuid="urn:uuid:1",
            repository_unique_id=REPOSITORY,
            title="Letter",
            mime_type="text/plain",
            creation_time="20260102",
            class_code="History and Physical^^2.999.4.1",
            type_code="34108-1^^2.16.840.1.113883.6.1",
            format_code="urn:ihe:iti:xds:2017:mimeTypeSufficient^^1.3.6.1.4.1.19376.1.2.3",
            status="APPROVED",
            size="3",
            sha1="a9993e364706816aba3e25717850c26c9cd0d89d",
            patient_id=entry.patient_id,
            author="^Smitty^Gerald^^^",
            is_on_demand=False,
        ),
    )


def test_a_search_asks_for_approved_documents_of_the_patient(client: XdsClient, stub: SoapStub) -> None:
    stub.script = lambda _: query_answer()

    assert client.find(PATIENT) == ()

    query = read_query(stub.received[0].content)
    assert (query.query_id, query.return_type) == (QueryId.FIND_DOCUMENTS.value, "LeafClass")
    assert {s.name: s.values for s in query.slots} == {
        "$XDSDocumentEntryPatientId": (f"'{PATIENT.cx}'",),
        "$XDSDocumentEntryStatus": (f"('{Status.APPROVED.value}')",),
    }


def test_what_narrows_a_search_is_sent_as_the_query_writes_it(client: XdsClient, stub: SoapStub) -> None:
    stub.script = lambda _: query_answer()
    codes = ("a^^1.2", "it's^^1.2")

    client.find(
        PATIENT, Wanted(tuple(Status), codes, author="%O'Neil%", created_from="2025", created_to="2026", with_on_demand=True)
    )

    slots = {s.name.removeprefix("$XDSDocumentEntry"): parse_slot(s)[0] for s in read_query(stub.received[0].content).slots}
    assert slots["ClassCode"].texts == codes
    assert slots["Status"].texts == tuple(s.value for s in Status)
    assert slots["AuthorPerson"].texts == ("%O'Neil%",)
    assert (slots["CreationTimeFrom"].texts, slots["CreationTimeTo"].texts) == (("2025",), ("2026",))
    assert len(slots["Type"].texts) == 2


def test_a_search_that_is_refused_is_raised(client: XdsClient, stub: SoapStub) -> None:
    stub.script = lambda _: query_answer(status=ResponseStatus.FAILURE)

    with pytest.raises(Rejected):
        client.find(PATIENT)


# Retrieve


def test_a_document_comes_to_its_file_byte_for_byte(client: XdsClient, stub: SoapStub, tmp_path: Path) -> None:
    stub.script = library(a_document_entry(id="urn:uuid:1", hash=(SHA1.upper(),)))

    got = client.retrieve("2.999.7.1", tmp_path / "got.txt")

    assert (tmp_path / "got.txt").read_bytes() == CONTENT
    assert (got.path, got.unique_id, got.mime_type) == (tmp_path / "got.txt", "2.999.7.1", "text/plain")
    assert (got.size, got.sha1) == (len(CONTENT), SHA1)
    assert list((tmp_path / "spool").iterdir()) == []


def test_the_registry_is_asked_where_the_document_is(client: XdsClient, stub: SoapStub, tmp_path: Path) -> None:
    stub.script = library(a_document_entry(id="urn:uuid:1", hash=(SHA1,)))

    client.retrieve("2.999.7.1", tmp_path / "got.txt")

    asked, fetched = stub.received
    assert read_query(asked.content).query_id == QueryId.GET_DOCUMENTS.value
    (request,) = read_document_requests(fetched.content)
    assert (request.repository_unique_id, request.document_unique_id) == (REPOSITORY, "2.999.7.1")
    assert fetched.headers.get_content_type() == "multipart/related"


def test_a_known_repository_is_asked_at_once(client: XdsClient, stub: SoapStub, tmp_path: Path) -> None:
    stub.script = library()

    client.retrieve("2.999.7.1", tmp_path / "got.txt", repository_unique_id="2.999.50", home="urn:oid:2.999.60")

    (request,) = read_document_requests(stub.received[0].content)
    assert (request.repository_unique_id, request.home) == ("2.999.50", "urn:oid:2.999.60")


def test_of_several_versions_the_approved_one_is_located(client: XdsClient, stub: SoapStub) -> None:
    old = a_document_entry(id="urn:uuid:1", status=Status.DEPRECATED.value)
    new = a_document_entry(id="urn:uuid:2", status=Status.APPROVED.value)
    stub.script = lambda _: query_answer(old, new)

    assert client.locate("2.999.7.1").entry_uuid == "urn:uuid:2"


def test_a_registry_that_answers_with_another_document_is_not_believed(client: XdsClient, stub: SoapStub) -> None:
    stub.script = lambda _: query_answer(a_document_entry(id="urn:uuid:1"))

    with pytest.raises(Rejected) as raised:
        client.locate("2.999.7.9")

    assert raised.value.condition is Condition.DOCUMENT_UNKNOWN


def test_content_that_is_not_what_was_registered_is_not_kept(client: XdsClient, stub: SoapStub, tmp_path: Path) -> None:
    stub.script = library(a_document_entry(id="urn:uuid:1", hash=(SHA1,)), content=b"changed")

    with pytest.raises(Rejected) as raised:
        client.retrieve("2.999.7.1", tmp_path / "got.txt")

    assert raised.value.condition is Condition.CONTENT_DIFFERS
    assert not (tmp_path / "got.txt").exists()
    assert list((tmp_path / "spool").iterdir()) == []


def test_in_a_folder_the_file_is_named_by_the_id_and_by_nothing_worse(client: XdsClient, stub: SoapStub, tmp_path: Path) -> None:
    stub.script = library()

    got = client.retrieve("2.999.7.1^../../x", tmp_path, repository_unique_id="2.999.50")

    assert got.path == tmp_path / "2.999.7.1_.._.._x"


def test_an_unknown_document_is_raised(client: XdsClient, stub: SoapStub, tmp_path: Path) -> None:
    stub.script = library()

    with pytest.raises(Rejected) as raised:
        client.retrieve("2.999.7.9", tmp_path / "got.txt")

    assert raised.value.condition is Condition.DOCUMENT_UNKNOWN


def test_a_repository_that_has_no_such_document_is_raised(client: XdsClient, stub: SoapStub, tmp_path: Path) -> None:
    error = violation(Condition.DOCUMENT_UNKNOWN, "", "2.999.7.1")
    failure = registry_response((error,), ErrorCodes.REPOSITORY, status=ResponseStatus.FAILURE).decode()
    answer = enveloped(f'<RetrieveDocumentSetResponse xmlns="{XDSB}">{failure}</RetrieveDocumentSetResponse>')
    stub.script = lambda _: Scripted(answer)

    with pytest.raises(Rejected) as raised:
        client.retrieve("2.999.7.1", tmp_path / "got.txt", repository_unique_id="2.999.50")

    assert raised.value.condition is Condition.DOCUMENT_UNKNOWN


def test_success_without_a_document_is_no_answer(client: XdsClient, stub: SoapStub, tmp_path: Path) -> None:
    success = registry_response((), ErrorCodes.REPOSITORY, status=ResponseStatus.SUCCESS).decode()
    answer = enveloped(f'<RetrieveDocumentSetResponse xmlns="{XDSB}">{success}</RetrieveDocumentSetResponse>')
    stub.script = lambda _: Scripted(answer)

    with pytest.raises(Unreadable):
        client.retrieve("2.999.7.1", tmp_path / "got.txt", repository_unique_id="2.999.50")


# Trouble


def test_a_server_that_is_away_is_named_as_such(tmp_path: Path, letter: DocumentFile) -> None:
    with soap_stub() as gone:
        client = XdsClient(Server.at(gone.url, tmp_path, timeout=5), clock=TickingClock(), new_uuid=counted_uuids())

    with pytest.raises(Unavailable) as raised:
        client.submit([letter], PATIENT, SubmissionMetadata())

    assert raised.value.condition is Condition.PEER_UNAVAILABLE


def test_a_fault_is_raised_as_one(client: XdsClient, stub: SoapStub) -> None:
    fault = '<s:Fault><s:Code><s:Value>s:Sender</s:Value></s:Code><s:Reason><s:Text xml:lang="en">no</s:Text></s:Reason></s:Fault>'
    stub.script = lambda _: Scripted(enveloped(fault), status=400)

    with pytest.raises(SoapFaultReceived):
        client.find(PATIENT)


@pytest.mark.parametrize(
    ("url", "registry", "repository"),
    [
        ("https://hie", "https://hie/xds/registry", "https://hie/xds/repository"),
        ("https://hie/", "https://hie/xds/registry", "https://hie/xds/repository"),
        ("https://hie/axis2/services/xdsb", "https://hie/axis2/services/xdsb", "https://hie/axis2/services/xdsb"),
        ("https://hie/a/", "https://hie/a/", "https://hie/a/"),
    ],
)
def test_an_address_with_a_path_is_that_of_the_service_itself(url: str, registry: str, repository: str, tmp_path: Path) -> None:
    server = Server.at(url, tmp_path)

    assert (server.registry, server.repository) == (registry, repository)


def test_our_own_paths_lie_below_one_address(tmp_path: Path) -> None:
    server = Server.at("http://127.0.0.1:8080/", tmp_path)

    assert (server.registry, server.repository) == ("http://127.0.0.1:8080/xds/registry", "http://127.0.0.1:8080/xds/repository")
