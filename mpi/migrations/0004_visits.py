"""Visits of patients."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

PLAIN = sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql")
revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Takes the step."""
    op.create_table(
        "mpi_visit",
        sa.Column("record", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("number", PLAIN, nullable=False),
        sa.Column("said_at", sa.BigInteger(), nullable=False),
        sa.Column("fields", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("record", "number"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "mpi_visit_key",
        sa.Column("part", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("value", PLAIN, nullable=False),
        sa.Column("record", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("part", "value", "record"),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_mpi_visit_key_record"), "mpi_visit_key", ["record"], unique=False)


def downgrade() -> None:
    """Takes the step back."""
    op.drop_index(op.f("ix_mpi_visit_key_record"), table_name="mpi_visit_key")
    op.drop_table("mpi_visit_key")
    op.drop_table("mpi_visit")
