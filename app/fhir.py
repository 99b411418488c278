"""The FHIR endpoint: its routes, who may ask, and its error edge."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from access.subject import Subject
from app.alarms import reason_of
from app.gateway import PEER
from app.http import drain
from app.metrics import REQUESTS
from arr.readers import Readers
from arr.service import AuditService
from arr.transactions.iti20_send_audit_resource import BUNDLE_BYTES, EVENT_BYTES, Created, SendAuditResource
from arr.transactions.iti81_retrieve_audit_event import RetrieveAuditEvent, search_parameters
from arr.transactions.iti82_retrieve_syslog_event import PATH as SYSLOG
from arr.transactions.iti82_retrieve_syslog_event import RetrieveSyslogEvent
from fhir_r4.json import MEDIA_TYPE, Resource, made, written
from fhir_r4.outcome import outcome_of, status_of
from kernel.errors import Condition, HieError, Refused, Unreadable, rejected, violation
from kernel.peer import Peer
from kernel.times import Clock
from kernel.tls import NodeRefused

ROOT: Final = "/fhir"
BODY_LIMIT: Final = 64 << 10
_READS: Final = ("GET", "HEAD")
_JSON: Final = (MEDIA_TYPE, "application/json")
_VERSION: Final = "/_history/1"
_FORM: Final = "application/x-www-form-urlencoded"
_STATUS: Final = {
    200: "200 OK",
    201: "201 Created",
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


@dataclass(frozen=True, slots=True)
class Feed:
    """Who may send us AuditEvents (ITI-20): `admits` gives why somebody may not, empty when she may; `refused` is told of who may
    not, `unreadable` of what was no AuditEvent."""

    clock: Clock
    admits: Callable[[Peer], str]
    refused: NodeRefused
    unreadable: NodeRefused


@dataclass(frozen=True, slots=True)
class _Answer:
    resource: Resource | None
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()


class _Refusal(Exception):
    """An answer that HTTP has a status of its own for."""

    def __init__(self, status: int, why: str, *headers: tuple[str, str]) -> None:
        super().__init__(status)
        outcome = outcome_of(HieError(violation(Condition.MESSAGE_TYPE_UNSUPPORTED, "", why)))
        self.answer = _Answer(outcome, status, headers)


class FhirApp:
    """A WSGI application below `/fhir`."""

    def __init__(self, audit: AuditService, readers: Readers, feed: Feed) -> None:
        self._audit = audit
        self._readers = readers
        self._feed = feed
        self._taking = SendAuditResource(audit, feed.clock)

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        """Answers one request with a resource."""
        try:
            answer = self._routed(environ, environ[PEER])
        except HieError as error:
            status = status_of(error)
            asks = (("WWW-Authenticate", 'Bearer realm="audit"'),) if status == 401 else ()
            answer = _Answer(outcome_of(error), status, asks)
        except _Refusal as refusal:
            answer = refusal.answer
        REQUESTS.labels("fhir", "answered" if answer.status < 400 else "refused").inc()
        if answer.status >= 400:
            drain(environ)
        body = b"" if answer.resource is None else written(answer.resource)
        start(
            _STATUS.get(answer.status, f"{answer.status} Answer"),
            [
                *((("Content-Type", f"{MEDIA_TYPE}; charset=utf-8"),) if body else ()),
                ("Content-Length", str(len(body))),
                ("X-Content-Type-Options", "nosniff"),
                ("Cache-Control", "no-store"),
                *answer.headers,
            ],
        )
        return () if environ["REQUEST_METHOD"] == "HEAD" else (body,)

    def _routed(self, environ: Environ, peer: Peer) -> _Answer:
        path, method = environ["PATH_INFO"].removeprefix(ROOT).strip("/"), environ["REQUEST_METHOD"]
        base = peer.endpoint.partition(ROOT)[0] + ROOT
        if method == "POST" and path in ("", "AuditEvent"):
            return self._taken(environ, peer, base, is_bundle=not path)
        return _Answer(self._read(environ, peer, base, path, method))

    def _read(self, environ: Environ, peer: Peer, base: str, path: str, method: str) -> Resource:
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
        number = rest.removesuffix(_VERSION)
        if name == "AuditEvent" and number.isascii() and number.isdigit() and len(number) < 19:
            _require(method in _READS)
            door = RetrieveAuditEvent(self._audit, base)
            return door.read(int(number), self._admitted(environ, peer, "ITI-81", lambda s, e: door.refuse(f"_id={number}", s, e)))
        raise rejected(Condition.DOCUMENT_UNKNOWN, "", "nothing is served here; see /fhir/metadata")

    def _taken(self, environ: Environ, peer: Peer, base: str, *, is_bundle: bool) -> _Answer:
        """ITI-20 as FHIR: one AuditEvent, or a Bundle of them."""
        why = self._feed.admits(peer)
        if why:
            self._feed.refused(peer, why)
            raise Refused(violation(Condition.NOT_ALLOWED, "TLS certificate", why))
        try:
            body = _posted(environ, BUNDLE_BYTES if is_bundle else EVENT_BYTES)
            if is_bundle:
                return _Answer(self._taking.bundle(body, peer))
            return _created(self._taking.create(body, peer), base, environ.get("HTTP_PREFER", ""))
        except Unreadable as error:
            self._feed.unreadable(peer, reason_of(error))
            raise

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
                security=made(
                    description="Reading: a bearer token, or the certificate of a registered node that may ask for ITI-81. "
                    "Sending: the certificate of a node that may ask for ITI-20, where the listener has TLS."
                ),
                resource=[
                    made(
                        type="AuditEvent",
                        interaction=[made(code=code) for code in ("create", "read", "vread", "search-type")],
                        searchParam=search_parameters(),
                    )
                ],
                interaction=[made(code="batch"), made(code="transaction")],
            )
        ],
    )


def _require(is_served: bool) -> None:
    if not is_served:
        raise _Refusal(405, "this method is not served here", ("Allow", "GET, HEAD"))


def _created(created: Created, base: str, prefer: str) -> _Answer:
    wish = {part.strip() for part in prefer.replace(";", ",").split(",")}
    resource: Resource | None = created.resource
    if "return=minimal" in wish:
        resource = None
    elif "return=OperationOutcome" in wish:
        told = made(severity="information", code="informational", diagnostics=f"recorded as AuditEvent/{created.sequence}")
        resource = made(resourceType="OperationOutcome", issue=[told])
    return _Answer(resource, 201, (("Location", f"{base}/{created.location}"), ("ETag", 'W/"1"')))


def _posted(environ: Environ, limit: int) -> bytes:
    """The body of a resource that is sent. Raises `Unreadable`."""
    kind, _, parameter = environ.get("CONTENT_TYPE", "").lower().partition(";")
    if kind.strip() not in _JSON or not _is_utf8(parameter):
        raise _Refusal(415, f"send it as {MEDIA_TYPE}, in UTF-8", ("Accept-Post", MEDIA_TYPE))
    if environ.get("HTTP_CONTENT_ENCODING", "identity").lower() != "identity":
        raise _Refusal(415, "send it without a Content-Encoding")
    body: bytes = environ["wsgi.input"].read(limit + 1)
    if len(body) > limit:
        raise Unreadable(violation(Condition.TOO_LARGE, "body", f"more than {limit} bytes"))
    return body


def _is_utf8(parameters: str) -> bool:
    _, found, charset = parameters.partition("charset=")
    return not found or charset.partition(";")[0].strip(' "') == "utf-8"


def _form(environ: Environ) -> str:
    """The body of a search by POST. Raises `Unreadable`."""
    if environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower() != _FORM:
        raise Unreadable(violation(Condition.MALFORMED, "Content-Type", f"a search by POST is {_FORM}"))
    body = environ["wsgi.input"].read(BODY_LIMIT + 1)
    if len(body) > BODY_LIMIT:
        raise Unreadable(violation(Condition.TOO_LARGE, "body", f"more than {BODY_LIMIT} bytes"))
    return "&".join(part for part in (environ["QUERY_STRING"], body.decode("utf-8", "replace")) if part)
