"""First tables"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Takes the step."""
    op.create_table(
        "repository_document",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("unique_id", sa.Text(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha1", sa.LargeBinary(), nullable=False),
        sa.Column("mime_type", sa.Text(), nullable=False),
        sa.Column("patient_id", sa.Text(), nullable=False),
        sa.Column("set_unique_id", sa.Text(), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("unique_id"),
    )
    op.create_index("repository_document_sha256", "repository_document", ["sha256"], unique=False)
    op.create_index(
        "repository_document_unsettled",
        "repository_document",
        ["changed_at"],
        unique=False,
        sqlite_where=sa.text("state <> 2"),
        postgresql_where=sa.text("state <> 2"),
    )
    op.create_table(
        "repository_submission",
        sa.Column("set_unique_id", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("set_unique_id"),
    )
    op.create_index("repository_submission_changed", "repository_submission", ["changed_at"], unique=False)


def downgrade() -> None:
    """Takes the step back."""
    op.drop_index("repository_submission_changed", table_name="repository_submission")
    op.drop_table("repository_submission")
    op.drop_index(
        "repository_document_unsettled",
        table_name="repository_document",
        sqlite_where=sa.text("state <> 2"),
        postgresql_where=sa.text("state <> 2"),
    )
    op.drop_index("repository_document_sha256", table_name="repository_document")
    op.drop_table("repository_document")
