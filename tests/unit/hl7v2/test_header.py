"""hl7v2.header"""

from __future__ import annotations

import pytest

from hl7v2.er7 import Er7Text, parse
from hl7v2.header import OutgoingMessage, answer_header, header_of, peek, version_numbers
from tests.support.hl7 import NOW, adt, er7, msh


def test_a_header_names_sender_and_receiver_as_the_audit_trail_does() -> None:
    header = header_of(parse(adt()))

    assert header.source == "HOSP|EHR"
    assert header.receiver == "HIE|MPI"
    assert (header.message_type, header.event, header.structure) == ("ADT", "A04", "")
    assert (header.control_id, header.processing_id, header.version) == ("M1", "P", "2.3.1")


def test_an_application_may_be_named_by_its_oid_alone() -> None:
    header = header_of(parse(b"MSH|^~\\&|^2.999.5^ISO|&x|A|B"))

    assert header.sending_application == "2.999.5"


def test_an_answer_swaps_sender_and_receiver_and_keeps_version_and_processing_id() -> None:
    header = header_of(parse(b"MSH|^~\\&|A^1.2^ISO|B|C|D|20261122||ADT^A04|M1|P^T|2.5"))

    fields = answer_header(header, message_type="ACK", control_id="A1", now=NOW)

    assert fields == {
        3: "C",
        4: "D",
        5: "A^1.2^ISO",
        6: "B",
        7: "20261122101501+0000",
        9: "ACK",
        10: "A1",
        11: "P^T",
        12: "2.5",
    }


@pytest.mark.parametrize(
    ("sent", "answered", "old"),
    [
        ("2.3.1", "2.3.1", True),
        ("2.4", "2.4", True),
        ("2.5", "2.5", False),
        ("2.5.1", "2.5.1", False),
        ("x", "2.5", False),
        ("", "2.5", False),
    ],
)
def test_an_answer_has_the_version_of_the_request_where_it_names_one(sent: str, answered: str, old: bool) -> None:
    header = header_of(parse(er7(msh("ADT^A04", sent))))

    assert (header.answer_version, header.has_old_errors) == (answered, old)


@pytest.mark.parametrize(("version", "numbers"), [("2.3.1", (2, 3, 1)), ("2.5", (2, 5)), ("2", ()), ("3.0", ()), ("2.5.x", ())])
def test_versions_can_be_compared(version: str, numbers: tuple[int, ...]) -> None:
    assert version_numbers(version) == numbers


def test_a_header_can_be_had_of_a_message_that_cannot_be_parsed() -> None:
    header = peek(b"MSH|^^^^|EHR|HOSP|MPI|HIE|2026||ADT^A04|M7|P|2.5\rnonsense\xff")

    assert header is not None
    assert header.control_id == "M7"
    assert header.sending_application == "EHR"


@pytest.mark.parametrize("raw", [b"", b"PID|", b"MSH", b"MSHA^~\\&A", b"MSH\r|"])
def test_there_is_no_header_where_there_is_no_msh(raw: bytes) -> None:
    assert peek(raw) is None


def test_a_message_goes_out_with_cr_after_each_segment() -> None:
    out = OutgoingMessage({3: "A", 9: "ACK", 12: "2.5"}, (Er7Text("MSA|AA|1"),))

    assert out.to_bytes() == b"MSH|^~\\&|A||||||ACK|||2.5\rMSA|AA|1\r"


def test_a_message_declares_utf_8_when_it_needs_it() -> None:
    out = OutgoingMessage({12: "2.5"}, (Er7Text("PID|||1||Müller"),))

    read = parse(out.to_bytes())

    assert read.get("MSH-18") == "UNICODE UTF-8"
    assert read.get("PID-5") == "Müller"


def test_what_is_repeated_cannot_end_the_frame() -> None:
    out = OutgoingMessage({3: "A\x0b", 12: "2.5"}, (Er7Text("QPD|x\x1c"), Er7Text("PID|\x00")))

    assert out.to_bytes() == b"MSH|^~\\&|A |||||||||2.5\rQPD|x \rPID| \r"
