"""Signing in by a one-time link, and out."""

from __future__ import annotations

from datetime import timedelta

import pytest

from atna.message import AuditMessage, Indicator
from atna.reader import read
from console.store import Role
from tests.support.clocks import TickingClock
from tests.support.console import Desk

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # nothing here is about rows


def logins(desk: Desk) -> list[tuple[str, Indicator, str]]:
    """Logins and logouts in the audit so far: which, how it ended, who."""
    messages: list[AuditMessage] = [read(xml) for xml in desk.forward_audit()]
    return [(m.types[0].display, m.outcome.indicator, m.participants[0].user_id) for m in messages if m.types]


def test_a_link_is_used_up_by_the_button_and_not_by_being_fetched(desk: Desk) -> None:
    link = desk.sessions.link("anna", Role.AUDITOR)
    fetched = [desk.browser().open(f"/sign-in?link={link}") for _ in range(2)]
    browser = desk.browser()

    first, second = browser.send("/sign-in", link=link), desk.browser().send("/sign-in", link=link)

    assert [answer.status_code for answer in fetched] == [200, 200]
    assert (first.status_code, first.headers["Location"]) == (302, "/console/")
    assert second.status_code == 403
    assert "has been used or has expired" in second.text


def test_a_link_is_not_good_for_ever(desk: Desk, clock: TickingClock) -> None:
    link = desk.sessions.link("anna", Role.AUDITOR)
    clock.present += timedelta(seconds=901)
    browser = desk.browser()

    browser.open(f"/sign-in?link={link}")

    assert "has been used or has expired" in browser.words
    assert browser.send("/sign-in", link=link).status_code == 403


@pytest.mark.parametrize("link", ["", "nothing", "x" * 5000, "ünïcode"])
def test_a_link_that_never_was_opens_nothing(desk: Desk, link: str) -> None:
    browser = desk.browser()

    answer = browser.send("/sign-in", link=link)

    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers


def test_the_cookie_is_for_the_console_alone_and_out_of_reach_of_scripts(desk: Desk) -> None:
    answer = desk.browser().send("/sign-in", link=desk.sessions.link("anna", Role.AUDITOR))

    cookie = answer.headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Strict", "Path=/console"} <= {part.strip() for part in cookie.split(";")}


def test_login_refused_login_and_logout_leave_their_audit_records(desk: Desk) -> None:
    browser = desk.signed_in(Role.AUDITOR)
    browser.follow(browser.open(""))
    browser.send("/sign-out")
    desk.browser().send("/sign-in", link="nothing")

    found = logins(desk)

    assert found == [
        ("Login", Indicator.SUCCESS, "anna"),
        ("Logout", Indicator.SUCCESS, "anna"),
        ("Login", Indicator.SERIOUS, "10.0.0.7"),
    ]


def test_who_signed_out_is_out_whatever_her_browser_remembers(desk: Desk) -> None:
    browser = desk.signed_in(Role.AUDITOR)
    browser.follow(browser.open(""))
    cookie = browser.client.get_cookie("hie_session", path="/console")
    browser.follow(browser.send("/sign-out"))
    signed_out = browser.words

    assert cookie is not None
    browser.client.set_cookie("hie_session", cookie.value, path="/console")
    answer = browser.open("/audit")

    assert "You are signed out." in signed_out
    assert answer.status_code == 302


def test_a_session_that_is_not_used_ends_and_says_so(desk: Desk, clock: TickingClock) -> None:
    browser = desk.signed_in(Role.AUDITOR)
    desk.forward_audit()
    clock.present += timedelta(seconds=901)

    browser.follow(browser.open("/audit"))

    assert "Your session has ended" in browser.words
    assert logins(desk) == [("Logout", Indicator.SUCCESS, "anna")]


def test_a_session_in_use_ends_after_a_working_day_all_the_same(desk: Desk, clock: TickingClock) -> None:
    browser = desk.signed_in(Role.AUDITOR)
    statuses = []

    for _ in range(60):
        clock.present += timedelta(seconds=600)
        statuses.append(browser.open("/audit").status_code)

    assert statuses.index(302) in (46, 47)


def test_signing_in_anew_ends_the_session_before(desk: Desk) -> None:
    browser = desk.signed_in(Role.AUDITOR)
    before = browser.client.get_cookie("hie_session", path="/console")

    browser.send("/sign-in", link=desk.sessions.link("bruno", Role.ADMINISTRATOR))

    assert before is not None
    assert desk.sessions.session(before.value, lambda *_: b"") is None


def test_a_name_with_markup_stays_a_name(desk: Desk) -> None:
    browser = desk.signed_in(Role.AUDITOR, "<script>alert(1)</script>")

    browser.open("/audit")

    assert browser.all("//script[not(@src)]") == []
    assert "<script>alert(1)</script>" in browser.words
