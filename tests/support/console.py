"""The console on a test's database, with everything behind it real."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, cast

import sqlalchemy as sa
from flask.testing import FlaskClient
from lxml import etree
from werkzeug.test import TestResponse

from affinity.store import METADATA as AFFINITY
from arr.tables import METADATA as ARR
from console.audit import audit_pages
from console.identities import identity_pages
from console.reports import report_pages
from console.searches import Searches
from console.sessions import Lifetimes, Sessions
from console.store import METADATA as CONSOLE
from console.store import Role
from console.web import Logins, make_console
from kernel.outbox import AUDIT_OUTBOX
from kernel.peer import Peer
from kernel.times import Clock
from mpi.tables import METADATA as MPI
from tests.conftest import MakeDatabase
from tests.support.arr import a_service
from tests.support.audit import CONTEXT
from tests.support.clocks import TickingClock
from tests.support.patients import PatientIndex, an_affinity_domain

LIFETIMES = Lifetimes(link=900, idle=900, session=8 * 3600)
ENDPOINT = "http://127.0.0.1:8080/console"
TABLES = (AFFINITY, MPI, ARR, CONSOLE)


class Desk:
    """A console, what it shows, and the browsers of those who work at it."""

    def __init__(self, make_database: MakeDatabase, clock: Clock) -> None:
        database = make_database(*TABLES)
        self.database = database
        self.clock = clock
        self.index = PatientIndex(database, an_affinity_domain())
        self.audit = a_service(database)
        self.searches = Searches(database)
        self.sessions = Sessions(database, clock, LIFETIMES)
        self.app = make_console(
            self.sessions,
            Logins(CONTEXT, clock, self.index.stewardship.give_all_back),
            identity_pages(self.index.viewing, self.index.stewardship),
            audit_pages(self.audit, self.searches),
            report_pages(self.audit, self.searches),
        )

    def browser(self) -> Browser:
        """Somebody's browser, nobody signed in."""
        return Browser(self.app.test_client())

    def signed_in(self, role: Role, name: str = "anna") -> Browser:
        """The browser of somebody who used her link."""
        browser = self.browser()
        answer = browser.send("/sign-in", link=self.sessions.link(name, role))
        assert answer.status_code == 302, answer.text
        return browser

    def forward_audit(self) -> list[bytes]:
        """Takes what waits for the audit record repository into it; gives the messages."""
        with self.database.begin() as work:
            messages = list(work.connection.scalars(sa.select(AUDIT_OUTBOX.c.message).order_by(AUDIT_OUTBOX.c.id)))
            work.connection.execute(AUDIT_OUTBOX.delete())
        prepared = self.audit.prepare(messages)
        with self.database.begin() as work:
            self.audit.append(work, prepared)
        return messages


class Browser:
    """A browser without script: it follows links, fills in forms, and keeps the last page."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client
        self.text = ""

    def open(self, path: str, **more: Any) -> TestResponse:
        """Opens a page below `/console`, as an address bar does."""
        return self._request("GET", path, **more)

    def send(self, path: str, headers: dict[str, str] | None = None, /, **fields: str) -> TestResponse:
        """Sends a form with the secret of the last page."""
        secret = re.search(r'name="form_secret" value="([^"]+)"', self.text)
        data = {"form_secret": secret[1] if secret else "", **fields}
        return self._request("POST", path, data=data, headers=headers)

    def follow(self, answer: TestResponse) -> TestResponse:
        """Goes where an answer sends the browser."""
        assert answer.status_code in (302, 303), answer.text
        return self.open(answer.headers["Location"].removeprefix("/console"))

    def _request(self, method: str, path: str, **more: Any) -> TestResponse:
        peer = Peer("10.0.0.7", ENDPOINT, "", "r1")
        answer = self.client.open(f"/console{path}", method=method, environ_overrides={"hie.peer": peer}, buffered=True, **more)
        if answer.mimetype == "text/html" and answer.status_code not in (302, 303):
            self.text = answer.text
        return answer

    @property
    def words(self) -> str:
        """The text of the last page, with single spaces."""
        body = etree.HTML(self.text).find("body")
        return " ".join(" ".join(map(str, body.itertext())).split()) if body is not None else ""

    def all(self, path: str) -> Sequence[Any]:
        """What an XPath finds in the last page."""
        return cast("Sequence[Any]", etree.HTML(self.text).xpath(path))


def a_desk(make_database: MakeDatabase, clock: TickingClock) -> Desk:
    """A console with nothing in it."""
    return Desk(make_database, clock)
