"""Signing in and out: one-time links, sessions with an idle and an absolute end, secrets for forms."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from console import store
from console.notices import Notice
from console.store import Role, Session
from kernel.database import Database, Work
from kernel.times import Clock

COOKIE: Final = "hie_session"
_TOUCH_MS: Final = 30_000
"""A session's last use is written at most this often."""

NewSecret = Callable[[], str]
Audited = Callable[[str, Role], bytes]
"""Makes the audit record of somebody's coming or going, from her name and role."""


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

    def __init__(self, database: Database, clock: Clock, lifetimes: Lifetimes, new_secret: NewSecret = new_secret) -> None:
        self._database = database
        self._clock = clock
        self._lifetimes = lifetimes
        self._new_secret = new_secret

    def now(self) -> int:
        """Milliseconds since 1970."""
        return int(self._clock().timestamp() * 1000)

    def link(self, name: str, role: Role) -> str:
        """The secret of a new one-time link for a person."""
        secret = self._new_secret()
        with self._database.begin() as work:
            expires = work.now + self._lifetimes.link * 1000
            store.add_link(work.connection, secret, name=name, role=role, expires_at=expires)
        return secret

    def is_link_good(self, secret: str) -> bool:
        """Whether the link may still be used."""
        with self._database.read() as connection:
            return store.is_link_good(connection, secret, self.now())

    def sign_in(self, link_secret: str, *, begun: Audited, timed_out: Audited, instead_of: str = "") -> str | None:
        """Uses a link up and begins a session; its secret, or None for a link that is not good.

        `instead_of` is the cookie of a session that ends with it. Sessions that nobody ended are cleared away on the way.
        """
        secret = self._new_secret()
        with self._database.begin() as work:
            taken = store.take_link(work.connection, link_secret, work.now)
            if taken is None:
                return None
            name, role = taken
            if instead_of:
                store.end_session(work.connection, instead_of)
            self._end_old(work, timed_out)
            store.add_session(work.connection, secret, Session(name, role, self._new_secret(), work.now, work.now))
            work.audit(begun(name, role))
        return secret

    def _end_old(self, work: Work, timed_out: Audited) -> None:
        idle, whole = self._lifetimes.idle * 1000, self._lifetimes.session * 1000
        for ended in store.end_sessions(work.connection, used_before=work.now - idle, begun_before=work.now - whole):
            work.audit(timed_out(ended.name, ended.role))

    def session(self, secret: str, timed_out: Audited) -> Session | None:
        """The session that a cookie names, while it is neither idle too long nor too old; `timed_out` records its end."""
        with self._database.read() as connection:
            found = store.session(connection, secret)
        if found is None:
            return None
        now = self.now()
        if now - found.used_at > self._lifetimes.idle * 1000 or now - found.begun_at > self._lifetimes.session * 1000:
            with self._database.begin() as work:
                if store.end_session(work.connection, secret):
                    work.audit(timed_out(found.name, found.role))
            return None
        if now - found.used_at > _TOUCH_MS:
            with self._database.begin() as work:
                store.touch_session(work.connection, secret, now)
        return found

    def sign_out(self, secret: str, audit: bytes) -> None:
        """Ends a session; `audit` is the logout's record."""
        with self._database.begin() as work:
            if store.end_session(work.connection, secret):
                work.audit(audit)

    def refuse(self, audit: bytes) -> None:
        """Records that somebody tried to sign in with a link that is not good."""
        with self._database.begin() as work:
            work.audit(audit)

    def tell(self, secret: str, notice: Notice | None) -> None:
        """What the next page of this session tells; None when it was told."""
        with self._database.begin() as work:
            store.set_notice(work.connection, secret, notice.to_json() if notice else "")
