"""Tables of the audit record repository."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa

from arr import partitions
from kernel.database import BigKey

METADATA: Final = sa.MetaData()

RECORD: Final = sa.Table(
    "arr_record",
    METADATA,
    sa.Column("sequence", BigKey, primary_key=True, autoincrement=False),
    sa.Column("hash", sa.LargeBinary, nullable=False),
    sa.Column("origin", sa.Text, nullable=False),
    sa.Column("packing", sa.SmallInteger, nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
    sa.Column("received_at", sa.BigInteger, nullable=False),
    sa.Column("event_at", sa.BigInteger, nullable=False),
    sa.Column("event_code", sa.Text, nullable=False),
    sa.Column("event_type", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("outcome", sa.SmallInteger),
    sa.Column("source_id", sa.Text, nullable=False),
    sa.Column("site", sa.Text, nullable=False),
    sa.Column("is_readable", sa.Boolean, nullable=False),
    sa.Column("flaws", sa.Text, nullable=False),
    sa.Index("arr_record_event_at", "event_at", "sequence"),
    postgresql_partition_by="RANGE (sequence)",
)
"""Every message: its number (without gaps), its hash, how it came, the bytes; then what was read in it."""

TERM: Final = sa.Table(
    "arr_term",
    METADATA,
    sa.Column("term", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("event_at", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
    postgresql_partition_by="RANGE (sequence)",
)
"""Where each searchable value occurs: patients, participants, objects, codes (`arr.terms`)."""

HEAD: Final = sa.Table(
    "arr_head",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("log_id", sa.Text, nullable=False),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("hash", sa.LargeBinary, nullable=False),
    sa.Column("tree", sa.LargeBinary, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("signature", sa.LargeBinary, nullable=False),
    sa.Column("key_id", sa.Text, nullable=False),
)
"""One row: where the log ends, signed anew with every batch."""

CHECKPOINT: Final = sa.Table(
    "arr_checkpoint",
    METADATA,
    sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("signature", sa.LargeBinary, nullable=False),
    sa.Column("key_id", sa.Text, nullable=False),
)
"""Signed heads of the past, for witnesses and for proofs."""

BLOCK: Final = sa.Table(
    "arr_block",
    METADATA,
    sa.Column("number", BigKey, primary_key=True, autoincrement=False),
    sa.Column("root", sa.LargeBinary, nullable=False),
)
"""Roots of the filled blocks of the Merkle tree, from 0, so that a proof need not read the whole log."""

SEAL: Final = sa.Table(
    "arr_seal",
    METADATA,
    sa.Column("first", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("act", sa.Text, primary_key=True),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("signature", sa.LargeBinary, nullable=False),
    sa.Column("key_id", sa.Text, nullable=False),
)
"""What was signed of a segment: that it was sealed, and that its records were dropped (`arr.seals`)."""

HOLD: Final = sa.Table(
    "arr_hold",
    METADATA,
    sa.Column("patient", sa.Text, primary_key=True),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("held_by", sa.Text, nullable=False),
    sa.Column("held_at", sa.BigInteger, nullable=False),
)
"""Patients (CX) whose records are not dropped, however old."""

GUARDED: Final = ("arr_record", "arr_checkpoint", "arr_block", "arr_seal")
ADDED: Final = (*GUARDED, "arr_term")
"""What the service's role may add to and not change."""


def guards(dialect: str, tables: Sequence[str] = GUARDED) -> tuple[str, ...]:
    """Statements that make the database itself refuse to change or remove a record."""
    if dialect == "sqlite":
        return tuple(
            f"CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, 'audit records are never changed'); END"
            for table in tables
            for act in ("UPDATE", "DELETE")
        )
    refuse = (
        "CREATE OR REPLACE FUNCTION arr_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'audit records are never changed'; END $$"
    )
    triggers = (
        f"CREATE TRIGGER {table}_guard BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION arr_refuse()"
        for table in tables
    )
    return (refuse, *triggers)


def _guard(table: sa.Table, connection: sa.Connection, **_: object) -> None:
    for statement in guards(connection.dialect.name, [table.name]):
        connection.exec_driver_sql(statement)


def _extender(_metadata: sa.MetaData, connection: sa.Connection, **_: object) -> None:
    if connection.dialect.name == "postgresql":
        partitions.make_extender(connection)


for _table in (RECORD, CHECKPOINT, BLOCK, SEAL):
    sa.event.listen(_table, "after_create", _guard)
sa.event.listen(METADATA, "after_create", _extender)
