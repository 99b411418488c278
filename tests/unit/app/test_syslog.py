"""The syslog listeners, with real sockets on this machine."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from app.syslog import SyslogAddresses, SyslogLimits, SyslogListener
from arr.model import AuditRecord, AuditSearch, Channel, Received
from arr.service import AuditService
from arr.tables import METADATA
from arr.transactions.iti20_record_audit_event import RecordAuditEvent
from atna.syslog import Sender, encode, frame
from kernel.database import Database
from kernel.errors import Condition, Unavailable, violation
from kernel.outbox import METADATA as OUTBOX
from kernel.peer import Peer
from kernel.times import system_clock
from kernel.tls import NodeRefused, TlsFiles, TlsPipe, client_context, server_context
from tests.support.arr import a_service
from tests.support.audit import WHEN, a_subject, an_event
from tests.support.certificates import Authority

HERE = ("127.0.0.1", 0)
SECONDS = 10
AUDITOR = a_subject(user="auditor")
Start = Callable[..., tuple[SyslogListener, dict[Channel, int]]]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[AuditService]:
    database = Database(f"sqlite:///{tmp_path / 'arr.db'}", clock=system_clock)
    for metadata in (OUTBOX, METADATA):
        metadata.create_all(database.engine)
    yield a_service(database)
    database.close()


@pytest.fixture
def start(service: AuditService) -> Iterator[Start]:
    with contextlib.ExitStack() as stack:

        def run(
            addresses: SyslogAddresses,
            *,
            limits: SyslogLimits | None = None,
            door: RecordAuditEvent | None = None,
            tls: ssl.SSLContext | None = None,
            refused: NodeRefused = lambda *_: None,
            admits: Callable[[Peer], str] = lambda _peer: "",
        ) -> tuple[SyslogListener, dict[Channel, int]]:
            door = door or RecordAuditEvent(service, system_clock)
            listener = SyslogListener(door, addresses, limits=limits or SyslogLimits(), tls=tls, refused=refused, admits=admits)
            ports = listener.start()
            stack.callback(listener.stop)
            return listener, ports

        yield run


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def node(authority: Authority) -> TlsFiles:
    return authority.issue("node")


@pytest.fixture(scope="module")
def server(authority: Authority) -> ssl.SSLContext:
    return server_context(authority.issue("server"), client_certificate=True)


def a_message(number: int = 0) -> bytes:
    return encode(an_event(user=f"user-{number}").to_xml(), Sender("host", "app", "1"), WHEN)


def recorded(service: AuditService, count: int) -> list[AuditRecord]:
    """The records, oldest first, as soon as there are so many."""
    wait_for(lambda: len(service.search(AuditSearch(), AUDITOR, limit=1000).records) >= count)
    page = service.search(AuditSearch(), AUDITOR, limit=1000)
    return sorted(page.records, key=lambda r: r.sequence)


def wait_for(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not is_so():
        assert time.monotonic() < deadline, "it did not come about in time"
        threading.Event().wait(0.01)


def sent(port: int, data: bytes) -> bytes:
    """Sends over TCP, ends the stream, and waits until the other end has closed it."""
    with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        return connection.recv(1)


def sent_over_tls(port: int, files: TlsFiles | None, data: bytes, trust: Path) -> None:
    """Sends over TLS, says that nothing follows, and waits until the other end has closed. Raises what it says instead."""
    pipe = TlsPipe(client_context(files, trust=trust), server_hostname="localhost")
    with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as connection:
        pipe.receive()
        while not pipe.is_ready:
            connection.sendall(pipe.outgoing())
            pipe.receive(connection.recv(65536))
        pipe.send(data)
        pipe.close()
        connection.sendall(pipe.outgoing())
        while not pipe.is_ended:
            pipe.receive(connection.recv(65536) or b"ended without a word")


class _Away(RecordAuditEvent):
    """A repository whose database is away until it is told that it is back."""

    def __init__(self, service: AuditService) -> None:
        super().__init__(service, system_clock)
        self.is_away = True
        self.tries = 0

    def record(self, messages: Sequence[Received]) -> None:
        self.tries += 1
        if self.is_away:
            raise Unavailable(violation(Condition.BUSY, "database", "away"))
        super().record(messages)


def test_a_datagram_is_a_record(start: Start, service: AuditService) -> None:
    _, ports = start(SyslogAddresses(udp=HERE))

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        for number in range(3):
            client.sendto(a_message(number), ("127.0.0.1", ports[Channel.UDP]))

    found = recorded(service, 3)
    assert [r.received.data for r in found] == [a_message(n) for n in range(3)]
    assert {(r.received.channel, r.received.peer) for r in found} == {(Channel.UDP, "127.0.0.1")}


def test_a_stream_that_was_ended_is_closed_when_all_of_it_is_recorded(start: Start, service: AuditService) -> None:
    _, ports = start(SyslogAddresses(tcp=HERE))

    answer = sent(ports[Channel.TCP], b"".join(frame(a_message(n)) for n in range(700)))

    assert answer == b""
    assert [r.received.data for r in recorded(service, 700)] == [a_message(n) for n in range(700)]


def test_flaws_of_frames_are_kept_with_the_record(start: Start, service: AuditService) -> None:
    listener, ports = start(SyslogAddresses(tcp=HERE))

    sent(ports[Channel.TCP], b"7 " + a_message() + frame(a_message()) + b"hello")

    first, second, third = recorded(service, 3)
    assert (first.summary.flaws, second.summary.flaws) == ("LENGTH_TOO_SMALL", "")
    assert (third.received.data, third.summary.is_readable) == (b"hello", False)
    assert listener.counters.flawed == 1


def test_the_name_in_the_certificate_is_kept_with_the_record(
    start: Start, service: AuditService, authority: Authority, node: TlsFiles, server: ssl.SSLContext
) -> None:
    _, ports = start(SyslogAddresses(tls=HERE), tls=server)

    sent_over_tls(ports[Channel.TLS], node, b"".join(frame(a_message(n)) for n in range(300)), authority.trust)

    found = recorded(service, 300)
    assert [r.received.data for r in found] == [a_message(n) for n in range(300)]
    assert {(r.received.channel, r.received.certificate_subject) for r in found} == {(Channel.TLS, "CN=node,O=Tests\\, Inc.,C=US")}


def test_a_client_without_a_certificate_is_refused_and_told_of(
    start: Start, service: AuditService, authority: Authority, server: ssl.SSLContext
) -> None:
    told: list[tuple[str, str]] = []
    listener, ports = start(SyslogAddresses(tls=HERE), tls=server, refused=lambda peer, reason: told.append((peer.address, reason)))

    with pytest.raises(ssl.SSLError, match="certificate required"):
        sent_over_tls(ports[Channel.TLS], None, frame(a_message()), authority.trust)

    wait_for(lambda: bool(told))
    assert told == [("127.0.0.1", "the other side showed no certificate, and one is demanded")]
    assert listener.counters.handshakes_failed == 1
    assert service.search(AuditSearch(), AUDITOR).records == ()


def test_a_node_that_may_not_send_is_refused_by_the_name_in_its_certificate(
    start: Start, service: AuditService, authority: Authority, node: TlsFiles, server: ssl.SSLContext
) -> None:
    told: list[tuple[str, str]] = []
    _, ports = start(
        SyslogAddresses(tls=HERE),
        tls=server,
        refused=lambda peer, reason: told.append((peer.certificate_subject, reason)),
        admits=lambda peer: "not this one" if "CN=node" in peer.certificate_subject else "",
    )

    with contextlib.suppress(OSError):
        sent_over_tls(ports[Channel.TLS], node, frame(a_message()), authority.trust)

    wait_for(lambda: bool(told))
    assert told == [("CN=node,O=Tests\\, Inc.,C=US", "not this one")]
    assert service.search(AuditSearch(), AUDITOR).records == ()


def test_plain_text_at_the_tls_port_is_refused(start: Start, server: ssl.SSLContext) -> None:
    told: list[str] = []
    _, ports = start(SyslogAddresses(tls=HERE), tls=server, refused=lambda _peer, reason: told.append(reason))

    sent(ports[Channel.TLS], frame(a_message()))

    wait_for(lambda: bool(told))
    assert len(told) == 1


def test_a_port_scan_is_no_failed_handshake(start: Start, server: ssl.SSLContext) -> None:
    listener, ports = start(SyslogAddresses(tls=HERE), tls=server)

    assert sent(ports[Channel.TLS], b"") == b""

    wait_for(lambda: listener.counters.connections_open == 0)
    assert listener.counters.handshakes_failed == 0


def test_a_handshake_that_stalls_is_ended(start: Start, server: ssl.SSLContext) -> None:
    listener, ports = start(SyslogAddresses(tls=HERE), tls=server, limits=SyslogLimits(partial_seconds=0.1))

    with socket.create_connection(("127.0.0.1", ports[Channel.TLS]), timeout=SECONDS) as client:
        client.sendall(b"\x16\x03\x01")
        assert client.recv(1) == b""

    assert listener.counters.handshakes_failed == 1


def test_a_message_that_never_ends_is_recorded_as_far_as_it_came(start: Start, service: AuditService) -> None:
    _, ports = start(SyslogAddresses(tcp=HERE), limits=SyslogLimits(partial_seconds=0.1))

    with socket.create_connection(("127.0.0.1", ports[Channel.TCP]), timeout=SECONDS) as client:
        client.sendall(frame(a_message())[:-5])
        assert client.recv(1) == b""

    (record,) = recorded(service, 1)
    assert record.received.data == a_message()[:-5]
    assert record.received.flaws == ("CUT_OFF",)


def test_a_connection_cut_in_the_middle_leaves_what_came(start: Start, service: AuditService) -> None:
    _, ports = start(SyslogAddresses(tcp=HERE))

    client = socket.create_connection(("127.0.0.1", ports[Channel.TCP]), timeout=SECONDS)
    client.sendall(frame(a_message(1)) + frame(a_message(2))[:50])
    recorded(service, 1)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    client.close()

    assert recorded(service, 1)[0].received.data == a_message(1)


def test_a_silent_connection_is_closed(start: Start) -> None:
    _, ports = start(SyslogAddresses(tcp=HERE), limits=SyslogLimits(idle_seconds=0.1))

    with socket.create_connection(("127.0.0.1", ports[Channel.TCP]), timeout=SECONDS) as client:
        assert client.recv(1) == b""


def test_more_connections_than_the_limit_are_cut(start: Start, service: AuditService) -> None:
    listener, ports = start(SyslogAddresses(tcp=HERE), limits=SyslogLimits(connections=1))

    with socket.create_connection(("127.0.0.1", ports[Channel.TCP]), timeout=SECONDS) as first:
        wait_for(lambda: listener.counters.connections_open == 1)
        second = socket.create_connection(("127.0.0.1", ports[Channel.TCP]), timeout=SECONDS)
        with second, contextlib.suppress(ConnectionResetError):
            assert second.recv(1) == b""
        first.sendall(frame(a_message()))
        recorded(service, 1)

    assert listener.counters.connections_refused == 1


def test_nothing_is_lost_while_the_database_is_away(start: Start, service: AuditService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.syslog.RETRY_SECONDS", 0.01)
    door = _Away(service)
    listener, ports = start(
        SyslogAddresses(tcp=HERE, udp=HERE), door=door, limits=SyslogLimits(held_bytes=5_000, socket_bytes=1 << 20)
    )
    wire = b"".join(frame(a_message(n)) for n in range(200))
    client = threading.Thread(target=sent, args=(ports[Channel.TCP], wire))

    client.start()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        for number in range(20):
            datagrams.sendto(a_message(1000 + number), ("127.0.0.1", ports[Channel.UDP]))
    wait_for(lambda: door.tries > 3)
    door.is_away = False
    client.join(SECONDS)

    found = [r.received.data for r in recorded(service, 220)]
    assert not client.is_alive()
    assert [d for d in found if d in {a_message(n) for n in range(200)}] == [a_message(n) for n in range(200)]
    assert len(found) == 220
    assert listener.counters.retries > 0


def test_stopping_records_what_was_read(start: Start, service: AuditService) -> None:
    listener, ports = start(SyslogAddresses(tcp=HERE, udp=HERE))
    with socket.create_connection(("127.0.0.1", ports[Channel.TCP]), timeout=SECONDS) as client:
        client.sendall(b"".join(frame(a_message(n)) for n in range(100)) + b"99999 <85>1 half")
        wait_for(lambda: listener.counters.messages["tcp"] == 100)

        listener.stop()

        assert client.recv(1) == b""
    assert len(recorded(service, 101)) == 101


def test_an_address_that_is_taken_stops_the_start(service: AuditService) -> None:
    with socket.socket() as taken:
        taken.bind(HERE)
        taken.listen()
        listener = SyslogListener(
            RecordAuditEvent(service, system_clock), SyslogAddresses(tcp=taken.getsockname()), limits=SyslogLimits()
        )

        with pytest.raises(OSError, match="in use"):
            listener.start()


def test_tls_without_a_certificate_stops_the_start(service: AuditService) -> None:
    listener = SyslogListener(RecordAuditEvent(service, system_clock), SyslogAddresses(tls=HERE), limits=SyslogLimits())

    with pytest.raises(ValueError, match="certificate"):
        listener.start()
