"""What consumers were told, and what they are to be told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from kernel.outbox import BigKey

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Takes the step."""
    op.create_table(
        "mpi_told",
        sa.Column("consumer", sa.Text(), nullable=False),
        sa.Column("person", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("identifiers", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("consumer", "person"),
    )
    op.create_table(
        "mpi_notice",
        sa.Column("id", BigKey, autoincrement=True, nullable=False),
        sa.Column("consumer", sa.Text(), nullable=False),
        sa.Column("person", sa.BigInteger(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("identifiers", sa.Text(), nullable=False),
        sa.Column("told_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("refused", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("mpi_notice_queue", "mpi_notice", ["consumer", "refused", "id"])


def downgrade() -> None:
    """Takes the step back."""
    op.drop_table("mpi_notice")
    op.drop_table("mpi_told")
