"""ITI-10: what the consumer answers, and what that means."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from hl7v2.consumer import Parties
from kernel.errors import Condition, Rejected, Unavailable, Unreadable
from mpi.transactions.iti10_update_notification import UpdateNotification
from tests.support.hl7 import patient_id

WHEN = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)


def told(answer: bytes) -> list[bytes]:
    """What was sent to a consumer that answers so."""
    sent: list[bytes] = []

    def wire(message: bytes) -> bytes:
        sent.append(message)
        return answer

    UpdateNotification(Parties("HIE", "XAD", "PORTAL", "CITY"), wire).tell([patient_id("47")], "n1", WHEN)
    return sent


def answer(code: str, *segments: str, to: str = "n1") -> bytes:
    msh = "MSH|^~\\&|PORTAL|CITY|HIE|XAD|20261122103000||ACK^A31^ACK|1|P|2.5"
    return "\r".join((msh, f"MSA|{code}|{to}", *segments, "")).encode()


@pytest.mark.parametrize("code", ["AA", "CA"])
def test_the_same_notice_is_the_same_bytes(code: str) -> None:
    assert told(answer(code)) == told(answer(code))


@pytest.mark.parametrize("wrong", [answer("AR"), answer("AA", to="other")])
def test_a_rejection_and_the_answer_to_another_message_are_reasons_to_try_again(wrong: bytes) -> None:
    with pytest.raises(Unavailable):
        told(wrong)


def test_an_error_is_final_and_says_why() -> None:
    with pytest.raises(Rejected) as raised:
        told(answer("AE", "ERR||PID^1^3|204^Unknown key identifier^HL70357|E"))

    assert raised.value.condition is Condition.IDENTIFIER_UNKNOWN


def test_what_is_no_answer_is_not_taken_for_one() -> None:
    with pytest.raises(Unreadable):
        told(b"hello")
