"""arr.transactions.iti20_send_audit_resource"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from access.subject import Subject
from arr.model import AuditSearch, Channel
from arr.service import AuditService
from arr.tables import METADATA
from arr.transactions.iti20_send_audit_resource import ENTRIES, EVENT_BYTES, SendAuditResource
from arr.transactions.iti81_retrieve_audit_event import RetrieveAuditEvent
from atna.fhir import new_audit_event
from fhir_r4.json import written
from kernel.errors import Condition, Rejected, Unreadable
from kernel.peer import Peer
from tests.conftest import MakeDatabase
from tests.support.arr import a_service
from tests.support.audit import PATIENT, a_subject, an_event

PEER = Peer("10.0.0.7", "https://hie/fhir", "CN=pacs")
READER: Subject = a_subject(user="auditor")
POST = {"method": "POST", "url": "AuditEvent"}
JSON = dict[str, Any]


@pytest.fixture
def log(make_database: MakeDatabase) -> AuditService:
    return a_service(make_database(METADATA))


@pytest.fixture
def door(log: AuditService) -> SendAuditResource:
    return SendAuditResource(log, lambda: datetime(2026, 11, 22, 10, 20, 1, tzinfo=UTC))


def a_bundle(*resources: JSON, kind: str = "batch", request: JSON | None = None) -> bytes:
    return json.dumps(
        {
            "resourceType": "Bundle",
            "type": kind,
            "entry": [{"resource": one, "request": request or POST} for one in resources],
        },
        indent=1,
    ).encode()


def one(**changes: Any) -> JSON:
    return {**new_audit_event(an_event()), **changes}


def records(log: AuditService) -> list[int]:
    return [r.sequence for r in log.search(AuditSearch(), READER).records if r.received.channel is Channel.FHIR]


def test_a_resource_is_kept_as_it_came_with_who_sent_it(door: SendAuditResource, log: AuditService) -> None:
    body = b" " + written(one(outcomeDesc="a\u00e9")).replace(b",", b" , ", 1)

    created = door.create(body, PEER)

    found = log.view(created.sequence, READER)
    assert found is not None
    assert (found.received.data, found.received.peer, found.received.certificate_subject) == (body, "10.0.0.7", "CN=pacs")
    assert (created.location, found.received.channel) == ("AuditEvent/1/_history/1", Channel.FHIR)


def test_it_is_given_out_as_it_was_sent_but_for_its_id(door: SendAuditResource, log: AuditService) -> None:
    sent = one(
        id="theirs",
        meta={"versionId": "9", "profile": ["urn:p"]},
        extension=[{"url": "urn:x", "valueString": "kept"}],
        language="en",
    )

    created = door.create(written(sent), PEER)
    found = RetrieveAuditEvent(log, "http://hie/fhir").read(created.sequence, READER)

    meta = {"profile": ["urn:p"], "versionId": "1", "lastUpdated": "2026-11-22T10:20:01.000Z"}
    assert found == created.resource == {**sent, "id": "1", "meta": meta}


@pytest.mark.parametrize(
    "search",
    [
        AuditSearch(patients=(PATIENT,)),
        AuditSearch(users=("auditor",)),
        AuditSearch(events=("110101",)),
        AuditSearch(objects=("urn:log",)),
        AuditSearch(since=datetime(2026, 11, 22, 10, 20, 1, tzinfo=UTC), until=datetime(2026, 11, 22, 10, 20, 2, tzinfo=UTC)),
    ],
)
def test_it_is_found_like_any_other_record(door: SendAuditResource, log: AuditService, search: AuditSearch) -> None:
    door.create(written(one()), PEER)

    assert [r.sequence for r in log.search(search, READER).records] == [1]


def test_a_patient_is_found_by_her_reference(door: SendAuditResource, log: AuditService) -> None:
    entity = {"what": {"reference": "Patient/7"}, "type": {"code": "1"}, "role": {"code": "1"}}
    door.create(written(one(entity=[entity])), PEER)

    bundle = RetrieveAuditEvent(log, "http://hie/fhir").search("date=ge2026-11-22&patient=Patient/7", READER)

    assert [entry["resource"]["id"] for entry in bundle["entry"]] == ["1"]  # type: ignore[index, union-attr, call-overload]


def test_the_log_with_it_is_sound(door: SendAuditResource, log: AuditService) -> None:
    door.create(written(one()), PEER)
    door.bundle(a_bundle(one(), one(outcome="4")), PEER)

    report = log.verify(None, deep=True)

    assert (report.records, report.faults) == (3, ())


def test_what_cannot_be_read_leaves_nothing(door: SendAuditResource, log: AuditService) -> None:
    for body in (b"<AuditEvent/>", b"{}", written(one(recorded="now")), b" " * (EVENT_BYTES + 1)):
        with pytest.raises((Unreadable, Rejected)):
            door.create(body, PEER)

    assert records(log) == []


def test_each_entry_of_a_batch_is_judged_for_itself(door: SendAuditResource, log: AuditService) -> None:
    answer = door.bundle(a_bundle(one(), one(outcome="7"), one(outcome="8")), PEER)

    responses = [entry["response"] for entry in answer["entry"]]  # type: ignore[index, union-attr, call-overload]
    assert answer["type"] == "batch-response"
    assert [r["status"] for r in responses] == ["201 Created", "400", "201 Created"]
    assert [r.get("location") for r in responses] == ["AuditEvent/1/_history/1", None, "AuditEvent/2/_history/1"]
    assert "Bundle.entry[1].AuditEvent.outcome" in responses[1]["outcome"]["issue"][0]["diagnostics"]
    assert sorted(records(log)) == [1, 2]


def test_a_transaction_is_taken_whole_or_not_at_all(door: SendAuditResource, log: AuditService) -> None:
    with pytest.raises(Rejected) as raised:
        door.bundle(a_bundle(one(), one(outcome="7"), one(action="X"), kind="transaction"), PEER)
    refused = records(log)
    answer = door.bundle(a_bundle(one(), one(), kind="transaction"), PEER)

    assert [v.where for v in raised.value.violations] == ["Bundle.entry[1].AuditEvent.outcome", "Bundle.entry[2].AuditEvent.action"]
    assert (refused, answer["type"], sorted(records(log))) == ([], "transaction-response", [1, 2])


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (a_bundle(one(), kind="transaction", request={"method": "PUT", "url": "AuditEvent/1"}), "Bundle.entry[0].request"),
        (a_bundle(one(resourceType="Patient"), kind="transaction"), "Bundle.entry[0].resourceType"),
        (written({"resourceType": "Bundle", "type": "transaction", "entry": [{"request": POST}]}), "Bundle.entry[0].resource"),
        (a_bundle(one(), kind="collection"), "Bundle.type"),
        (written(one()), "Bundle.type"),
    ],
)
def test_a_bundle_of_something_else_is_rejected(door: SendAuditResource, body: bytes, where: str) -> None:
    with pytest.raises(Rejected) as raised:
        door.bundle(body, PEER)

    assert [v.where for v in raised.value.violations] == [where]


def test_a_bundle_of_too_many_is_refused_before_it_is_read(door: SendAuditResource) -> None:
    with pytest.raises(Unreadable) as raised:
        door.bundle(written({"resourceType": "Bundle", "type": "batch", "entry": [{}] * (ENTRIES + 1)}), PEER)

    assert raised.value.condition is Condition.TOO_LARGE


def test_an_empty_batch_is_answered_as_such(door: SendAuditResource) -> None:
    assert door.bundle(a_bundle(), PEER) == {"resourceType": "Bundle", "type": "batch-response"}
