"""The console as a whole: who may open what, what every answer carries, and what a person reads when something is wrong."""

from __future__ import annotations

import re

import pytest
from flask import Blueprint, Flask

from console.guard import page
from console.reports import report_pages
from console.store import Role
from console.web import Logins, make_console
from kernel.errors import Condition, Refused, Unavailable, rejected, violation
from tests.support.audit import CONTEXT
from tests.support.clocks import TickingClock
from tests.support.console import Browser, Desk

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # nothing here is about rows

ADMINISTRATOR, AUDITOR = Role.ADMINISTRATOR, Role.AUDITOR
OPEN = {"static", "signing.home", "signing.sign_in_page", "signing.sign_in"}
WHOSE = {
    "signing.sign_out": {ADMINISTRATOR, AUDITOR},
    "identities.queue": {ADMINISTRATOR},
    "identities.next_review": {ADMINISTRATOR},
    "identities.review": {ADMINISTRATOR},
    "identities.decide": {ADMINISTRATOR},
    "identities.skip": {ADMINISTRATOR},
    "identities.decisions": {ADMINISTRATOR},
    "identities.decision": {ADMINISTRATOR},
    "identities.take_back": {ADMINISTRATOR},
    "audit.search": {AUDITOR},
    "audit.keep_search": {AUDITOR},
    "audit.record": {AUDITOR},
    "reports.form": {AUDITOR},
    "reports.keep": {AUDITOR},
    "reports.file": {AUDITOR},
}


def addresses(app: Flask) -> list[tuple[str, str, str]]:
    """Endpoint, method and path of every page that is not open to all."""
    return [
        (rule.endpoint, method, re.sub(r"<[^>]+>", "1", rule.rule).removeprefix("/console"))
        for rule in app.url_map.iter_rules()
        if rule.endpoint not in OPEN
        for method in sorted((rule.methods or set()) & {"GET", "POST", "PUT", "PATCH", "DELETE"})
    ]


def opened(browser: Browser, method: str, path: str) -> tuple[int, str]:
    """Status, and where it leads."""
    answer = browser.open(path) if method == "GET" else browser.send(path)
    return answer.status_code, answer.headers.get("Location", "")


def test_every_page_is_listed_with_those_who_may_open_it(desk: Desk) -> None:
    endpoints = {rule.endpoint for rule in desk.app.url_map.iter_rules()}

    assert endpoints == OPEN | set(WHOSE)


def test_nobody_gets_further_than_the_sign_in_page(desk: Desk) -> None:
    nobody = desk.browser()

    led = {(endpoint, method): opened(nobody, method, path) for endpoint, method, path in addresses(desk.app)}

    assert led
    assert set(led.values()) == {(302, "/console/sign-in")}


@pytest.mark.parametrize("role", list(Role))
def test_a_role_opens_its_own_pages_and_no_others(desk: Desk, role: Role) -> None:
    outcomes: dict[str, bool] = {}

    for endpoint, method, path in addresses(desk.app):
        browser = desk.signed_in(role)
        browser.follow(browser.open(""))
        status, where = opened(browser, method, path)
        outcomes[endpoint] = status != 403
        assert status < 500
        assert endpoint == "signing.sign_out" or "sign-in" not in where

    assert outcomes == {endpoint: role in roles for endpoint, roles in WHOSE.items()}


def test_each_role_begins_where_its_work_is(desk: Desk) -> None:
    starts = {role: desk.signed_in(role).open("").headers["Location"] for role in Role}

    assert starts == {ADMINISTRATOR: "/console/identities/reviews", AUDITOR: "/console/audit"}


def test_a_page_that_nothing_guards_stops_the_start(desk: Desk, clock: TickingClock) -> None:
    pages = Blueprint("late", __name__)
    pages.add_url_rule("/secrets", "secrets", lambda: "everything")

    with pytest.raises(ValueError, match=r"late\.secrets"):
        make_console(desk.sessions, Logins(CONTEXT, clock), pages)


@pytest.mark.parametrize("path", ["/sign-in", "/nothing/here", "/static/console.css", "/static/nothing", ""])
def test_every_answer_carries_the_content_policy_and_its_company(desk: Desk, path: str) -> None:
    answer = desk.browser().open(path)

    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"


def test_pages_are_kept_by_no_cache_and_styles_by_every_cache(desk: Desk) -> None:
    browser = desk.browser()

    page_answer = browser.open("/sign-in")
    (style,) = browser.all("//link[@rel='stylesheet']/@href")
    style_answer = browser.open(style.removeprefix("/console"))

    assert page_answer.headers["Cache-Control"] == "no-store"
    assert "max-age=31536000" in style_answer.headers["Cache-Control"]
    assert "v=" in style


def test_pages_hold_no_script_or_style_of_their_own(desk: Desk) -> None:
    browser = desk.signed_in(AUDITOR)

    browser.open("/audit")

    assert browser.all("//script[not(@src)] | //style | //*[@style] | //@*[starts-with(name(), 'on')]") == []


@pytest.mark.parametrize("secret", ["", "wrong", "sécret"])
def test_a_form_without_the_sessions_secret_does_nothing(desk: Desk, secret: str) -> None:
    browser = desk.signed_in(AUDITOR)

    answer = browser.send("/audit", form_secret=secret, user="anna")

    assert answer.status_code == 400
    assert "Go back, load the page again" in browser.words


def test_a_form_that_another_site_sent_does_nothing(desk: Desk) -> None:
    browser = desk.browser()
    link = desk.sessions.link("mallory", AUDITOR)

    answer = browser.send("/sign-in", {"Sec-Fetch-Site": "cross-site"}, link=link)

    assert answer.status_code == 403
    assert desk.sessions.is_link_good(link)


def test_a_form_that_is_too_large_is_refused_in_words(desk: Desk) -> None:
    browser = desk.signed_in(AUDITOR)

    answer = browser.send("/audit", user="x" * 70_000)

    assert answer.status_code == 413
    assert "larger than any form" in browser.words


def a_console_that_fails(desk: Desk, clock: TickingClock, problem: Exception) -> Browser:
    """The browser of an auditor whose start page raises."""
    pages = Blueprint("audit", __name__)

    @pages.get("/audit")
    @page(AUDITOR)
    def search() -> str:
        raise problem

    app = make_console(desk.sessions, Logins(CONTEXT, clock), pages, report_pages(desk.audit, desk.searches))
    browser = Browser(app.test_client())
    browser.send("/sign-in", link=desk.sessions.link("anna", AUDITOR))
    return browser


@pytest.mark.parametrize(
    ("problem", "status", "words"),
    [
        (Unavailable(violation(Condition.BUSY, "database", "the database does not answer")), 503, "Try again in a moment."),
        (Refused(violation(Condition.NOT_ALLOWED, "purpose", "not for this purpose")), 403, "Not for this purpose."),
        (rejected(Condition.IDENTIFIER_UNKNOWN, "review", "there is no such review"), 404, "There is no such review."),
        (rejected(Condition.UPDATE_INVALID, "act", "there is nothing to change"), 409, "There is nothing to change."),
    ],
)
def test_what_a_service_refuses_is_a_page_with_its_words(
    desk: Desk, clock: TickingClock, problem: Exception, status: int, words: str
) -> None:
    browser = a_console_that_fails(desk, clock, problem)

    answer = browser.open("/audit")

    assert answer.status_code == status
    assert words in browser.words


def test_a_bug_is_told_without_what_it_quotes(desk: Desk, clock: TickingClock) -> None:
    browser = a_console_that_fails(desk, clock, RuntimeError("Lena Rivera"))

    answer = browser.open("/audit")

    assert answer.status_code == 500
    assert "Rivera" not in browser.text
    assert "request r1" in browser.words


def test_a_number_that_no_database_holds_is_no_page(desk: Desk) -> None:
    auditor, administrator = desk.signed_in(AUDITOR), desk.signed_in(ADMINISTRATOR)

    statuses = {
        auditor.open(f"/audit/{10**30}").status_code,
        administrator.open(f"/identities/reviews/{10**30}").status_code,
        administrator.open(f"/identities/decisions/{10**30}").status_code,
    }

    assert statuses == {404}


def test_a_demonstration_says_so_on_every_page(desk: Desk, clock: TickingClock) -> None:
    browser = Browser(make_console(desk.sessions, Logins(CONTEXT, clock), is_demo=True).test_client())

    browser.open("/sign-in")

    assert "every person here is invented" in browser.words
