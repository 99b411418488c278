"""soap.envelope"""

from __future__ import annotations

import pytest

from kernel.xml import parse_xml
from soap.envelope import SECURITY, Envelope, envelope, read_envelope
from soap.faults import FaultCode, SoapFault
from tests.support.soap import ASK, SOAP, WSA, an_envelope

WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
BODY = "<s:Body><x/></s:Body>"


def read(data: bytes) -> Envelope:
    return read_envelope(parse_xml(data))


def refusal(data: bytes) -> SoapFault:
    with pytest.raises(SoapFault) as refused:
        read(data)
    return refused.value


def wrapped(inside: str) -> bytes:
    return f'<s:Envelope xmlns:s="{SOAP}" xmlns:a="{WSA}">{inside}</s:Envelope>'.encode()


def test_headers_come_by_name_and_the_body_as_its_one_element() -> None:
    found = read(an_envelope(headers='<x:Other xmlns:x="urn:x">1</x:Other>'))

    assert found.body.tag == ASK
    assert found.headers[f"{{{WSA}}}Action"].text == "urn:test:Ask"
    assert found.headers["{urn:x}Other"].text == "1"


def test_an_envelope_may_have_no_header() -> None:
    assert read(wrapped(BODY)).headers == {}


@pytest.mark.parametrize(
    "data",
    [
        an_envelope().replace(SOAP.encode(), b"http://schemas.xmlsoap.org/soap/envelope/"),
        b"<Envelope/>",
        b"<html><body/></html>",
        f'<s:envelope xmlns:s="{SOAP}"/>'.encode(),
    ],
)
def test_any_root_but_a_soap_12_envelope_is_a_version_mismatch(data: bytes) -> None:
    fault = refusal(data)

    assert fault.code is FaultCode.VERSION_MISMATCH
    assert fault.http_status == 500
    assert "SupportedEnvelope" in fault.header_blocks


@pytest.mark.parametrize(
    "inside",
    [
        "",
        "<s:Header/>",
        "<s:Body/>",
        "<s:Body>text</s:Body>",
        "<s:Body><x/><y/></s:Body>",
        f"{BODY}{BODY}",
        f"{BODY}<s:Header/>",
        f"<s:Header/><s:Header/>{BODY}",
        f"<s:Header/>{BODY}<x/>",
        f"<x/>{BODY}",
    ],
)
def test_an_envelope_of_another_shape_is_the_senders_fault(inside: str) -> None:
    assert refusal(wrapped(inside)).code is FaultCode.SENDER


@pytest.mark.parametrize("value", ["1", "true", " true "])
def test_an_unknown_header_that_must_be_understood_is_refused_and_named(value: str) -> None:
    fault = refusal(an_envelope(headers=f'<x:Lock xmlns:x="urn:x" s:mustUnderstand="{value}"/>'))

    assert fault.code is FaultCode.MUST_UNDERSTAND
    assert 'qname="q:Lock" xmlns:q="urn:x"' in fault.header_blocks


def test_every_header_that_is_not_understood_is_named() -> None:
    fault = refusal(an_envelope(headers='<x:A xmlns:x="urn:x" s:mustUnderstand="1"/><B s:mustUnderstand="1"/>'))

    assert "q:A" in fault.header_blocks
    assert 'qname="B"' in fault.header_blocks


@pytest.mark.parametrize(
    "header",
    [
        '<x:Lock xmlns:x="urn:x"/>',
        '<x:Lock xmlns:x="urn:x" s:mustUnderstand="0"/>',
        '<x:Lock xmlns:x="urn:x" s:mustUnderstand="false"/>',
        '<x:Lock xmlns:x="urn:x" s:mustUnderstand="1" s:role="urn:somebody-else"/>',
        f'<x:Lock xmlns:x="urn:x" s:mustUnderstand="1" s:role="{SOAP}/role/none"/>',
        f'<w:Security xmlns:w="{WSSE}" s:mustUnderstand="1"/>',
        '<a:To s:mustUnderstand="1">urn:x</a:To>',
    ],
)
def test_a_header_that_is_known_optional_or_for_somebody_else_passes(header: str) -> None:
    assert read(an_envelope(headers=header)).body.tag == ASK


@pytest.mark.parametrize("role", [f"{SOAP}/role/next", f"{SOAP}/role/ultimateReceiver", ""])
def test_the_roles_we_play_are_ours(role: str) -> None:
    fault = refusal(an_envelope(headers=f'<x:Lock xmlns:x="urn:x" s:mustUnderstand="1" s:role="{role}"/>'))

    assert fault.code is FaultCode.MUST_UNDERSTAND


def test_a_must_understand_that_is_no_boolean_is_the_senders_fault() -> None:
    assert refusal(an_envelope(headers='<x s:mustUnderstand="yes"/>')).code is FaultCode.SENDER


def test_a_header_for_somebody_else_is_not_among_ours() -> None:
    found = read(an_envelope(headers=f'<w:Security xmlns:w="{WSSE}" s:role="urn:somebody-else"/>'))

    assert SECURITY not in found.headers


@pytest.mark.parametrize("name", ["Action", "MessageID", "To", "ReplyTo"])
def test_an_addressing_header_that_stands_twice_is_refused(name: str) -> None:
    fault = refusal(an_envelope(headers=f"<a:{name}>urn:x</a:{name}><a:{name}>urn:y</a:{name}>"))

    assert fault.subcodes[1] == f"{{{WSA}}}InvalidCardinality"


def test_two_security_headers_are_refused() -> None:
    security = f'<w:Security xmlns:w="{WSSE}"/>'

    assert "Security" in refusal(an_envelope(headers=security * 2)).reason


def test_related_messages_and_strange_headers_may_stand_twice() -> None:
    found = read(an_envelope(headers="<a:RelatesTo>urn:x</a:RelatesTo>" * 2 + "<y>1</y><y>2</y>"))

    assert found.headers["y"].text == "1"


def test_what_is_written_is_an_envelope_with_the_body_as_it_was() -> None:
    body = (b"<x xmlns='urn:x'>", b"<!-- kept -->", b"</x>")

    data = b"".join(envelope("<a:Action>urn:x</a:Action>", body))

    assert b"".join(body) in data
    assert not data.startswith(b"<?xml")
    assert read(data).body.tag == "{urn:x}x"
