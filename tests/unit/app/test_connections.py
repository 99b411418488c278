"""app.connections"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from app.connections import Connections

LIMIT = 10.0


class Echo:
    """Sends back each byte, in capitals; `!` says `...` and waits until it is let go, `x` ends."""

    last_used = 0.0

    def __init__(self, accepted: socket.socket, let_go: threading.Event) -> None:
        accepted.settimeout(LIMIT)
        self._socket = accepted
        self._let_go = let_go
        self._left = b""

    def fileno(self) -> int:
        return self._socket.fileno()

    def communicate(self) -> bool:
        data = self._left or self._socket.recv(100)
        said, self._left = data[:1], data[1:]
        if said == b"!":
            self._socket.sendall(b"...")
            assert self._let_go.wait(LIMIT)
        if said == b"?":
            raise RuntimeError("a bug")
        self._socket.sendall(said.upper())
        return said not in (b"", b"x")

    def has_data(self) -> bool:
        return bool(self._left)

    def close(self) -> None:
        self._socket.close()


@contextmanager
def serving(
    let_go: threading.Event, *, threads: int = 2, limit: int = 10, idle: float = LIMIT, at_work: int = 0
) -> Iterator[tuple[Connections, int]]:
    served = Connections(threads, limit, idle, lambda accepted, _address: Echo(accepted, let_go), at_work=at_work or threads)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        served.start(listener)
        watching = threading.Thread(target=served.watch)
        watching.start()
        try:
            yield served, port
        finally:
            let_go.set()
            served.stop(LIMIT)
            watching.join(LIMIT)


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=LIMIT)


def everything(client: socket.socket) -> bytes:
    return b"".join(iter(lambda: client.recv(1), b""))


def asked(client: socket.socket, text: bytes) -> bytes:
    client.sendall(text)
    return b"".join(client.recv(1) for _ in text)


def test_what_was_read_with_a_request_is_answered_without_asking_the_kernel_again() -> None:
    with serving(threading.Event()) as (_, port), connected(port) as client:
        answers = [asked(client, text) for text in (b"a", b"bcd", b"e")]

    assert answers == [b"A", b"BCD", b"E"]


def test_a_request_that_takes_long_holds_nobody_while_a_thread_is_free() -> None:
    let_go = threading.Event()

    with serving(let_go, threads=2) as (_, port), connected(port) as slow, connected(port) as quick:
        assert asked(slow, b"!") == b"."
        answers = [asked(quick, b"a") for _ in range(20)]
        let_go.set()
        last = asked(slow, b"a")

    assert answers == [b"A"] * 20
    assert last == b"."


def test_more_connections_than_threads_are_served() -> None:
    with serving(threading.Event(), threads=2, limit=100) as (_, port):
        clients = [connected(port) for _ in range(50)]
        answers = [asked(client, b"a") for _ in range(3) for client in clients]
        for client in clients:
            client.close()

    assert answers == [b"A"] * 150


def test_of_too_many_connections_the_longest_silent_is_closed() -> None:
    with serving(threading.Event(), threads=1, limit=2) as (_, port), connected(port) as first, connected(port) as second:
        assert [asked(first, b"a"), asked(second, b"a"), asked(first, b"a")] == [b"A"] * 3

        with connected(port) as third:
            assert asked(third, b"a") == b"A"
            ended = second.recv(1)
            assert asked(first, b"a") == b"A"

    assert ended == b""


def test_a_connection_that_says_nothing_is_closed() -> None:
    with serving(threading.Event(), idle=0.1) as (_, port), connected(port) as client:
        said = client.recv(1)

    assert said == b""


def test_a_bug_ends_its_connection_and_no_thread() -> None:
    with serving(threading.Event(), threads=1) as (_, port), connected(port) as broken, connected(port) as client:
        broken.sendall(b"?")

        assert broken.recv(1) == b""
        assert asked(client, b"a") == b"A"


def test_a_connection_that_ends_is_closed() -> None:
    with serving(threading.Event()) as (_, port), connected(port) as client:
        assert asked(client, b"x") == b"X"
        said = client.recv(1)

    assert said == b""


def test_stopping_waits_for_the_request_in_hand_and_takes_no_more() -> None:
    let_go = threading.Event()

    with serving(let_go) as (served, port), connected(port) as client:
        assert asked(client, b"!") == b"."
        stopping = threading.Thread(target=served.stop, args=(LIMIT,))
        while served.can_keep_more:
            if not stopping.is_alive():
                stopping.start()
        let_go.set()
        answered = everything(client)
        stopping.join(LIMIT)

    assert answered == b"..!"


def test_what_has_arrived_before_it_stops_is_answered() -> None:
    let_go = threading.Event()

    with serving(let_go, threads=1) as (served, port), connected(port) as slow, connected(port) as early:
        assert asked(slow, b"!") == b"."
        with connected(port) as late:
            early.sendall(b"a")
            late.sendall(b"b")
            stopping = threading.Thread(target=served.stop, args=(LIMIT,))
            while served.can_keep_more:
                if not stopping.is_alive():
                    stopping.start()
            let_go.set()
            answers = [everything(client) for client in (slow, early, late)]
            stopping.join(LIMIT)

    assert answers == [b"..!", b"A", b"B"]


def test_who_works_for_long_holds_up_nobody_though_only_one_may_work_at_once() -> None:
    let_go = threading.Event()

    with serving(let_go, threads=3, at_work=1) as (_, port), connected(port) as slow, connected(port) as quick:
        assert asked(slow, b"!") == b"."
        answers = [asked(quick, b"a") for _ in range(20)]
        let_go.set()

    assert answers == [b"A"] * 20
