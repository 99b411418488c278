"""First tables"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Takes the step."""
    op.create_table(
        "association",
        sa.Column("type", sa.Integer(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("form", sa.SmallInteger(), nullable=False),
        sa.Column("dictionary", sa.SmallInteger(), nullable=False),
        sa.Column("uuid", sa.LargeBinary(length=16), nullable=False),
        sa.Column("source", sa.LargeBinary(length=16), nullable=False),
        sa.Column("target", sa.LargeBinary(length=16), nullable=False),
        sa.Column("xml", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("uuid"),
    )
    op.create_index("association_source", "association", ["source", "type", "target"], unique=False)
    op.create_index("association_target", "association", ["target", "type"], unique=False)
    op.create_table(
        "entry",
        sa.Column("creation_time", sa.BigInteger(), nullable=True),
        sa.Column("service_start_time", sa.BigInteger(), nullable=True),
        sa.Column("service_stop_time", sa.BigInteger(), nullable=True),
        sa.Column("patient", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("repository", sa.Integer(), nullable=True),
        sa.Column("class_code", sa.Integer(), nullable=True),
        sa.Column("type_code", sa.Integer(), nullable=True),
        sa.Column("format_code", sa.Integer(), nullable=True),
        sa.Column("facility_code", sa.Integer(), nullable=True),
        sa.Column("practice_code", sa.Integer(), nullable=True),
        sa.Column("version", sa.SmallInteger(), nullable=False),
        sa.Column("copy", sa.SmallInteger(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("offline", sa.SmallInteger(), nullable=False),
        sa.Column("latest", sa.SmallInteger(), nullable=False),
        sa.Column("uuid", sa.LargeBinary(length=16), nullable=False),
        sa.Column("logical", sa.LargeBinary(length=16), nullable=True),
        sa.Column("unique_id", sa.Text(), nullable=False),
        sa.Column("confidentiality_codes", sa.Text(), nullable=False),
        sa.Column("event_codes", sa.Text(), nullable=True),
        sa.Column("authors", sa.Text(), nullable=True),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("hash", sa.LargeBinary(length=20), nullable=True),
        sa.Column("dictionary", sa.SmallInteger(), nullable=False),
        sa.Column("xml", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("uuid"),
        sa.UniqueConstraint("unique_id", "copy", name="entry_unique_id"),
    )
    op.create_index("entry_of_patient", "entry", ["patient", "status", "creation_time"], unique=False)
    op.create_index(
        "entry_versions",
        "entry",
        ["logical"],
        unique=False,
        postgresql_where=sa.text("logical IS NOT NULL"),
        sqlite_where=sa.text("logical IS NOT NULL"),
    )
    op.create_table(
        "folder",
        sa.Column("last_update_time", sa.BigInteger(), nullable=False),
        sa.Column("patient", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.SmallInteger(), nullable=False),
        sa.Column("copy", sa.SmallInteger(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("latest", sa.SmallInteger(), nullable=False),
        sa.Column("uuid", sa.LargeBinary(length=16), nullable=False),
        sa.Column("logical", sa.LargeBinary(length=16), nullable=True),
        sa.Column("unique_id", sa.Text(), nullable=False),
        sa.Column("codes", sa.Text(), nullable=False),
        sa.Column("dictionary", sa.SmallInteger(), nullable=False),
        sa.Column("xml", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("uuid"),
        sa.UniqueConstraint("unique_id", "copy", name="folder_unique_id"),
    )
    op.create_index("folder_of_patient", "folder", ["patient", "status", "last_update_time"], unique=False)
    op.create_index(
        "folder_versions",
        "folder",
        ["logical"],
        unique=False,
        postgresql_where=sa.text("logical IS NOT NULL"),
        sqlite_where=sa.text("logical IS NOT NULL"),
    )
    op.create_table(
        "patient",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("cx", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("cx"),
    )
    op.create_table(
        "reference_id",
        sa.Column("entry", sa.LargeBinary(length=16), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("entry", "value"),
    )
    op.create_index("reference_id_value", "reference_id", ["value"], unique=False)
    op.create_table(
        "submission_set",
        sa.Column("submission_time", sa.BigInteger(), nullable=False),
        sa.Column("patient", sa.BigInteger(), nullable=False),
        sa.Column("content_type_code", sa.Integer(), nullable=True),
        sa.Column("source", sa.Integer(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("uuid", sa.LargeBinary(length=16), nullable=False),
        sa.Column("unique_id", sa.Text(), nullable=False),
        sa.Column("authors", sa.Text(), nullable=True),
        sa.Column("dictionary", sa.SmallInteger(), nullable=False),
        sa.Column("xml", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("uuid"),
        sa.UniqueConstraint("unique_id"),
    )
    op.create_index("submission_set_of_patient", "submission_set", ["patient", "status", "submission_time"], unique=False)
    op.create_table(
        "term",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("scheme", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("scheme", "value", name="term_is_once"),
    )


def downgrade() -> None:
    """Takes the step back."""
    op.drop_table("term")
    op.drop_index("submission_set_of_patient", table_name="submission_set")
    op.drop_table("submission_set")
    op.drop_index("reference_id_value", table_name="reference_id")
    op.drop_table("reference_id")
    op.drop_table("patient")
    op.drop_index(
        "folder_versions",
        table_name="folder",
        postgresql_where=sa.text("logical IS NOT NULL"),
        sqlite_where=sa.text("logical IS NOT NULL"),
    )
    op.drop_index("folder_of_patient", table_name="folder")
    op.drop_table("folder")
    op.drop_index(
        "entry_versions",
        table_name="entry",
        postgresql_where=sa.text("logical IS NOT NULL"),
        sqlite_where=sa.text("logical IS NOT NULL"),
    )
    op.drop_index("entry_of_patient", table_name="entry")
    op.drop_table("entry")
    op.drop_index("association_target", table_name="association")
    op.drop_index("association_source", table_name="association")
    op.drop_table("association")
