"""ITI-20 Record Audit Event."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from arr.model import AuditSearch, Channel
from arr.service import AuditService
from arr.tables import METADATA
from arr.transactions.iti20_record_audit_event import RecordAuditEvent
from atna.syslog import Flaw, Frame, Sender, encode
from kernel.peer import Peer
from tests.conftest import MakeDatabase
from tests.support.arr import AT, a_service
from tests.support.audit import WHEN, a_subject
from tests.support.shared import shared

PEER = Peer("10.0.0.5", "127.0.0.1:6514", "CN=node")
NOW = datetime.fromtimestamp(AT / 1000, UTC)


@pytest.fixture
def service(make_database: MakeDatabase) -> AuditService:
    return a_service(make_database(METADATA))


def test_a_frame_is_kept_with_how_it_came(service: AuditService) -> None:
    door = RecordAuditEvent(service, lambda: NOW)

    message, other = door.received([Frame(b"data", (Flaw.NOT_COUNTED,)), Frame(b"more")], Channel.TLS, PEER)

    assert (message.data, message.channel, message.received_at) == (b"data", Channel.TLS, AT)
    assert (message.peer, message.certificate_subject, message.flaws) == ("10.0.0.5", "CN=node", ("NOT_COUNTED",))
    assert (other.data, other.received_at, other.flaws) == (b"more", AT, ())


def test_published_messages_are_taken_and_found(service: AuditService) -> None:
    door = RecordAuditEvent(service, lambda: NOW)
    samples = sorted(Path(shared("samples", "iti-20")).glob("*.xml"))
    sender = Sender("host", "app", "1")
    frames = [Frame(encode(path.read_bytes(), sender, WHEN)) for path in samples]

    door.record(door.received(frames, Channel.TLS, PEER))

    def found(wanted: AuditSearch) -> list[int]:
        return [r.sequence for r in service.search(wanted, a_subject(user="auditor")).records]

    assert len(found(AuditSearch())) == len(samples) == 5
    assert len(found(AuditSearch(patients=("7627199^^^&2.16.840.1.113883.3.37.4.1.1.2.411.1&ISO",)))) == 1
    assert len(found(AuditSearch(events=("ITI-8",)))) == 2
    assert len(found(AuditSearch(events=("110120", "110121")))) == 2
    assert len(found(AuditSearch(users=("PKL|SAP-ISH",)))) == 1
    assert found(AuditSearch(is_flawed=True)) == []
