"""Every HTTP route, limit and error edge on one page."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import structlog

from app import contracts
from app.alarms import reason_of
from app.gateway import PEER, WsgiApp, is_length
from app.health import Health
from app.metrics import seconds_of
from kernel.errors import Condition, Unreadable, violation
from kernel.logs import bound
from kernel.peer import Peer
from kernel.tls import NodeRefused
from soap.exchange import SoapRequest
from soap.spyne_door import SoapDoor

log = structlog.get_logger("http")

Start = Callable[..., Any]
Headers = list[tuple[str, str]]
_CHUNK: Final = 64 << 10
_DRAINED: Final = 8 << 20
"""Bytes of a refused request that are read and thrown away, so that its sender reads our answer and not a reset."""
_STATUS: Final = {
    200: "200 OK",
    202: "202 Accepted",
    302: "302 Found",
    400: "400 Bad Request",
    404: "404 Not Found",
    405: "405 Method Not Allowed",
    413: "413 Content Too Large",
    415: "415 Unsupported Media Type",
    500: "500 Internal Server Error",
    503: "503 Service Unavailable",
}
SOAP_PATHS: Final = tuple(contracts.OF_PATH)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one process takes on at a time."""

    body_bytes: int
    bulk: int


def _nobody(_peer: Peer, _reason: str) -> None:
    return


def _without_path(peer: Peer) -> Peer:
    """A path that leads nowhere may hold anything."""
    scheme, _, rest = peer.endpoint.partition("://")
    return replace(peer, endpoint=f"{scheme}://{rest.partition('/')[0]}")


class HttpApp:
    """The WSGI application: SOAP doors, contracts, console, operations."""

    def __init__(
        self,
        soap: SoapDoor,
        *,
        mounts: dict[str, WsgiApp],
        health: Health,
        metrics: Callable[[], bytes],
        limits: Limits,
        unreadable: NodeRefused = _nobody,
    ) -> None:
        """`unreadable` is told of a request that cannot be read as one."""
        self._soap = soap
        self._mounts = mounts
        self._health = health
        self._metrics = metrics
        self._limits = limits
        self._unreadable = unreadable
        self._bulk = threading.BoundedSemaphore(limits.bulk)

    def __call__(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        """Answers one request; a bug is logged with its request id and answered without its trace."""
        peer: Peer = environ[PEER]
        with bound(request_id=peer.request_id):
            try:
                answer = self._routed(environ, start, peer)
            except Unreadable as error:
                self._unreadable(_without_path(peer), reason_of(error))
                answer = _plain(start, 413 if error.condition is Condition.TOO_LARGE else 400, error.detail)
            except Exception:
                log.exception("bug", path=environ["PATH_INFO"].partition("?")[0])
                answer = _plain(start, 500, f"Something broke inside. Request {peer.request_id} is in the log.")
        # RFC 9110 9.3.2: HEAD has no content, and cheroot sends what it is given; what is mounted knows that itself
        return () if environ["REQUEST_METHOD"] == "HEAD" and isinstance(answer, tuple) else answer

    def _routed(self, environ: dict[str, Any], start: Start, peer: Peer) -> Iterable[bytes]:
        path: str = environ["PATH_INFO"]
        _require_one_length(environ)
        if path in contracts.OF_PATH:
            return self._soap_path(environ, start, peer, path)
        mount = self._mounts.get("/" + path[1:].partition("/")[0])
        if mount is not None:
            return mount(environ, start)
        method = environ["REQUEST_METHOD"]
        if method not in ("GET", "HEAD"):
            drain(environ)
            return _plain(start, 405 if path in ("/livez", "/readyz", "/metrics") else 404, self._help())
        return self._operations(path, start)

    def _operations(self, path: str, start: Start) -> Iterable[bytes]:
        if path == "/livez":
            return _plain(start, 200, "ok")
        if path == "/readyz":
            report = self._health.report()
            ready = all(state == "ok" for state in report.values())
            return _bytes(start, 200 if ready else 503, "application/json", json.dumps(report).encode())
        if path == "/metrics":
            return _bytes(start, 200, "text/plain; version=0.0.4; charset=utf-8", self._metrics())
        if path.startswith("/wsdl/"):
            schema = contracts.schema_file(path.removeprefix("/wsdl/"))
            if schema is not None:
                return _bytes(start, 200, "text/xml; charset=utf-8", schema)
        if path == "/":
            return _bytes(start, 302, "text/plain; charset=utf-8", b"see /console", [("Location", "/console")])
        return _plain(start, 404, self._help())

    def _help(self) -> str:
        served = (*SOAP_PATHS, *self._mounts, "/livez", "/readyz", "/metrics")
        return f"Nothing is served here. There are: {', '.join(served)} (?wsdl gives a SOAP service's contract)."

    def _soap_path(self, environ: dict[str, Any], start: Start, peer: Peer, path: str) -> Iterable[bytes]:
        method = environ["REQUEST_METHOD"]
        if method in ("GET", "HEAD"):
            if environ["QUERY_STRING"].lower().startswith("wsdl"):
                return _bytes(start, 200, "text/xml; charset=utf-8", contracts.contract(path, peer.endpoint))
            return _plain(start, 405, "Post a SOAP 1.2 message here, or ask for ?wsdl.", [("Allow", "POST")])
        if method != "POST":
            drain(environ)
            return _plain(start, 405, "Post a SOAP 1.2 message here, or ask for ?wsdl.", [("Allow", "POST")])
        refusal = self._too_much(environ)
        if refusal is not None:
            drain(environ)
            return _plain(start, *refusal)
        return self._bounded(environ, start, peer)

    def _too_much(self, environ: dict[str, Any]) -> tuple[int, str] | None:
        length = environ.get("CONTENT_LENGTH", "")
        if environ.get("HTTP_CONTENT_ENCODING", "identity") not in ("", "identity"):
            return 415, "Send the message without a Content-Encoding."
        if length and int(length) > self._limits.body_bytes:
            return 413, f"The largest message taken here has {self._limits.body_bytes} bytes."
        return None

    def _bounded(self, environ: dict[str, Any], start: Start, peer: Peer) -> Iterable[bytes]:
        """Requests that carry documents hold a thread as long as their sender likes, so only some may at a time."""
        if not environ.get("CONTENT_TYPE", "").lower().startswith("multipart/"):
            return self._soap_answer(environ, start, peer)
        if not self._bulk.acquire(blocking=False):
            drain(environ)
            return _plain(start, 503, "Too many documents arrive at the moment.", [("Retry-After", "2")])
        try:
            return self._soap_answer(environ, start, peer)
        finally:
            self._bulk.release()

    def _soap_answer(self, environ: dict[str, Any], start: Start, peer: Peer) -> Iterable[bytes]:
        began = time.perf_counter()
        body = _chunks(environ["wsgi.input"], self._limits.body_bytes)
        length = environ.get("CONTENT_LENGTH", "")
        request = SoapRequest(peer, environ.get("CONTENT_TYPE", ""), body, int(length) if length else None)
        response = self._soap.handle(request)
        seconds_of(environ["PATH_INFO"]).observe(time.perf_counter() - began)
        start(_status(response.status), list(response.headers))
        return response.chunks


def _require_one_length(environ: dict[str, Any]) -> None:
    """Raises `Unreadable` where two readers could take the body's end to be in different places (RFC 9112, 6.3)."""
    length = environ.get("CONTENT_LENGTH", "")
    if length and not is_length(length):
        raise Unreadable(violation(Condition.MALFORMED, "HTTP", "Content-Length is not a number"))
    if length and environ.get("HTTP_TRANSFER_ENCODING"):
        raise Unreadable(violation(Condition.MALFORMED, "HTTP", "a message has a Content-Length or a Transfer-Encoding, not both"))


def _chunks(stream: Any, limit: int) -> Iterator[bytes]:
    read = 0
    while chunk := stream.read(_CHUNK):
        read += len(chunk)
        if read > limit:
            raise Unreadable(violation(Condition.TOO_LARGE, "HTTP", f"more than {limit} bytes in one message"))
        yield chunk


def drain(environ: dict[str, Any]) -> None:
    """Reads what is left of a request that is refused, up to a bound."""
    left = _DRAINED
    stream = environ["wsgi.input"]
    if not environ.get("CONTENT_LENGTH") and not environ.get("wsgi.input_terminated"):
        return
    while left > 0 and (chunk := stream.read(min(_CHUNK, left))):
        left -= len(chunk)


def _status(code: int) -> str:
    return _STATUS.get(code, f"{code} Answer")


def _plain(start: Start, code: int, text: str, headers: Headers | None = None) -> Iterable[bytes]:
    return _bytes(start, code, "text/plain; charset=utf-8", text.encode(), headers)


def _bytes(start: Start, code: int, kind: str, body: bytes, headers: Headers | None = None) -> Iterable[bytes]:
    start(
        _status(code),
        [
            ("Content-Type", kind),
            ("Content-Length", str(len(body))),
            ("X-Content-Type-Options", "nosniff"),
            ("Cache-Control", "no-store"),
            *(headers or ()),
        ],
    )
    return (body,)
