"""ITI-46: what the consumer answers, and what that means."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from kernel.errors import Rejected, Unavailable
from kernel.identifiers import Oid
from kernel.xml import Element, parse_xml
from mpi.transactions.iti46_update_notification_v3 import OPERATION, Devices, UpdateNotificationV3
from tests.support.hl7 import patient_id

WHEN = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)


def told(code: str) -> list[tuple[str, bytes]]:
    """What was sent to a consumer that answers so."""
    sent: list[tuple[str, bytes]] = []

    def call(name: str, body: bytes) -> Element:
        sent.append((name, body))
        ack = f'<acknowledgement><typeCode code="{code}"/></acknowledgement>'
        return parse_xml(f'<MCCI_IN000002UV01 xmlns="urn:hl7-org:v3">{ack}</MCCI_IN000002UV01>'.encode())

    UpdateNotificationV3(Devices(Oid("2.999.1"), Oid("2.999.2")), call).tell([patient_id("47")], "n1", WHEN)
    return sent


def test_the_same_notice_is_the_same_message() -> None:
    ((name, body),) = told("CA")

    assert name == OPERATION
    assert [(name, body)] == told("AA")


def test_a_rejection_is_a_reason_to_try_again() -> None:
    with pytest.raises(Unavailable):
        told("CR")


def test_an_error_is_final() -> None:
    with pytest.raises(Rejected):
        told("CE")
