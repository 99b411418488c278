"""Tables of the patient index. Times are milliseconds since 1970; keys come from `keys.KeySource`."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from kernel.outbox import BigKey

METADATA: Final = sa.MetaData()

Plain = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
"""Text compared byte by byte on both databases, so that an index serves questions for a prefix."""

PERSON: Final = sa.Table(
    "mpi_person",
    METADATA,
    sa.Column("id", BigKey, primary_key=True, autoincrement=False),
    sa.Column("affinity_id", sa.Text, nullable=False, unique=True),
    sa.Column("is_fed", sa.Boolean, nullable=False),
    sa.Column("is_subsumed", sa.Boolean, nullable=False),
)
"""Somebody. A person has the id of the record it began with. `is_fed`: a source gave the affinity-domain identifier.
`is_subsumed`: the source that feeds the affinity domain merged that identifier into another."""

PATIENT_RECORD: Final = sa.Table(
    "mpi_patient_record",
    METADATA,
    sa.Column("id", BigKey, primary_key=True, autoincrement=False),
    sa.Column("authority", sa.Integer, nullable=False),
    sa.Column("local_id", Plain, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("person", sa.ForeignKey(PERSON.c.id), nullable=False, index=True),
    sa.Column("state", sa.SmallInteger, nullable=False),
    sa.Column("subsumed_by", BigKey),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("updated_at", sa.BigInteger, nullable=False),
    sa.Column("demographics", sa.Text, nullable=False),
    sa.Column("prepared", sa.Text, nullable=False),
    sa.UniqueConstraint("authority", "local_id", name="mpi_patient_record_identity"),
)
"""What one source says of one patient. A record belongs to exactly one person: `person` is one column and never empty."""

IDENTIFIER: Final = sa.Table(
    "mpi_identifier",
    METADATA,
    sa.Column("authority", sa.Integer, primary_key=True),
    sa.Column("value", Plain, primary_key=True),
    sa.Column("record", sa.ForeignKey(PATIENT_RECORD.c.id), primary_key=True, index=True),
    sa.Column("type_code", sa.Text, nullable=False),
    sa.Column("is_own", sa.Boolean, nullable=False),
    sa.Column("is_claim", sa.Boolean, nullable=False),
    sqlite_with_rowid=False,
)
"""Every identifier of every record, its own among them."""

BLOCKING_KEY: Final = sa.Table(
    "mpi_blocking_key",
    METADATA,
    sa.Column("key", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("record", sa.BigInteger, primary_key=True, autoincrement=False, index=True),
    sqlite_with_rowid=False,
)
"""Records by the keys of `linkage.blocking`; clustered by key, so that candidates lie together."""

LINK: Final = sa.Table(
    "mpi_link",
    METADATA,
    sa.Column("record", sa.ForeignKey(PATIENT_RECORD.c.id), primary_key=True, autoincrement=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("weight", sa.Double),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("explanation", sa.Text, nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("author", sa.Text, nullable=False),
    sa.Column("via", BigKey),
)
"""Why a record is with its person. A record without a row is where it began."""

NEGATIVE_LINK: Final = sa.Table(
    "mpi_negative_link",
    METADATA,
    sa.Column("one", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("other", sa.BigInteger, primary_key=True, autoincrement=False, index=True),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("author", sa.Text, nullable=False),
    sa.CheckConstraint("one < other", name="mpi_negative_link_order"),
)
"""Two records that somebody said are never the same person; the smaller id first."""

REVIEW: Final = sa.Table(
    "mpi_review",
    METADATA,
    sa.Column("id", BigKey, primary_key=True, autoincrement=False),
    sa.Column("record", sa.ForeignKey(PATIENT_RECORD.c.id), nullable=False),
    sa.Column("person", BigKey, nullable=False, index=True),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("weight", sa.Double, nullable=False),
    sa.Column("explanation", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("decided_at", sa.BigInteger),
    sa.Column("decided_by", sa.Text, nullable=False),
    sa.Column("comment", sa.Text, nullable=False),
    sa.Column("leased_by", sa.Text, nullable=False),
    sa.Column("leased_until", sa.BigInteger, nullable=False),
    sa.UniqueConstraint("record", "person", name="mpi_review_pair"),
    sa.Index("mpi_review_queue", "state", "weight", "id"),
)
"""Questions to administrators. `person` is the id of the record that the person began with, and so the person it is in now."""

JOURNAL: Final = sa.Table(
    "mpi_journal",
    METADATA,
    sa.Column("id", BigKey, primary_key=True, autoincrement=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("author", sa.Text, nullable=False),
    sa.Column("comment", sa.Text, nullable=False),
    sa.Column("undone_by", BigKey),
    sa.Index("mpi_journal_kind", "kind", "id"),
)
"""Every act that changed who is who."""

JOURNAL_CHANGE: Final = sa.Table(
    "mpi_journal_change",
    METADATA,
    sa.Column("act", sa.ForeignKey(JOURNAL.c.id), primary_key=True, autoincrement=False),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("thing", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("before", sa.Text),
    sa.Column("after", sa.Text),
    sa.Index("mpi_journal_change_thing", "thing", "key", "act"),
)
"""What an act changed, row by row: the values before and after as JSON, NULL where there was no row."""

RECEIVED_MESSAGE: Final = sa.Table(
    "mpi_received_message",
    METADATA,
    sa.Column("sender", sa.Text, primary_key=True),
    sa.Column("message_id", sa.Text, primary_key=True),
    sa.Column("digest", sa.LargeBinary, nullable=False),
    sa.Column("warnings", sa.Text, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False, index=True),
)
"""Messages that were taken, so that one that comes again changes nothing and gets the same answer."""

NAME_INDEX: Final = sa.Table(
    "mpi_name_index",
    METADATA,
    sa.Column("record", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("position", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("is_mother", sa.Boolean, nullable=False),
    sa.Column("family", Plain, nullable=False),
    sa.Column("given", Plain, nullable=False),
    sa.Column("sound", Plain, nullable=False),
    sa.Column("birth", sa.Integer, nullable=False),
    sa.Column("sex", Plain, nullable=False),
    sa.Index("mpi_name_index_name", "family", "given"),
    sa.Index("mpi_name_index_given", "given"),
    sa.Index("mpi_name_index_birth", "birth", "family"),
    sa.Index("mpi_name_index_sound", "sound", "birth"),
    sqlite_with_rowid=False,
)
"""Names in plain capitals, former ones and aliases too, and the mother's. `birth` is YYYYMMDD, zeros where it is not known."""

PLACE_INDEX: Final = sa.Table(
    "mpi_place_index",
    METADATA,
    sa.Column("record", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("position", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("street", Plain, nullable=False),
    sa.Column("city", Plain, nullable=False),
    sa.Column("state", Plain, nullable=False),
    sa.Column("postcode", Plain, nullable=False),
    sa.Column("country", Plain, nullable=False),
    sa.Index("mpi_place_index_postcode", "postcode"),
    sa.Index("mpi_place_index_city", "city", "street"),
    sqlite_with_rowid=False,
)
"""Addresses in plain capitals."""

CONTACT_INDEX: Final = sa.Table(
    "mpi_contact_index",
    METADATA,
    sa.Column("kind", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("value", Plain, primary_key=True),
    sa.Column("record", sa.BigInteger, primary_key=True, autoincrement=False, index=True),
    sqlite_with_rowid=False,
)
"""Telephone numbers, electronic addresses and account numbers; kinds in `search_store`."""

VISIT: Final = sa.Table(
    "mpi_visit",
    METADATA,
    sa.Column("record", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("number", Plain, primary_key=True),
    sa.Column("said_at", sa.BigInteger, nullable=False),
    sa.Column("fields", sa.Text, nullable=False),
    sqlite_with_rowid=False,
)
"""What sources said of visits, by visit number; one without a number is the same visit until it has one."""

VISIT_KEY: Final = sa.Table(
    "mpi_visit_key",
    METADATA,
    sa.Column("part", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("value", Plain, primary_key=True),
    sa.Column("record", sa.BigInteger, primary_key=True, autoincrement=False, index=True),
    sqlite_with_rowid=False,
)
"""Records by values of their visits, in plain capitals; `part` is field and component."""

QUERY_PAGE: Final = sa.Table(
    "mpi_query_page",
    METADATA,
    sa.Column("pointer", sa.Text, primary_key=True),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("tag", sa.Text, nullable=False),
    sa.Column("expires_at", sa.BigInteger, nullable=False),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("hits", sa.Text, nullable=False),
    sa.Column("wanted", sa.Text, nullable=False),
    sa.Column("question", sa.LargeBinary, nullable=False),
    sa.Index("mpi_query_page_asked", "source", "tag"),
    sa.Index("mpi_query_page_expires", "expires_at"),
)
"""Answers that are given page by page: the persons found, how far they were given, and the question to be repeated in each page."""

MODEL: Final = sa.Table(
    "mpi_model",
    METADATA,
    sa.Column("version", sa.Text, primary_key=True),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("author", sa.Text, nullable=False),
    sa.Column("records", sa.BigInteger, nullable=False),
    sa.Column("document", sa.Text, nullable=False),
)
"""Models of record linkage as `linkage.model` writes them; none is ever changed. `records`: how many it was trained on."""

MODEL_IN_FORCE: Final = sa.Table(
    "mpi_model_in_force",
    METADATA,
    sa.Column("only", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("version", sa.ForeignKey(MODEL.c.version), nullable=False),
)
"""One row: the model that matching goes by. Without it, the model that is shipped."""

RELINK: Final = sa.Table(
    "mpi_relink",
    METADATA,
    sa.Column("id", BigKey, primary_key=True, autoincrement=False),
    sa.Column("state", sa.Text, nullable=False, index=True),
    sa.Column("author", sa.Text, nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("records", sa.BigInteger, nullable=False),
    sa.Column("report", sa.Text, nullable=False),
)
"""Times that the whole index was linked anew; at most one is unfinished. `report` is what it said it would change, as JSON."""

RELINK_PART: Final = sa.Table(
    "mpi_relink_part",
    METADATA,
    sa.Column("id", BigKey, primary_key=True, autoincrement=False),
    sa.Column("run", sa.ForeignKey(RELINK.c.id), nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("work", sa.LargeBinary, nullable=False),
    sa.Column("result", sa.LargeBinary),
    sa.Index("mpi_relink_part_kind", "run", "kind", "id"),
)
"""Pieces of such work, for whoever takes them: what is to be done, and what came of it; NULL until it is done."""

TOLD: Final = sa.Table(
    "mpi_told",
    METADATA,
    sa.Column("consumer", sa.Text, primary_key=True),
    sa.Column("person", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("identifiers", sa.Text, nullable=False),
)
"""Which identifiers each consumer was last told for a person, so that it is told of changes and of nothing else."""

NOTICE: Final = sa.Table(
    "mpi_notice",
    METADATA,
    sa.Column("id", BigKey, primary_key=True, autoincrement=True),
    sa.Column("consumer", sa.Text, nullable=False),
    sa.Column("person", sa.BigInteger, nullable=False),
    sa.Column("message_id", sa.Text, nullable=False),
    sa.Column("identifiers", sa.Text, nullable=False),
    sa.Column("told_at", sa.BigInteger, nullable=False),
    sa.Column("due_at", sa.BigInteger, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("problem", sa.Text, nullable=False),
    sa.Column("refused", sa.Boolean, nullable=False),
    sa.Index("mpi_notice_queue", "consumer", "refused", "id"),
)
"""Changes on their way to consumers (ITI-10, ITI-46), each as it was when it happened. A row leaves when the consumer has taken it;
one that the consumer refused stays until somebody looks after it."""
