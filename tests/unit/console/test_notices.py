"""What the next page tells."""

from __future__ import annotations

from console.notices import Notice
from console.store import Role
from tests.support.console import Desk


def test_a_notice_survives_being_kept() -> None:
    notice = Notice("Your answer was not taken.", ("Decided before.",), 4711, is_problem=True)

    assert Notice.from_json(notice.to_json()) == notice


def test_a_notice_is_told_once_and_on_no_other_session(desk: Desk) -> None:
    anna, bruno = desk.signed_in(Role.AUDITOR), desk.signed_in(Role.AUDITOR, "bruno")
    cookie = anna.client.get_cookie("hie_session", path="/console")
    assert cookie is not None
    desk.sessions.tell(cookie.value, Notice("Well done."))

    told = []
    for browser in (bruno, anna, anna):
        browser.open("/audit")
        told.append("Well done." in browser.words)

    assert told == [False, True, False]
