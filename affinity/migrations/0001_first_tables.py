"""First tables"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Takes the step."""
    op.create_table(
        "affinity_authority",
        sa.Column("key", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("namespace", sa.Text(), nullable=True),
        sa.Column("universal_id", sa.Text(), nullable=True),
        sa.Column("universal_id_type", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.CheckConstraint("namespace IS NOT NULL OR universal_id IS NOT NULL", name="affinity_authority_named"),
        sa.PrimaryKeyConstraint("key"),
        sa.UniqueConstraint("namespace"),
        sa.UniqueConstraint("universal_id"),
    )
    op.create_table(
        "affinity_code",
        sa.Column("attribute", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("scheme", sa.Text(), nullable=False),
        sa.Column("display", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("attribute", "code", "scheme"),
    )
    op.create_table(
        "affinity_source",
        sa.Column("application", sa.Text(), nullable=False),
        sa.Column("facility", sa.Text(), nullable=False),
        sa.Column("lenient", sa.Boolean(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("application", "facility"),
    )
    op.create_table(
        "affinity_state",
        sa.Column("only", sa.Integer(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("only"),
    )
    op.create_table(
        "affinity_authority_alias",
        sa.Column("alias", sa.Text(), nullable=False),
        sa.Column("authority", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["authority"],
            ["affinity_authority.key"],
        ),
        sa.PrimaryKeyConstraint("alias"),
    )
    op.create_index(op.f("ix_affinity_authority_alias_authority"), "affinity_authority_alias", ["authority"], unique=False)
    op.create_table(
        "affinity_source_authority",
        sa.Column("application", sa.Text(), nullable=False),
        sa.Column("facility", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("authority", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["application", "facility"], ["affinity_source.application", "affinity_source.facility"], ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["authority"],
            ["affinity_authority.key"],
        ),
        sa.PrimaryKeyConstraint("application", "facility", "position"),
    )


def downgrade() -> None:
    """Takes the step back."""
    op.drop_table("affinity_source_authority")
    op.drop_index(op.f("ix_affinity_authority_alias_authority"), table_name="affinity_authority_alias")
    op.drop_table("affinity_authority_alias")
    op.drop_table("affinity_state")
    op.drop_table("affinity_source")
    op.drop_table("affinity_code")
    op.drop_table("affinity_authority")
