"""soap.addressing"""

from __future__ import annotations

import pytest

from kernel.xml import parse_xml
from soap.addressing import answer_headers, is_covered, read_addressing, readable_message_id, require_answerable
from soap.envelope import envelope, read_envelope
from soap.exchange import ANONYMOUS, Addressing
from soap.faults import SoapFault
from tests.support.soap import ASK_ACTION, MESSAGE_ID, WSA, an_envelope


def read(data: bytes) -> Addressing:
    return read_addressing(read_envelope(parse_xml(data)).headers)


def refusal(data: bytes) -> SoapFault:
    with pytest.raises(SoapFault) as refused:
        read(data)
    return refused.value


def an_endpoint(name: str, address: str) -> str:
    return f"<a:{name}><a:Address>{address}</a:Address></a:{name}>"


def test_all_headers_are_read() -> None:
    found = read(
        an_envelope(
            headers="<a:To> urn:us </a:To><a:RelatesTo>urn:before</a:RelatesTo>"
            + an_endpoint("ReplyTo", "http://127.0.0.1/reply")
            + an_endpoint("FaultTo", "http://127.0.0.1/fault")
        )
    )

    assert found == Addressing(ASK_ACTION, MESSAGE_ID, "urn:us", "http://127.0.0.1/reply", "http://127.0.0.1/fault", "urn:before")


def test_reply_to_is_anonymous_where_nothing_is_said() -> None:
    assert read(an_envelope()).reply_to == ANONYMOUS


def test_a_message_id_may_be_absent() -> None:
    assert read(an_envelope(message_id="")).message_id == ""


@pytest.mark.parametrize("action", ["", "   "])
def test_an_action_is_required(action: str) -> None:
    fault = refusal(an_envelope(action=action))

    assert fault.subcodes == (f"{{{WSA}}}MessageAddressingHeaderRequired",)
    assert "wsa:Action" in fault.reason


def test_an_action_of_an_older_addressing_is_none() -> None:
    older = b"http://schemas.xmlsoap.org/ws/2004/08/addressing"

    fault = refusal(an_envelope(action="").replace(b"<s:Header>", b'<s:Header><o:Action xmlns:o="%s">urn:x</o:Action>' % older))

    assert "wsa:Action" in fault.reason


@pytest.mark.parametrize("text", ["two words", "line\nbreak", "x" * 2001, "<y/>"])
def test_a_header_that_holds_no_iri_is_refused(text: str) -> None:
    assert refusal(an_envelope(message_id=text)).subcodes[0] == f"{{{WSA}}}InvalidAddressingHeader"


@pytest.mark.parametrize(
    "block",
    [
        "<a:ReplyTo/>",
        "<a:ReplyTo><a:Address/></a:ReplyTo>",
        "<a:ReplyTo>urn:x</a:ReplyTo>",
        "<a:FaultTo><a:Address>urn:x</a:Address><a:Address>urn:y</a:Address></a:FaultTo>",
        "<a:ReplyTo><a:Address>two words</a:Address></a:ReplyTo>",
    ],
)
def test_an_endpoint_without_one_address_is_refused(block: str) -> None:
    assert refusal(an_envelope(headers=block)).subcodes[0] == f"{{{WSA}}}InvalidAddressingHeader"


@pytest.mark.parametrize("name", ["ReplyTo", "FaultTo"])
@pytest.mark.parametrize("address", ["http://203.0.113.1/x", f"{WSA}/none", "mailto:a@b"])
def test_an_answer_that_is_to_go_elsewhere_is_refused(name: str, address: str) -> None:
    addressing = read(an_envelope(headers=an_endpoint(name, address)))

    with pytest.raises(SoapFault) as refused:
        require_answerable(addressing, ())

    assert refused.value.subcodes == (f"{{{WSA}}}InvalidAddressingHeader", f"{{{WSA}}}OnlyAnonymousAddressSupported")
    assert f"a:{name}<" in refused.value.detail_xml


def test_the_anonymous_address_is_synchronous() -> None:
    require_answerable(read(an_envelope(headers=an_endpoint("ReplyTo", ANONYMOUS) + an_endpoint("FaultTo", ANONYMOUS))), ())


@pytest.mark.parametrize(
    ("address", "allowed", "is_so"),
    [
        ("http://a.example/in", "http://a.example/in", True),
        ("http://a.example/in/1", "http://a.example/in/", True),
        ("http://a.example/in/1", "http://a.example/in", False),
        ("http://a.example.evil/in", "http://a.example/", False),
        ("https://a.example/in", "http://a.example/in", False),
        ("http://a.example/in/../x", "http://a.example/in/", False),
        ("http://a.example/in/%2e%2e/x", "http://a.example/in/", False),
    ],
)
def test_an_address_is_covered_by_itself_and_by_what_it_lies_below(address: str, allowed: str, is_so: bool) -> None:
    assert is_covered(address, allowed) is is_so


@pytest.mark.parametrize("name", ["ReplyTo", "FaultTo"])
def test_an_answer_goes_to_allowed_addresses_only(name: str) -> None:
    allowed = ["http://a.example/in/"]
    require_answerable(read(an_envelope(headers=an_endpoint(name, "http://a.example/in/1"))), allowed)

    with pytest.raises(SoapFault) as refused:
        require_answerable(read(an_envelope(headers=an_endpoint(name, "http://b.example/in/1"))), allowed)

    assert refused.value.subcodes == (f"{{{WSA}}}InvalidAddressingHeader", f"{{{WSA}}}InvalidAddress")


def test_an_answer_that_goes_elsewhere_has_a_message_to_relate_to() -> None:
    addressing = read(an_envelope(message_id="", headers=an_endpoint("ReplyTo", "http://a.example/in")))

    with pytest.raises(SoapFault) as refused:
        require_answerable(addressing, ["http://a.example/in"])

    assert refused.value.subcodes == (f"{{{WSA}}}MessageAddressingHeaderRequired",)


def test_reference_parameters_come_back_as_headers_that_say_so() -> None:
    block = (
        f"<a:ReplyTo><a:Address>{ANONYMOUS}</a:Address><a:ReferenceParameters><x:key xmlns:x='urn:x' y='1'>a&amp;b</x:key>"
        "<other/></a:ReferenceParameters></a:ReplyTo>"
    )
    parameters = read(an_envelope(headers=block)).reply_parameters

    data = b"".join(envelope(answer_headers("urn:a", "urn:uuid:1", "", "", parameters), (b"<x/>",)))

    found = read_envelope(parse_xml(data)).headers
    assert (found["{urn:x}key"].text, found["{urn:x}key"].get("y")) == ("a&b", "1")
    assert [found[name].get(f"{{{WSA}}}IsReferenceParameter") for name in ("{urn:x}key", "other")] == ["true", "true"]


def test_more_reference_parameters_than_anybody_needs_are_refused() -> None:
    parameters = f"<a:ReferenceParameters><x>{'y' * 9000}</x></a:ReferenceParameters>"
    block = f"<a:ReplyTo><a:Address>{ANONYMOUS}</a:Address>{parameters}</a:ReplyTo>"

    assert refusal(an_envelope(headers=block)).subcodes == (f"{{{WSA}}}InvalidAddressingHeader", f"{{{WSA}}}InvalidEPR")


def test_an_answer_that_goes_elsewhere_says_where() -> None:
    assert "<a:To>http://a.example/?a&amp;b</a:To>" in answer_headers("urn:x", "urn:uuid:1", "urn:y", "http://a.example/?a&b")
    assert "a:To>" not in answer_headers("urn:x", "urn:uuid:1", "urn:y")


def test_a_fault_can_be_related_unless_the_message_id_is_at_fault() -> None:
    def readable(message_id: str) -> str:
        return readable_message_id(read_envelope(parse_xml(an_envelope(message_id=message_id))).headers)

    assert readable(MESSAGE_ID) == MESSAGE_ID
    assert readable("two words") == ""
    assert readable("") == ""


def test_an_answer_is_related_and_its_action_must_be_understood() -> None:
    data = b"".join(envelope(answer_headers("urn:a&b", "urn:uuid:1", "urn:<x>&"), (b"<x/>",)))

    found = read_envelope(parse_xml(data)).headers

    assert found[f"{{{WSA}}}Action"].text == "urn:a&b"
    assert list(found[f"{{{WSA}}}Action"].attrib.values()) == ["1"]
    assert found[f"{{{WSA}}}MessageID"].text == "urn:uuid:1"
    assert found[f"{{{WSA}}}RelatesTo"].text == "urn:<x>&"


def test_an_answer_to_a_message_without_id_relates_to_nothing() -> None:
    assert "RelatesTo" not in answer_headers("urn:x", "urn:uuid:1", "")
