"""app.fhir: what is behind it is tested on the wire."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from access.nodes import Nodes
from app.fhir import BODY_LIMIT, Feed, FhirApp
from app.gateway import PEER
from arr.readers import Readers
from arr.tables import METADATA
from arr.transactions.iti20_send_audit_resource import EVENT_BYTES
from atna.fhir import new_audit_event
from fhir_r4.json import MEDIA_TYPE, written
from kernel.peer import Peer
from tests.conftest import MakeDatabase
from tests.support.arr import a_service
from tests.support.audit import WHEN, an_event

FORM = "application/x-www-form-urlencoded"


Told = list[str]


@pytest.fixture
def told() -> Told:
    """Whom the feed refused and what it could not read."""
    return []


@pytest.fixture
def app(make_database: MakeDatabase, told: Told) -> FhirApp:
    def admits(peer: Peer) -> str:
        return "not her" if peer.certificate_subject == "CN=nobody" else ""

    feed = Feed(lambda: WHEN, admits, lambda _peer, why: told.append(why), lambda _peer, why: told.append(why))
    return FhirApp(a_service(make_database(METADATA)), Readers(Nodes()), feed)


def asked(app: FhirApp, path: str, method: str = "GET", body: bytes = b"", kind: str = "", **more: str) -> tuple[int, bytes]:
    status, _, answer = exchanged(app, path, method, body, kind, **more)
    return status, answer


def exchanged(
    app: FhirApp, path: str, method: str, body: bytes, kind: str, certificate: str = "", **more: str
) -> tuple[int, dict[str, str], bytes]:
    told: list[tuple[str, list[tuple[str, str]]]] = []
    environ: dict[str, Any] = {
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "REQUEST_METHOD": method,
        "CONTENT_TYPE": kind,
        "wsgi.input": io.BytesIO(body),
        PEER: Peer("10.0.0.5", f"http://hie{path}", certificate),
        **more,
    }
    answer = b"".join(app(environ, lambda status, headers: told.append((status, headers))))
    status, headers = told[0]
    return int(status[:3]), dict(headers), answer


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/fhir/metadata", 200),
        ("GET", "/fhir/metadata/", 200),
        ("POST", "/fhir/metadata", 405),
        ("GET", "/fhir", 404),
        ("GET", "/fhir/AuditEvent/1/_history/1", 401),
        ("GET", "/fhir/AuditEvent/1/_history/2", 404),
        ("POST", "/fhir", 415),
        ("POST", "/fhir/AuditEvent", 415),
        ("POST", "/fhir/AuditEvent/1", 405),
        ("GET", "/fhir/AuditEvent", 401),
        ("PUT", "/fhir/AuditEvent", 405),
        ("GET", "/fhir/AuditEvent/_search", 405),
        ("POST", "/fhir/syslogsearch", 405),
        ("GET", "/fhir/AuditEvent/99999999999999999999", 404),
    ],
)
def test_a_route_serves_its_methods(app: FhirApp, method: str, path: str, status: int) -> None:
    assert asked(app, path, method)[0] == status


def test_a_head_has_no_content(app: FhirApp) -> None:
    assert asked(app, "/fhir/metadata", "HEAD") == (200, b"")


@pytest.mark.parametrize(("body", "kind", "status"), [(b"{}", "application/json", 400), (b"a" * (BODY_LIMIT + 1), FORM, 413)])
def test_a_search_by_post_is_a_form_of_bounded_size(app: FhirApp, body: bytes, kind: str, status: int) -> None:
    code, answer = asked(app, "/fhir/AuditEvent/_search", "POST", body, kind)

    assert code == status
    assert json.loads(answer)["resourceType"] == "OperationOutcome"


def test_the_base_address_is_the_one_that_was_called(app: FhirApp) -> None:
    told = json.loads(asked(app, "/fhir/metadata")[1])

    assert told["implementation"]["url"] == "http://hie/fhir"


def posted(
    app: FhirApp, body: bytes, path: str = "/fhir/AuditEvent", kind: str = MEDIA_TYPE, **more: str
) -> tuple[int, str, bytes]:
    status, headers, answer = exchanged(app, path, "POST", body, kind, **more)
    return status, headers.get("Location", ""), answer


EVENT = written(new_audit_event(an_event()))


@pytest.mark.parametrize("kind", [MEDIA_TYPE, "application/json", "application/fhir+json; charset=UTF-8; fhirVersion=4.0"])
def test_an_audit_event_is_created(app: FhirApp, kind: str) -> None:
    status, location, answer = posted(app, EVENT, kind=kind)

    assert (status, location) == (201, "http://hie/fhir/AuditEvent/1/_history/1")
    assert json.loads(answer)["id"] == "1"


@pytest.mark.parametrize(
    ("prefer", "begins"), [("return=minimal", b""), ("return=OperationOutcome", b'{"resourceType":"OperationO')]
)
def test_the_answer_is_what_the_sender_prefers(app: FhirApp, prefer: str, begins: bytes) -> None:
    status, _, answer = posted(app, EVENT, HTTP_PREFER=f"{prefer}; handling=strict")

    assert (status, answer[:27]) == (201, begins)


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("application/fhir+xml", {}),
        ("", {}),
        ("application/fhir+json; charset=latin1", {}),
        (MEDIA_TYPE, {"HTTP_CONTENT_ENCODING": "gzip"}),
    ],
)
def test_another_form_is_not_taken(app: FhirApp, told: Told, kind: str, more: dict[str, str]) -> None:
    assert posted(app, EVENT, kind=kind, **more)[0] == 415
    assert told == []


@pytest.mark.parametrize(("body", "status"), [(b"<AuditEvent/>", 400), (b" " * (EVENT_BYTES + 1), 413)])
def test_what_cannot_be_read_is_told_of(app: FhirApp, told: Told, body: bytes, status: int) -> None:
    assert posted(app, body)[0] == status
    assert len(told) == 1


def test_what_is_wrong_with_an_event_is_answered_and_no_alarm(app: FhirApp, told: Told) -> None:
    status, _, answer = posted(app, b'{"resourceType":"AuditEvent"}')

    assert (status, told) == (400, [])
    assert len(json.loads(answer)["issue"]) == 4


@pytest.mark.parametrize("path", ["/fhir", "/fhir/AuditEvent"])
def test_who_may_not_send_is_refused_and_told_of(app: FhirApp, told: Told, path: str) -> None:
    status, _, _ = posted(app, EVENT, path=path, certificate="CN=nobody")

    assert (status, told) == (403, ["not her"])


def test_a_bundle_is_taken_at_the_base(app: FhirApp) -> None:
    entry = {"resource": json.loads(EVENT), "request": {"method": "POST", "url": "AuditEvent"}}

    status, _, answer = posted(app, written({"resourceType": "Bundle", "type": "batch", "entry": [entry]}), path="/fhir")

    assert (status, json.loads(answer)["type"]) == (200, "batch-response")
