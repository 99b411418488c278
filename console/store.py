"""Tables of the console: one-time links and sessions. Only digests of the secrets of links and cookies are kept."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

METADATA: Final = sa.MetaData()

LINK: Final = sa.Table(
    "console_link",
    METADATA,
    sa.Column("digest", sa.LargeBinary(32), primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("expires_at", sa.BigInteger, nullable=False),
)
SESSION: Final = sa.Table(
    "console_session",
    METADATA,
    sa.Column("digest", sa.LargeBinary(32), primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("form_secret", sa.Text, nullable=False),
    sa.Column("begun_at", sa.BigInteger, nullable=False),
    sa.Column("used_at", sa.BigInteger, nullable=False),
    sa.Column("notice", sa.Text, nullable=False),
)
"""`notice` is what the next page tells, as JSON; empty when there is nothing to tell."""


class Role(Enum):
    """What a person may see: an administrator identities, an auditor the audit."""

    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"


@dataclass(frozen=True, slots=True)
class Session:
    """Who is signed in, as what; `form_secret` must come back with every form. Times are milliseconds since 1970."""

    name: str
    role: Role
    form_secret: str
    begun_at: int
    used_at: int
    notice: str = ""


def digest(secret: str) -> bytes:
    """What is kept of a secret of 256 random bits."""
    return hashlib.sha256(secret.encode()).digest()


def add_link(connection: Connection, secret: str, *, name: str, role: Role, expires_at: int) -> None:
    """Keeps a one-time link."""
    connection.execute(LINK.insert().values(digest=digest(secret), name=name, role=role.value, expires_at=expires_at))


def is_link_good(connection: Connection, secret: str, now: int) -> bool:
    """Whether the link may still be used."""
    good = sa.select(LINK.c.name).where(LINK.c.digest == digest(secret), LINK.c.expires_at > now)
    return connection.execute(good).first() is not None


def take_link(connection: Connection, secret: str, now: int) -> tuple[str, Role] | None:
    """Uses a link up; None when it was used before, has expired or never was."""
    connection.execute(sa.delete(LINK).where(LINK.c.expires_at <= now))
    taken = sa.delete(LINK).where(LINK.c.digest == digest(secret)).returning(LINK.c.name, LINK.c.role)
    row = connection.execute(taken).one_or_none()
    return (row.name, Role(row.role)) if row else None


def add_session(connection: Connection, secret: str, session: Session) -> None:
    """Keeps a session."""
    values = {**asdict(session), "digest": digest(secret), "role": session.role.value}
    connection.execute(SESSION.insert().values(values))


def session(connection: Connection, secret: str) -> Session | None:
    """The session of a cookie, however old."""
    row = connection.execute(sa.select(SESSION).where(SESSION.c.digest == digest(secret))).one_or_none()
    return _session(row) if row else None


def _session(row: sa.Row[tuple[object, ...]]) -> Session:
    return Session(row.name, Role(row.role), row.form_secret, row.begun_at, row.used_at, row.notice)


def touch_session(connection: Connection, secret: str, now: int) -> None:
    """Notes that a session was used."""
    connection.execute(sa.update(SESSION).where(SESSION.c.digest == digest(secret)).values(used_at=now))


def set_notice(connection: Connection, secret: str, notice: str) -> None:
    """What the next page of a session tells."""
    connection.execute(sa.update(SESSION).where(SESSION.c.digest == digest(secret)).values(notice=notice))


def end_session(connection: Connection, secret: str) -> bool:
    """Forgets a session; False when somebody was faster."""
    return connection.execute(sa.delete(SESSION).where(SESSION.c.digest == digest(secret))).rowcount == 1


def end_sessions(connection: Connection, *, used_before: int, begun_before: int) -> tuple[Session, ...]:
    """Forgets every session that is too old; gives them."""
    is_old = (SESSION.c.used_at < used_before) | (SESSION.c.begun_at < begun_before)
    return tuple(_session(row) for row in connection.execute(sa.delete(SESSION).where(is_old).returning(*SESSION.c)))
