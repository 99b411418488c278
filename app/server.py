"""The HTTP server: cheroot's threads around one WSGI application, plain or with TLS.

Every request carries a `hie.peer` in its environ: the client's address, our endpoint and, over TLS, the subject of its certificate.
"""

from __future__ import annotations

import io
import itertools
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, Final

import structlog
from cheroot import wsgi
from cheroot.makefile import MakeFile, StreamReader, StreamWriter
from cheroot.server import HTTPConnection, HTTPRequest
from cheroot.ssl import Adapter

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


class _LazyTls(Adapter):
    """Leaves the handshake to the first read, so that a client that stalls in it holds one thread and not the listener."""

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__("", "")
        self._context = context

    def bind(self, sock: socket.socket) -> socket.socket:
        return sock

    def wrap(self, sock: socket.socket) -> tuple[ssl.SSLSocket, dict[str, str]]:
        wrapped = self._context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        return wrapped, {"wsgi.url_scheme": "https", "HTTPS": "on"}

    def get_environ(self) -> dict[str, str]:
        return {}

    def makefile(self, sock: ssl.SSLSocket, mode: str = "r", bufsize: int = -1) -> object:
        kind = StreamReader if "r" in mode else StreamWriter
        return kind(sock, mode, bufsize if bufsize > 0 else _BUFFER)


class _Reader(io.BufferedReader):
    """What a plain connection sends. cheroot's own reader is written in Python, and costs several times as much."""

    bytes_read = 0
    """cheroot's own count of what was read, that nobody asks for."""

    def __init__(self, connection: socket.socket) -> None:
        super().__init__(socket.SocketIO(connection, "rb"), _BUFFER)
        self._connection = connection

    def has_data(self) -> bool:
        """Whether the next request has begun to arrive."""
        patience = self._connection.gettimeout()
        self._connection.settimeout(0)
        try:
            return bool(self.peek(1))
        finally:
            self._connection.settimeout(patience)


class _Writer:
    """What is sent over a plain connection, as it is given."""

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


def _plain_file(connection: socket.socket, mode: str = "r", _size: int = -1) -> _Reader | _Writer:
    return _Reader(connection) if "r" in mode else _Writer(connection)


class _Request(HTTPRequest):
    """A request as cheroot reads it; what is none is told of."""

    def simple_response(self, status: object, msg: str = "") -> None:
        """Answers by itself what is not for the application."""
        code = str(status).partition(" ")[0]
        if code in _UNREADABLE:
            server: _Server = self.server
            server.unreadable(Peer(self.conn.remote_addr or "", server.endpoint.partition("://")[2]), f"no HTTP request: {code}")
        super().simple_response(status, msg)


class _Connection(HTTPConnection):
    """A connection whose handshake, over TLS, is made by the thread that serves it; who is not let in is told of."""

    _is_shaken = False
    RequestHandlerClass = _Request

    def __init__(self, server: _Server, sock: socket.socket, makefile: Callable[..., object] = MakeFile) -> None:
        is_plain = makefile is MakeFile
        super().__init__(server, sock, _plain_file if is_plain else makefile)

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


class _Gateway(wsgi.Gateway_10):
    """Tells the application who is at the other end."""

    def __init__(self, req: HTTPRequest) -> None:
        super().__init__(req)
        environ: dict[str, Any] = self.env
        connection = req.conn.socket
        subject = subject_of(connection.getpeercert()) if isinstance(connection, ssl.SSLSocket) else ""
        host = environ.get("HTTP_HOST") or f"{environ['SERVER_NAME']}:{environ['SERVER_PORT']}"
        public = req.server.public_url or f"{environ['wsgi.url_scheme']}://{host}"
        environ[PEER] = Peer(environ["REMOTE_ADDR"], f"{public}{environ['PATH_INFO']}", subject, request_id())
        self._body = _body(req, environ.get("CONTENT_LENGTH", ""))
        environ["wsgi.input"] = req.rfile = self._body

    def start_response(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        """Keeps the connection only where the next request can be told from what was left of this one."""
        if not self._body.is_at_end:
            self.req.close_connection = True
        return super().start_response(status, headers, exc_info)


def _body(req: HTTPRequest, length: str) -> RequestBody:
    if req.chunked_read:
        return ChunkedBody(req.conn.rfile)
    return KnownLengthBody(req.conn.rfile, int(length) if is_length(length) else 0)


def is_length(text: str) -> bool:
    """Whether a Content-Length is digits and nothing else (RFC 9110, 8.6); Python's own reading takes more."""
    return text.isascii() and text.isdigit()


class _Server(wsgi.Server):
    """cheroot's server with our limits and our log."""

    software = "Affinity"
    keep_alive_conn_limit = _KEPT_CONNECTIONS
    ConnectionClass = _Connection

    def __init__(self, app: WsgiApp, host: str, port: int, settings: HttpSettings, told: tuple[NodeRefused, NodeRefused]) -> None:
        super().__init__(
            (host, port),
            app,
            numthreads=settings.threads,
            request_queue_size=1024,
            shutdown_timeout=_STOP_SECONDS,
            accepted_queue_size=_KEPT_CONNECTIONS,
            reuse_port=settings.processes > 1,
        )
        self.refused, self.unreadable = told
        self.endpoint = f"https://{host}:{port}"
        self.gateway = _Gateway  # cheroot sets its own on the instance
        self.server_name = host
        self.public_url = settings.public_url.rstrip("/")
        self.timeout = settings.idle_seconds
        self.max_request_header_size = settings.header_bytes
        self.max_request_body_size = settings.body_bytes

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
        self._server = _Server(app, host, int(port), settings, (refused, unreadable))
        if tls is not None:
            self._server.ssl_adapter = _LazyTls(tls)
        self._thread = threading.Thread(target=self._server.serve, name="http", daemon=True)

    def start(self) -> int:
        """Binds, begins to accept, and gives the port."""
        self._server.prepare()
        self._thread.start()
        port: int = self._server.bind_addr[1]
        return port

    def stop(self) -> None:
        """Accepts no more, lets the requests in hand end, and closes."""
        self._server.stop()
        self._thread.join(timeout=_STOP_SECONDS + 5)
