"""The tables of the registry: one wide row for each object, with the columns that queries ask for and its XML.

Codes, repositories and patients are numbers (`term`, `patient`); times are 14 digits, the earliest instant they may mean; several
codes of one attribute stand as `,12,57,`, for they are only ever looked at among the documents of one patient. The XML keeps
everything as it was sent. No foreign keys: the rules ask what they would, with the objects referred to locked.
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from kernel.database import BigKey

METADATA = sa.MetaData()

TERM: Final = sa.Table(
    "term",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("scheme", sa.Text, nullable=False),
    sa.Column("value", sa.Text, nullable=False),
    sa.UniqueConstraint("scheme", "value", name="term_is_once"),
)
"""A code in its coding scheme, a repositoryUniqueId, a sourceId or an association type, by number."""

PATIENT: Final = sa.Table(
    "patient",
    METADATA,
    sa.Column("id", BigKey, primary_key=True, autoincrement=True),
    sa.Column("cx", sa.Text, nullable=False, unique=True),
)
"""A patient id under which something was filed. Who it means is asked of the patient index, at every query."""


def _stored() -> tuple[sa.Column[Any], ...]:
    """The object's XML: see `registry.fragments`."""
    return (
        sa.Column("dictionary", sa.SmallInteger, nullable=False),
        sa.Column("xml", sa.LargeBinary, nullable=False),
    )


ENTRY: Final = sa.Table(
    "entry",
    METADATA,
    # wide columns first, for PostgreSQL aligns them
    sa.Column("creation_time", sa.BigInteger),
    sa.Column("service_start_time", sa.BigInteger),
    sa.Column("service_stop_time", sa.BigInteger),
    sa.Column("patient", sa.BigInteger, nullable=False),
    sa.Column("size", sa.BigInteger),
    sa.Column("repository", sa.Integer),
    sa.Column("class_code", sa.Integer),
    sa.Column("type_code", sa.Integer),
    sa.Column("format_code", sa.Integer),
    sa.Column("facility_code", sa.Integer),
    sa.Column("practice_code", sa.Integer),
    sa.Column("version", sa.SmallInteger, nullable=False),
    sa.Column("copy", sa.SmallInteger, nullable=False),
    sa.Column("status", sa.SmallInteger, nullable=False),
    sa.Column("kind", sa.SmallInteger, nullable=False),
    sa.Column("offline", sa.SmallInteger, nullable=False),
    sa.Column("latest", sa.SmallInteger, nullable=False),
    sa.Column("uuid", sa.LargeBinary(16), primary_key=True),
    sa.Column("logical", sa.LargeBinary(16)),
    sa.Column("unique_id", sa.Text, nullable=False),
    sa.Column("confidentiality_codes", sa.Text, nullable=False),
    sa.Column("event_codes", sa.Text),
    sa.Column("authors", sa.Text),
    sa.Column("title", sa.Text),
    sa.Column("hash", sa.LargeBinary(20)),
    *_stored(),
    # the law on uniqueId: of several entries with one, each has its own number, and only the first was not compared with another
    sa.UniqueConstraint("unique_id", "copy", name="entry_unique_id"),
    sa.Index("entry_of_patient", "patient", "status", "creation_time"),
    # for questions over all patients, which name one of the two or event codes
    sa.Index("entry_of_class", "class_code"),
    sa.Index("entry_of_facility", "facility_code"),
    sa.Index(
        "entry_versions", "logical", postgresql_where=sa.text("logical IS NOT NULL"), sqlite_where=sa.text("logical IS NOT NULL")
    ),
)
"""DocumentEntry. `logical` is NULL where it is `uuid`; `authors` are the authorPersons between unit separators (U+001F)."""

SUBMISSION_SET: Final = sa.Table(
    "submission_set",
    METADATA,
    sa.Column("submission_time", sa.BigInteger, nullable=False),
    sa.Column("patient", sa.BigInteger, nullable=False),
    sa.Column("content_type_code", sa.Integer),
    sa.Column("source", sa.Integer, nullable=False),
    sa.Column("status", sa.SmallInteger, nullable=False),
    sa.Column("uuid", sa.LargeBinary(16), primary_key=True),
    sa.Column("unique_id", sa.Text, nullable=False, unique=True),
    sa.Column("authors", sa.Text),
    *_stored(),
    sa.Index("submission_set_of_patient", "patient", "status", "submission_time"),
)

FOLDER: Final = sa.Table(
    "folder",
    METADATA,
    sa.Column("last_update_time", sa.BigInteger, nullable=False),
    sa.Column("patient", sa.BigInteger, nullable=False),
    sa.Column("version", sa.SmallInteger, nullable=False),
    sa.Column("copy", sa.SmallInteger, nullable=False),
    sa.Column("status", sa.SmallInteger, nullable=False),
    sa.Column("latest", sa.SmallInteger, nullable=False),
    sa.Column("uuid", sa.LargeBinary(16), primary_key=True),
    sa.Column("logical", sa.LargeBinary(16)),
    sa.Column("unique_id", sa.Text, nullable=False),
    sa.Column("codes", sa.Text, nullable=False),
    *_stored(),
    sa.UniqueConstraint("unique_id", "copy", name="folder_unique_id"),
    sa.Index("folder_of_patient", "patient", "status", "last_update_time"),
    sa.Index(
        "folder_versions", "logical", postgresql_where=sa.text("logical IS NOT NULL"), sqlite_where=sa.text("logical IS NOT NULL")
    ),
)

ASSOCIATION: Final = sa.Table(
    "association",
    METADATA,
    sa.Column("type", sa.Integer, nullable=False),
    sa.Column("status", sa.SmallInteger, nullable=False),
    sa.Column("form", sa.SmallInteger, nullable=False),
    sa.Column("dictionary", sa.SmallInteger, nullable=False),
    sa.Column("uuid", sa.LargeBinary(16), primary_key=True),
    sa.Column("source", sa.LargeBinary(16), nullable=False),
    sa.Column("target", sa.LargeBinary(16), nullable=False),
    sa.Column("xml", sa.LargeBinary),
    sa.Index("association_source", "source", "type", "target"),
    sa.Index("association_target", "target", "type"),
)
"""`xml` is NULL where the columns say everything: see `registry.fragments`, which knows the forms."""

REFERENCE_ID: Final = sa.Table(
    "reference_id",
    METADATA,
    sa.Column("entry", sa.LargeBinary(16), primary_key=True),
    sa.Column("value", sa.Text, primary_key=True),
    sa.Index("reference_id_value", "value"),
)
"""The referenceIdList of an entry, one row for each value."""

FILED: Final = (ENTRY, SUBMISSION_SET, FOLDER, ASSOCIATION, REFERENCE_ID)
"""The tables a submission is written to, in the order of `Changes.rows`."""
