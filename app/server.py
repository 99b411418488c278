"""The HTTP server: cheroot's threads around one WSGI application, plain or with TLS.

Every request carries a `hie.peer` in its environ: the client's address, our endpoint and, over TLS, the subject of its certificate.
"""

from __future__ import annotations

import io
import itertools
import logging
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, Final

import structlog
from cheroot import wsgi
from cheroot.server import HTTPConnection, HTTPRequest

from app.connections import Connections
from app.http_head import AnswerHead, Headers, UsualHead, answer_head, usual_head
from app.request_body import ChunkedBody, KnownLengthBody, RequestBody
from app.settings import HttpSettings
from kernel.peer import Peer
from kernel.tls import NodeRefused, explain, subject_of

log = structlog.get_logger("http")
WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
PEER: Final = "hie.peer"
_UNREADABLE: Final = ("400", "413", "414", "505")
_KEPT_CONNECTIONS: Final = 2000
_BUFFER: Final = 65536
_STOP_SECONDS: Final = 30
"""So long the requests in hand may take when the server stops."""
_numbers = itertools.count(int(time.time() * 1000) << 16)


def request_id() -> str:
    """A name for one exchange, unique on this machine."""
    return f"{next(_numbers):x}"


class _Raw(io.RawIOBase):
    """A socket as a file that can be told not to wait for the other side."""

    def __init__(self, connection: socket.socket) -> None:
        self._receive_into = connection.recv_into
        self.is_waiting = True

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, room: Any) -> int | None:
        """Bytes received; None when it shall not wait for any."""
        return self._receive_into(room) if self.is_waiting else None


class _Reader(io.BufferedReader):
    """What a connection sends. cheroot's own reader is written in Python, and costs several times as much."""

    bytes_read = 0
    """cheroot's own count of what was read, that nobody asks for."""

    def __init__(self, connection: socket.socket) -> None:
        self._source = _Raw(connection)
        super().__init__(self._source, _BUFFER)
        self._undeciphered = connection.pending if isinstance(connection, ssl.SSLSocket) else None

    def has_data(self) -> bool:
        """Whether the next request has begun to arrive, as far as the kernel has been asked."""
        self._source.is_waiting = False
        try:
            return bool(self.peek(1)) or bool(self._undeciphered and self._undeciphered())
        finally:
            self._source.is_waiting = True


class _Writer:
    """What is sent over a connection, as it is given."""

    bytes_written = 0
    closed = False

    def __init__(self, connection: socket.socket) -> None:
        self._send = connection.sendall

    def write(self, data: bytes) -> int:
        """Returns when all of it is on its way."""
        self._send(data)
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """The socket is closed by who made it."""


def _file(connection: socket.socket, mode: str = "r", _size: int = -1) -> _Reader | _Writer:
    return _Reader(connection) if "r" in mode else _Writer(connection)


class _Request(HTTPRequest):
    """One request and its answer. The usual head of a request is read at once; cheroot reads what is unusual, and refuses it.

    What is no request at all is told of.
    """

    def __init__(self, server: _Server, conn: _Connection) -> None:
        super().__init__(server, conn)
        if server.tls is not None:
            self.scheme = b"https"

    def parse_request(self) -> None:
        """See `HTTPRequest`."""
        reader: _Reader = self.conn.rfile
        head = usual_head(reader.peek(1), self.server.max_request_header_size)
        if head is None or not self._takes(head):
            super().parse_request()
        else:
            reader.read(head.size)

    def _takes(self, head: UsualHead) -> bool:
        length = head.fields.get(b"Content-Length", b"0")
        if not length.isdigit() or int(length) > self.server.max_request_body_size:
            return False
        self.method, self.path, self.qs = head.method, head.path, head.query
        self.uri = head.path + b"?" + head.query if head.query else head.path
        self.inheaders = head.fields
        self.close_connection = head.fields.get(b"Connection", b"").lower() == b"close"
        self.request_protocol, self.response_protocol = b"HTTP/1.1", "HTTP/1.1"
        self.started_request = self.ready = True
        return True

    def simple_response(self, status: object, msg: str = "") -> None:
        """Answers by itself what is not for the application."""
        code = str(status).partition(" ")[0]
        if code in _UNREADABLE:
            server: _Server = self.server
            server.unreadable(Peer(self.conn.remote_addr or "", server.endpoint.partition("://")[2]), f"no HTTP request: {code}")
        super().simple_response(status, msg)

    def respond(self) -> None:
        """Lets the application answer. What breaks before anything was sent is for the connection to tell."""
        _Gateway(self).respond()


class _Gateway:
    """WSGI (PEP 3333) for one request, whose application is told who is at the other end."""

    def __init__(self, request: _Request) -> None:
        self._request = request
        self._server: _Server = request.server
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
        subject = subject_of(connection.socket.getpeercert()) if server.tls is not None else ""
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


class _Connection(HTTPConnection):
    """A connection whose handshake, over TLS, is made by the thread that serves it; who is not let in is told of."""

    RequestHandlerClass = _Request
    last_used = 0.0
    _is_shaken = False

    def __init__(self, server: _Server, sock: socket.socket, address: tuple[str, int]) -> None:
        super().__init__(server, sock, _file)
        self.remote_addr, self.remote_port = address[:2]
        self.ssl_env = {"wsgi.url_scheme": "https", "HTTPS": "on"} if server.tls else {}

    def fileno(self) -> int:
        """The socket's descriptor."""
        return int(self.socket.fileno())

    def has_data(self) -> bool:
        """Whether the next request has begun to arrive."""
        return bool(self.rfile.has_data())

    def communicate(self) -> bool:
        """See `HTTPConnection`; False ends the connection."""
        if isinstance(self.socket, ssl.SSLSocket) and not self._is_shaken:
            if not self._shake(self.socket):
                return False
            self._is_shaken = True
        return bool(super().communicate())  # type: ignore[no-untyped-call]  # cheroot has no types

    def _shake(self, connection: ssl.SSLSocket) -> bool:
        try:
            # one who says nothing, as a port scan or a balancer does, has not tried to be let in
            if not socket.socket.recv(connection, 1, socket.MSG_PEEK):
                return False
        except OSError:
            return False
        try:
            connection.do_handshake()
        except (OSError, ValueError) as problem:
            reason = explain(problem) if isinstance(problem, OSError) else "the handshake is malformed"
            self.server.refused(Peer(self.remote_addr or "", self.server.endpoint), reason)
            return False
        return True


def _body(req: HTTPRequest, length: str) -> RequestBody:
    if req.chunked_read:
        return ChunkedBody(req.conn.rfile)
    return KnownLengthBody(req.conn.rfile, int(length) if is_length(length) else 0)


def is_length(text: str) -> bool:
    """Whether a Content-Length is digits and nothing else (RFC 9110, 8.6); Python's own reading takes more."""
    return text.isascii() and text.isdigit()


class _NoThreads:
    """Stands where cheroot keeps its threads."""

    def start(self) -> None:
        """There are none."""


class _Server(wsgi.Server):
    """cheroot's server with our limits, our log and our threads."""

    software = "Affinity"

    def __init__(
        self,
        app: WsgiApp,
        address: tuple[str, int],
        settings: HttpSettings,
        told: tuple[NodeRefused, NodeRefused],
        tls: ssl.SSLContext | None,
    ) -> None:
        super().__init__(address, app, request_queue_size=1024, reuse_port=settings.processes > 1)
        self.requests = _NoThreads()  # cheroot's own, which wait for a queue
        self.refused, self.unreadable = told
        self.tls = tls
        host, port = address
        self.endpoint = f"https://{host}:{port}"
        self.server_name = host
        self.public_url = settings.public_url.rstrip("/")
        self.timeout = settings.idle_seconds
        self.max_request_header_size = settings.header_bytes
        self.max_request_body_size = settings.body_bytes
        self.connections = Connections(settings.threads, _KEPT_CONNECTIONS, settings.idle_seconds, self._opened)

    def prepare(self) -> None:
        """Binds and begins to accept."""
        super().prepare()
        # cheroot's own, which nobody watches
        self._connections.close()  # type: ignore[attr-defined]  # cheroot has no types
        assert self.socket is not None
        self.connections.start(self.socket)

    @property
    def can_add_keepalive_connection(self) -> bool:
        """Whether a connection may be kept after its answer."""
        return self.connections.can_keep_more

    def _opened(self, accepted: socket.socket, address: tuple[str, int]) -> _Connection:
        """A connection. Its handshake is left to its first request: who stalls in it holds a thread, and not the listener."""
        accepted.settimeout(self.timeout)
        if self.tls is not None:
            accepted = self.tls.wrap_socket(accepted, server_side=True, do_handshake_on_connect=False)
        return _Connection(self, accepted, address)

    def error_log(self, msg: str = "", level: int = 20, traceback: bool = False) -> None:  # noqa: ARG002 - cheroot calls it so
        """What cheroot has to say of a broken connection may quote a request line, and that may hold identifiers."""
        log.warning("connection ended with an error", error=msg.partition("\n")[0][:60] if level >= logging.ERROR else "")


class HttpServer:
    """One listener. `start` returns the port; `stop` lets the requests in hand end."""

    def __init__(
        self,
        app: WsgiApp,
        listen: str,
        settings: HttpSettings,
        *,
        tls: ssl.SSLContext | None = None,
        refused: NodeRefused = lambda _peer, _reason: None,
        unreadable: NodeRefused = lambda _peer, _reason: None,
    ) -> None:
        """`refused` is told of nodes that TLS did not let in, `unreadable` of what was no HTTP request."""
        host, _, port = listen.rpartition(":")
        self._server = _Server(app, (host, int(port)), settings, (refused, unreadable), tls)
        self._thread = threading.Thread(target=self._server.connections.watch, name="http", daemon=True)

    def start(self) -> int:
        """Binds, begins to accept, and gives the port."""
        self._server.prepare()
        self._thread.start()
        port: int = self._server.bind_addr[1]
        return port

    def stop(self) -> None:
        """Accepts no more, lets the requests in hand end, and closes."""
        self._server.connections.stop(_STOP_SECONDS)
        self._thread.join(timeout=5)
