"""A SOAP server that answers as it is told and remembers what it was sent; threads and the standard library only."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from kernel.xml import Element, parse_xml

SOAP = "http://www.w3.org/2003/05/soap-envelope"
WSA = "http://www.w3.org/2005/08/addressing"
PLAIN = "application/soap+xml; charset=UTF-8"


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it came in."""

    path: str
    headers: Message
    body: bytes
    peer_certificate: Mapping[str, Any] = field(default_factory=dict)

    @property
    def parts(self) -> tuple[tuple[bytes, bytes], ...]:
        """Header block and content of every MIME part, found by plain splitting at the boundary."""
        boundary = self.headers.get_param("boundary")
        assert isinstance(boundary, str)
        pieces = (b"\r\n" + self.body).split(b"\r\n--" + boundary.encode())
        assert pieces[-1].startswith(b"--")
        halves = (piece.removeprefix(b"\r\n").partition(b"\r\n\r\n") for piece in pieces[1:-1])
        return tuple((head, content) for head, _, content in halves)

    @property
    def envelope(self) -> Element:
        """The envelope: the first part, or the whole body."""
        is_multipart = self.headers.get_content_type() == "multipart/related"
        return parse_xml(self.parts[0][1] if is_multipart else self.body)

    def header(self, name: str) -> str:
        """The text of a WS-Addressing header."""
        return self.envelope.findtext(f"{{{SOAP}}}Header/{{{WSA}}}{name}") or ""

    @property
    def content(self) -> Element:
        """The element in the envelope's body."""
        body = self.envelope.find(f"{{{SOAP}}}Body")
        assert body is not None
        return body[0]


@dataclass(frozen=True, slots=True)
class Scripted:
    """What to answer: status, content type, bytes; `cut` closes the connection after so many of them."""

    body: bytes
    content_type: str = PLAIN
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int | None = None


Script = Callable[[Received], Scripted]


def enveloped(body: str, *, relates_to: str = "", action: str = "urn:answer") -> bytes:
    """An envelope with the addressing of an answer."""
    related = f"<a:RelatesTo>{relates_to}</a:RelatesTo>" if relates_to else ""
    header = f"<s:Header><a:Action>{action}</a:Action>{related}</s:Header>"
    return f'<s:Envelope xmlns:s="{SOAP}" xmlns:a="{WSA}">{header}<s:Body>{body}</s:Body></s:Envelope>'.encode()


def related(envelope: bytes, *parts: tuple[str, str, bytes]) -> Scripted:
    """A multipart/related answer; each part is content id, content type, bytes."""
    wire = b'--b0\r\nContent-Type: application/xop+xml; type="application/soap+xml"\r\nContent-ID: <root@stub>\r\n\r\n' + envelope
    for identifier, kind, content in parts:
        wire += f"\r\n--b0\r\nContent-Type: {kind}\r\nContent-ID: <{identifier}>\r\n\r\n".encode() + content
    kind = 'multipart/related; boundary=b0; type="application/xop+xml"; start="<root@stub>"; start-info="application/soap+xml"'
    return Scripted(wire + b"\r\n--b0--\r\n", kind)


class SoapStub:
    """The running server: `url`, what it `received`, and the `script` by which it answers, which a test may exchange."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.received: list[Received] = []
        self.script: Script = lambda _: Scripted(b"", status=404)
        self.closing = threading.Event()


@contextmanager
def soap_stub(tls: ssl.SSLContext | None = None) -> Iterator[SoapStub]:
    """A server on a free port of this machine."""
    server = _Server(("127.0.0.1", 0), _Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    scheme = "https" if tls else "http"
    stub = SoapStub(f"{scheme}://localhost:{server.server_port}/xds")
    server.stub = stub  # type: ignore[attr-defined]  # the way a handler of the standard library learns of anything
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield stub
    finally:
        stub.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Quiet: a client that goes away is part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        stub: SoapStub = self.server.stub  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if len(body) < int(self.headers["Content-Length"]):
            self.close_connection = True
            return
        certificate = self.connection.getpeercert() if isinstance(self.connection, ssl.SSLSocket) else None
        received = Received(self.path, self.headers, body, certificate or {})
        stub.received.append(received)
        self._answer(stub.script(received))

    def _answer(self, scripted: Scripted) -> None:
        self.send_response(scripted.status)
        for name, value in {"Content-Type": scripted.content_type, **scripted.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(scripted.body)))
        self.end_headers()
        self.wfile.write(scripted.body[: scripted.cut])
        if scripted.cut is not None:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Quiet."""
