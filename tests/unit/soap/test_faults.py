"""soap.faults"""

from __future__ import annotations

import pytest

from kernel.errors import Condition, HieError, Refused, Rejected, Unreadable, violation
from kernel.xml import parse_xml
from soap.envelope import envelope
from soap.faults import (
    CODES,
    SOAP,
    WSA,
    WSSE,
    FaultCode,
    SoapFault,
    action_not_supported,
    fault_of,
    header_required,
    internal_fault,
    invalid_header,
    must_understand,
    sender_fault,
    unsupported_media_type,
    version_mismatch,
)
from tests.support import shared

EVERY_FAULT = [
    sender_fault("wrong"),
    version_mismatch("{urn:x}Envelope"),
    must_understand(["{urn:x}A", "B", "{urn:a&b}C"]),
    action_not_supported("urn:<x>", ["urn:a", "urn:b"]),
    header_required("Action"),
    invalid_header("ReplyTo", "OnlyAnonymousAddressSupported", "no"),
    unsupported_media_type("text/html"),
    internal_fault(),
    fault_of(Refused(violation(Condition.NOT_AUTHENTICATED, "", ""))),
]


@pytest.mark.parametrize("fault", EVERY_FAULT)
def test_every_fault_is_a_valid_soap_12_envelope(fault: SoapFault) -> None:
    root = parse_xml(b"".join(envelope(fault.header_blocks, (fault.body,))))

    assert shared.faults("soap", root) == []


def test_every_condition_has_a_code() -> None:
    assert set(CODES) == set(Condition)


def test_what_breaks_here_is_the_receivers_fault_and_what_was_sent_wrong_the_senders() -> None:
    assert CODES[Condition.INTERNAL] is FaultCode.RECEIVER
    assert CODES[Condition.OUT_OF_RESOURCES] is FaultCode.RECEIVER
    assert CODES[Condition.MALFORMED] is FaultCode.SENDER


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (sender_fault("x"), 400),
        (internal_fault(), 500),
        (version_mismatch("x"), 500),
        (must_understand(["x"]), 500),
        (unsupported_media_type("x/y"), 415),
    ],
)
def test_the_http_status_follows_the_code(fault: SoapFault, status: int) -> None:
    assert fault.http_status == status


def test_a_fault_of_addressing_has_the_action_of_addressing() -> None:
    assert header_required("Action").action == f"{WSA}/fault"
    assert sender_fault("x").action == f"{WSA}/soap/fault"


def test_subcodes_are_qualified_names_one_inside_the_other() -> None:
    fault = parse_xml(invalid_header("ReplyTo", "OnlyAnonymousAddressSupported", "x").body)

    values = fault.findall(f".//{{{SOAP}}}Subcode/{{{SOAP}}}Value")

    assert [(v.nsmap[(v.text or "").split(":")[0]], (v.text or "").split(":")[1]) for v in values] == [
        (WSA, "InvalidAddressingHeader"),
        (WSA, "OnlyAnonymousAddressSupported"),
    ]


def test_an_unknown_action_is_answered_with_those_that_are_served() -> None:
    fault = action_not_supported("urn:x", ["urn:a", "urn:b"])

    assert "urn:a, urn:b" in fault.reason
    assert "<a:Action>urn:x</a:Action>" in fault.detail_xml


def test_a_reason_of_any_length_is_bounded_and_escaped() -> None:
    fault = sender_fault("<&>" * 10_000)

    assert len(fault.reason) == 2000
    assert parse_xml(fault.body).findtext(f".//{{{SOAP}}}Text", "").startswith("<&>")


def test_a_reason_may_quote_what_xml_cannot_hold() -> None:
    fault = sender_fault("a\0b\x0bc\ud800d\ufffee\U0001f600")

    assert parse_xml(fault.body).findtext(f".//{{{SOAP}}}Text", "") == "a?b?c?d?e\U0001f600"


def test_a_fault_stands_for_itself() -> None:
    fault = sender_fault("x")

    assert fault_of(fault) is fault


def test_an_error_of_the_message_is_told_with_place_and_detail() -> None:
    fault = fault_of(Unreadable([violation(Condition.TOO_LARGE, "XML", "too big"), violation(Condition.MALFORMED, "", "bad")]))

    assert fault.code is FaultCode.SENDER
    assert fault.reason == "XML: too big; bad"
    assert fault.condition is Condition.TOO_LARGE


@pytest.mark.parametrize(
    ("condition", "subcode"),
    [(Condition.NOT_AUTHENTICATED, "FailedAuthentication"), (Condition.NOT_ALLOWED, "InvalidSecurityToken")],
)
def test_a_refusal_tells_its_condition_and_not_its_reason(condition: Condition, subcode: str) -> None:
    fault = fault_of(Refused(violation(condition, "assertion", "the signature is by Mallory")))

    assert fault.code is FaultCode.SENDER
    assert fault.subcodes == (f"{{{WSSE}}}{subcode}",)
    assert "Mallory" not in fault.body.decode()


def test_an_error_without_violations_is_ours() -> None:
    assert fault_of(HieError([])).code is FaultCode.RECEIVER


def test_trouble_of_ours_is_the_receivers() -> None:
    assert fault_of(Rejected(violation(Condition.OUT_OF_RESOURCES, "", "full"))).http_status == 500
