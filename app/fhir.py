"""The FHIR endpoint: its routes, who may ask, and its error edge."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from access.subject import Subject
from app.metrics import REQUESTS
from app.server import PEER
from arr.readers import Readers
from arr.service import AuditService
from arr.transactions.iti81_retrieve_audit_event import RetrieveAuditEvent, search_parameters
from arr.transactions.iti82_retrieve_syslog_event import PATH as SYSLOG
from arr.transactions.iti82_retrieve_syslog_event import RetrieveSyslogEvent
from fhir_r4.json import MEDIA_TYPE, Resource, made, written
from fhir_r4.outcome import outcome_of, status_of
from kernel.errors import Condition, HieError, Refused, Unreadable, rejected, violation
from kernel.peer import Peer

ROOT: Final = "/fhir"
BODY_LIMIT: Final = 64 << 10
_READS: Final = ("GET", "HEAD")
_FORM: Final = "application/x-www-form-urlencoded"
_STATUS: Final = {
    200: "200 OK",
    400: "400 Bad Request",
    401: "401 Unauthorized",
    403: "403 Forbidden",
    404: "404 Not Found",
    405: "405 Method Not Allowed",
    406: "406 Not Acceptable",
    413: "413 Content Too Large",
    415: "415 Unsupported Media Type",
    422: "422 Unprocessable Content",
    500: "500 Internal Server Error",
    503: "503 Service Unavailable",
}
Environ = dict[str, Any]
Start = Callable[..., Any]


class _NotAllowed(Exception):
    """The method is none of those that the route serves."""


class FhirApp:
    """A WSGI application below `/fhir`."""

    def __init__(self, audit: AuditService, readers: Readers) -> None:
        self._audit = audit
        self._readers = readers

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        """Answers one request with a resource."""
        peer: Peer = environ[PEER]
        headers: list[tuple[str, str]] = []
        try:
            status, resource = 200, self._routed(environ, peer)
        except HieError as error:
            status, resource = status_of(error), outcome_of(error)
            if status == 401:
                headers.append(("WWW-Authenticate", 'Bearer realm="audit"'))
        except _NotAllowed:
            headers.append(("Allow", "GET, HEAD"))
            status = 405
            resource = outcome_of(HieError(violation(Condition.MESSAGE_TYPE_UNSUPPORTED, "", "only reading is served here")))
        REQUESTS.labels("fhir", "answered" if status == 200 else "refused").inc()
        body = written(resource)
        start(
            _STATUS.get(status, f"{status} Answer"),
            [
                ("Content-Type", f"{MEDIA_TYPE}; charset=utf-8"),
                ("Content-Length", str(len(body))),
                ("X-Content-Type-Options", "nosniff"),
                ("Cache-Control", "no-store"),
                *headers,
            ],
        )
        return () if environ["REQUEST_METHOD"] == "HEAD" else (body,)

    def _routed(self, environ: Environ, peer: Peer) -> Resource:
        path, method = environ["PATH_INFO"].removeprefix(ROOT).strip("/"), environ["REQUEST_METHOD"]
        base = peer.endpoint.partition(ROOT)[0] + ROOT
        name, _, rest = path.partition("/")
        if path == "metadata":
            _require(method in _READS)
            return capability_statement(base)
        if path == SYSLOG:
            _require(method in _READS)
            return self._syslog(environ, peer, base)
        if name == "AuditEvent" and rest in ("", "_search"):
            _require(method in _READS if not rest else method == "POST")
            return self._search(environ, peer, base, _form(environ) if rest else environ["QUERY_STRING"])
        if name == "AuditEvent" and rest.isascii() and rest.isdigit() and len(rest) < 19:
            _require(method in _READS)
            door = RetrieveAuditEvent(self._audit, base)
            return door.read(int(rest), self._admitted(environ, peer, "ITI-81", lambda s, e: door.refuse(f"_id={rest}", s, e)))
        raise rejected(Condition.DOCUMENT_UNKNOWN, "", "nothing is served here; see /fhir/metadata")

    def _search(self, environ: Environ, peer: Peer, base: str, query: str) -> Resource:
        door = RetrieveAuditEvent(self._audit, base)
        return door.search(query, self._admitted(environ, peer, "ITI-81", lambda s, e: door.refuse(query, s, e)))

    def _syslog(self, environ: Environ, peer: Peer, base: str) -> Resource:
        door, query = RetrieveSyslogEvent(self._audit, base), environ["QUERY_STRING"]
        return door.search(query, self._admitted(environ, peer, "ITI-82", lambda s, e: door.refuse(query, s, e)))

    def _admitted(self, environ: Environ, peer: Peer, transaction: str, refuse: Callable[[Subject, HieError], None]) -> Subject:
        """Who asks. Raises `Refused`, which is on the record."""
        subject = Subject(peer, source=peer.certificate_subject or peer.address, receiver=peer.endpoint)
        try:
            return self._readers.admitted(subject, environ.get("HTTP_AUTHORIZATION", ""), transaction)
        except Refused as error:
            refuse(subject, error)
            raise


def capability_statement(base: str) -> Resource:
    """What is served, for clients that ask first."""
    return made(
        resourceType="CapabilityStatement",
        status="active",
        date="2026-11-22",
        kind="instance",
        software=made(name="Affinity"),
        implementation=made(description="Affinity: RESTful ATNA", url=base),
        fhirVersion="4.0.1",
        format=[MEDIA_TYPE],
        rest=[
            made(
                mode="server",
                security=made(description="A bearer token, or the certificate of a registered node that may ask for ITI-81."),
                resource=[
                    made(
                        type="AuditEvent",
                        interaction=[made(code="read"), made(code="search-type")],
                        searchParam=search_parameters(),
                    )
                ],
            )
        ],
    )


def _require(is_served: bool) -> None:
    if not is_served:
        raise _NotAllowed


def _form(environ: Environ) -> str:
    """The body of a search by POST. Raises `Unreadable`."""
    if environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower() != _FORM:
        raise Unreadable(violation(Condition.MALFORMED, "Content-Type", f"a search by POST is {_FORM}"))
    body = environ["wsgi.input"].read(BODY_LIMIT + 1)
    if len(body) > BODY_LIMIT:
        raise Unreadable(violation(Condition.TOO_LARGE, "body", f"more than {BODY_LIMIT} bytes"))
    return "&".join(part for part in (environ["QUERY_STRING"], body.decode("utf-8", "replace")) if part)
