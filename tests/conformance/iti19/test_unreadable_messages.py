"""What nobody could read, on the wire of a running service: an alert with the peer, nothing of what was sent, and no flood."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from app.alarms import BURST
from app.mllp_client import MllpAddress, mllp_call
from tests.support.messages import envelope
from tests.support.service import Service, running
from tests.support.trail import Record, Trail
from tests.support.v2 import admission, pid

CANARY = b"Zzyzxcanary"
ALERT = "unreadable-message"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One of its own: what others could not be read by would count with ours."""
    with running(tmp_path_factory.mktemp("unreadable") / "data") as running_service:
        yield running_service


def on_the_wire(port: int, data: bytes) -> bytes:
    """Sends bytes and reads until something comes back or the connection ends."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        try:
            connection.sendall(data)
            return connection.recv(1 << 16)
        except OSError:
            return b""


def posted(service: Service, path: str, body: bytes, kind: str) -> int:
    with closing(http.client.HTTPConnection("127.0.0.1", service.http_port, timeout=20)) as connection:
        connection.request("POST", path, body, {"Content-Type": kind})
        return connection.getresponse().status


def garbage_frame(service: Service) -> None:
    assert b"MSA|AR" in on_the_wire(service.mllp_port, b"\x0bPID|" + CANARY + b"\r\x1c\r")


def no_message_type(service: Service) -> None:
    answer = mllp_call(MllpAddress("127.0.0.1", service.mllp_port), b"MSH|^~\\&|" + CANARY + b"||||20261122||||P|2.5\rPID|||1\r")
    assert b"MSA|A" in answer


def no_frame(service: Service) -> None:
    on_the_wire(service.mllp_port, (b"GET /" + CANARY + b" HTTP/1.1\r\n\r\n") * 4_000)


def no_xml(service: Service) -> None:
    assert posted(service, "/xds/registry", b"<" + CANARY, "application/soap+xml") == 400


def no_such_action(service: Service) -> None:
    body = envelope("urn:affinity:nothing", "<x>" + CANARY.decode() + "</x>")
    assert posted(service, "/xds/registry", body, "application/soap+xml") in (400, 500)


def no_request_line(service: Service) -> None:
    assert b" 400 " in on_the_wire(service.http_port, CANARY + b"\r\n\r\n")


def two_lengths(service: Service) -> None:
    head = b"POST /" + CANARY + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    assert b" 400 " in on_the_wire(service.http_port, head)


def no_json(service: Service) -> None:
    assert posted(service, "/fhir/AuditEvent", b"{" + CANARY, "application/fhir+json") == 400


@pytest.mark.parametrize(
    "sent",
    [garbage_frame, no_message_type, no_frame, no_xml, no_such_action, no_request_line, two_lengths, no_json],
    ids=lambda f: f.__name__,
)
def test_it_leaves_an_alert_with_the_peer_and_without_its_content(
    service: Service, trail: Trail, sent: Callable[[Service], None]
) -> None:
    mark = trail.settled()

    sent(service)

    def is_ours(record: Record) -> bool:
        return b'NetworkAccessPointID="127.0.0.1"' in record.xml

    (record,) = trail.expect(mark, ALERT, is_ours)
    assert (record.event_id, record.outcome) == ("110113", "4")
    assert CANARY not in record.xml


def test_a_flood_does_not_fill_the_log(service: Service, trail: Trail) -> None:
    mark = trail.settled()

    for _ in range(200):
        on_the_wire(service.mllp_port, b"\x0bnothing\x1c\r")
    mllp_call(MllpAddress("127.0.0.1", service.mllp_port), admission(pid("AFTER")))
    trail.expect(mark, "ITI-8", lambda _: True)

    assert len(trail.since(mark, ALERT)) <= 2 * BURST
