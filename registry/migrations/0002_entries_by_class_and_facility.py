"""Entries by class and facility, for questions over all patients."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Takes the step."""
    op.create_index("entry_of_class", "entry", ["class_code"], unique=False)
    op.create_index("entry_of_facility", "entry", ["facility_code"], unique=False)


def downgrade() -> None:
    """Takes the step back."""
    op.drop_index("entry_of_facility", table_name="entry")
    op.drop_index("entry_of_class", table_name="entry")
