"""Signing in and out: one-time links, sessions with an idle and an absolute end, secrets for forms."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from console import store
from console.store import Role, Session
from kernel.database import Database
from kernel.times import Clock

COOKIE: Final = "hie_session"
_TOUCH_MS: Final = 30_000
"""A session's last use is written at most this often."""

NewSecret = Callable[[], str]


def new_secret() -> str:
    """256 random bits."""
    return secrets.token_urlsafe(32)


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long a link, an unused session and a session in use are good, in seconds."""

    link: int
    idle: int
    session: int


class Sessions:
    """Who is signed in to the console."""

    def __init__(self, database: Database, clock: Clock, lifetimes: Lifetimes) -> None:
        self._database = database
        self._clock = clock
        self._lifetimes = lifetimes

    def _now(self) -> int:
        return int(self._clock().timestamp() * 1000)

    def link(self, name: str, role: Role) -> str:
        """The secret of a new one-time link for a person."""
        secret = new_secret()
        with self._database.begin() as work:
            expires = work.now + self._lifetimes.link * 1000
            store.add_link(work.connection, secret, name=name, role=role, expires_at=expires)
        return secret

    def is_link_good(self, secret: str) -> bool:
        """Whether the link may still be used."""
        with self._database.read() as connection:
            return store.is_link_good(connection, secret, self._now())

    def sign_in(self, link_secret: str, audit: Callable[[str, Role], bytes]) -> str | None:
        """Uses a link up and begins a session; its secret, or None for a link that is not good. `audit` makes the login's record."""
        secret = new_secret()
        with self._database.begin() as work:
            taken = store.take_link(work.connection, link_secret, work.now)
            if taken is None:
                return None
            name, role = taken
            store.add_session(work.connection, secret, Session(name, role, new_secret(), work.now, work.now))
            work.audit(audit(name, role))
        return secret

    def session(self, secret: str) -> Session | None:
        """The session that a cookie names, while it is neither idle too long nor too old."""
        with self._database.read() as connection:
            found = store.session(connection, secret)
        now = self._now()
        if found is None:
            return None
        if now - found.used_at > self._lifetimes.idle * 1000 or now - found.begun_at > self._lifetimes.session * 1000:
            with self._database.begin() as work:
                store.end_session(work.connection, secret)
            return None
        if now - found.used_at > _TOUCH_MS:
            with self._database.begin() as work:
                store.touch_session(work.connection, secret, now)
        return found

    def sign_out(self, secret: str, audit: bytes) -> None:
        """Ends a session; `audit` is the logout's record."""
        with self._database.begin() as work:
            store.end_session(work.connection, secret)
            work.audit(audit)
