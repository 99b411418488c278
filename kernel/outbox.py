"""What is told to the world after the commit: work for the workers, and audit messages.

Both are rows of the same transaction as the change they tell of. A row leaves its table in the transaction that has taken its
effect, so that what was committed is told at least once and takes effect once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

METADATA = sa.MetaData()
BigKey = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""A 64-bit key that both databases count up by themselves."""

OUTBOX: Final = sa.Table(
    "outbox",
    METADATA,
    sa.Column("id", BigKey, primary_key=True, autoincrement=True),
    sa.Column("topic", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("told_at", sa.BigInteger, nullable=False),
    sa.Column("due_at", sa.BigInteger, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False, default=0),
    sa.Column("problem", sa.Text),
    sa.Column("dead", sa.Boolean, nullable=False, default=False),
    sa.Index("outbox_order", "topic", "key", "id"),
    sa.Index("outbox_due", "dead", "due_at"),
)
"""Work to be done: a topic, the id of the thing it is about, never patient data. Times are milliseconds since 1970."""

AUDIT_OUTBOX: Final = sa.Table(
    "audit_outbox",
    METADATA,
    sa.Column("id", BigKey, primary_key=True, autoincrement=True),
    sa.Column("target", sa.Text, nullable=False),
    sa.Column("told_at", sa.BigInteger, nullable=False),
    sa.Column("message", sa.LargeBinary, nullable=False),
    sa.Index("audit_outbox_order", "target", "id"),
)
"""Audit messages (XML) on their way, as their `Carriage` packs them: a row for each audit record repository they go to."""

REPLY: Final = sa.Table(
    "reply",
    METADATA,
    sa.Column("id", BigKey, primary_key=True, autoincrement=True),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("content_type", sa.Text, nullable=False),
    sa.Column("kept_at", sa.BigInteger, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Index("reply_age", "kept_at"),
)
"""Answers on their way to an address of their receiver. An outbox row carries the id; the row goes when the answer was taken."""

AUDIT_INSERT: Final = (
    "INSERT INTO audit_outbox (target, told_at, message) SELECT target, %(told_at)s::bigint, message"
    " FROM unnest(%(targets)s::text[]) AS target, unnest(%(audited)s::bytea[]) AS message"
)
"""For PostgreSQL: one part of a statement that is a unit of work by itself. `Database.audit_parameters` gives its parameters."""


AUDIT_INSERT_ONE: Final = "INSERT INTO audit_outbox (target, told_at, message) VALUES (:target, :told_at, :message)"
"""For SQLite: one message for one target."""


@dataclass(frozen=True, slots=True)
class Carriage:
    """How audit messages are carried. `unpack` never raises, and gives what was not packed as it is."""

    pack: Callable[[bytes], bytes] = bytes
    unpack: Callable[[bytes], bytes] = bytes


@dataclass(frozen=True, slots=True)
class Told:
    """A topic and the id of the thing it is about."""

    topic: str
    key: str
