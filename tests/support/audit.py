"""Builders for audit messages and the subjects that cause them."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache

from lxml import etree

from access.subject import Subject
from atna.message import AuditMessage, Outcome
from atna.participants import AuditContext
from atna.system_events import audit_log_used
from kernel.codes import Code
from kernel.peer import Peer
from tests.support.shared import shared

WHEN = datetime(2026, 11, 22, 10, 20, 1, 125000, UTC)
CONTEXT = AuditContext("mpi-1", "HIE", "4711", "mpi.example.org")
PATIENT = "4711^^^&1.2.3.4.5.1&ISO"


def a_subject(
    source: str = "FAC|APP",
    receiver: str = "HIE|HIEMPI",
    message_id: str = "Q1",
    user: str = "",
    address: str = "10.0.0.5",
    certificate_subject: str = "",
    roles: tuple[Code, ...] = (),
    purposes: tuple[Code, ...] = (),
) -> Subject:
    """Somebody at 10.0.0.5."""
    peer = Peer(address, "https://hie.example.org/xds/registry", certificate_subject)
    return Subject(peer, source, receiver, message_id, user, roles, purposes)


def an_event(
    patient: str = PATIENT, when: datetime = WHEN, user: str = "auditor", outcome: Outcome = Outcome.SUCCESS
) -> AuditMessage:
    """Some event about a patient."""
    return audit_log_used(
        CONTEXT, a_subject(user=user), when=when, outcome=outcome, uris=["urn:log"], patient_ids=[patient] if patient else []
    )


@cache
def audit_schema() -> etree.XMLSchema:
    """The schema of DICOM 2017c; skips the test when it is not there."""
    return etree.XMLSchema(etree.parse(str(shared("schemas", "audit", "dicom-audit-2017c.xsd"))))


def schema_faults(xml: bytes) -> list[str]:
    """What the DICOM schema finds wrong."""
    schema = audit_schema()
    return [] if schema.validate(etree.XML(xml)) else [f"line {e.line}: {e.message}" for e in schema.error_log]
