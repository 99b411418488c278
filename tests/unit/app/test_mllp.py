"""app.mllp"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import trustme
from structlog.testing import capture_logs

from app.mllp import JUNK_LIMIT, MllpLimits, MllpListener
from app.mllp_client import MllpAddress, mllp_call
from hl7v2.mllp import MllpDecoder, frame
from kernel.errors import Unavailable
from kernel.peer import Peer

LIMITS = MllpLimits(message_bytes=10_000, idle_seconds=30, frame_seconds=30, threads=4)
Start = Callable[..., MllpListener]


def echo(message: bytes, peer: Peer) -> bytes:
    return b"re:" + message


@pytest.fixture
def start() -> Iterator[Start]:
    started: list[MllpListener] = []

    def make(dispatch: Callable[[bytes, Peer], bytes] = echo, **more: object) -> MllpListener:
        given: dict[str, object] = {"limits": LIMITS, **more}
        listener = MllpListener(dispatch, "127.0.0.1", 0, **given)  # type: ignore[arg-type]  # handed on as it came
        listener.start()
        started.append(listener)
        return listener

    yield make
    for listener in started:
        listener.stop(1)


def port_of(listener: MllpListener) -> int:
    return int(listener.endpoint.rpartition(":")[2])


def connect(listener: MllpListener) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port_of(listener)), 10)
    connection.settimeout(10)
    return connection


def answers(connection: socket.socket, number: int) -> list[bytes]:
    decoder, found = MllpDecoder(1 << 20), list[bytes]()
    while len(found) < number:
        data = connection.recv(65536)
        if not data:
            break
        decoder.feed(data)
        found += decoder.messages()
    return found


def until(condition: Callable[[], bool], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.005)
    return condition()


def is_closed(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True


def test_a_message_is_answered_on_its_connection(start: Start) -> None:
    listener = start()

    with connect(listener) as connection:
        connection.sendall(frame(b"MSH|1"))

        assert answers(connection, 1) == [b"re:MSH|1"]
    assert listener.messages == 1


def test_a_message_knows_its_peer(start: Start) -> None:
    peers: list[Peer] = []
    listener = start(lambda _, peer: peers.append(peer) or b"ok")
    listener.new_request_id = iter(["r1", "r2"]).__next__

    with connect(listener) as connection:
        connection.sendall(frame(b"1") + frame(b"2"))
        answers(connection, 2)

    assert peers[0] == Peer("127.0.0.1", listener.endpoint, "", "r1")
    assert peers[1].request_id == "r2"


def test_pipelined_messages_are_answered_in_order(start: Start) -> None:
    listener = start()
    sent = [b"m%d" % n for n in range(1000)]

    with connect(listener) as connection:
        writer = threading.Thread(target=connection.sendall, args=(b"".join(map(frame, sent)),))
        writer.start()
        received = answers(connection, len(sent))
        writer.join()

    assert received == [b"re:" + m for m in sent]


def test_messages_of_one_connection_are_handled_one_at_a_time(start: Start) -> None:
    at_once, most = [0], [0]
    lock = threading.Lock()

    def handler(message: bytes, peer: Peer) -> bytes:
        with lock:
            at_once[0] += 1
            most[0] = max(most[0], at_once[0])
        threading.Event().wait(0.002)
        with lock:
            at_once[0] -= 1
        return message

    with connect(start(handler)) as connection:
        connection.sendall(frame(b"x") * 20)
        answers(connection, 20)

    assert most == [1]


def test_an_empty_answer_is_not_sent(start: Start) -> None:
    listener = start(lambda m, _: b"" if m == b"1" else m)

    with connect(listener) as connection:
        connection.sendall(frame(b"1") + frame(b"2"))

        assert answers(connection, 1) == [b"2"]


def test_a_client_that_does_not_read_holds_no_other(start: Start) -> None:
    listener = start(lambda m, _: m * 1000)

    with connect(listener) as deaf, connect(listener) as other:
        deaf.setblocking(False)
        with pytest.raises(BlockingIOError):
            while True:
                deaf.send(frame(b"x" * 1000))
        other.sendall(frame(b"y"))

        assert answers(other, 1) == [b"y" * 1000]


def test_a_client_that_does_not_read_is_cut_off_in_time(start: Start) -> None:
    listener = start(lambda m, _: m * 1000, limits=MllpLimits(message_bytes=10_000, frame_seconds=0.2))

    with connect(listener) as deaf:
        deaf.setblocking(False)
        with pytest.raises(BlockingIOError):
            while True:
                deaf.send(frame(b"x" * 1000))

        assert until(lambda: listener.timeouts == 1)
        assert until(lambda: listener.connections_open == 0)


def test_a_slow_handler_holds_no_other_connection(start: Start) -> None:
    release = threading.Event()
    listener = start(lambda m, _: m if m != b"slow" else (release.wait(10) and m) or b"")

    with connect(listener) as slow, connect(listener) as other:
        slow.sendall(frame(b"slow"))
        other.sendall(frame(b"quick"))
        quick = answers(other, 1)
        release.set()

        assert (quick, answers(slow, 1)) == ([b"quick"], [b"slow"])


def test_an_idle_connection_is_closed(start: Start) -> None:
    listener = start(limits=MllpLimits(idle_seconds=0.05))

    with connect(listener) as connection:
        assert is_closed(connection)
    assert until(lambda: listener.connections_open == 0)


def look(listener: MllpListener, seconds_later: float) -> None:
    """Has the only connection looked at as if so much time had passed."""
    (connection,) = listener.connections
    done = threading.Event()

    def run() -> None:
        connection.close_if_late(listener.loop.time() + seconds_later)
        done.set()

    listener.loop.call_soon_threadsafe(run)
    assert done.wait(10)


def test_bytes_that_dribble_do_not_prolong_the_time_for_a_frame(start: Start) -> None:
    listener = start(limits=MllpLimits(frame_seconds=30))

    with connect(listener) as connection:
        connection.sendall(b"\x0bMSH")
        assert until(lambda: listener.held_bytes == 3)
        look(listener, 29)
        connection.sendall(b"|")
        assert until(lambda: listener.held_bytes == 4)
        look(listener, 31)

        assert is_closed(connection)
    assert listener.timeouts == 1


def test_each_message_has_the_whole_time_for_its_frame(start: Start) -> None:
    listener = start(limits=MllpLimits(frame_seconds=30))

    with connect(listener) as connection:
        connection.sendall(frame(b"1"))
        answers(connection, 1)
        look(listener, 31)
        connection.sendall(frame(b"2"))

        assert answers(connection, 1) == [b"re:2"]


def test_a_connection_with_a_message_in_hand_is_not_idle(start: Start) -> None:
    release = threading.Event()
    listener = start(lambda m, _: (release.wait(10) and m) or b"")

    with connect(listener) as connection:
        connection.sendall(frame(b"1"))
        assert until(lambda: listener.messages == 1)
        look(listener, 10_000)
        release.set()

        assert answers(connection, 1) == [b"1"]


def test_a_frame_over_the_limit_is_answered_and_the_next_one_too(start: Start) -> None:
    listener = start(too_long=lambda head, _: b"too long: " + head[:3])

    with connect(listener) as connection:
        connection.sendall(frame(b"MSH" + b"x" * 20_000) + frame(b"ok"))

        assert answers(connection, 2) == [b"too long: MSH", b"re:ok"]
    assert listener.over_limit == 1


def test_without_an_answer_to_it_a_frame_over_the_limit_ends_the_connection(start: Start) -> None:
    with connect(start()) as connection:
        connection.sendall(frame(b"x" * 20_000))

        assert is_closed(connection)


def test_junk_is_counted_and_bounded(start: Start) -> None:
    listener = start()

    with connect(listener) as connection:
        connection.sendall(b"junk" + frame(b"1") + b"\r\n" + frame(b"2"))
        first = answers(connection, 2)
        counted = listener.junk_bytes
        with pytest.raises(ConnectionError):
            for _ in range(1000):
                connection.sendall(b"x" * JUNK_LIMIT)

    assert first == [b"re:1", b"re:2"]
    assert counted == 6
    assert until(lambda: listener.connections_open == 0)


def test_a_handler_that_fails_ends_the_connection_and_nothing_else(start: Start) -> None:
    def handler(message: bytes, peer: Peer) -> bytes:
        if message == b"bad":
            raise KeyError("x")
        return message

    listener = start(handler)

    with capture_logs() as logged, connect(listener) as one, connect(listener) as other:
        one.sendall(frame(b"bad") + frame(b"never"))
        other.sendall(frame(b"good"))

        assert is_closed(one)
        assert answers(other, 1) == [b"good"]
    assert [entry["event"] for entry in logged] == ["a message was not answered"]


def test_too_many_connections_are_refused(start: Start) -> None:
    listener = start(limits=MllpLimits(connections=1))

    with connect(listener) as first:
        first.sendall(frame(b"1"))
        answers(first, 1)
        with connect(listener) as second:
            assert is_closed(second)

    assert listener.connections_refused == 1


def test_what_all_connections_hold_together_is_bounded(start: Start) -> None:
    limits = MllpLimits(message_bytes=1 << 20, held_bytes=200_000)
    listener = start(limits=limits)

    with connect(listener) as one, connect(listener) as two, connect(listener) as small:
        one.sendall(b"\x0b" + b"x" * 150_000)
        assert until(lambda: listener.held_bytes >= 150_000)
        two.sendall(b"\x0b" + b"x" * 150_000)

        assert is_closed(two)
        small.sendall(frame(b"still served"))
        assert answers(small, 1) == [b"re:still served"]
        one.sendall(b"\x1c\r")
        assert len(answers(one, 1)[0]) == 150_003
    assert until(lambda: listener.held_bytes == 0)


def test_a_client_that_has_said_all_is_answered_and_then_closed(start: Start) -> None:
    listener = start()

    with connect(listener) as connection:
        connection.sendall(frame(b"1") + frame(b"2") + b"\x0bhalf")
        connection.shutdown(socket.SHUT_WR)

        assert answers(connection, 3) == [b"re:1", b"re:2"]


def test_a_connection_cut_by_the_client_is_forgotten(start: Start) -> None:
    release = threading.Event()
    listener = start(lambda m, _: (release.wait(10) and m) or b"")

    connection = connect(listener)
    connection.sendall(frame(b"1") + frame(b"2"))
    assert until(lambda: listener.messages == 2)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    connection.close()

    assert until(lambda: listener.connections_open == 0)
    release.set()


def test_stopping_answers_what_was_accepted(start: Start) -> None:
    release = threading.Event()
    listener = start(lambda m, _: (release.wait(10) and m) or b"")

    with connect(listener) as connection:
        connection.sendall(frame(b"1") + frame(b"2"))
        assert until(lambda: listener.messages == 2)
        stopper = threading.Thread(target=listener.stop, args=(10,))
        stopper.start()
        release.set()

        assert answers(connection, 3) == [b"1", b"2"]
        stopper.join(10)
        assert not stopper.is_alive()


def test_stopping_cuts_off_what_is_not_done_in_time(start: Start) -> None:
    release = threading.Event()
    listener = start(lambda m, _: (release.wait(10) and m) or b"")

    with connect(listener) as connection:
        connection.sendall(frame(b"1"))
        assert until(lambda: listener.messages == 1)
        begun = time.monotonic()
        listener.stop(0.2)

        assert time.monotonic() - begun < 3
        assert is_closed(connection)
    release.set()


def test_a_stopped_listener_takes_no_connection_and_can_be_stopped_again(start: Start) -> None:
    listener = start()

    listener.stop(1)
    listener.stop(1)

    with pytest.raises(ConnectionError):
        connect(listener)


def test_an_address_in_use_is_told(start: Start) -> None:
    listener = start()
    other = MllpListener(echo, "127.0.0.1", port_of(listener), limits=LIMITS)

    with pytest.raises(OSError, match="in use"):
        other.start()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def contexts(authority: trustme.CA) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    authority.configure_trust(server)
    server.verify_mode = ssl.CERT_REQUIRED
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(client)
    return server, client


def test_over_tls_the_certificate_names_the_peer(start: Start, authority: trustme.CA) -> None:
    server, client = contexts(authority)
    authority.issue_cert("node@example.org", common_name="Ward 7", organization_name="Hospital").configure_cert(client)
    subjects: list[str] = []
    listener = start(lambda m, peer: subjects.append(peer.certificate_subject) or m, tls=server)

    answer = mllp_call(MllpAddress("127.0.0.1", port_of(listener), tls=client), b"MSH|1")

    assert answer == b"MSH|1"
    assert subjects[0].startswith("CN=Ward 7,")
    assert "O=Hospital" in subjects[0]


def test_over_tls_a_client_without_certificate_is_refused(start: Start, authority: trustme.CA) -> None:
    server, client = contexts(authority)
    handled: list[bytes] = []
    told: list[tuple[str, str]] = []
    listener = start(
        lambda m, _: handled.append(m) or m, tls=server, refused=lambda peer, reason: told.append((peer.address, reason))
    )

    with pytest.raises(Unavailable):
        mllp_call(MllpAddress("127.0.0.1", port_of(listener), tls=client), b"MSH|1")

    assert until(lambda: bool(told))
    assert told == [("127.0.0.1", "the other side showed no certificate, and one is demanded")]
    assert handled == []


def test_over_tls_a_port_scan_is_no_failed_handshake(start: Start, authority: trustme.CA) -> None:
    told: list[str] = []
    listener = start(tls=contexts(authority)[0], refused=lambda _peer, reason: told.append(reason))

    with connect(listener):
        assert until(lambda: listener.connections_open == 1)

    assert until(lambda: listener.connections_open == 0)
    listener.stop(1)
    assert told == []


def test_over_tls_a_handshake_that_stalls_is_ended(start: Start, authority: trustme.CA) -> None:
    told: list[str] = []
    listener = start(
        tls=contexts(authority)[0],
        limits=MllpLimits(frame_seconds=0.2, threads=1),
        refused=lambda _peer, reason: told.append(reason),
    )

    with connect(listener) as connection:
        connection.sendall(b"\x16\x03\x01")
        assert is_closed(connection)

    assert until(lambda: told == ["the other side did not finish the handshake in time"])


def test_over_tls_pipelined_messages_are_answered_in_order(start: Start, authority: trustme.CA) -> None:
    server, client = contexts(authority)
    authority.issue_cert("node@example.org").configure_cert(client)
    listener = start(tls=server)
    sent = [b"%d" % number * 4000 for number in range(40)]

    with connect(listener) as plain, client.wrap_socket(plain, server_hostname="127.0.0.1") as connection:
        connection.sendall(b"".join(map(frame, sent)))
        told = answers(connection, len(sent))

    assert told == [b"re:" + message for message in sent]


def test_over_tls_a_client_that_says_nothing_holds_no_other(start: Start, authority: trustme.CA) -> None:
    server, client = contexts(authority)
    authority.issue_cert("node@example.org").configure_cert(client)
    listener = start(tls=server)

    with connect(listener):
        assert mllp_call(MllpAddress("127.0.0.1", port_of(listener), tls=client), b"1") == b"re:1"
