"""app.http"""

from __future__ import annotations

import http.client
import io
import json
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest
from lxml import etree
from structlog.testing import capture_logs

from app.gateway import PEER, WsgiApp
from app.health import Health
from app.http import HttpApp, Limits
from app.server import HttpServer
from app.settings import HttpSettings
from kernel.errors import Condition, Unavailable, violation
from kernel.peer import Peer
from soap.exchange import Answer as SoapAnswer
from soap.exchange import Exchange
from tests.support.soap import PLAIN, Served, a_document, a_multipart, a_provision, an_envelope, an_include, mtom_type

MOST = 100_000
WITH_DOCUMENT = a_multipart(a_provision(an_include("1@test")), a_document("1@test", b"A letter."))


@dataclass
class Answer:
    """What an application answered."""

    status: int
    headers: dict[str, str]
    data: bytes

    @property
    def text(self) -> str:
        return self.data.decode()


def hello(_environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    start("200 OK", [("Content-Type", "text/plain")])
    return [b"the console"]


def broken(_environ: dict[str, Any], _start: Callable[..., Any]) -> Iterable[bytes]:
    raise RuntimeError("PID|||4711")


class Site:
    """The whole application with two SOAP operations behind it."""

    def __init__(self, health: Health | None = None, console: WsgiApp = hello, bulk: int = 2, body_bytes: int = MOST) -> None:
        self.served = Served()
        self.app = HttpApp(
            self.served.door,
            mounts={"/console": console},
            health=health or Health({"database": lambda: None}),
            metrics=lambda: b"hie_requests 1\n",
            limits=Limits(body_bytes, bulk),
        )

    def ask(self, method: str, path: str, data: bytes = b"", content_type: str = "", **environ: Any) -> Answer:
        path, _, query = path.partition("?")
        told: list[Any] = []
        chunks = self.app(
            {
                "REQUEST_METHOD": method,
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "CONTENT_LENGTH": str(len(data)) if data else "",
                "CONTENT_TYPE": content_type,
                "wsgi.input": io.BytesIO(data),
                PEER: Peer("127.0.0.1", f"http://hie.example.org{path}", request_id="r1"),
                **environ,
            },
            lambda *status: told.extend(status),
        )
        body = b"".join(chunks)
        return Answer(int(told[0].partition(" ")[0]), dict(told[1]), body)

    def post(self, data: bytes, content_type: str = PLAIN, **environ: Any) -> Answer:
        return self.ask("POST", "/xds/registry", data, content_type, **environ)


def away() -> None:
    raise Unavailable(violation(Condition.BUSY, "database", "host db7 refused the password of hie"))


def test_the_process_lives_also_when_the_database_is_away() -> None:
    site = Site(Health({"database": away}))

    assert site.ask("GET", "/livez").status == 200


def test_readiness_names_the_part_that_is_away_and_not_why() -> None:
    answer = Site(Health({"database": away, "documents": lambda: None})).ask("GET", "/readyz")

    assert answer.status == 503
    assert json.loads(answer.data) == {"database": "BUSY", "documents": "ok"}


def test_it_is_ready_when_every_part_is() -> None:
    answer = Site().ask("GET", "/readyz")

    assert (answer.status, json.loads(answer.data)) == (200, {"database": "ok"})


def test_metrics_are_shown_as_text() -> None:
    answer = Site().ask("GET", "/metrics")

    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert answer.text == "hie_requests 1\n"


def test_who_comes_to_the_root_is_led_to_the_console() -> None:
    answer = Site().ask("GET", "/")

    assert (answer.status, answer.headers["Location"]) == (302, "/console")


@pytest.mark.parametrize("path", ["/console", "/console/identities/reviews"])
def test_the_console_answers_below_its_path(path: str) -> None:
    assert Site().ask("GET", path).text == "the console"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("POST", "/nowhere", 404),
        ("GET", "/consoles", 404),
        ("POST", "/livez", 405),
        ("DELETE", "/metrics", 405),
        ("GET", "/xds/registry", 405),
        ("PUT", "/xds/registry", 405),
        ("GET", "/wsdl/nothing.xsd", 404),
        ("GET", "/wsdl/../app/http.py", 404),
        ("GET", "/wsdl/registry.wsdl", 404),
    ],
)
def test_what_is_not_served_is_refused_with_a_text_that_helps(method: str, path: str, status: int) -> None:
    answer = Site().ask(method, path, b"x")

    assert answer.status == status
    assert "/xds/registry" in answer.text or "SOAP 1.2" in answer.text


def test_a_contract_is_given_with_the_address_it_was_asked_at() -> None:
    answer = Site().ask("GET", "/pix?wsdl")

    locations = etree.fromstring(answer.data).xpath("//*[local-name()='address']/@location")  # noqa: TID251 - ours
    assert locations == ["http://hie.example.org/pix"]


def test_a_message_is_answered_by_its_door_whichever_path_it_came_by() -> None:
    site = Site()

    answer = site.ask("POST", "/pdq", an_envelope(), PLAIN)

    assert answer.status == 200
    assert b"<done" in answer.data
    assert len(site.served.ask.asked) == 1


def test_a_message_larger_than_the_limit_is_refused_before_it_is_read() -> None:
    site = Site(body_bytes=100)

    answer = site.post(an_envelope())

    assert (answer.status, site.served.ask.asked) == (413, [])
    assert "100 bytes" in answer.text


def test_a_message_of_unknown_length_is_cut_at_the_limit_and_gets_a_fault() -> None:
    site = Site(body_bytes=100)

    answer = site.post(an_envelope(), CONTENT_LENGTH="")

    assert answer.status >= 400
    assert b"Fault>" in answer.data
    assert site.served.ask.asked == []


@pytest.mark.parametrize("length", ["-1", "1_0", "+5", "٥", " 5"])
def test_a_length_that_is_no_number_is_refused(length: str) -> None:
    assert Site().post(an_envelope(), CONTENT_LENGTH=length).status == 400


def test_a_length_and_chunks_at_once_are_refused() -> None:
    answer = Site().post(an_envelope(), HTTP_TRANSFER_ENCODING="chunked")

    assert (answer.status, "not both" in answer.text) == (400, True)


def test_a_compressed_message_is_refused_in_words() -> None:
    answer = Site().post(an_envelope(), HTTP_CONTENT_ENCODING="gzip")

    assert answer.status == 415
    assert "Content-Encoding" in answer.text


def test_more_documents_at_a_time_than_one_process_takes_are_told_to_come_back() -> None:
    site = Site(bulk=1)
    inner: list[Answer] = []

    def meanwhile(_exchange: Exchange) -> SoapAnswer:
        inner.append(site.post(WITH_DOCUMENT, mtom_type()))
        return SoapAnswer((b"<done xmlns='urn:test'/>",))

    site.served.provide.say = meanwhile

    outer = site.post(WITH_DOCUMENT, mtom_type())

    assert (inner[0].status, inner[0].headers["Retry-After"]) == (503, "2")
    assert outer.status == 200


def test_the_room_for_documents_is_given_back_when_a_door_breaks() -> None:
    site = Site(bulk=1)

    def break_down(_exchange: Exchange) -> SoapAnswer:
        raise RuntimeError("a bug")

    site.served.provide.say = break_down

    statuses = [site.post(WITH_DOCUMENT, mtom_type()).status for _ in range(3)]

    assert 503 not in statuses
    assert len(site.served.bugs) == 3


def test_a_bug_is_answered_with_the_requests_id_and_logged_without_what_was_sent() -> None:
    with capture_logs() as lines:
        answer = Site(console=broken).ask("GET", "/console")

    assert answer.status == 500
    assert "r1" in answer.text
    assert "4711" not in answer.text
    assert [line["event"] for line in lines] == ["bug"]


@pytest.mark.parametrize("path", ["/livez", "/pix?wsdl", "/nowhere"])
def test_the_answer_to_head_has_no_content_so_that_the_connection_stays_in_step(path: str) -> None:
    server = HttpServer(Site().app, "127.0.0.1:0", HttpSettings(threads=4))
    port = server.start()

    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        connection.request("HEAD", path)
        connection.getresponse().read()
        connection.request("GET", "/livez")
        second = connection.getresponse().read()
    server.stop()

    assert second == b"ok"
