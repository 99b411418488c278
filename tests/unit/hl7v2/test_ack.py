"""hl7v2.ack"""

from __future__ import annotations

import re

import pytest

from hl7v2.ack import CODES, Acknowledgement, ReceivedError, acknowledged, acknowledgement_code, read_acknowledgement, refused
from hl7v2.er7 import parse
from kernel.errors import Condition, HieError, Rejected, Unavailable, Unreadable, rejected, violation, warning
from tests.support.hl7 import adt, lines, read, segment, v2_exchange

UNKNOWN = rejected(Condition.AUTHORITY_UNKNOWN, "PID-3[2].4", "the assigning authority is not known")


def test_every_condition_has_a_code() -> None:
    assert set(CODES) == set(Condition)


def test_codes_are_those_of_table_0357() -> None:
    known = {"100", "101", "102", "103", "200", "201", "202", "203", "204", "205", "206", "207"}

    assert {c.code for c in CODES.values()} == known
    assert {c.acknowledgement for c in CODES.values()} == {"AE", "AR"}


def test_a_feed_in_2_3_1_is_acknowledged() -> None:
    assert lines(acknowledged(v2_exchange(adt())).to_bytes()) == [
        r"MSH|^~\&|MPI|HIE|EHR|HOSP|20261122101501+0000||ACK|A1|P|2.3.1",
        "MSA|AA|M1",
    ]


def test_a_feed_in_2_5_is_acknowledged_with_event_and_structure() -> None:
    assert lines(acknowledged(v2_exchange(adt(version="2.5"))).to_bytes()) == [
        r"MSH|^~\&|MPI|HIE|EHR|HOSP|20261122101501+0000||ACK^A04^ACK|A1|P|2.5",
        "MSA|AA|M1",
    ]


def test_an_error_in_2_5_has_place_code_severity_and_text() -> None:
    answer = refused(v2_exchange(adt(version="2.5")), UNKNOWN).to_bytes()

    assert segment(answer, "MSA") == "MSA|AE|M1"
    assert segment(answer, "ERR") == (
        "ERR||PID^1^3^2^4|204^Unknown key identifier^HL70357|E|||AUTHORITY_UNKNOWN|the assigning authority is not known"
    )


def test_an_error_in_2_3_1_has_its_text_in_msa_3_and_its_place_in_err_1() -> None:
    answer = refused(v2_exchange(adt()), UNKNOWN).to_bytes()

    assert segment(answer, "MSA") == "MSA|AE|M1|the assigning authority is not known"
    assert segment(answer, "ERR") == "ERR|PID^1^3^204&Unknown key identifier&HL70357"


def test_each_violation_is_told() -> None:
    error = Rejected((violation(Condition.FIELD_MISSING, "PID-3", "a"), violation(Condition.FIELD_INVALID, "PID-7", "b")))

    new = refused(v2_exchange(adt(version="2.5")), error).to_bytes()
    old = refused(v2_exchange(adt()), error).to_bytes()

    assert [line.split("|")[2] for line in lines(new) if line.startswith("ERR")] == ["PID^1^3", "PID^1^7"]
    assert segment(old, "ERR") == ("ERR|PID^1^3^101&Required field missing&HL70357~PID^1^7^102&Data type error&HL70357")


def test_a_warning_may_go_with_an_acceptance() -> None:
    answer = acknowledged(v2_exchange(adt(version="2.5")), [warning(Condition.SEGMENT_MISSING, "PV1", "missing")]).to_bytes()

    assert segment(answer, "MSA") == "MSA|AA|M1"
    assert segment(answer, "ERR").startswith("ERR||PV1^1|100^Segment sequence error^HL70357|W")


def test_a_warning_does_not_go_with_an_acceptance_in_2_3_1_where_it_would_look_like_an_error() -> None:
    answer = acknowledged(v2_exchange(adt()), [warning(Condition.SEGMENT_MISSING, "PV1", "missing")]).to_bytes()

    assert [line[:3] for line in lines(answer)] == ["MSH", "MSA"]
    assert segment(answer, "MSA") == "MSA|AA|M1"


def test_a_place_of_another_language_is_left_out() -> None:
    answer = refused(v2_exchange(adt(version="2.5")), rejected(Condition.INTERNAL, "/x/y", "z")).to_bytes()

    assert segment(answer, "ERR").startswith("ERR|||207^")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (rejected(Condition.FIELD_MISSING, "PID-3", ""), "AE"),
        (rejected(Condition.FIELD_MISSING, "MSH-10", ""), "AR"),
        (rejected(Condition.VERSION_UNSUPPORTED, "MSH-12", ""), "AR"),
        (Unreadable(violation(Condition.SEGMENT_MISSING, "PID", "")), "AR"),
        (Unavailable(violation(Condition.BUSY, "", "")), "AR"),
        (HieError(violation(Condition.INTERNAL, "", "")), "AE"),
        (Rejected((violation(Condition.FIELD_INVALID, "PID-7", ""), warning(Condition.VERSION_UNSUPPORTED, "MSH-12", ""))), "AE"),
    ],
)
def test_what_may_be_sent_again_is_rejected_and_what_is_wrong_is_an_error(error: HieError, code: str) -> None:
    assert acknowledgement_code(error) == code


def test_an_answer_has_the_delimiters_and_the_control_id_of_the_request() -> None:
    raw = b"MSH*:;!%*EHR*HOSP*MPI*HIE*20261122**ADT:A04*M!S!1*P*2.5\rEVN**2026\rPID***1"

    answer = refused(v2_exchange(raw), UNKNOWN).to_bytes()

    assert answer.startswith(b"MSH*:;!%*MPI*HIE*EHR*HOSP*")
    assert b"\rMSA*AE*M!S!1\r" in answer
    assert parse(answer).get("MSA-2") == "M:1"
    assert parse(answer).get("ERR-2.4") == "2"


def test_an_answer_to_a_request_with_few_delimiters_has_them_all() -> None:
    answer = refused(v2_exchange(b"MSH|^|A|B|C|D|2026||ADT^A04|M1|P|2.5"), UNKNOWN).to_bytes()

    assert parse(answer).get("ERR-2.6") == ""
    assert re.match(rb"MSH\|\^~\\&\|", answer)


@pytest.mark.parametrize(
    ("raw", "errors"),
    [
        (
            b"MSH|^~\\&|A\rMSA|AE|1\rERR||QPD^1^4^2~QPD^1^4^3|204^Unknown key identifier^HL70357|E||||no such domain",
            (ReceivedError("QPD^1^4^2", "204", "no such domain"), ReceivedError("QPD^1^4^3", "204", "no such domain")),
        ),
        (b"MSH|^~\\&|A\rMSA|AE|1\rERR|||204^Unknown key identifier|W", (ReceivedError("", "204", "Unknown key identifier", "W"),)),
        (b"MSH|^~\\&|A\rMSA|AE|1|what went wrong", (ReceivedError("", "", "what went wrong"),)),
        (b"MSH|^~\\&|A\rMSA|AE|1|x\rERR|PID^1^3^204&Unknown", (ReceivedError("PID^1^3", "204", "Unknown"),)),
    ],
)
def test_errors_of_others_are_read_whichever_way_they_are_written(raw: bytes, errors: tuple[ReceivedError, ...]) -> None:
    assert read_acknowledgement(parse(raw)) == Acknowledgement("AE", "1", errors)


def test_our_own_refusal_is_read_back() -> None:
    answer = read_acknowledgement(read(refused(v2_exchange(adt()), UNKNOWN).to_bytes()))

    assert (answer.code, answer.control_id, answer.is_accepted) == ("AE", "M1", False)
    assert answer.errors == (ReceivedError("PID^1^3", "204", "Unknown key identifier"),)


@pytest.mark.parametrize(("code", "accepted"), [("AA", True), ("CA", True), ("AE", False), ("", False)])
def test_an_acknowledgement_tells_whether_the_message_was_taken(code: str, accepted: bool) -> None:
    assert Acknowledgement(code, "1").is_accepted is accepted
