"""atna.fhir_reader"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from atna.fhir import DCM, new_audit_event
from atna.fhir_reader import FAULTS_LIMIT, read_audit_event
from atna.message import AuditMessage, Defect, Indicator
from atna.reader import read
from fhir_r4.reading import read_resource
from kernel.codes import Code
from kernel.errors import Condition, Rejected
from tests.support.audit import an_event
from tests.support.shared import shared
from tests.unit.atna.test_fhir import MESSAGE

JSON = dict[str, Any]
SAMPLES = ("auditBasicCreate1", "auditBasicQueryGetServer", "auditProvideBundle-recipient")


def an_audit_event(**changes: Any) -> JSON:
    """A resource with elements changed; one that is None is left out."""
    return {name: value for name, value in {**new_audit_event(an_event()), **changes}.items() if value is not None}


def faults(resource: JSON) -> list[tuple[Condition, str]]:
    with pytest.raises(Rejected) as raised:
        read_audit_event(resource)
    return [(v.condition, v.where) for v in raised.value.violations]


@pytest.mark.parametrize("message", [an_event(), replace(MESSAGE, purposes=(Code("TREAT", "1.2.3", "Treatment"),))])
def test_what_we_send_as_fhir_is_read_as_the_same_message(message: AuditMessage) -> None:
    assert read_audit_event(new_audit_event(message)) == message


@pytest.mark.parametrize("name", SAMPLES)
def test_audit_events_of_others_are_read(name: str) -> None:
    data = shared("samples", "audit-fhir", f"AuditEvent-ex-{name}.json").read_bytes()

    message = read_audit_event(read_resource(data, limit=1 << 20))

    assert read(message.to_xml()) == message
    assert message.outcome.indicator is Indicator.SUCCESS
    assert "Patient/ex-patient" in [what.id for what in message.objects]
    assert {who.user_id for who in message.participants} >= {"myMachine.example.org", "Device/ex-device"}


def test_codes_keep_what_they_are_coded_in() -> None:
    message = read_audit_event(an_audit_event(type={"system": "http://example.org/kinds", "code": "x", "display": "X"}))

    assert message.event == Code("x", "http://example.org/kinds", "X")


@pytest.mark.parametrize(
    ("identifier", "cx"),
    [
        ({"system": "urn:oid:1.2.3", "value": "7"}, "7^^^&1.2.3&ISO"),
        ({"system": "http://hospital.example/mrn", "value": "7"}, "7^^^http://hospital.example/mrn"),
        ({"value": "7"}, "7"),
        ({"system": "urn:oid:1.2.3", "value": "7^8"}, "7^8"),
    ],
)
def test_a_patient_is_found_by_system_and_value(identifier: JSON, cx: str) -> None:
    entity = {"what": {"identifier": identifier}, "type": {"code": "1"}, "role": {"code": "1"}}

    (patient,) = read_audit_event(an_audit_event(entity=[entity])).objects

    assert patient.id == cx


def test_a_person_without_an_identifier_is_known_by_what_is_there() -> None:
    agents = [
        {"requestor": False, "altId": "amy"},
        {"requestor": True, "name": "Amy"},
        {"requestor": True, "who": {"display": "A"}},
    ]

    message = read_audit_event(an_audit_event(agent=agents))

    assert [who.user_id for who in message.participants] == ["amy", "Amy", "A"]


def test_purposes_of_agents_are_purposes_of_the_event() -> None:
    purpose = {"coding": [{"system": "urn:p", "code": "ETREAT"}]}

    message = read_audit_event(an_audit_event(agent=[{"requestor": True, "purposeOfUse": [purpose, purpose]}]))

    assert message.purposes == (Code("ETREAT", "urn:p", ""),)


def test_a_missing_outcome_is_read_as_success_and_flagged() -> None:
    message = read_audit_event(an_audit_event(outcome=None))

    assert message.outcome.is_success
    assert message.defects == (Defect.OUTCOME_EMPTY,)


def test_texts_and_data_of_details_are_kept() -> None:
    details = [{"type": "a", "valueString": "é"}, {"type": "b", "valueBase64Binary": "QUI="}]

    (what,) = read_audit_event(an_audit_event(entity=[{"detail": details}])).objects

    assert what.details == (("a", "é".encode()), ("b", b"AB"))


def test_a_leap_second_is_read_as_the_one_before() -> None:
    assert read_audit_event(an_audit_event(recorded="2016-12-31T23:59:60Z")).when.isoformat() == "2016-12-31T23:59:59+00:00"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"type": None}, (Condition.FIELD_MISSING, "AuditEvent.type")),
        ({"type": {"system": DCM}}, (Condition.FIELD_MISSING, "AuditEvent.type.code")),
        ({"recorded": None}, (Condition.FIELD_MISSING, "AuditEvent.recorded")),
        ({"recorded": "2026-13-01T00:00:00Z"}, (Condition.FIELD_INVALID, "AuditEvent.recorded")),
        ({"recorded": "0001-01-01T00:00:00+14:00"}, (Condition.FIELD_INVALID, "AuditEvent.recorded")),
        ({"agent": None}, (Condition.FIELD_MISSING, "AuditEvent.agent")),
        ({"agent": [{"altId": "x"}]}, (Condition.FIELD_MISSING, "AuditEvent.agent[0].requestor")),
        ({"source": None}, (Condition.FIELD_MISSING, "AuditEvent.source")),
        ({"source": {"site": "x"}}, (Condition.FIELD_MISSING, "AuditEvent.source.observer")),
        ({"outcome": "1"}, (Condition.VALUE_UNKNOWN, "AuditEvent.outcome")),
        ({"action": "X"}, (Condition.VALUE_UNKNOWN, "AuditEvent.action")),
        (
            {"agent": [{"requestor": True, "network": {"type": "9"}}]},
            (Condition.VALUE_UNKNOWN, "AuditEvent.agent[0].network.type"),
        ),
        ({"entity": [{"name": "a", "query": "QUI="}]}, (Condition.CONTENT_INVALID, "AuditEvent.entity[0]")),
        ({"entity": [{"query": "QUI"}]}, (Condition.FIELD_INVALID, "AuditEvent.entity[0].query")),
        ({"entity": [{"detail": [{"type": "a"}]}]}, (Condition.FIELD_MISSING, "AuditEvent.entity[0].detail[0].value[x]")),
        ({"category": []}, (Condition.MALFORMED, "AuditEvent")),
        ({"resourceType": "Patient"}, (Condition.MESSAGE_TYPE_UNSUPPORTED, "resourceType")),
    ],
)
def test_what_is_no_audit_event_of_r4_is_told_with_its_place(changes: JSON, expected: tuple[Condition, str]) -> None:
    assert faults(an_audit_event(**changes)) == [expected]


def test_no_more_faults_are_told_than_anybody_reads() -> None:
    assert len(faults(an_audit_event(agent=[{"x": 1}] * 1_000))) == FAULTS_LIMIT


def test_one_that_grows_too_large_as_a_message_is_refused() -> None:
    entity = {"name": "&" * 300_000}

    assert faults(an_audit_event(entity=[entity])) == [(Condition.TOO_LARGE, "AuditEvent")]


def test_what_xml_cannot_hold_is_replaced() -> None:
    message = read_audit_event(an_audit_event(outcomeDesc="a\x00b\ud800"))

    assert read(message.to_xml()).outcome.description == "a\ufffdb\ufffd"
