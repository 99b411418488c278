"""On-demand documents"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Takes the step."""
    op.create_table(
        "repository_on_demand",
        sa.Column("unique_id", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("content_type_code", sa.Text(), nullable=False),
        sa.Column("content_type_scheme", sa.Text(), nullable=False),
        sa.Column("content_type_display", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("unique_id"),
    )


def downgrade() -> None:
    """Takes the step back."""
    op.drop_table("repository_on_demand")
