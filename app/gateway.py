"""Between a request that was read and the application that answers it: WSGI, with the other end's identity in the environ.

Every request carries a `hie.peer` in its environ: the client's address, our endpoint and, over TLS, the subject of its certificate.
"""

from __future__ import annotations

import itertools
import socket
import ssl
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, Final, Protocol

from app.connections import Connections
from app.http_head import AnswerHead, Headers, answer_head
from app.request_body import ChunkedBody, KnownLengthBody, RequestBody
from app.socket_files import SocketReader, SocketWriter
from kernel.peer import Peer
from kernel.tls import subject_of

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
PEER: Final = "hie.peer"
_numbers = itertools.count(int(time.time() * 1000) << 16)


def request_id() -> str:
    """A name for one exchange, unique on this machine."""
    return f"{next(_numbers):x}"


class Serving(Protocol):
    """What a gateway needs of its server."""

    wsgi_app: WsgiApp
    tls: ssl.SSLContext | None
    server_name: str
    software: str
    public_url: str
    bind_addr: tuple[str, int]
    connections: Connections


class Wire(Protocol):
    """What it needs of its connection."""

    remote_addr: str
    remote_port: int
    socket: socket.socket
    rfile: SocketReader
    wfile: SocketWriter


class ReadRequest(Protocol):
    """A request whose head was read. The last two tell whoever reads the next one what became of this."""

    server: Serving
    conn: Wire
    method: bytes
    uri: bytes
    path: bytes
    qs: bytes
    inheaders: Mapping[bytes, bytes]
    request_protocol: bytes
    response_protocol: str
    chunked_read: bool
    close_connection: bool
    sent_headers: bool


class Gateway:
    """WSGI (PEP 3333) for one request, whose application is told who is at the other end."""

    def __init__(self, request: ReadRequest) -> None:
        self._request = request
        self._server = request.server
        self._environ = self._made()
        self._body = _body(request, self._environ.get("CONTENT_LENGTH", ""))
        self._environ["wsgi.input"] = self._body
        self._status = ""
        self._headers: Headers = ()
        self._head: AnswerHead | None = None

    def respond(self) -> None:
        """Sends what the application answers, a piece at a time."""
        answer = self._server.wsgi_app(self._environ, self._start)
        try:
            for chunk in answer:
                if chunk:
                    self._write(chunk)
            if self._head is None:
                self._send_head(b"")
            if self._head is not None and self._head.is_chunked:
                self._send(b"0\r\n\r\n")
        finally:
            close = getattr(answer, "close", None)
            if close is not None:
                close()

    def _made(self) -> dict[str, Any]:
        request, server = self._request, self._server
        connection = request.conn
        scheme = "http" if server.tls is None else "https"
        fields = {_variable(name): value.decode("latin-1") for name, value in request.inheaders.items()}
        path, port = request.path.decode("latin-1"), str(server.bind_addr[1])
        host = fields.get("HTTP_HOST") or f"{server.server_name}:{port}"
        subject = subject_of(connection.socket.getpeercert()) if isinstance(connection.socket, ssl.SSLSocket) else ""
        return {
            "PATH_INFO": path,
            "QUERY_STRING": request.qs.decode("latin-1"),
            "REMOTE_ADDR": connection.remote_addr,
            "REMOTE_PORT": str(connection.remote_port),
            "REQUEST_METHOD": request.method.decode("latin-1"),
            "REQUEST_URI": request.uri.decode("latin-1"),
            "SCRIPT_NAME": "",
            "SERVER_NAME": server.server_name,
            "SERVER_PORT": port,
            "SERVER_PROTOCOL": request.request_protocol.decode("latin-1"),
            "SERVER_SOFTWARE": server.software,
            "wsgi.errors": sys.stderr,
            "wsgi.input_terminated": request.chunked_read,
            "wsgi.multiprocess": False,
            "wsgi.multithread": True,
            "wsgi.run_once": False,
            "wsgi.url_scheme": scheme,
            "wsgi.version": (1, 0),
            PEER: Peer(connection.remote_addr, f"{server.public_url or f'{scheme}://{host}'}{path}", subject, request_id()),
            **({"HTTPS": "on"} if server.tls is not None else {}),
            **fields,
        }

    def _start(self, status: str, headers: Headers, exc_info: Any = None) -> Callable[[bytes], None]:
        if self._head is not None and exc_info:
            raise exc_info[1]
        self._status, self._headers = status, headers
        return self._write

    def _write(self, chunk: bytes) -> None:
        if self._head is None:
            self._send_head(chunk)
        else:
            self._send(self._framed(chunk))

    def _send_head(self, chunk: bytes) -> None:
        """Sends the head with the first piece. Only where nothing is left of the request can the connection be kept."""
        request = self._request
        self._head = answer_head(
            self._status,
            self._headers,
            software=self._server.software,
            is_old=request.response_protocol == "HTTP/1.0",
            is_head=request.method == b"HEAD",
            is_last=request.close_connection or not self._body.is_at_end or not self._server.connections.can_keep_more,
        )
        request.close_connection = self._head.is_last
        request.sent_headers = True
        self._send(self._head.data + self._framed(chunk) if chunk else self._head.data)

    def _framed(self, chunk: bytes) -> bytes:
        assert self._head is not None
        return b"%x\r\n%b\r\n" % (len(chunk), chunk) if self._head.is_chunked else chunk

    def _send(self, data: bytes) -> None:
        self._request.conn.wfile.write(data)


@lru_cache(maxsize=512)
def _variable(name: bytes) -> str:
    """What WSGI calls a header field."""
    called = name.decode("latin-1").upper().replace("-", "_")
    return called if called in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{called}"


def _body(req: ReadRequest, length: str) -> RequestBody:
    if req.chunked_read:
        return ChunkedBody(req.conn.rfile)
    return KnownLengthBody(req.conn.rfile, int(length) if is_length(length) else 0)


def is_length(text: str) -> bool:
    """Whether a Content-Length is digits and nothing else (RFC 9110, 8.6); Python's own reading takes more."""
    return text.isascii() and text.isdigit()
