"""The audit message as an AuditEvent: every field of one is in the other, and a foreign library reads it."""

from __future__ import annotations

from base64 import b64decode

import pytest
from fhir.resources.R4B.auditevent import AuditEvent

from atna.fhir import DCM, TRANSACTION, audit_event, system_of
from atna.message import AuditMessage, AuditSource, Outcome, Participant, ParticipantObject
from atna.reader import read
from atna.vocabulary import (
    ITI_18,
    PATIENT_NUMBER,
    QUERY,
    SOURCE,
    SOURCE_TYPE_SERVER,
    URI,
    Action,
    LifeCycle,
    NetworkType,
    ObjectRole,
    ObjectType,
)
from kernel.codes import Code
from tests.support.audit import PATIENT, WHEN, an_event
from tests.support.shared import shared

ENCODING = (("QueryEncoding", b"UTF-8"),)
MESSAGE = AuditMessage(
    event=QUERY,
    action=Action.EXECUTE,
    when=WHEN,
    outcome=Outcome.MINOR.because("half of it"),
    participants=(
        Participant("FAC|APP", True, (SOURCE, Code("doctor", "1.2.3", "Doctor")), "pid", "Dr. A", "10.0.0.5", NetworkType.ADDRESS),
    ),
    source=AuditSource("HIE", "mpi-1", (SOURCE_TYPE_SERVER,)),
    types=(ITI_18.code,),
    purposes=(Code("TREATMENT", "My Purposes", "Treatment"),),
    objects=(
        ParticipantObject(PATIENT, PATIENT_NUMBER, ObjectType.PERSON, ObjectRole.PATIENT, LifeCycle.ACCESS, sensitivity="VIP"),
        ParticipantObject(
            "q1", ITI_18.code, ObjectType.SYSTEM, ObjectRole.QUERY, query=b"<q/>", details=(("QueryEncoding", b"UTF-8"),)
        ),
        ParticipantObject("urn:log", URI, ObjectType.SYSTEM, ObjectRole.SECURITY_RESOURCE, name="the log"),
    ),
)


def test_every_field_of_the_message_is_in_the_resource() -> None:
    event = AuditEvent.model_validate(audit_event(MESSAGE, 7, 1_795_343_001_125))

    assert (event.id, event.meta.lastUpdated.isoformat()) == ("7", "2026-11-22T10:23:21.125000+00:00")
    assert (event.type.system, event.type.code, event.subtype[0].system) == (DCM, "110112", TRANSACTION)
    assert (event.action, event.outcome, event.outcomeDesc) == ("E", "4", "half of it")
    assert event.recorded.isoformat() == "2026-11-22T10:20:01.125000+00:00"
    assert event.purposeOfEvent[0].coding[0].system == "urn:affinity:code-system:My-Purposes"
    (agent,) = event.agent
    assert (agent.type.coding[0].code, agent.role[0].coding[0].system) == ("110153", "urn:oid:1.2.3")
    assert (agent.who.identifier.value, agent.altId, agent.name, agent.requestor) == ("FAC|APP", "pid", "Dr. A", True)
    assert (agent.network.address, agent.network.type) == ("10.0.0.5", "2")
    assert (event.source.site, event.source.observer.identifier.value, event.source.type[0].code) == ("HIE", "mpi-1", "4")
    patient, query, log = event.entity
    assert (patient.what.type, patient.what.identifier.system, patient.what.identifier.value) == (
        "Patient",
        "urn:oid:1.2.3.4.5.1",
        "4711",
    )
    assert (patient.type.code, patient.role.code, patient.lifecycle.code, patient.securityLabel[0].display) == (
        "1",
        "1",
        "6",
        "VIP",
    )
    assert (query.what.identifier.value, query.detail[0].type) == ("q1", "QueryEncoding")
    assert b64decode(audit_event(MESSAGE, 7, 0)["entity"][1]["query"]) == b"<q/>"  # type: ignore[index, call-overload, arg-type]
    assert (log.name, log.what.identifier.value) == ("the log", "urn:log")


@pytest.mark.parametrize("least", [b'<AuditMessage><EventIdentification EventOutcomeIndicator=""/></AuditMessage>'])
def test_a_message_that_lacks_nearly_everything_is_still_a_resource(least: bytes) -> None:
    resource = audit_event(read(least), 1, 0)

    assert resource["source"] == {"observer": {"display": "unknown"}}


def test_every_sample_of_others_is_read_by_a_foreign_library() -> None:
    folder = shared("samples", "iti-20")
    count = 0
    for file in sorted(folder.rglob("*.xml")):
        message = read(file.read_bytes())
        resource = audit_event(message, 1, 0)
        if message.participants and message.event.code:
            AuditEvent.model_validate(resource)
            count += 1

    assert count


def test_our_own_events_are_read_by_a_foreign_library() -> None:
    AuditEvent.model_validate(audit_event(an_event(), 1, 0))


@pytest.mark.parametrize(
    ("scheme", "uri"),
    [
        ("DCM", DCM),
        ("", ""),
        ("IHE Transactions", TRANSACTION),
        ("http://x", "http://x"),
        ("1.2.840", "urn:oid:1.2.840"),
        ("My List", "urn:affinity:code-system:My-List"),
    ],
)
def test_a_code_system_has_a_uri(scheme: str, uri: str) -> None:
    assert system_of(scheme) == uri
