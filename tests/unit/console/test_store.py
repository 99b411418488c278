"""Rows of links and sessions."""

from __future__ import annotations

from console import store
from console.store import Role, Session
from tests.support.console import Desk


def test_a_link_is_taken_once(desk: Desk) -> None:
    with desk.database.begin() as work:
        store.add_link(work.connection, "s", name="anna", role=Role.AUDITOR, expires_at=100)

        first, second = (store.take_link(work.connection, "s", 50) for _ in range(2))

    assert (first, second) == (("anna", Role.AUDITOR), None)


def test_links_that_have_expired_are_cleared_away(desk: Desk) -> None:
    with desk.database.begin() as work:
        store.add_link(work.connection, "s", name="anna", role=Role.AUDITOR, expires_at=100)

        taken = store.take_link(work.connection, "other", 100)

        assert taken is None
        assert not store.is_link_good(work.connection, "s", 0)


def test_a_session_comes_back_as_it_was_kept(desk: Desk) -> None:
    kept = Session("anna", Role.ADMINISTRATOR, "form", 1, 2, "{}")
    with desk.database.begin() as work:
        store.add_session(work.connection, "s", kept)

        assert store.session(work.connection, "s") == kept
        assert store.session(work.connection, "t") is None


def test_a_session_ends_once(desk: Desk) -> None:
    with desk.database.begin() as work:
        store.add_session(work.connection, "s", Session("anna", Role.AUDITOR, "form", 1, 2))

        assert [store.end_session(work.connection, "s") for _ in range(2)] == [True, False]


def test_old_sessions_are_those_unused_or_begun_too_long_ago(desk: Desk) -> None:
    with desk.database.begin() as work:
        for name, begun, used in (("unused", 50, 50), ("old", 1, 90), ("good", 50, 90)):
            store.add_session(work.connection, name, Session(name, Role.AUDITOR, "form", begun, used))

        ended = store.end_sessions(work.connection, used_before=80, begun_before=10)

    assert {session.name for session in ended} == {"unused", "old"}
