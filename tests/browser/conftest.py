"""A console that is served, and Chromium to look at it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from app.server import HttpServer
from app.settings import HttpSettings
from console.store import Role
from tests.conftest import MakeDatabase
from tests.support.clocks import TickingClock
from tests.support.console import Desk
from tests.support.service import Service, running
from tests.support.wire import MllpWire

ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE_MS = 20_000


@contextmanager
def a_chromium() -> Iterator[Browser]:
    """Debian's Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """A browser for all tests; each test takes a context of its own."""
    if shutil.which("chromium") is None:
        pytest.skip("no chromium on this machine")
    with a_chromium() as browser:
        yield browser


@dataclass
class Office:
    """The browsers of those who sit before a console."""

    url: str
    browser: Browser
    complaints: list[str] = field(default_factory=list)
    """What the browsers said on their consoles: errors, and breaches of the content policy."""

    @contextmanager
    def person(self, link: str, **options: object) -> Iterator[Page]:
        """Somebody who signs in by a link; `options` are those of a Playwright context."""
        context = self.browser.new_context(base_url=self.url, **options)  # type: ignore[arg-type]  # handed on
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.on("console", self._listen)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.goto(link)
        page.get_by_role("button", name="Sign in").click()
        yield page
        context.close()

    def _listen(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text}")


@dataclass
class Desks(Office):
    """A console in this process."""

    desk: Desk = field(kw_only=True)

    def link(self, role: Role, name: str = "Ada") -> str:
        """A one-time link."""
        return f"{self.url}/console/sign-in?link={self.desk.sessions.link(name, role)}"


@contextmanager
def served(desk: Desk, browser: Browser) -> Iterator[Desks]:
    """The console on a port of its own."""
    server = HttpServer(desk.app, "127.0.0.1:0", HttpSettings())
    port = server.start()
    yield Desks(f"http://127.0.0.1:{port}", browser, desk=desk)
    server.stop()


@pytest.fixture
def desks(make_database: MakeDatabase, clock: TickingClock, chromium: Browser) -> Iterator[Desks]:
    """A console in this process; no browser had anything to complain of in the end."""
    with served(Desk(make_database, clock), chromium) as desks:
        yield desks
    assert desks.complaints == []


@dataclass
class Product(Office):
    """The whole service as `hie serve` starts it."""

    service: Service = field(kw_only=True)

    def link(self, role: Role) -> str:
        """The link that the service printed when it started."""
        (line,) = (line for line in self.service.lines if line.startswith("Console") and f" {role.value}:" in line)
        found = re.search(r"http\S+", line)
        assert found is not None
        return found.group()

    def feed(self, *messages: bytes) -> None:
        """Announces patients over MLLP."""
        with MllpWire(self.service.mllp_port) as wire:
            for message in messages:
                assert "MSA|AA" in wire.send(message)


@pytest.fixture
def product(tmp_path_factory: pytest.TempPathFactory, chromium: Browser) -> Iterator[Product]:
    """The service in a process of its own."""
    with running(tmp_path_factory.mktemp("serve") / "data") as service:
        product = Product(service.url, chromium, service=service)
        yield product
        service.stop()
    assert product.complaints == []
