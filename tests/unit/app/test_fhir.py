"""app.fhir: what is behind it is tested on the wire."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from access.nodes import Nodes
from app.fhir import BODY_LIMIT, FhirApp
from app.server import PEER
from arr.readers import Readers
from arr.tables import METADATA
from kernel.peer import Peer
from tests.conftest import MakeDatabase
from tests.support.arr import a_service

FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def app(make_database: MakeDatabase) -> FhirApp:
    return FhirApp(a_service(make_database(METADATA)), Readers(Nodes()))


def asked(app: FhirApp, path: str, method: str = "GET", body: bytes = b"", kind: str = "") -> tuple[int, bytes]:
    told: list[str] = []
    environ: dict[str, Any] = {
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "REQUEST_METHOD": method,
        "CONTENT_TYPE": kind,
        "wsgi.input": io.BytesIO(body),
        PEER: Peer("10.0.0.5", f"http://hie{path}"),
    }
    answer = b"".join(app(environ, lambda status, _headers: told.append(status)))
    return int(told[0][:3]), answer


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/fhir/metadata", 200),
        ("GET", "/fhir/metadata/", 200),
        ("POST", "/fhir/metadata", 405),
        ("GET", "/fhir", 404),
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
