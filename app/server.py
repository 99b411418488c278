"""The HTTP server: cheroot around one WSGI application, plain or with TLS. What of cheroot is used is in decision 1."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
from typing import Final

import structlog
from cheroot import wsgi
from cheroot.server import HTTPConnection, HTTPRequest

from app.connections import Connections
from app.gateway import Gateway, WsgiApp
from app.http_head import UsualHead, usual_head
from app.settings import HttpSettings
from app.socket_files import OtherSide, SocketReader
from kernel.peer import Peer
from kernel.tls import NodeRefused, explain

log = structlog.get_logger("http")
_UNREADABLE: Final = ("400", "413", "414", "505")
_KEPT_CONNECTIONS: Final = 2000
_AT_WORK: Final = 4
"""Requests of a process that are worked on at once: enough to have work while others wait for the disk of the database."""
_STOP_SECONDS: Final = 30
"""So long the requests in hand may take when the server stops."""


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
        reader: SocketReader = self.conn.rfile
        head = usual_head(reader.peek(1), self.server.max_request_header_size)
        if head is not None and self._takes(head):
            reader.read(head.size)
        elif self.server.patience.acquire(blocking=False):
            try:
                super().parse_request()
            finally:
                self.server.patience.release()
        else:
            self.simple_response("503 Service Unavailable", "Too many requests arrive slowly at the moment.")

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
        Gateway(self).respond()


class _Connection(HTTPConnection):
    """A connection whose handshake, over TLS, is made by the thread that serves it; who is not let in is told of."""

    RequestHandlerClass = _Request
    last_used = 0.0
    _is_shaken = False

    def __init__(self, server: _Server, sock: socket.socket, address: tuple[str, int]) -> None:
        self._side = OtherSide(sock, server.timeout, server.connections.places.leave)
        super().__init__(server, sock, self._side.file)
        self.remote_addr, self.remote_port = address[:2]

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
            self._side.patiently(connection.do_handshake)
        except (OSError, ValueError) as problem:
            reason = explain(problem) if isinstance(problem, OSError) else "the handshake is malformed"
            self.server.refused(Peer(self.remote_addr or "", self.server.endpoint), reason)
            return False
        return True


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
        # who sends a head a byte at a time holds a thread, so only half of them wait for such
        self.patience = threading.BoundedSemaphore(settings.threads // 2)
        at_work = min(_AT_WORK, settings.threads)
        self.connections = Connections(settings.threads, _KEPT_CONNECTIONS, settings.idle_seconds, self._opened, at_work=at_work)

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
