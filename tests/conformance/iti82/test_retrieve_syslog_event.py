"""ITI-82 on a log of syslog messages."""

from __future__ import annotations

from typing import Any

import pytest

from arr.model import Channel
from arr.service import AuditService
from arr.tables import METADATA
from arr.transactions.iti82_retrieve_syslog_event import RetrieveSyslogEvent
from atna.syslog import Sender, encode
from kernel.errors import Rejected
from tests.conftest import MakeDatabase
from tests.support.arr import a_service, received
from tests.support.audit import WHEN, a_subject, an_event

AUDITOR = a_subject(user="siem")
ANY_TIME = "date=ge2000"


@pytest.fixture
def service(make_database: MakeDatabase) -> AuditService:
    made = a_service(make_database(METADATA))
    made.record(
        [
            received(an_event().to_xml()),
            received(encode(an_event().to_xml(), Sender("imaging", "pacs", "9"), WHEN), Channel.TLS),
            received(b"<13>1 2026-11-22T10:00:00Z box cron 7 JOB - nothing of ours", Channel.UDP),
            received(b"no header at all", Channel.TCP),
        ]
    )
    return made


def found(service: AuditService, query: str) -> list[Any]:
    answer: Any = RetrieveSyslogEvent(service, "http://hie/fhir").search(query, AUDITOR)
    return [entry["record"] for entry in answer.get("entry", [])]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {2, 3, 4}),
        ("&hostname=imaging", {2}),
        ("&pri=13", {3}),
        ("&pri=13,85", {2, 3}),
        ("&app-name=cron&procid=7&msg-id=JOB", {3}),
        ("&app-name=cron&procid=8", set()),
        ("&msg=of+ours", {3}),
        ("&msg=AuditMessage", {2}),
    ],
)
def test_messages_are_found_by_their_headers(service: AuditService, query: str, expected: set[int]) -> None:
    assert set(found(service, ANY_TIME + query)) == expected


def test_a_message_is_shown_with_the_fields_of_its_header(service: AuditService) -> None:
    answer: Any = RetrieveSyslogEvent(service, "http://hie/fhir").search(f"{ANY_TIME}&app-name=cron", AUDITOR)

    (entry,) = answer["entry"]
    assert entry == {
        "record": 3,
        "pri": 13,
        "timestamp": "2026-11-22T10:00:00Z",
        "hostname": "box",
        "app-name": "cron",
        "procid": "7",
        "msg-id": "JOB",
        "channel": "udp",
        "peer": "10.0.0.5",
        "msg": "nothing of ours",
    }


def test_pages_follow_each_other(service: AuditService) -> None:
    door = RetrieveSyslogEvent(service, "http://hie/fhir")
    query, records = f"{ANY_TIME}&_count=1", []

    while query:
        answer: Any = door.search(query, AUDITOR)
        records += [entry["record"] for entry in answer.get("entry", [])]
        query = next((link["url"].partition("?")[2] for link in answer["link"] if link["relation"] == "next"), "")

    assert sorted(records) == [2, 3, 4]


@pytest.mark.parametrize("query", ["", "hostname=x", f"{ANY_TIME}&colour=red", "date=x"])
def test_what_cannot_be_answered_is_refused(service: AuditService, query: str) -> None:
    with pytest.raises(Rejected):
        found(service, query)
