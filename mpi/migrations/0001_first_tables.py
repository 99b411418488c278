"""First tables"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Takes the step."""
    op.create_table(
        "mpi_blocking_key",
        sa.Column("key", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("record", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("key", "record"),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_mpi_blocking_key_record"), "mpi_blocking_key", ["record"], unique=False)
    op.create_table(
        "mpi_contact_index",
        sa.Column("kind", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("value", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.Column("record", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("kind", "value", "record"),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_mpi_contact_index_record"), "mpi_contact_index", ["record"], unique=False)
    op.create_table(
        "mpi_journal",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("undone_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("mpi_journal_kind", "mpi_journal", ["kind", "id"], unique=False)
    op.create_table(
        "mpi_name_index",
        sa.Column("record", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("is_mother", sa.Boolean(), nullable=False),
        sa.Column("family", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.Column("given", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.Column("sound", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.Column("birth", sa.Integer(), nullable=False),
        sa.Column("sex", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.PrimaryKeyConstraint("record", "position"),
        sqlite_with_rowid=False,
    )
    op.create_index("mpi_name_index_birth", "mpi_name_index", ["birth", "family"], unique=False)
    op.create_index("mpi_name_index_given", "mpi_name_index", ["given"], unique=False)
    op.create_index("mpi_name_index_name", "mpi_name_index", ["family", "given"], unique=False)
    op.create_index("mpi_name_index_sound", "mpi_name_index", ["sound", "birth"], unique=False)
    op.create_table(
        "mpi_negative_link",
        sa.Column("one", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("other", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.CheckConstraint("one < other", name="mpi_negative_link_order"),
        sa.PrimaryKeyConstraint("one", "other"),
    )
    op.create_index(op.f("ix_mpi_negative_link_other"), "mpi_negative_link", ["other"], unique=False)
    op.create_table(
        "mpi_person",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("affinity_id", sa.Text(), nullable=False),
        sa.Column("is_fed", sa.Boolean(), nullable=False),
        sa.Column("is_subsumed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("affinity_id"),
    )
    op.create_table(
        "mpi_place_index",
        sa.Column("record", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("street", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.Column("city", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.Column("state", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.Column("postcode", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.Column("country", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.PrimaryKeyConstraint("record", "position"),
        sqlite_with_rowid=False,
    )
    op.create_index("mpi_place_index_city", "mpi_place_index", ["city", "street"], unique=False)
    op.create_index("mpi_place_index_postcode", "mpi_place_index", ["postcode"], unique=False)
    op.create_table(
        "mpi_query_page",
        sa.Column("pointer", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("hits", sa.Text(), nullable=False),
        sa.Column("wanted", sa.Text(), nullable=False),
        sa.Column("question", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("pointer"),
    )
    op.create_index("mpi_query_page_asked", "mpi_query_page", ["source", "tag"], unique=False)
    op.create_index("mpi_query_page_expires", "mpi_query_page", ["expires_at"], unique=False)
    op.create_table(
        "mpi_received_message",
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("warnings", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sender", "message_id"),
    )
    op.create_index(op.f("ix_mpi_received_message_at"), "mpi_received_message", ["at"], unique=False)
    op.create_table(
        "mpi_journal_change",
        sa.Column("act", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("thing", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=True),
        sa.Column("after", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["act"],
            ["mpi_journal.id"],
        ),
        sa.PrimaryKeyConstraint("act", "position"),
    )
    op.create_index("mpi_journal_change_thing", "mpi_journal_change", ["thing", "key", "act"], unique=False)
    op.create_table(
        "mpi_patient_record",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("authority", sa.Integer(), nullable=False),
        sa.Column("local_id", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("person", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("subsumed_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("demographics", sa.Text(), nullable=False),
        sa.Column("prepared", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person"],
            ["mpi_person.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("authority", "local_id", name="mpi_patient_record_identity"),
    )
    op.create_index(op.f("ix_mpi_patient_record_person"), "mpi_patient_record", ["person"], unique=False)
    op.create_table(
        "mpi_identifier",
        sa.Column("authority", sa.Integer(), nullable=False),
        sa.Column("value", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.Column("record", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("type_code", sa.Text(), nullable=False),
        sa.Column("is_own", sa.Boolean(), nullable=False),
        sa.Column("is_claim", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["record"],
            ["mpi_patient_record.id"],
        ),
        sa.PrimaryKeyConstraint("authority", "value", "record"),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_mpi_identifier_record"), "mpi_identifier", ["record"], unique=False)
    op.create_table(
        "mpi_link",
        sa.Column("record", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("weight", sa.Double(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("explanation", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("via", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.ForeignKeyConstraint(
            ["record"],
            ["mpi_patient_record.id"],
        ),
        sa.PrimaryKeyConstraint("record"),
    )
    op.create_table(
        "mpi_review",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("record", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("person", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("weight", sa.Double(), nullable=False),
        sa.Column("explanation", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("leased_by", sa.Text(), nullable=False),
        sa.Column("leased_until", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["record"],
            ["mpi_patient_record.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("record", "person", name="mpi_review_pair"),
    )
    op.create_index(op.f("ix_mpi_review_person"), "mpi_review", ["person"], unique=False)
    op.create_index("mpi_review_queue", "mpi_review", ["state", "weight", "id"], unique=False)


def downgrade() -> None:
    """Takes the step back."""
    op.drop_index("mpi_review_queue", table_name="mpi_review")
    op.drop_index(op.f("ix_mpi_review_person"), table_name="mpi_review")
    op.drop_table("mpi_review")
    op.drop_table("mpi_link")
    op.drop_index(op.f("ix_mpi_identifier_record"), table_name="mpi_identifier")
    op.drop_table("mpi_identifier")
    op.drop_index(op.f("ix_mpi_patient_record_person"), table_name="mpi_patient_record")
    op.drop_table("mpi_patient_record")
    op.drop_index("mpi_journal_change_thing", table_name="mpi_journal_change")
    op.drop_table("mpi_journal_change")
    op.drop_index(op.f("ix_mpi_received_message_at"), table_name="mpi_received_message")
    op.drop_table("mpi_received_message")
    op.drop_index("mpi_query_page_expires", table_name="mpi_query_page")
    op.drop_index("mpi_query_page_asked", table_name="mpi_query_page")
    op.drop_table("mpi_query_page")
    op.drop_index("mpi_place_index_postcode", table_name="mpi_place_index")
    op.drop_index("mpi_place_index_city", table_name="mpi_place_index")
    op.drop_table("mpi_place_index")
    op.drop_table("mpi_person")
    op.drop_index(op.f("ix_mpi_negative_link_other"), table_name="mpi_negative_link")
    op.drop_table("mpi_negative_link")
    op.drop_index("mpi_name_index_sound", table_name="mpi_name_index")
    op.drop_index("mpi_name_index_name", table_name="mpi_name_index")
    op.drop_index("mpi_name_index_given", table_name="mpi_name_index")
    op.drop_index("mpi_name_index_birth", table_name="mpi_name_index")
    op.drop_table("mpi_name_index")
    op.drop_index("mpi_journal_kind", table_name="mpi_journal")
    op.drop_table("mpi_journal")
    op.drop_index(op.f("ix_mpi_contact_index_record"), table_name="mpi_contact_index")
    op.drop_table("mpi_contact_index")
    op.drop_index(op.f("ix_mpi_blocking_key_record"), table_name="mpi_blocking_key")
    op.drop_table("mpi_blocking_key")
