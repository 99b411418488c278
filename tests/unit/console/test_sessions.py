"""Links and sessions."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from console.notices import Notice
from console.sessions import Sessions
from console.store import LINK, SESSION, Role
from tests.support.clocks import TickingClock
from tests.support.console import LIFETIMES, Desk


def nothing(_name: str, _role: Role) -> bytes:
    """An audit record that nobody looks at."""
    return b"<AuditMessage/>"


def begin(sessions: Sessions, name: str = "anna") -> str:
    """The cookie of a new session."""
    secret = sessions.sign_in(sessions.link(name, Role.AUDITOR), begun=nothing, timed_out=nothing)
    assert secret is not None
    return secret


def test_no_secret_is_kept_as_it_is(desk: Desk) -> None:
    link = desk.sessions.link("anna", Role.AUDITOR)
    cookie = begin(desk.sessions)

    with desk.database.read() as connection:
        rows = [*connection.execute(sa.select(LINK)), *connection.execute(sa.select(SESSION))]

    kept = repr([tuple(row) for row in rows])
    assert link not in kept
    assert cookie not in kept


def test_of_many_that_use_one_link_one_is_let_in(desk: Desk) -> None:
    link = desk.sessions.link("anna", Role.AUDITOR)

    secrets = [desk.sessions.sign_in(link, begun=nothing, timed_out=nothing) for _ in range(3)]

    assert [secret is not None for secret in secrets] == [True, False, False]


def test_using_a_session_keeps_it(desk: Desk, clock: TickingClock) -> None:
    cookie = begin(desk.sessions)

    for _ in range(4):
        clock.present += timedelta(seconds=LIFETIMES.idle - 60)
        found = desk.sessions.session(cookie, nothing)

    assert found is not None


def test_the_end_of_a_session_is_recorded_once(desk: Desk, clock: TickingClock) -> None:
    cookie = begin(desk.sessions)
    clock.present += timedelta(seconds=LIFETIMES.idle + 1)
    ended: list[str] = []

    def timed_out(name: str, role: Role) -> bytes:
        ended.append(name)
        return nothing(name, role)

    desk.sessions.session(cookie, timed_out)
    desk.sessions.session(cookie, timed_out)

    assert ended == ["anna"]


def test_sessions_that_nobody_ended_are_cleared_away_and_recorded_when_somebody_comes(desk: Desk, clock: TickingClock) -> None:
    begin(desk.sessions, "anna")
    clock.present += timedelta(seconds=LIFETIMES.idle + 60)
    gone: list[str] = []

    def timed_out(name: str, role: Role) -> bytes:
        gone.append(name)
        return nothing(name, role)

    desk.sessions.sign_in(desk.sessions.link("bruno", Role.AUDITOR), begun=nothing, timed_out=timed_out)

    with desk.database.read() as connection:
        left = list(connection.scalars(sa.select(SESSION.c.name)))
    assert (gone, left) == (["anna"], ["bruno"])


def test_a_notice_waits_with_the_session_until_it_is_told(desk: Desk) -> None:
    cookie = begin(desk.sessions)

    desk.sessions.tell(cookie, Notice("Decided.", act=4711))
    waiting = desk.sessions.session(cookie, nothing)
    desk.sessions.tell(cookie, None)
    told = desk.sessions.session(cookie, nothing)

    assert waiting is not None
    assert Notice.from_json(waiting.notice) == Notice("Decided.", act=4711)
    assert told is not None
    assert told.notice == ""
