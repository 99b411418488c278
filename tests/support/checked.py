"""Wires whose every answer is held against the official schemas and the rules of its protocol before a test sees it."""

from __future__ import annotations

import base64
import copy
import re
from urllib.parse import unquote

import hl7
from lxml import etree

from tests.support import messages as m
from tests.support.shared import faults
from tests.support.wire import SOAP_TYPE, MllpWire, Reply, SoapWire, field

V3 = "urn:hl7-org:v3"
_INCLUDE = "{http://www.w3.org/2004/08/xop/include}Include"
_MESSAGE_ID = re.compile(rb"<(?:\w+:)?MessageID[^>]*>\s*([^<\s]+)\s*<")
_ACKNOWLEDGEMENTS = ("AA", "AE", "AR")


class CheckedSoapWire(SoapWire):
    """A SOAP client that accepts no answer which is not valid, whatever it asked."""

    def post(self, data: bytes, content_type: str = SOAP_TYPE, path: str = "/xds/registry") -> Reply:
        """The answer, proven."""
        reply = super().post(data, content_type, path)
        sent = _MESSAGE_ID.search(data)
        assert_valid(reply, sent[1].decode() if sent else "")
        return reply


def assert_valid(reply: Reply, message_id: str | None = None) -> None:
    """SOAP 1.2, WS-Addressing, the body's own schema, and MTOM whose parts are all named; `message_id` is what it answers."""
    assert reply.content_type.startswith(("application/soap+xml", "multipart/related")), (reply.status, reply.data[:300])
    envelope = copy.deepcopy(reply.root)
    body = envelope.find(f"{{{m.SOAP}}}Body")
    (element,) = body
    _inline_parts(element, reply)
    is_fault = element.tag == f"{{{m.SOAP}}}Fault"
    assert (reply.status == 200) is not is_fault
    if not is_fault:
        body.remove(element)
        driver = "hl7v3" if element.tag.startswith(f"{{{V3}}}") else "xds"
        assert faults(driver, element) == [], etree.tostring(element)[:2000]
    assert faults("soap", envelope) == []
    assert reply.header.get("Action")
    assert reply.header.get("MessageID")
    if message_id is not None:
        assert reply.header.get("RelatesTo", "") in ("", message_id)
    if message_id and not is_fault:
        assert reply.header.get("RelatesTo") == message_id


def _inline_parts(element: etree._Element, reply: Reply) -> None:
    """Puts every part in its place as base64, which is what the schemas know."""
    parts = reply.parts_by_id()
    for include in list(element.iter(_INCLUDE)):
        identifier = unquote(include.get("href").removeprefix("cid:"))
        parent = include.getparent()
        parent.remove(include)
        parent.text = base64.b64encode(parts.pop(identifier)).decode()
    assert not parts, "parts that nothing refers to"


class CheckedMllpWire(MllpWire):
    """An HL7 v2 client that accepts no answer which another library cannot read or that does not belong to its question."""

    def send(self, message: bytes) -> str:
        """The answer, proven."""
        answer = super().send(message)
        sent = message.decode("latin-1").lstrip("\r\n")
        if sent.startswith("MSH|"):
            asked = re.split("[\r\n]", sent)[0].split("|")
            assert str(hl7.parse(answer).segment("MSA")(1)) in _ACKNOWLEDGEMENTS, answer
            assert field(answer, "MSA", 2) == (asked[9] if len(asked) > 9 else ""), answer
            assert [field(answer, "MSH", n) for n in (3, 4, 5, 6)] == [asked[n] for n in (4, 5, 2, 3)], answer
            assert field(answer, "MSH", 10), answer
        return answer
