"""Audit messages on the wire."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from atna import transport
from atna.events import AuditedQuery, pdq
from atna.feed import Waiting
from atna.message import Outcome
from atna.reader import read
from atna.syslog import Sender, SyslogDecoder, parse
from atna.transport import Address, DatagramSink, StreamSink, fitted
from kernel.errors import Unavailable
from kernel.tls import TlsPipe, client_context, server_context
from tests.support.audit import CONTEXT, WHEN, a_subject, an_event
from tests.support.certificates import Authority

US = Sender("host", "app", "1")
SECONDS = 10
Serve = Callable[[socket.socket], None]


def waiting(*messages: bytes) -> list[Waiting]:
    return [Waiting(n, 1_795_343_001_125, message) for n, message in enumerate(messages, start=1)]


def a_clock(*times: float) -> Callable[[], float]:
    rest = list(times)
    return lambda: rest.pop(0) if len(rest) > 1 else rest[0]


@contextmanager
def served(serve: Serve) -> Iterator[Address]:
    """A listener that gives its one connection to `serve`."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(SECONDS)

        def run() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(SECONDS)
                serve(connection)

        thread = threading.Thread(target=run)
        thread.start()
        yield Address("127.0.0.1", listener.getsockname()[1])
        thread.join(SECONDS)
        assert not thread.is_alive()


def bodies(wire: bytes) -> list[bytes]:
    decoder = SyslogDecoder(limit=1 << 20)
    decoder.feed(wire)
    frames = decoder.close()
    assert not any(f.flaws for f in frames)
    return [parse(f.data).body for f in frames]


def test_a_batch_is_taken_when_the_other_end_has_read_it_and_closed() -> None:
    read_by_them = bytearray()

    def serve(connection: socket.socket) -> None:
        while data := connection.recv(65536):
            read_by_them.extend(data)

    messages = [an_event(user=f"ü-{n}").to_xml() for n in range(50)]
    with served(serve) as address:
        StreamSink(address, US, monotonic=a_clock(0)).send(waiting(*messages))

    assert bodies(bytes(read_by_them)) == messages
    assert b"<85>1 2026-11-22T10:23:21.125Z host app 1 IHE+RFC-3881 - <AuditMessage" in bytes(read_by_them)


def test_a_batch_that_the_other_end_did_not_read_is_not_taken() -> None:
    def serve(connection: socket.socket) -> None:
        connection.recv(1)  # and closes with the rest unread, which resets the connection

    with served(serve) as address, pytest.raises(Unavailable) as raised:
        StreamSink(address, US, monotonic=a_clock(0)).send(waiting(*[b"x" * 1000] * 3))

    assert raised.value.detail.endswith("the other side cut the connection")


def test_an_end_that_never_closes_has_taken_what_its_kernel_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "CLOSE_SECONDS", 0.2)
    done = threading.Event()

    with served(lambda _: assert_set(done)) as address:
        StreamSink(address, US, monotonic=a_clock(0)).send(waiting(b"x"))
        done.set()


def assert_set(done: threading.Event) -> None:
    assert done.wait(SECONDS)


def test_an_end_that_reads_nothing_of_much_has_not_taken_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "SEND_SECONDS", 0.2)
    done = threading.Event()

    with served(lambda _: assert_set(done)) as address:
        with pytest.raises(Unavailable) as raised:
            StreamSink(address, US, monotonic=a_clock(0)).send(waiting(b"x" * (32 << 20)))
        done.set()

    assert "in time" in raised.value.detail


def test_nobody_there_is_told_and_not_tried_again_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    sink = StreamSink(Address("127.0.0.1", port), US, monotonic=a_clock(0.0, 0.0, 0.5, 1.0, 1.0))

    with pytest.raises(Unavailable, match="PEER_UNAVAILABLE") as first:
        sink.send(waiting(b"x"))
    with pytest.raises(Unavailable) as second:
        sink.send(waiting(b"x"))
    with pytest.raises(Unavailable) as third:
        sink.send(waiting(b"x"))

    assert [raised.value.detail.rpartition(": ")[2] for raised in (first, second, third)] == [
        "nobody listens there",
        "it is tried again in a while",
        "nobody listens there",
    ]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


def serve_tls(authority: Authority, read_by_them: bytearray, *, with_alert: bool = True) -> Serve:
    context = server_context(authority.issue("server"), client_certificate=True)

    def serve(connection: socket.socket) -> None:
        pipe = TlsPipe(context)
        while not pipe.is_ended and (data := connection.recv(65536)):
            try:
                read_by_them.extend(pipe.receive(data))
            except OSError:
                connection.sendall(pipe.outgoing())
                return
            connection.sendall(pipe.outgoing())
        if with_alert:
            pipe.close()
            connection.sendall(pipe.outgoing())

    return serve


@pytest.mark.parametrize("with_alert", [True, False])
def test_a_batch_goes_over_tls(authority: Authority, with_alert: bool) -> None:
    read_by_them = bytearray()
    tls = client_context(authority.issue("us"))
    messages = [an_event(user=f"user-{n}").to_xml() for n in range(100)]

    with served(serve_tls(authority, read_by_them, with_alert=with_alert)) as address:
        StreamSink(address, US, monotonic=a_clock(0), tls=tls).send(waiting(*messages))

    assert bodies(bytes(read_by_them)) == messages


def test_a_refusal_of_our_certificate_is_told_though_the_handshake_seemed_done(authority: Authority) -> None:
    tls = client_context(None, trust=authority.trust)

    with served(serve_tls(authority, bytearray())) as address, pytest.raises(Unavailable) as raised:
        StreamSink(address, US, monotonic=a_clock(0), tls=tls).send(waiting(b"x"))

    assert raised.value.detail.endswith(("demands a certificate and we showed none", "the other side cut the connection"))


def test_a_server_that_is_not_trusted_gets_nothing(authority: Authority, tmp_path: Path) -> None:
    read_by_them = bytearray()
    tls = client_context(None, trust=Authority(tmp_path, "Other CA").trust)

    with served(serve_tls(authority, read_by_them)) as address, pytest.raises(Unavailable) as raised:
        StreamSink(address, US, monotonic=a_clock(0), tls=tls).send(waiting(b"secret"))

    assert raised.value.detail.endswith("issued by an authority that is not trusted")
    assert read_by_them == b""


def test_a_server_that_ends_within_the_handshake_is_told(authority: Authority) -> None:
    tls = client_context(authority.issue("us"))

    def serve(connection: socket.socket) -> None:
        connection.recv(65536)

    with served(serve) as address, pytest.raises(Unavailable):
        StreamSink(address, US, monotonic=a_clock(0), tls=tls).send(waiting(b"x"))


def test_datagrams_hold_a_message_each() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(SECONDS)
        sink = DatagramSink(Address("127.0.0.1", receiver.getsockname()[1]), US, monotonic=a_clock(0))

        sink.send(waiting(b"one", b"two"))

        assert [parse(receiver.recv(65536)).body for _ in range(2)] == [b"one", b"two"]


def test_a_message_too_long_for_a_datagram_goes_without_its_query() -> None:
    query = AuditedQuery(b"q" * 100_000, "id")
    message = pdq(CONTEXT, a_subject(), when=WHEN, outcome=Outcome.SUCCESS, query=query)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(SECONDS)
        sink = DatagramSink(Address("127.0.0.1", receiver.getsockname()[1]), US, monotonic=a_clock(0))

        sink.send(waiting(message.to_xml()))

        got = read(parse(receiver.recv(65536)).body)
    assert got.objects[0].query is None
    assert ("originalLength", b"100000") in got.objects[0].details
    assert got.participants == message.participants


def test_what_cannot_be_shortened_is_cut_for_a_datagram() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(SECONDS)
        sink = DatagramSink(Address("127.0.0.1", receiver.getsockname()[1]), US, monotonic=a_clock(0))

        sink.send(waiting(b"x" * 100_000))

        assert len(receiver.recv(1 << 17)) == transport.DATAGRAM_LIMIT


def test_a_message_that_fits_stays_as_it_is() -> None:
    xml = an_event().to_xml()

    assert fitted(xml, len(xml)) is xml


def test_a_name_that_is_none_is_told() -> None:
    sink = DatagramSink(Address("no host", 1), US, monotonic=a_clock(0))

    with pytest.raises(Unavailable):
        sink.send(waiting(b"x"))
