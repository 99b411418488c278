"""app.gateway"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from app.connections import Connections
from app.gateway import PEER, Gateway, WsgiApp, is_length
from app.socket_files import OtherSide, SocketReader, SocketWriter

Start = Callable[..., Callable[[bytes], None]]


@dataclass
class Server:
    wsgi_app: WsgiApp
    connections: Connections
    tls: ssl.SSLContext | None = None
    server_name: str = "hie.example"
    software: str = "Affinity"
    public_url: str = ""
    bind_addr: tuple[str, int] = ("127.0.0.1", 8080)


@dataclass
class Wire:
    socket: socket.socket
    rfile: SocketReader
    wfile: SocketWriter
    remote_addr: str = "192.0.2.1"
    remote_port: int = 50000


@dataclass
class Request:
    server: Server
    conn: Wire
    method: bytes = b"POST"
    uri: bytes = b"/a?b=c"
    path: bytes = b"/a"
    qs: bytes = b"b=c"
    inheaders: dict[bytes, bytes] = field(default_factory=dict)
    request_protocol: bytes = b"HTTP/1.1"
    response_protocol: str = "HTTP/1.1"
    chunked_read: bool = False
    close_connection: bool = False
    sent_headers: bool = False


Answered = Callable[..., tuple[str, Request]]


@pytest.fixture
def answered() -> Iterator[Answered]:
    """Runs an application behind a gateway; gives what was sent, and the request."""
    ours, theirs = socket.socketpair()
    kept = Connections(1, 10, 10.0, lambda _accepted, _address: None, at_work=1)

    def run(app: WsgiApp, body: bytes = b"", **parts: Any) -> tuple[str, Request]:
        theirs.sendall(body)
        side = OtherSide(ours, 5.0)
        request = Request(Server(app, kept), Wire(ours, SocketReader(side), SocketWriter(side)), **parts)
        try:
            Gateway(request).respond()
        finally:
            ours.shutdown(socket.SHUT_WR)
            sent = b"".join(iter(lambda: theirs.recv(65536), b""))
        return sent.decode(), request

    with ours, theirs:
        yield run


def test_the_application_sees_the_request_and_who_asks(answered: Answered) -> None:
    seen: dict[str, Any] = {}

    def app(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        seen.update(environ, body=environ["wsgi.input"].read())
        start("200 OK", [("Content-Length", "0")])
        return ()

    headers = {b"Host": b"public.example", b"Content-Length": b"3", b"Content-Type": b"a/b", b"X-Some-Thing": b"caf\xe9"}
    answered(app, b"abc", inheaders=headers)

    assert (seen["REQUEST_METHOD"], seen["PATH_INFO"], seen["QUERY_STRING"]) == ("POST", "/a", "b=c")
    assert (seen["CONTENT_LENGTH"], seen["CONTENT_TYPE"], seen["HTTP_X_SOME_THING"]) == ("3", "a/b", "café")
    assert seen["body"] == b"abc"
    assert (seen[PEER].address, seen[PEER].endpoint) == ("192.0.2.1", "http://public.example/a")


def test_pieces_of_a_known_length_are_sent_as_they_come(answered: Answered) -> None:
    def app(_environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        start("200 OK", [("Content-Length", "6")])
        return [b"abc", b"", b"def"]

    sent, request = answered(app)

    assert sent.endswith("\r\n\r\nabcdef")
    assert request.close_connection is False


def test_pieces_of_an_unknown_length_are_sent_in_chunks(answered: Answered) -> None:
    def app(_environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        write = start("200 OK", [])
        write(b"abc")
        return [b"defg"]

    sent, _ = answered(app)

    assert sent.endswith("\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n")


def test_a_body_that_was_not_read_ends_the_connection(answered: Answered) -> None:
    def app(_environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        start("200 OK", [("Content-Length", "0")])
        return ()

    sent, request = answered(app, b"abc", inheaders={b"Content-Length": b"3"})

    assert "Connection: close" in sent
    assert request.close_connection is True


def test_what_breaks_before_anything_was_sent_is_for_the_connection_to_tell(answered: Answered) -> None:
    closed: list[bool] = []

    class Pieces:
        def __iter__(self) -> Iterator[bytes]:
            raise RuntimeError("a bug")

        def close(self) -> None:
            closed.append(True)

    def app(_environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        start("200 OK", [])
        return Pieces()

    with pytest.raises(RuntimeError, match="a bug"):
        answered(app)

    assert closed == [True]


def test_an_error_after_the_head_was_sent_is_raised(answered: Answered) -> None:
    def app(_environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        start("200 OK", [])(b"abc")
        problem = ValueError("too late")
        start("500 Broken", [], (ValueError, problem, None))
        return ()

    with pytest.raises(ValueError, match="too late"):
        answered(app)


@pytest.mark.parametrize(
    ("text", "is_one"), [("12", True), ("", False), ("-1", False), ("+1", False), ("1_0", False), ("１", False)]
)
def test_a_length_is_digits_and_nothing_else(text: str, is_one: bool) -> None:
    assert is_length(text) is is_one
