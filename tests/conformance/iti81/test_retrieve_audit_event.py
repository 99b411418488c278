"""ITI-81 on the wire of a running service, read by a foreign FHIR library; and ITI-82 beside it."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import pytest
from fhir.resources.R4B.auditevent import AuditEvent
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.capabilitystatement import CapabilityStatement
from fhir.resources.R4B.operationoutcome import OperationOutcome

from app.mllp_client import MllpAddress, mllp_call
from atna.syslog import Sender, encode
from kernel.tls import client_context
from tests.support.audit import WHEN, an_event
from tests.support.certificates import Authority
from tests.support.postgres import free_port
from tests.support.service import OPEN_DOMAIN, Service, running
from tests.support.trail import Trail
from tests.support.v2 import admission, pid

TOKEN = "0123456789abcdef" * 3
ANY_TIME = "date=ge2000-01-01"
HOSPITAL = "urn:oid:2.999.1.1"
FOREIGN = "77^^^&1.2.3.4.5.1&ISO"
JSON = dict[str, Any]


@dataclass
class Read:
    """A running service, its trail, and a reader of its log."""

    service: Service
    trail: Trail
    tls_port: int
    authority: Authority

    def get(self, path: str, *, token: str = TOKEN, method: str = "GET", body: str = "") -> tuple[int, JSON, dict[str, str]]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if body:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        with closing(http.client.HTTPConnection("127.0.0.1", self.service.http_port, timeout=20)) as connection:
            connection.request(method, f"/fhir/{path}", body or None, headers)
            answer = connection.getresponse()
            data = answer.read()
            return answer.status, json.loads(data) if data else {}, {k.lower(): v for k, v in answer.getheaders()}

    def found(self, **asked: str) -> list[JSON]:
        status, bundle, _ = self.get(f"AuditEvent?{ANY_TIME}&{urlencode(asked)}")
        assert status == 200, bundle
        return resources(bundle)


def resources(bundle: JSON) -> list[JSON]:
    Bundle.model_validate(bundle)
    return [entry["resource"] for entry in bundle.get("entry", [])]


def types(found: list[JSON]) -> list[str]:
    return [event["subtype"][0]["code"] if "subtype" in event else event["type"]["code"] for event in found]


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Read]:
    folder = tmp_path_factory.mktemp("iti81")
    token = folder / "token"
    token.write_text(TOKEN)
    authority = Authority(folder)
    server, tls_port = authority.issue("server"), free_port()
    node = '{ name = "Monitor", subject = "CN=monitor,O=Tests\\\\, Inc.,C=US", may = ["ITI-81"] }'
    ehr = '{ name = "EHR", subject = "CN=ehr,O=Tests\\\\, Inc.,C=US", may = ["ITI-8"] }'
    environment = {
        **OPEN_DOMAIN,
        "HIE_ARR__READERS": f'[{{ name = "siem", token_file = "{token}" }}]',
        "HIE_TLS__CERTIFICATE": str(server.certificate),
        "HIE_TLS__KEY": str(server.key),
        "HIE_TLS__TRUST": str(authority.trust),
        "HIE_TLS__NODES": f"[{node}, {ehr}]",
        "HIE_HTTP__LISTEN_TLS": f"127.0.0.1:{tls_port}",
        "HIE_SYSLOG__LISTEN_TLS": "",
    }
    with running(folder / "data", environment) as service, closing(Trail(service)) as trail:
        fed(service, trail)
        yield Read(service, trail, tls_port, authority)


def fed(service: Service, trail: Trail) -> None:
    """Two patients, one refused feed, and two syslog messages of somebody else, one of them no audit message."""
    mllp = MllpAddress("127.0.0.1", service.mllp_port)
    for number in ("F1", "F2"):
        mllp_call(mllp, admission(pid(number)))
    mllp_call(mllp, admission("PID|||"))
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sender:
        foreign = encode(an_event(FOREIGN).to_xml(), Sender("imaging", "pacs", "9"), WHEN)
        for data in (foreign, b"<13>1 2026-11-22T10:00:00Z box cron 7 - - nothing of ours"):
            sender.sendto(data, ("127.0.0.1", service.syslog_port))
    trail.expect(0, "ITI-8", lambda _: True, count=3)
    trail.expect(0, "", lambda r: FOREIGN.replace("&", "&amp;").encode() in r.xml or r.xml == b"", count=2)


def test_an_auditor_finds_a_patients_events_in_a_searchset(read: Read) -> None:
    status, bundle, headers = read.get(f"AuditEvent?{ANY_TIME}&subtype=ITI-8&patient.identifier={quote(f'{HOSPITAL}|F1')}")

    (event,) = resources(bundle)
    parsed = AuditEvent.model_validate(event)
    assert (status, headers["content-type"]) == (200, "application/fhir+json; charset=utf-8")
    assert (bundle["type"], bundle["entry"][0]["search"]["mode"]) == ("searchset", "match")
    assert parsed.type.code == "110110"
    assert [(c.system, c.code) for c in parsed.subtype] == [("urn:ihe:event-type-code", "ITI-8")]
    assert (parsed.action, parsed.outcome) == ("C", "0")
    assert [(a.type.coding[0].code, a.requestor) for a in parsed.agent] == [("110153", True), ("110152", False)]
    assert (HOSPITAL, "F1") in [(e.what.identifier.system, e.what.identifier.value) for e in parsed.entity]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"subtype": "urn:ihe:event-type-code|ITI-8"}, 3),
        ({"subtype": "ITI-8", "type": "110110"}, 3),
        ({"subtype": "ITI-8", "type": "110112"}, 0),
        ({"subtype": "ITI-8", "outcome": "0"}, 2),
        ({"subtype": "ITI-8", "outcome": "4,8,12"}, 1),
        ({"subtype": "ITI-8", "address": "127.0.0.1"}, 3),
        ({"subtype": "ITI-8", "address": "10.0.0.9"}, 0),
        ({"subtype": "ITI-8", "agent": "A|ADT"}, 3),
        ({"subtype": "ITI-8", "agent.identifier": "A|ADT"}, 0),
        ({"subtype": "ITI-8", "agent.identifier": "A\\|ADT"}, 3),
        ({"subtype": "ITI-8", "agent": "A\\|ADT"}, 3),
        ({"subtype": "ITI-8", "source.identifier": "affinity"}, 3),
        ({"subtype": "ITI-8", "entity-type": "1", "entity-role": "1"}, 2),
        ({"subtype": "ITI-8", "entity-type": "2", "entity-role": "24"}, 0),
        ({"patient.identifier": "urn:oid:1.2.3.4.5.1|77", "source.identifier": "mpi-1"}, 1),
        ({"entity.identifier": "urn:log"}, 1),
        ({"agent-name": "auditor", "action": "R", "source.identifier": "mpi-1"}, 1),
        ({"altid": "4711"}, 1),
        ({"_lastUpdated": "lt2001"}, 0),
    ],
)
def test_a_search_is_narrowed_by(read: Read, asked: dict[str, str], expected: int) -> None:
    assert len(read.found(**asked)) == expected


def test_every_event_of_the_log_is_read_by_a_foreign_library(read: Read) -> None:
    found = read.found(_count="500")

    events = [AuditEvent.model_validate(r) for r in found if r["resourceType"] == "AuditEvent"]
    (told,) = [OperationOutcome.model_validate(r) for r in found if r["resourceType"] == "OperationOutcome"]
    assert len(events) >= 5
    assert "1 records of this page cannot be read" in told.issue[0].diagnostics


def test_pages_follow_each_other_by_their_links_without_gap_or_repeat(read: Read) -> None:
    path, ids = f"AuditEvent?{ANY_TIME}&subtype=ITI-8&_count=2", []
    for _ in range(2):
        _, bundle, _ = read.get(path)
        ids += [event["id"] for event in resources(bundle)]
        following = [link["url"] for link in bundle["link"] if link["relation"] == "next"]
        path = urlsplit(following[0]).path.removeprefix("/fhir/") + "?" + urlsplit(following[0]).query if following else ""

    assert ids == [event["id"] for event in read.found(subtype="ITI-8")]
    assert path == ""


def test_a_search_may_be_posted_so_that_no_address_holds_an_identifier(read: Read) -> None:
    body = f"{ANY_TIME}&subtype=ITI-8&patient.identifier={quote(f'{HOSPITAL}|F1')}"

    status, bundle, _ = read.get("AuditEvent/_search", method="POST", body=body)

    assert status == 200
    assert types(resources(bundle)) == ["ITI-8"]


def test_one_event_is_read_by_its_id(read: Read) -> None:
    (event,) = read.found(subtype="ITI-8", **{"patient.identifier": f"{HOSPITAL}|F2"})

    status, alone, _ = read.get(f"AuditEvent/{event['id']}")
    by_id = read.get(f"AuditEvent?_id={event['id']}")[1]

    assert (status, alone) == (200, event)
    assert resources(by_id) == [event]


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("AuditEvent", 400, "which time"),
        ("AuditEvent?date=yesterday", 400, "a date is written"),
        ("AuditEvent?date=ap2026", 400, "prefix"),
        ("AuditEvent?date=2026-13-01", 400, "no such date"),
        (f"AuditEvent?{ANY_TIME}&colour=red", 400, "not served"),
        (f"AuditEvent?{ANY_TIME}&type:not=110110", 400, "modifier"),
        (f"AuditEvent?{ANY_TIME}&type=1&type=2", 400, "give it once"),
        (f"AuditEvent?{ANY_TIME}&outcome=7", 400, "0, 4, 8 or 12"),
        (f"AuditEvent?{ANY_TIME}&patient.identifier=4711", 400, "with its system"),
        (f"AuditEvent?{ANY_TIME}&_cursor=x", 400, "links"),
        (f"AuditEvent?{ANY_TIME}&_count=many", 400, "number"),
        (f"AuditEvent?{ANY_TIME}&_sort=agent", 400, "newest first"),
        (f"AuditEvent?{ANY_TIME}&agent=a&agent-name=b", 400, "give one of"),
        (f"AuditEvent?{ANY_TIME}&entity-role=patient", 400, "numbers"),
        ("AuditEvent?%FF=%FF", 400, "cannot be read"),
        ("AuditEvent/999999", 404, "no AuditEvent"),
        ("Patient", 404, "nothing is served"),
        ("AuditEvent/12x", 404, "nothing is served"),
    ],
)
def test_what_cannot_be_answered_says_why(read: Read, path: str, status: int, words: str) -> None:
    code, outcome, _ = read.get(path)

    assert code == status
    assert words in OperationOutcome.model_validate(outcome).issue[0].diagnostics


@pytest.mark.parametrize("path", [f"AuditEvent?{ANY_TIME}", "AuditEvent/1", f"syslogsearch?{ANY_TIME}"])
@pytest.mark.parametrize("token", ["", "wrong" * 10])
def test_nobody_reads_the_log_without_a_token_or_a_nodes_certificate(read: Read, path: str, token: str) -> None:
    mark = read.trail.settled()

    status, outcome, headers = read.get(path, token=token)

    kind = "ITI-82" if "syslog" in path else "ITI-81"
    (record,) = read.trail.expect(mark, kind, lambda r: r.outcome == "8")
    assert status == 401
    assert headers["www-authenticate"].startswith("Bearer")
    assert OperationOutcome.model_validate(outcome).issue[0].code == "login"
    assert record.event_id == "110101"


def test_a_registered_node_reads_with_its_certificate_and_another_does_not(read: Read) -> None:
    answers = {}
    for node in ("monitor", "ehr"):
        context = client_context(read.authority.issue(node))
        with closing(http.client.HTTPSConnection("localhost", read.tls_port, timeout=20, context=context)) as connection:
            connection.request("GET", f"/fhir/AuditEvent?{ANY_TIME}&_count=1")
            answer = connection.getresponse()
            answers[node] = (answer.status, json.loads(answer.read())["resourceType"])

    assert answers == {"monitor": (200, "Bundle"), "ehr": (403, "OperationOutcome")}


def test_reading_the_log_is_itself_in_the_log_with_what_was_handed_out(read: Read) -> None:
    mark = read.trail.settled()

    (event,) = read.found(subtype="ITI-8", **{"patient.identifier": f"{HOSPITAL}|F1"})

    (record,) = read.trail.expect(mark, "ITI-81", lambda r: r.outcome == "0")
    assert (record.event_id, record.action) == ("110101", "R")
    assert record.root.find("ActiveParticipant").get("UserID") == "siem"
    assert f"{read.service.url}/fhir/AuditEvent/{event['id']}" in record.object_ids
    assert "F1^^^&2.999.1.1&ISO" in record.object_ids


def test_what_is_served_is_told_to_everybody(read: Read) -> None:
    status, told, _ = read.get("metadata", token="")

    statement = CapabilityStatement.model_validate(told)
    assert (status, statement.fhirVersion) == (200, "4.0.1")
    assert {p.name for p in statement.rest[0].resource[0].searchParam} >= {"date", "patient.identifier", "entity-role", "altid"}


@pytest.mark.parametrize(("method", "path"), [("PUT", "AuditEvent"), ("DELETE", "AuditEvent/1"), ("PUT", "metadata")])
def test_nothing_is_written_by_this_way(read: Read, method: str, path: str) -> None:
    status, outcome, headers = read.get(path, method=method)

    assert (status, headers["allow"]) == (405, "GET, HEAD")
    OperationOutcome.model_validate(outcome)


def test_the_data_folder_holds_no_reader(read: Read) -> None:
    said = (Path(read.service.data) / "stderr.log").read_text()

    assert TOKEN not in said
    assert "2.999.1.1|F1" not in said


@pytest.mark.parametrize(("asked", "status", "outcome"), [(ANY_TIME, 200, "0"), ("date=never", 400, "8")])
def test_a_search_of_syslog_is_on_record(read: Read, asked: str, status: int, outcome: str) -> None:
    mark = read.trail.settled()

    answered, _, _ = read.get(f"syslogsearch?{asked}")

    assert answered == status
    (record,) = read.trail.expect(mark, "ITI-82", lambda r: r.outcome == outcome)
    assert (record.event_id, record.action) == ("110101", "R")
    assert b'UserID="siem"' in record.xml
