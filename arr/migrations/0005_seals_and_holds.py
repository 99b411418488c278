"""Seals of segments, and patients whose records are held"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Takes the step: what is signed of a segment is never changed either."""
    op.create_table(
        "arr_seal",
        sa.Column("first", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("first", "act"),
    )
    op.create_table(
        "arr_hold",
        sa.Column("patient", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("held_by", sa.Text(), nullable=False),
        sa.Column("held_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("patient"),
    )
    if op.get_bind().dialect.name == "sqlite":
        for act in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER arr_seal_no_{act.lower()} BEFORE {act} ON arr_seal "
                f"BEGIN SELECT RAISE(ABORT, 'audit records are never changed'); END"
            )
        return
    op.execute(
        "CREATE TRIGGER arr_seal_guard BEFORE UPDATE OR DELETE OR TRUNCATE ON arr_seal "
        "FOR EACH STATEMENT EXECUTE FUNCTION arr_refuse()"
    )


def downgrade() -> None:
    """Takes the step back; its guards go with the table."""
    op.drop_table("arr_hold")
    op.drop_table("arr_seal")
