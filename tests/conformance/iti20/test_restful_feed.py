"""ITI-20 as FHIR, on the wire of running services: one sends, as it would to anybody's repository, and another takes.

The answers and what is kept are read by a foreign FHIR library. Every connection is mutual TLS.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B.auditevent import AuditEvent
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.operationoutcome import OperationOutcome

from app.mllp_client import MllpAddress, mllp_call
from kernel.tls import client_context
from tests.support.brokers import wait_for
from tests.support.certificates import Authority
from tests.support.command import hie
from tests.support.ports import free_port
from tests.support.service import OPEN_DOMAIN, Service, running
from tests.support.shared import sample
from tests.support.trail import Trail
from tests.support.v2 import admission, pid

SAMPLE = "AuditEvent-ex-auditBasicCreate1.json"
NODE = '{{ name = "{0}", subject = "CN={0},O=Tests\\\\, Inc.,C=US", may = [{1}] }}'
JSON = dict[str, Any]


@dataclass
class Repository:
    """A running service that takes AuditEvents over TLS of registered nodes."""

    service: Service
    trail: Trail
    port: int
    authority: Authority

    @property
    def base(self) -> str:
        return f"https://localhost:{self.port}/fhir"

    def call(self, node: str, method: str, path: str, body: bytes = b"") -> tuple[int, JSON, dict[str, str]]:
        context = client_context(self.authority.issue(node))
        with closing(http.client.HTTPSConnection("localhost", self.port, timeout=20, context=context)) as connection:
            headers = {"Content-Type": "application/fhir+json"} if body else {}
            connection.request(method, f"/fhir{path}", body or None, headers)
            answer = connection.getresponse()
            data = answer.read()
            return answer.status, json.loads(data) if data else {}, dict(answer.getheaders())


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Repository]:
    files, port = authority.issue("repository"), free_port()
    nodes = ", ".join(
        (NODE.format("pacs", '"ITI-20", "ITI-81"'), NODE.format("affinity", '"ITI-20"'), NODE.format("ehr", '"ITI-8"'))
    )
    environment = {
        **OPEN_DOMAIN,
        "HIE_TLS__CERTIFICATE": str(files.certificate),
        "HIE_TLS__KEY": str(files.key),
        "HIE_TLS__TRUST": str(authority.trust),
        "HIE_TLS__NODES": f"[{nodes}]",
        "HIE_HTTP__LISTEN_TLS": f"127.0.0.1:{port}",
        "HIE_SYSLOG__LISTEN_TLS": "",
    }
    with running(tmp_path_factory.mktemp("arr") / "data", environment) as service, closing(Trail(service)) as trail:
        yield Repository(service, trail, port, authority)


def a_sample(**changes: Any) -> bytes:
    return json.dumps({**json.loads(sample("audit-fhir", SAMPLE)), **changes}).encode()


def test_an_event_of_another_system_is_kept_and_read_again_as_it_was(repository: Repository) -> None:
    sent = sample("audit-fhir", SAMPLE)

    status, created, headers = repository.call("pacs", "POST", "/AuditEvent", sent)
    path = headers["Location"].removeprefix(repository.base)
    again, found, _ = repository.call("pacs", "GET", path)

    assert (status, again, found) == (201, 200, created)
    assert AuditEvent.model_validate(found).recorded.isoformat() == "2020-04-29T09:49:00+00:00"
    assert {k: v for k, v in found.items() if k not in ("id", "meta")} == {
        k: v for k, v in json.loads(sent).items() if k not in ("id", "meta")
    }


def test_it_is_found_by_search(repository: Repository) -> None:
    repository.call("pacs", "POST", "/AuditEvent", a_sample(agent=[{"requestor": True, "altId": "amy-1"}]))

    status, bundle, _ = repository.call("pacs", "GET", "/AuditEvent?date=ge2020-04-29&date=lt2020-04-30&altid=amy-1")

    assert status == 200
    assert [entry.resource.agent[0].altId for entry in Bundle.model_validate(bundle).entry] == ["amy-1"]


def test_every_fault_is_told_in_one_answer(repository: Repository) -> None:
    status, outcome, _ = repository.call("pacs", "POST", "/AuditEvent", a_sample(outcome="9", agent=[], recorded="yesterday"))

    told = " ".join(issue.diagnostics for issue in OperationOutcome.model_validate(outcome).issue)
    assert status == 400
    assert all(path in told for path in ("AuditEvent.agent", "AuditEvent.recorded"))


def test_who_may_not_send_is_refused_and_on_record(repository: Repository) -> None:
    mark = repository.trail.settled()

    status, outcome, _ = repository.call("ehr", "POST", "/AuditEvent", a_sample())

    OperationOutcome.model_validate(outcome)
    assert status == 403
    repository.trail.expect(mark, "110126", lambda r: b"ITI-20" in r.xml and b"CN=ehr" in r.xml)


def test_what_is_no_resource_is_refused_and_on_record(repository: Repository) -> None:
    mark = repository.trail.settled()

    status, outcome, _ = repository.call("pacs", "POST", "/AuditEvent", b'{"resourceType":"AuditEvent","name":"M\xfcller"}')

    OperationOutcome.model_validate(outcome)
    assert status == 400
    (record,) = repository.trail.expect(mark, "unreadable-message", lambda _: True)
    assert b"CN=pacs" in record.xml


def test_the_log_verifies_with_what_came_as_fhir(repository: Repository) -> None:
    repository.call("pacs", "POST", "/AuditEvent", a_sample())
    repository.trail.settled()

    verified = hie("audit", "verify", "--data", str(repository.service.data), "--json", environment=repository.service.environment)

    assert verified.code == 0


@pytest.fixture
def sending(tmp_path: Path, repository: Repository) -> Iterator[Service]:
    """A service whose audit messages go to the repository."""
    files = repository.authority.issue("affinity")
    environment = {
        **OPEN_DOMAIN,
        "HIE_TLS__CERTIFICATE": str(files.certificate),
        "HIE_TLS__KEY": str(files.key),
        "HIE_TLS__TRUST": str(repository.authority.trust),
        "HIE_AUDIT__TARGETS": f'[{{ name = "national", url = "{repository.base}" }}]',
        "HIE_AUDIT__SOURCE_ID": "sending",
        "HIE_SYSLOG__LISTEN_TLS": "",
    }
    with running(tmp_path / "data", environment) as service:
        yield service


def test_our_messages_reach_a_repository_as_audit_events_in_their_order(repository: Repository, sending: Service) -> None:
    mark = repository.trail.settled()
    names = [f"S{number}" for number in range(30)]
    for name in names:
        mllp_call(MllpAddress("127.0.0.1", sending.mllp_port), admission(pid(name)))

    with closing(Trail(sending)) as theirs:
        wait_for(lambda: theirs.waiting() == 0)
        ours = [r.xml for r in theirs.since(0)]
    came = [r.xml for r in repository.trail.since(mark) if b'AuditSourceID="sending"' in r.xml]

    fed = [next(name for name in names if f'"{name}^'.encode() in xml) for xml in came if b"ITI-8" in xml]
    assert fed == names
    assert came == ours
