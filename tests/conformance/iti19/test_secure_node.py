"""ITI-19 on the TLS listeners of a running service: who is let in, what is asked of registered nodes, what is put on the record."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.mllp_client import MllpAddress, mllp_call
from atna.syslog import Sender, encode, frame
from hl7v2.mllp import frame as framed_v2
from kernel.tls import TlsFiles, client_context
from tests.support import v3
from tests.support.audit import WHEN, an_event
from tests.support.bad_nodes import BadNode, bad_nodes, is_let_in
from tests.support.certificates import Authority
from tests.support.messages import ACTION_42, Entry, envelope, find_documents, submission
from tests.support.postgres import free_port
from tests.support.service import OPEN_DOMAIN, Service, running
from tests.support.trail import Record, Trail
from tests.support.v2 import admission, pid

EHR, LAB = "ehr", "lab"
SUBJECT = "CN={},O=Tests\\, Inc.,C=US"
QUERY = "urn:ihe:iti:2007:RegistryStoredQuery"


@dataclass
class Secured:
    """A running service with TLS on every listener."""

    service: Service
    authority: Authority
    ports: dict[str, int]
    nodes: dict[str, TlsFiles]
    server: TlsFiles
    bad: list[BadNode]

    def client(self, node: str) -> TlsFiles:
        return self.nodes[node]


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    folder = tmp_path_factory.mktemp("secured")
    authority = Authority(folder)
    server = authority.issue("server")
    nodes = {name: authority.issue(name) for name in (EHR, LAB, "unlisted")}
    out = authority.issue("thrown-out")
    ports = {name: free_port() for name in ("http", "mllp", "syslog")}
    registered = [
        {"name": "EHR", "subject": SUBJECT.format(EHR), "may": ["*"], "speaks_as": ["A|ADT", "2.999.5"]},
        {"name": "Laboratory", "subject": SUBJECT.format(LAB), "may": ["ITI-20", "ITI-41"]},
    ]
    nodes_toml = ", ".join("{ " + ", ".join(f"{k} = {json.dumps(v)}" for k, v in n.items()) + " }" for n in registered)
    environment = {
        **OPEN_DOMAIN,
        "HIE_TLS__CERTIFICATE": str(server.certificate),
        "HIE_TLS__KEY": str(server.key),
        "HIE_TLS__TRUST": str(authority.trust),
        "HIE_TLS__REVOKED": str(authority.revoke(out)),
        "HIE_TLS__NODES": f"[{nodes_toml}]",
        "HIE_HTTP__LISTEN_TLS": f"127.0.0.1:{ports['http']}",
        "HIE_MLLP__LISTEN_TLS": f"127.0.0.1:{ports['mllp']}",
        "HIE_SYSLOG__LISTEN_TLS": f"127.0.0.1:{ports['syslog']}",
    }
    with running(folder / "data", environment) as service:
        yield Secured(service, authority, ports, nodes, server, bad_nodes(authority, folder, out))


@pytest.fixture
def trail(secured: Secured) -> Iterator[Trail]:
    with closing(Trail(secured.service)) as found:
        yield found


SAYS = {
    "http": b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    "mllp": framed_v2(admission(pid("N1"))),
    "syslog": frame(encode(an_event().to_xml(), Sender("host", "app", "1"), WHEN)),
}


def is_alert(record: Record) -> bool:
    return record.event_id == "110113"


def posted(secured: Secured, node: str, action: str, body: str, path: str = "/xds/registry") -> str:
    context = client_context(secured.client(node))
    connection = http.client.HTTPSConnection("localhost", secured.ports["http"], timeout=20, context=context)
    with closing(connection):
        connection.request("POST", path, envelope(action, body), {"Content-Type": "application/soap+xml"})
        return connection.getresponse().read().decode()


@pytest.mark.parametrize("listener", sorted(SAYS))
def test_every_bad_certificate_is_refused_and_put_on_the_record(secured: Secured, trail: Trail, listener: str) -> None:
    for node in secured.bad:
        mark = trail.mark()

        let_in = is_let_in(secured.ports[listener], node, secured.authority.trust, SAYS[listener])

        (record,) = trail.expect(mark, "110126", is_alert)
        assert not let_in, node.kind
        assert node.words in record.event.findtext("EventOutcomeDescription", ""), node.kind
        assert (record.outcome, record.action) == ("8", "E")
        assert record.root.findall("ActiveParticipant")[1].get("NetworkAccessPointID") == "127.0.0.1"
        assert str(secured.ports[listener]) in record.object_ids[0]


def test_the_subject_of_the_certificate_stands_in_the_record(secured: Secured, trail: Trail) -> None:
    mark = trail.mark()

    answer = mllp_call(
        MllpAddress("localhost", secured.ports["mllp"], tls=client_context(secured.client(EHR))), admission(pid("N2"))
    ).decode()

    (record,) = trail.expect(mark, "ITI-8", lambda r: r.outcome == "0")
    assert "MSA|AA" in answer
    assert record.root.find("ActiveParticipant").get("UserName") == SUBJECT.format(EHR)


@pytest.mark.parametrize(
    ("node", "sender", "why"),
    [(EHR, "PRETENDER|A", "speak as"), (LAB, "ADT|A", "ITI-8"), ("unlisted", "ADT|A", "no registered node")],
)
def test_a_node_may_ask_over_mllp_only_for_what_it_is_registered_for(
    secured: Secured, trail: Trail, node: str, sender: str, why: str
) -> None:
    mark = trail.mark()
    address = MllpAddress("localhost", secured.ports["mllp"], tls=client_context(secured.client(node)))

    answer = mllp_call(address, admission(pid("N3"), sender=sender)).decode()

    (record,) = trail.expect(mark, "ITI-8", lambda r: r.outcome == "8")
    assert "MSA|AA" not in answer
    assert why in answer
    assert "NOT_ALLOWED" in record.event.findtext("EventOutcomeDescription", "")
    assert record.root.find("ActiveParticipant").get("UserName") == SUBJECT.format(node)


def test_a_node_may_ask_over_soap_only_for_what_it_is_registered_for(secured: Secured, trail: Trail) -> None:
    query = find_documents("N2^^^&2.999.1.1&ISO")
    mark = trail.mark()

    refused, unlisted, taken = (posted(secured, node, QUERY, query) for node in (LAB, "unlisted", EHR))

    assert "may not do this" in refused
    assert "may not do this" in unlisted
    assert "ResponseStatusType:" in taken
    trail.expect(mark, "ITI-18", lambda r: r.outcome == "8" and "NOT_ALLOWED" in r.xml.decode(), count=2)


@pytest.mark.parametrize(("source", "is_its_own"), [("2.999.5", True), ("2.999.6", False)])
def test_a_node_submits_under_its_own_source_id(secured: Secured, trail: Trail, source: str, is_its_own: bool) -> None:
    body = submission(Entry("N9^^^&2.999.1.1&ISO")).replace('value="2.999.5"', f'value="{source}"')
    mark = trail.mark()

    answer = posted(secured, EHR, ACTION_42, body)

    (record,) = trail.expect(mark, "ITI-42", lambda r: r.outcome == "8")
    assert ("may not do this" in answer) is not is_its_own
    assert ("NOT_ALLOWED" in record.event.findtext("EventOutcomeDescription", "")) is not is_its_own


@pytest.mark.parametrize(("device", "is_its_own"), [("2.999.5", True), ("2.999.6", False)])
def test_a_node_speaks_hl7_v3_as_its_own_device(secured: Secured, trail: Trail, device: str, is_its_own: bool) -> None:
    body = v3.pix(v3.HOSPITAL, "N9").replace(v3.DEVICE, device)
    mark = trail.mark()

    answer = posted(secured, EHR, "urn:hl7-org:v3:PRPA_IN201309UV02", body, "/pix")

    trail.expect(mark, "ITI-45", lambda r: ("NOT_ALLOWED" in r.xml.decode()) is not is_its_own)
    assert ("may not do this" in answer) is not is_its_own


def test_a_node_that_is_not_registered_may_send_no_audit_message(secured: Secured, trail: Trail) -> None:
    mark = trail.settled()
    stranger = BadNode("unlisted", secured.client("unlisted"), "")

    is_let_in(secured.ports["syslog"], stranger, secured.authority.trust, SAYS["syslog"])

    (alert,) = trail.expect(mark, "110126", is_alert)
    assert "no registered node" in alert.event.findtext("EventOutcomeDescription", "")
    assert alert.root.findall("ActiveParticipant")[1].get("UserID") == SUBJECT.format("unlisted")
    assert trail.since(mark, "ITI-18") == []


def test_a_revocation_is_taken_and_expiry_is_shown_without_a_restart(secured: Secured, trail: Trail) -> None:
    address = MllpAddress("localhost", secured.ports["mllp"], tls=client_context(secured.client(LAB)))
    assert "MSA|" in mllp_call(address, admission(pid("N4"))).decode()

    secured.authority.revoke(secured.client(LAB))

    lab = BadNode("revoked", secured.client(LAB), "revoked")
    deadline = time.monotonic() + 20
    while is_let_in(secured.ports["mllp"], lab, secured.authority.trust, SAYS["mllp"]):
        assert time.monotonic() < deadline, "the new revocation list was not taken"
    (line,) = (line for line in metrics(secured).splitlines() if line.startswith("hie_certificate_expires_seconds "))
    assert 89 * 86_400 < float(line.split()[1]) < 91 * 86_400
    assert 'hie_nodes_refused_total{listener="mllp"}' in metrics(secured)


def metrics(secured: Secured) -> str:
    with closing(http.client.HTTPConnection("127.0.0.1", secured.service.http_port, timeout=20)) as connection:
        connection.request("GET", "/metrics")
        return connection.getresponse().read().decode()


def test_nothing_of_this_costs_the_log_a_name(secured: Secured) -> None:
    said = (Path(secured.service.data) / "stderr.log").read_text()

    assert "Rivera" not in said
