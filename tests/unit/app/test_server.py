"""app.server"""

from __future__ import annotations

import http.client
import json
import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from app.gateway import PEER, WsgiApp
from app.server import HttpServer
from app.settings import HttpSettings
from kernel.peer import Peer
from kernel.tls import NodeRefused, TlsFiles, client_context, server_context
from tests.support.certificates import Authority

LIMIT = 10.0


def tells_who_asks(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    """An application that answers with the peer it was told."""
    peer = environ[PEER]
    told = [peer.address, peer.endpoint, peer.certificate_subject, peer.request_id]
    start("200 OK", [("Content-Type", "application/json")])
    return (json.dumps(told).encode(),)


@contextmanager
def serving(
    app: WsgiApp, tls: ssl.SSLContext | None = None, refused: NodeRefused = lambda _peer, _reason: None, **settings: Any
) -> Iterator[int]:
    server = HttpServer(app, "127.0.0.1:0", HttpSettings(threads=4, **settings), tls=tls, refused=refused)
    port = server.start()
    try:
        yield port
    finally:
        server.stop()


def asked(port: int, path: str = "/xds/registry", tls: ssl.SSLContext | None = None) -> list[str]:
    connection = (
        http.client.HTTPSConnection("127.0.0.1", port, timeout=LIMIT, context=tls)
        if tls
        else http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT)
    )
    with closing(connection):
        connection.request("GET", path)
        told: list[str] = json.loads(connection.getresponse().read())
        return told


def test_the_application_is_told_who_asks_and_what_was_called() -> None:
    with serving(tells_who_asks) as port:
        address, endpoint, subject, request_id = asked(port)

    assert (address, endpoint, subject) == ("127.0.0.1", f"http://127.0.0.1:{port}/xds/registry", "")
    assert request_id


def test_no_two_requests_have_the_same_id() -> None:
    with serving(tells_who_asks) as port:
        ids = {asked(port)[3] for _ in range(5)}

    assert len(ids) == 5


def test_behind_a_proxy_the_endpoint_is_the_address_that_others_use() -> None:
    with serving(tells_who_asks, public_url="https://hie.example.org/") as port:
        endpoint = asked(port, "/pix")[1]

    assert endpoint == "https://hie.example.org/pix"


def test_over_tls_the_application_is_told_the_subject_of_the_clients_certificate(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    tls = server_context(authority.issue("server"), client_certificate=True)

    with serving(tells_who_asks, tls) as port:
        _address, endpoint, subject, _id = asked(port, tls=client_context(authority.issue("EHR, north")))

    assert endpoint.startswith("https://")
    assert subject == "CN=EHR\\, north,O=Tests\\, Inc.,C=US"


def test_a_client_without_a_certificate_gets_nothing_where_one_is_demanded(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    tls = server_context(authority.issue("server"), client_certificate=True)
    nobody = client_context(None, trust=authority.trust)
    told: list[tuple[Peer, str]] = []

    with serving(tells_who_asks, tls, lambda peer, reason: told.append((peer, reason))) as port, pytest.raises(OSError):
        asked(port, tls=nobody)

    peer, reason = told[0]
    assert (peer.address, reason) == ("127.0.0.1", "the other side showed no certificate, and one is demanded")
    assert peer.endpoint.startswith("https://127.0.0.1")


def test_a_port_scan_is_no_failed_handshake(tmp_path: Path) -> None:
    tls = server_context(Authority(tmp_path).issue("server"), client_certificate=False)
    told: list[str] = []

    with serving(tells_who_asks, tls, lambda _peer, reason: told.append(reason)) as port:
        socket.create_connection(("127.0.0.1", port)).close()

    assert told == []


def test_a_client_that_stalls_in_the_handshake_holds_up_nobody(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    files: TlsFiles = authority.issue("server")
    tls = server_context(files, client_certificate=False)

    with serving(tells_who_asks, tls, idle_seconds=1.0) as port, socket.create_connection(("127.0.0.1", port)):
        told = asked(port, tls=client_context(None, trust=authority.trust))

    assert told[0] == "127.0.0.1"


def test_a_request_in_hand_is_answered_before_the_server_stops() -> None:
    begun, let_go = threading.Event(), threading.Event()

    def slow(_environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        begun.set()
        assert let_go.wait(LIMIT)
        start("200 OK", [("Content-Length", "4")])
        return (b"done",)

    server = HttpServer(slow, "127.0.0.1:0", HttpSettings(threads=4))
    port = server.start()
    answers: list[bytes] = []

    def ask() -> None:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT)) as connection:
            connection.request("GET", "/")
            answers.append(connection.getresponse().read())

    asking = threading.Thread(target=ask)
    asking.start()
    assert begun.wait(LIMIT)
    stopping = threading.Thread(target=server.stop)
    stopping.start()

    let_go.set()
    asking.join(LIMIT)
    stopping.join(LIMIT)

    assert answers == [b"done"]
    assert not stopping.is_alive()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), LIMIT)


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"X-Large": "x" * 5000}, None, 413),
        ({}, b"x" * ((1 << 20) + 1), 413),
    ],
    ids=["head", "body"],
)
def test_what_is_larger_than_the_limits_is_refused(headers: dict[str, str], body: bytes | None, status: int) -> None:
    with (
        serving(tells_who_asks, header_bytes=4096, body_bytes=1 << 20) as port,
        closing(http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT)) as connection,
    ):
        connection.putrequest("POST", "/")
        for name, value in {**headers, "Content-Length": str(len(body or b""))}.items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()

    assert answer.status == status


def test_a_connection_that_says_nothing_is_closed() -> None:
    with serving(tells_who_asks, idle_seconds=0.2) as port, socket.create_connection(("127.0.0.1", port), LIMIT) as silent:
        end = silent.recv(1000)

    assert b"200" not in end


def test_the_log_quotes_nothing_of_a_request_that_is_no_http() -> None:
    with (
        capture_logs() as lines,
        serving(tells_who_asks) as port,
        socket.create_connection(("127.0.0.1", port), LIMIT) as connection,
    ):
        connection.sendall(b"PID|||4711^^^HOSP_A||Rivera^Lena\r\n\r\n")
        answer = connection.recv(4096)

    assert answer.startswith(b"HTTP/1.1 400")
    assert "Rivera" not in str(lines)


def reads(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    """An application that reads as much as the path says and answers with what it read."""
    data = environ["wsgi.input"].read(int(environ["PATH_INFO"][1:]))
    start("200 OK", [("Content-Length", str(len(data)))])
    return (data,)


@pytest.mark.parametrize("is_chunked", [True, False])
def test_a_connection_goes_on_after_a_body_that_was_read(is_chunked: bool) -> None:
    with serving(reads) as port, closing(http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT)) as connection:
        for content in (b"one" * 1000, b"two"):
            body = iter((content[:2], content[2:])) if is_chunked else content
            connection.request("POST", "/1000000", body, encode_chunked=is_chunked)
            assert connection.getresponse().read() == content


@pytest.mark.parametrize("is_chunked", [True, False])
def test_a_body_that_was_not_read_is_no_next_request(is_chunked: bool) -> None:
    hidden = b"GET /0 HTTP/1.1\r\nHost: x\r\n\r\n"
    chunked = b"Transfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(hidden), hidden)
    whole = b"Content-Length: %d\r\n\r\n12345%b" % (5 + len(hidden), hidden)
    with serving(reads) as port, socket.create_connection(("127.0.0.1", port), timeout=LIMIT) as client:
        # all at once, for the server ends the connection as soon as it has answered
        client.sendall(b"POST /5 HTTP/1.1\r\nHost: x\r\n" + (chunked if is_chunked else whole))
        answer = b"".join(iter(lambda: client.recv(4096), b""))

    head, _, content = answer.partition(b"\r\n\r\n")
    assert (head.count(b"HTTP/1.1 "), b"Connection: close" in head, b"12345" in content) == (1, True, True)
    assert b"HTTP/1.1" not in content


def test_those_who_send_slowly_hold_half_of_the_threads_at_the_most() -> None:
    with serving(tells_who_asks) as port, ExitStack() as stack:
        slow = [stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=LIMIT)) for _ in range(8)]
        for client in slow:
            client.sendall(b"GET / HTTP/1.1\r\nHost: ")
        refused: set[socket.socket] = set()
        while len(refused) < 6:
            told, _, _ = select.select([client for client in slow if client not in refused], [], [], LIMIT)
            assert told
            refused |= set(told)

        assert asked(port)[0] == "127.0.0.1"
        (one, _) = (client for client in slow if client not in refused)
        one.sendall(b"hie.example\r\n\r\n")
        assert one.recv(12) == b"HTTP/1.1 200"
        assert {client.recv(12) for client in refused} == {b"HTTP/1.1 503"}
