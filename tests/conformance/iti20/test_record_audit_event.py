"""ITI-20: audit messages of others, over UDP and over TLS, kept as they came, found by whom they are about (ITI TF-2 3.20)."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator

import pytest

from tests.support.brokers import wait_for
from tests.support.certificates import Authority
from tests.support.command import hie
from tests.support.ports import free_port
from tests.support.service import OPEN_DOMAIN, Service, running
from tests.support.shared import sample
from tests.support.trail import Trail

SAMPLES = ["start.xml", "stop.xml", "pixfeed.xml", "pixfeedmerge.xml", "pdqv3.xml"]
BOM = b"\xef\xbb\xbf"


def syslog(xml: bytes, *, message_id: str = "IHE+RFC-3881", bom: bytes = b"") -> bytes:
    """A message of RFC 5424."""
    return f"<85>1 2026-11-22T10:15:00Z ehr.example.org EHR 4711 {message_id} - ".encode() + bom + xml


def send(service: Service, message: bytes) -> None:
    """A datagram."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(message, ("127.0.0.1", service.syslog_port))


def kept(trail: Trail, mark: int, content: bytes) -> None:
    """Waits until a record with this content is there."""
    wait_for(lambda: any(content in record.xml for record in trail.since(mark)))


@pytest.mark.parametrize("name", SAMPLES)
def test_a_recorded_message_is_kept_as_it_came(service: Service, trail: Trail, name: str) -> None:
    mark, xml = trail.mark(), sample("iti-20", name)

    send(service, syslog(xml))

    kept(trail, mark, xml[xml.index(b"<AuditMessage") :].strip())


@pytest.mark.parametrize(
    "message",
    [
        syslog(b"<AuditMessage><!-- DICOM --></AuditMessage>", message_id="DICOM+RFC3881"),
        syslog(b"<AuditMessage><!-- BOM --></AuditMessage>", bom=BOM),
        syslog(b"<AuditMessage><!-- nothing --></AuditMessage>", message_id="-"),
    ],
    ids=["DICOM", "byte order mark", "no message id"],
)
def test_what_senders_do_differently_is_no_reason_to_lose_a_message(service: Service, trail: Trail, message: bytes) -> None:
    mark = trail.mark()

    send(service, message)

    kept(trail, mark, message[message.index(b"<AuditMessage") :])


def test_a_message_that_is_no_audit_message_is_kept_and_marked(service: Service, trail: Trail) -> None:
    mark = trail.mark()

    send(service, b"<34>1 2026-11-22T10:15:00Z host su - ID47 - 'su root' failed")
    send(service, b"\x00\xff not syslog at all")

    wait_for(lambda: trail.mark() >= mark + 2)


def test_a_message_of_another_system_is_found_by_its_patient(service: Service, trail: Trail) -> None:
    mark = trail.mark()
    send(service, syslog(sample("iti-20", "pixfeedmerge.xml").replace(b"MW-10001", b"MW-77777")))
    kept(trail, mark, b"MW-77777")

    wanted = ("--patient", "MW-77777^^^NIST2010&2.16.840.1.113883.3.72.5.9.1&ISO", "--data", str(service.data), "--json")
    found = hie("audit", "search", *wanted, environment=service.environment)

    assert [row["event"] for row in found.json] == ["ITI-8"]


# TLS


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Issues the certificates of this module."""
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[tuple[Service, int]]:
    """A service with a certificate, and the port where it takes audit messages over TLS."""
    files, port = authority.issue("server"), free_port()
    environment = {
        **OPEN_DOMAIN,
        "HIE_TLS__CERTIFICATE": str(files.certificate),
        "HIE_TLS__KEY": str(files.key),
        "HIE_TLS__TRUST": str(authority.trust),
    }
    with running(tmp_path_factory.mktemp("tls") / "data", environment, ("--syslog-tls", f"127.0.0.1:{port}")) as service:
        yield service, port


def connect(port: int, authority: Authority, name: str = "") -> ssl.SSLSocket:
    """A connection over TLS; with the certificate of a node, or without one."""
    context = ssl.create_default_context(cafile=str(authority.trust))
    if name:
        files = authority.issue(name)
        context.load_cert_chain(files.certificate, files.key)
    return context.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=20), server_hostname="localhost")


def test_frames_over_tls_are_kept_in_their_order(secure: tuple[Service, int], authority: Authority) -> None:
    service, port = secure
    trail = Trail(service)
    mark = trail.mark()
    messages = [syslog(sample("iti-20", name)) for name in SAMPLES]

    with connect(port, authority, "node") as wire:
        for message in messages:
            wire.sendall(f"{len(message)} ".encode() + message)
        wait_for(lambda: len(trail.since(mark)) >= len(messages))

    found = [record.xml for record in trail.since(mark) if b"<AuditMessage" in record.xml]
    trail.close()
    assert [x.strip()[-400:] for x in found] == [m.strip()[-400:] for m in messages]


def test_a_node_without_a_certificate_is_turned_away_and_on_record(secure: tuple[Service, int], authority: Authority) -> None:
    service, port = secure
    trail = Trail(service)
    mark = trail.mark()

    with pytest.raises(OSError), connect(port, authority) as wire:
        wire.sendall(b"5 hello")
        assert wire.recv(1)
        raise AssertionError("the connection was kept")

    wait_for(lambda: any(r.event_id == "110113" for r in trail.since(mark)))
    trail.close()
