"""Roots of blocks, for proofs"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Takes the step."""
    op.create_table(
        "arr_block",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    if op.get_bind().dialect.name == "sqlite":
        for act in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER arr_block_no_{act.lower()} BEFORE {act} ON arr_block "
                f"BEGIN SELECT RAISE(ABORT, 'audit records are never changed'); END"
            )
        return
    op.execute(
        "CREATE TRIGGER arr_block_guard BEFORE UPDATE OR DELETE OR TRUNCATE ON arr_block "
        "FOR EACH STATEMENT EXECUTE FUNCTION arr_refuse()"
    )


def downgrade() -> None:
    """Takes the step back; its guards go with the table."""
    op.drop_table("arr_block")
