"""Calls to others: what goes over the wire, and what comes back as a value or as an error."""

from __future__ import annotations

import hashlib
import logging
import ssl
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from lxml import etree

from kernel.errors import Condition, Refused, Unavailable, Unreadable
from kernel.xml import canonical, parse_xml
from soap.exchange import ANONYMOUS, OutgoingPart
from soap.zeep_client import AnswerLimits, SoapClient, SoapFaultReceived
from tests.support.soap_stub import SOAP, WSA, Received, Scripted, SoapStub, enveloped, related, soap_stub

WSDL = Path(__file__).resolve().parents[3] / "wsdl"
RS = "urn:oasis:names:tc:ebxml-regrep:xsd:rs:3.0"
XDSB = "urn:ihe:iti:xds-b:2007"
SUCCESS = f'<r:RegistryResponse xmlns:r="{RS}" status="urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Success"/>'
SUBMIT = b'<l:SubmitObjectsRequest xmlns:l="urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0" comment="Gr\xc3\xbc\xc3\x9fe"/>'
REGISTER = "DocumentRegistry_RegisterDocumentSet-b"
PROVIDE = "DocumentRepository_ProvideAndRegisterDocumentSet-b"
RETRIEVE = "DocumentRepository_RetrieveDocumentSet"
INCLUDE = "{http://www.w3.org/2004/08/xop/include}Include"
DOCUMENT = b"\r\n\x00<document/>\r\n\r\n"


@pytest.fixture
def stub() -> Iterator[SoapStub]:
    with soap_stub() as running:
        running.script = success
        yield running


def success(received: Received) -> Scripted:
    """Everything went well."""
    return Scripted(enveloped(SUCCESS, relates_to=received.header("MessageID")))


def client(stub: SoapStub, spool: Path, *, contract: str = "registry", **more: object) -> SoapClient:
    """A client of the stub."""
    return SoapClient(WSDL / f"{contract}.wsdl", stub.url, timeout=5, spool=spool, **more)  # type: ignore[arg-type]


def retrieved(*documents: str) -> str:
    """The body of an ITI-43 answer with these contents."""
    identity = "<RepositoryUniqueId>1.2</RepositoryUniqueId><DocumentUniqueId>1.3</DocumentUniqueId><mimeType>text/xml</mimeType>"
    inner = "".join(f"<DocumentResponse>{identity}<Document>{d}</Document></DocumentResponse>" for d in documents)
    return f'<RetrieveDocumentSetResponse xmlns="{XDSB}">{SUCCESS}{inner}</RetrieveDocumentSetResponse>'


def include(identifier: str) -> str:
    """An xop:Include."""
    return f'<x:Include xmlns:x="http://www.w3.org/2004/08/xop/include" href="cid:{identifier}"/>'


RETRIEVAL = f'<RetrieveDocumentSetRequest xmlns="{XDSB}"/>'.encode()


# What goes out


def test_a_call_goes_out_as_soap_12_with_the_addressing_that_ihe_asks_for(stub: SoapStub, tmp_path: Path) -> None:
    reply = client(stub, tmp_path).call(REGISTER, SUBMIT)

    (sent,) = stub.received
    action = "urn:ihe:iti:2007:RegisterDocumentSet-b"
    assert sent.headers["Content-Type"] == f'application/soap+xml; charset=UTF-8; action="{action}"'
    assert sent.headers["Transfer-Encoding"] is None
    assert sent.envelope.tag == f"{{{SOAP}}}Envelope"
    assert (sent.header("Action"), sent.header("To"), sent.header("MessageID")) == (action, stub.url, reply.message_id)
    assert sent.envelope.findtext(f".//{{{WSA}}}ReplyTo/{{{WSA}}}Address") == ANONYMOUS
    (block,) = sent.envelope.iter(f"{{{WSA}}}Action")
    assert block.get(f"{{{SOAP}}}mustUnderstand") == "1"


def test_the_body_arrives_as_it_was_given(stub: SoapStub, tmp_path: Path) -> None:
    registry = client(stub, tmp_path)

    registry.call(REGISTER, SUBMIT)
    registry.call(REGISTER, parse_xml(SUBMIT))

    assert [canonical(sent.content) for sent in stub.received] == [canonical(parse_xml(SUBMIT))] * 2


def test_every_call_has_a_message_id_of_its_own(stub: SoapStub, tmp_path: Path) -> None:
    registry = client(stub, tmp_path)

    ids = {registry.call(REGISTER, SUBMIT).message_id for _ in range(3)}

    assert len(ids) == 3
    assert all(i.startswith("urn:uuid:") for i in ids)


def test_further_headers_travel_with_the_message(stub: SoapStub, tmp_path: Path) -> None:
    token = etree.Element("{urn:security}Token")

    client(stub, tmp_path).call(REGISTER, SUBMIT, headers=[token])

    assert stub.received[0].envelope.find(f"{{{SOAP}}}Header/{{urn:security}}Token") is not None


def test_documents_leave_as_parts_byte_for_byte(stub: SoapStub, tmp_path: Path) -> None:
    parts = [
        OutgoingPart("d1@here", "application/pdf", len(DOCUMENT), [DOCUMENT[:3], DOCUMENT[3:]]),
        OutgoingPart("d2@here", "text/plain", 0, []),
    ]
    body = f'<ProvideAndRegisterDocumentSetRequest xmlns="{XDSB}"/>'.encode()

    client(stub, tmp_path, contract="repository").call(PROVIDE, body, parts)

    (sent,) = stub.received
    assert sent.headers.get_content_type() == "multipart/related"
    assert sent.headers.get_param("type") == "application/xop+xml"
    assert sent.headers.get_param("start-info") == "application/soap+xml"
    assert str(sent.headers.get_param("start")) in sent.parts[0][0].decode()
    assert [content for _, content in sent.parts[1:]] == [DOCUMENT, b""]
    assert b"Content-ID: <d1@here>" in sent.parts[1][0]
    assert int(sent.headers["Content-Length"]) == len(sent.body)


def test_a_retrieval_goes_out_as_multipart_without_documents(stub: SoapStub, tmp_path: Path) -> None:
    stub.script = lambda _: related(enveloped(retrieved()))

    reply = client(stub, tmp_path, contract="repository").call(RETRIEVE, RETRIEVAL, mtom=True)

    assert len(stub.received[0].parts) == 1
    assert reply.is_mtom


def test_an_unknown_operation_is_a_mistake_of_the_caller(stub: SoapStub, tmp_path: Path) -> None:
    registry = client(stub, tmp_path)

    with pytest.raises(KeyError):
        registry.call("DocumentRegistry_NoSuch", SUBMIT)

    assert REGISTER in registry.operations
    assert stub.received == []


# What comes back


def test_an_answer_gives_its_body_and_says_what_it_relates_to(stub: SoapStub, tmp_path: Path) -> None:
    reply = client(stub, tmp_path).call(REGISTER, SUBMIT)

    assert reply.body.tag == f"{{{RS}}}RegistryResponse"
    assert reply.addressing.relates_to == reply.message_id
    assert reply.addressing.action == "urn:answer"
    assert reply.warnings == ()


def test_received_documents_are_files_and_not_a_byte_is_lost(stub: SoapStub, tmp_path: Path) -> None:
    stub.script = lambda _: related(enveloped(retrieved(include("d@stub"))), ("d@stub", "text/xml", DOCUMENT))

    reply = client(stub, tmp_path, contract="repository").call(RETRIEVE, RETRIEVAL)

    document = reply.attachments["d@stub"]
    assert document.path.read_bytes() == DOCUMENT
    assert document.path.parent == tmp_path
    assert (document.size, document.sha1) == (len(DOCUMENT), hashlib.sha1(DOCUMENT).hexdigest())
    assert [e.get("href") for e in reply.body.iter(INCLUDE)] == ["cid:d@stub"]


def test_documents_in_base64_become_files_too(stub: SoapStub, tmp_path: Path) -> None:
    stub.script = lambda _: Scripted(enveloped(retrieved("QUJD")))

    reply = client(stub, tmp_path, contract="repository").call(RETRIEVE, RETRIEVAL)

    (document,) = reply.attachments.values()
    assert document.path.read_bytes() == b"ABC"
    assert len(list(reply.body.iter(INCLUDE))) == 1
    reply.discard()
    assert list(tmp_path.iterdir()) == []


def test_a_large_document_is_never_in_memory(stub: SoapStub, tmp_path: Path) -> None:
    size = 24 << 20
    scripted = related(enveloped(retrieved(include("d@stub"))), ("d@stub", "text/xml", bytes(size)))
    stub.script = lambda _: scripted
    repository = client(stub, tmp_path, contract="repository")

    tracemalloc.start()
    reply = repository.call(RETRIEVE, RETRIEVAL)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert reply.attachments["d@stub"].size == size
    assert peak < 4 << 20


def test_an_answer_to_something_else_is_taken_with_a_warning(stub: SoapStub, tmp_path: Path) -> None:
    stub.script = lambda _: Scripted(enveloped(SUCCESS, relates_to="urn:uuid:of-another"))

    reply = client(stub, tmp_path).call(REGISTER, SUBMIT)

    assert reply.body.tag == f"{{{RS}}}RegistryResponse"
    assert reply.warnings == ("wsa:RelatesTo is not the id of the request",)


def test_an_answer_without_addressing_is_taken_with_a_warning(stub: SoapStub, tmp_path: Path) -> None:
    stub.script = lambda _: Scripted(f'<s:Envelope xmlns:s="{SOAP}"><s:Body>{SUCCESS}</s:Body></s:Envelope>'.encode())

    reply = client(stub, tmp_path).call(REGISTER, SUBMIT)

    assert reply.warnings == ("the header wsa:Action is required",)


# What goes wrong


def fault(code: str, subcode: str = "", reason: str = "because") -> str:
    """A SOAP 1.2 fault."""
    inner = f"<s:Subcode><s:Value>x:{subcode}</s:Value></s:Subcode>" if subcode else ""
    text = f'<s:Reason><s:Text xml:lang="en">{reason}</s:Text></s:Reason>'
    return f"<s:Fault><s:Code><s:Value>s:{code}</s:Value>{inner}</s:Code>{text}</s:Fault>"


@pytest.mark.parametrize(("code", "status", "condition"), [
    ("Sender", 400, Condition.INTERNAL),
    ("Receiver", 500, Condition.REGISTRY_UNAVAILABLE),
    ("Receiver", 200, Condition.REGISTRY_UNAVAILABLE),
])  # fmt: skip
def test_a_fault_is_raised_with_its_code(stub: SoapStub, tmp_path: Path, code: str, status: int, condition: Condition) -> None:
    stub.script = lambda _: Scripted(enveloped(fault(code, "ActionNotSupported", "for Mrs. Rossi")), status=status)

    with pytest.raises(SoapFaultReceived) as raised:
        client(stub, tmp_path).call(REGISTER, SUBMIT)

    assert (raised.value.code, raised.value.subcodes) == (code, ("ActionNotSupported",))
    assert raised.value.reason == "for Mrs. Rossi"
    assert raised.value.condition is condition
    assert raised.value.is_receiver is (code == "Receiver")
    assert "Rossi" not in str(raised.value) + raised.value.detail


@pytest.mark.parametrize(("status", "kind", "error", "condition"), [
    (401, "text/html", Refused, Condition.NOT_AUTHENTICATED),
    (403, "application/soap+xml", Refused, Condition.NOT_ALLOWED),
    (404, "text/html", Unreadable, Condition.MALFORMED),
    (302, "text/html", Unreadable, Condition.MALFORMED),
    (200, "text/html", Unreadable, Condition.MALFORMED),
    (500, "text/html", Unavailable, Condition.REGISTRY_UNAVAILABLE),
    (503, "application/soap+xml", Unavailable, Condition.REGISTRY_UNAVAILABLE),
])  # fmt: skip
def test_an_http_status_without_soap_is_an_error_of_its_kind(
    stub: SoapStub, tmp_path: Path, status: int, kind: str, error: type[Exception], condition: Condition
) -> None:
    stub.script = lambda _: Scripted(b"<html/>", kind, status, {"Location": "http://localhost:1/"})

    with pytest.raises(error) as raised:
        client(stub, tmp_path).call(REGISTER, SUBMIT)

    assert raised.value.condition is condition  # type: ignore[attr-defined]  # all of them are HieErrors
    assert len(stub.received) == 1


@pytest.mark.parametrize("scripted", [
    Scripted(b"<s:Envelope"),
    Scripted(b""),
    Scripted(enveloped(SUCCESS).replace(SOAP.encode(), b"http://schemas.xmlsoap.org/soap/envelope/"), "text/xml"),
    Scripted(enveloped(SUCCESS).replace(b"RegistryResponse", b"SomethingElse")),
    Scripted(enveloped("")),
    Scripted(b"<!DOCTYPE x [<!ENTITY a 'b'>]>" + enveloped(SUCCESS)),
    Scripted(enveloped(SUCCESS), headers={"Content-Encoding": "gzip"}),
    related(enveloped(retrieved(include("missing@stub")))),
], ids=["cut short", "empty", "SOAP 1.1", "other body", "no body", "DOCTYPE", "gzip", "missing part"])  # fmt: skip
def test_an_answer_that_is_none_is_unreadable_and_leaves_no_file(stub: SoapStub, tmp_path: Path, scripted: Scripted) -> None:
    stub.script = lambda _: scripted
    operation, contract = (RETRIEVE, "repository") if "multipart" in scripted.content_type else (REGISTER, "registry")

    with pytest.raises(Unreadable):
        client(stub, tmp_path, contract=contract).call(operation, SUBMIT)

    assert list(tmp_path.iterdir()) == []


def test_an_answer_that_breaks_off_is_a_reason_to_try_again(stub: SoapStub, tmp_path: Path) -> None:
    whole = related(enveloped(retrieved(include("d@stub"))), ("d@stub", "text/xml", bytes(5000)))
    stub.script = lambda _: Scripted(whole.body, whole.content_type, cut=len(whole.body) - 2000)

    with pytest.raises(Unavailable):
        client(stub, tmp_path, contract="repository").call(RETRIEVE, RETRIEVAL)

    assert list(tmp_path.iterdir()) == []


def test_documents_over_the_limit_end_the_call(stub: SoapStub, tmp_path: Path) -> None:
    stub.script = lambda _: related(enveloped(retrieved(include("d@stub"))), ("d@stub", "text/xml", bytes(5000)))

    with pytest.raises(Unreadable) as raised:
        client(stub, tmp_path, contract="repository", limits=AnswerLimits(documents_bytes=4999)).call(RETRIEVE, RETRIEVAL)

    assert raised.value.condition is Condition.TOO_LARGE
    assert list(tmp_path.iterdir()) == []


def test_nobody_there_is_the_condition_that_the_caller_chose(tmp_path: Path) -> None:
    with soap_stub() as gone:
        gateway = client(gone, tmp_path, away=Condition.COMMUNITY_UNAVAILABLE)

    with pytest.raises(Unavailable) as raised:
        gateway.call(REGISTER, SUBMIT)

    assert raised.value.condition is Condition.COMMUNITY_UNAVAILABLE


def test_a_silent_server_is_left_after_the_time_limit(stub: SoapStub, tmp_path: Path) -> None:
    def silent(received: Received) -> Scripted:
        stub.closing.wait(10)
        return success(received)

    stub.script = silent
    impatient = SoapClient(WSDL / "registry.wsdl", stub.url, timeout=0.05, spool=tmp_path)

    with pytest.raises(Unavailable, match="REGISTRY_UNAVAILABLE"):
        impatient.call(REGISTER, SUBMIT)


def test_a_document_shorter_than_was_said_ends_the_call(stub: SoapStub, tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        client(stub, tmp_path, contract="repository").call(PROVIDE, SUBMIT, [OutgoingPart("d@here", "text/plain", 5, [b"1234"])])


def test_nothing_of_a_message_reaches_the_log(stub: SoapStub, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        client(stub, tmp_path).call(REGISTER, SUBMIT.replace(b"comment", b"secret"))

    assert "secret" not in caplog.text
    assert "Success" not in caplog.text


# TLS


def test_only_the_given_authorities_are_trusted_and_the_own_certificate_is_shown(tmp_path: Path) -> None:
    authority, another = trustme.CA(), trustme.CA()
    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    serving.verify_mode = ssl.CERT_REQUIRED
    authority.issue_cert("localhost").configure_cert(serving)
    authority.configure_trust(serving)
    knowing, strange = (ssl.create_default_context() for _ in range(2))
    authority.configure_trust(knowing)
    another.configure_trust(strange)
    for context in (knowing, strange):
        authority.issue_cert("client.example").configure_cert(context)

    with soap_stub(serving) as stub:
        stub.script = success
        reply = client(stub, tmp_path, tls=knowing).call(REGISTER, SUBMIT)
        with pytest.raises(Unavailable) as refused:
            client(stub, tmp_path, tls=strange).call(REGISTER, SUBMIT)

    assert reply.warnings == ()
    assert ("DNS", "client.example") in stub.received[0].peer_certificate["subjectAltName"]
    assert "TLS" in refused.value.detail


def test_the_authorities_of_the_public_web_are_not_added_to_those_given(tmp_path: Path, stub: SoapStub) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trustme.CA().configure_trust(context)
    with soap_stub(ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)) as serving, pytest.raises(Unavailable):
        client(serving, tmp_path, tls=context).call(REGISTER, SUBMIT)

    assert len(context.get_ca_certs()) == 1
