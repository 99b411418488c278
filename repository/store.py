"""The repository's tables and SQL: which documents there are, and how far each submission went."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from kernel.codes import Code
from kernel.database import Work
from kernel.outbox import BigKey
from repository.model import DocumentRecord, OnDemandRecord, Receipt, State, SubmissionRecord
from repository.vault import Content

METADATA = sa.MetaData()
_PORTION: Final = 500
"""Values in one IN list: SQLite takes 32,766 parameters, and short lists share their compiled form."""

SUBMISSION: Final = sa.Table(
    "repository_submission",
    METADATA,
    sa.Column("set_unique_id", sa.Text, primary_key=True),
    sa.Column("digest", sa.LargeBinary, nullable=False),
    sa.Column("state", sa.SmallInteger, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("changed_at", sa.BigInteger, nullable=False),
    sa.Index("repository_submission_changed", "changed_at"),
)
"""Submissions by the uniqueId of their set; `digest` is the SHA-256 of everything that was sent. Kept for a while after the end."""

DOCUMENT: Final = sa.Table(
    "repository_document",
    METADATA,
    sa.Column("id", BigKey, primary_key=True, autoincrement=True),
    sa.Column("unique_id", sa.Text, nullable=False, unique=True),
    sa.Column("sha256", sa.LargeBinary, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("sha1", sa.LargeBinary, nullable=False),
    sa.Column("mime_type", sa.Text, nullable=False),
    sa.Column("patient_id", sa.Text, nullable=False),
    sa.Column("set_unique_id", sa.Text, nullable=False),
    sa.Column("state", sa.SmallInteger, nullable=False),
    sa.Column("changed_at", sa.BigInteger, nullable=False),
    sa.Index("repository_document_sha256", "sha256"),
    sa.Index(
        "repository_document_unsettled", "changed_at", sqlite_where=sa.text("state <> 2"), postgresql_where=sa.text("state <> 2")
    ),
)
"""Documents by uniqueId. `set_unique_id` names the submission that brought the bytes; `patient_id` (CX) is for the audit.

Times are milliseconds since 1970. The index of the unsettled leaves out State.REGISTERED, which is nearly all.
"""

ON_DEMAND: Final = sa.Table(
    "repository_on_demand",
    METADATA,
    sa.Column("unique_id", sa.Text, primary_key=True),
    sa.Column("provider", sa.Text, nullable=False),
    sa.Column("content_type_code", sa.Text, nullable=False),
    sa.Column("content_type_scheme", sa.Text, nullable=False),
    sa.Column("content_type_display", sa.Text, nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
)
"""Documents that are made when they are asked for, by uniqueId: who makes them."""

INBOX: Final = sa.Table(
    "repository_inbox",
    METADATA,
    sa.Column("set_unique_id", sa.Text, primary_key=True),
    sa.Column("digest", sa.LargeBinary, nullable=False),
    sa.Column("metadata", sa.LargeBinary, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("received_at", sa.BigInteger, nullable=False),
    sa.Column("filed_at", sa.BigInteger),
)
"""Submissions with limited metadata (XDR): what was sent, in ebRIM, until somebody files it and afterwards."""

_S, _D = SUBMISSION.c, DOCUMENT.c
_RECORD: Final = (_D.unique_id, _D.sha256, _D.size, _D.sha1, _D.mime_type, _D.patient_id, _D.state)
_UNSETTLED: Final = _D.state != sa.literal_column(str(int(State.REGISTERED)))
_NOW: Final[sa.BindParameter[int]] = sa.bindparam("now")
_SET: Final[sa.BindParameter[str]] = sa.bindparam("set_id")
_SOME: Final[sa.BindParameter[Any]] = sa.bindparam("some", expanding=True)

# statements are built once: building costs more than running
_SUBMISSION: Final = sa.select(SUBMISSION).where(_S.set_unique_id == _SET)
_SUBMISSION_LOCKED: Final = _SUBMISSION.with_for_update()
_RESTART: Final = (
    SUBMISSION.update()
    .where(_S.set_unique_id == _SET)
    .values(digest=sa.bindparam("new_digest"), state=int(State.STORED), attempts=sa.bindparam("new_attempts"), changed_at=_NOW)
)
_SAME_SUBMISSION: Final = (_S.set_unique_id == _SET, _S.digest == sa.bindparam("same_digest"))
_SUBMISSION_REGISTERED: Final = SUBMISSION.update().where(*_SAME_SUBMISSION).values(state=int(State.REGISTERED), changed_at=_NOW)
_SUBMISSION_ORPHAN: Final = (
    SUBMISSION.update().where(*_SAME_SUBMISSION, _S.state != int(State.REGISTERED)).values(state=int(State.ORPHAN), changed_at=_NOW)
)
_FORGET_SUBMISSIONS: Final = SUBMISSION.delete().where(_S.changed_at < sa.bindparam("before"))

_DOCUMENTS: Final = sa.select(*_RECORD).where(_D.unique_id.in_(_SOME))
_DOCUMENT_REGISTERED: Final = (
    DOCUMENT.update()
    .where(_D.unique_id == sa.bindparam("one"), _D.sha256 == sa.bindparam("key"))
    .values(state=int(State.REGISTERED), changed_at=_NOW)
)
_DOCUMENTS_ORPHANED: Final = (
    DOCUMENT.update()
    .where(_D.set_unique_id == _SET, _D.state == int(State.STORED), _UNSETTLED)
    .values(state=int(State.ORPHAN), changed_at=_NOW)
)
_DOCUMENT_REMOVED: Final = (
    DOCUMENT.delete().where(_D.unique_id == sa.bindparam("one"), _D.state == int(State.REGISTERED)).returning(*_RECORD)
)
_ON_DEMAND: Final = sa.select(ON_DEMAND).where(ON_DEMAND.c.unique_id.in_(_SOME))
_ON_DEMAND_FORGOTTEN: Final = ON_DEMAND.delete().where(ON_DEMAND.c.unique_id.in_(_SOME))
_RECEIPT: Final = sa.select(INBOX).where(INBOX.c.set_unique_id == _SET)
_RECEIPTS: Final = sa.select(INBOX).where(INBOX.c.filed_at.is_(None)).order_by(INBOX.c.received_at)
_FILED: Final = INBOX.update().where(INBOX.c.set_unique_id == _SET).values(filed_at=_NOW)
_OLD: Final = (_UNSETTLED, _D.state != int(State.RECEIVED), _D.changed_at < sa.bindparam("before"))
_OLD_UNSETTLED: Final = sa.select(*_RECORD).where(*_OLD).order_by(_D.changed_at).limit(sa.bindparam("number"))
_OLD_REGISTERED: Final = (
    DOCUMENT.update().where(*_OLD, _D.unique_id.in_(_SOME)).values(state=int(State.REGISTERED), changed_at=_NOW)
)
_OLD_FORGOTTEN: Final = DOCUMENT.delete().where(*_OLD, _D.unique_id.in_(_SOME))
_REFERRED: Final = sa.select(_D.sha256).where(_D.sha256.in_(_SOME))
_PAGE: Final = (
    sa.select(_D.id, *_RECORD)
    .where(_D.id > sa.bindparam("after"), _D.state != int(State.ORPHAN))
    .order_by(_D.id)
    .limit(sa.bindparam("number"))
)


class RepositoryStore:
    """Reads and writes the tables through the connection it is given; knows no rule."""

    # --- submissions

    def submission(self, connection: Connection, set_unique_id: str, *, lock: bool = False) -> SubmissionRecord | None:
        """The submission of a set; `lock` keeps others from changing it until the unit of work ends."""
        row = connection.execute(_SUBMISSION_LOCKED if lock else _SUBMISSION, {"set_id": set_unique_id}).one_or_none()
        if row is None:
            return None
        return SubmissionRecord(row.set_unique_id, bytes(row.digest), State(row.state), row.attempts)

    def add_submission(self, work: Work, submission: SubmissionRecord) -> bool:
        """A new one, stored. False when there is one of that set."""
        row = {
            "set_unique_id": submission.set_unique_id,
            "digest": submission.digest,
            "state": int(State.STORED),
            "attempts": 1,
            "changed_at": work.now,
        }
        insert = _statements(work.connection.dialect.name).add_submission
        return work.connection.execute(insert, row).first() is not None

    def restart_submission(self, work: Work, submission: SubmissionRecord) -> None:
        """The submission begins again, perhaps with other content."""
        values = {"new_digest": submission.digest, "new_attempts": submission.attempts, "now": work.now}
        work.connection.execute(_RESTART, {"set_id": submission.set_unique_id, **values})

    def settle_registered(self, work: Work, submission: SubmissionRecord, records: Sequence[DocumentRecord]) -> None:
        """The registry has it, and with it these documents, whoever brought their bytes."""
        same = {"set_id": submission.set_unique_id, "same_digest": submission.digest, "now": work.now}
        work.connection.execute(_SUBMISSION_REGISTERED, same)
        for record in records:
            one = {"one": record.unique_id, "key": bytes.fromhex(record.content.sha256), "now": work.now}
            if not work.connection.execute(_DOCUMENT_REGISTERED, one).rowcount:
                # an orphan meanwhile, and then another's: the registry has spoken for this one
                replace = _statements(work.connection.dialect.name).replace_document
                work.connection.execute(replace, _row(work, record, submission, State.REGISTERED))

    def settle_orphan(self, work: Work, submission: SubmissionRecord) -> None:
        """The registry said no: what the submission brought, and no other has registered, belongs to nobody."""
        same = {"set_id": submission.set_unique_id, "same_digest": submission.digest, "now": work.now}
        work.connection.execute(_SUBMISSION_ORPHAN, same)
        work.connection.execute(_DOCUMENTS_ORPHANED, {"set_id": submission.set_unique_id, "now": work.now})

    def forget_submissions(self, work: Work, *, before: int) -> int:
        """Removes what is known of submissions that have not changed since `before`; how many."""
        return work.connection.execute(_FORGET_SUBMISSIONS, {"before": before}).rowcount

    # --- documents

    def documents(self, connection: Connection, unique_ids: Sequence[str]) -> dict[str, DocumentRecord]:
        """Those with these uniqueIds, of any state."""
        found: dict[str, DocumentRecord] = {}
        for some in _portions(unique_ids):
            rows = connection.execute(_DOCUMENTS, {"some": some})
            found |= {record.unique_id: record for record in map(_record, rows)}
        return found

    def add_document(self, work: Work, record: DocumentRecord, submission: SubmissionRecord) -> bool:
        """A new one, stored; takes the place of an orphan. False when another document has the uniqueId."""
        insert = _statements(work.connection.dialect.name).add_document
        return work.connection.execute(insert, _row(work, record, submission, State.STORED)).first() is not None

    def remove_documents(self, work: Work, unique_ids: Sequence[str]) -> Sequence[DocumentRecord]:
        """Removes the rows of those that are registered, in the order given; what they held."""
        removed = (work.connection.execute(_DOCUMENT_REMOVED, {"one": one}).first() for one in unique_ids)
        return [_record(row) for row in removed if row is not None]

    # --- on demand

    def put_on_demand(self, work: Work, records: Sequence[OnDemandRecord]) -> None:
        """Says who makes these documents; the last word counts."""
        work.connection.execute(_ON_DEMAND_FORGOTTEN, {"some": [record.unique_id for record in records]})
        rows = [
            {
                "unique_id": record.unique_id,
                "provider": record.provider,
                "content_type_code": record.content_type.code,
                "content_type_scheme": record.content_type.scheme,
                "content_type_display": record.content_type.display,
                "created_at": work.now,
            }
            for record in records
        ]
        work.connection.execute(ON_DEMAND.insert(), rows)

    def on_demand(self, connection: Connection, unique_ids: Sequence[str]) -> dict[str, OnDemandRecord]:
        """Those of the documents that are made when they are asked for."""
        found: dict[str, OnDemandRecord] = {}
        for some in _portions(unique_ids):
            for row in connection.execute(_ON_DEMAND, {"some": some}):
                kind = Code(row.content_type_code, row.content_type_scheme, row.content_type_display)
                found[row.unique_id] = OnDemandRecord(row.unique_id, row.provider, kind)
        return found

    # --- received

    def add_receipt(self, work: Work, receipt: Receipt, records: Sequence[DocumentRecord]) -> Sequence[str]:
        """Keeps what was received; the uniqueIds that other documents have, and then nothing is kept."""
        row = {
            "set_unique_id": receipt.set_unique_id,
            "digest": receipt.digest,
            "metadata": receipt.metadata,
            "source": receipt.source,
            "received_at": work.now,
        }
        work.connection.execute(INBOX.insert(), row)
        insert = _statements(work.connection.dialect.name).add_document
        brought_by = SubmissionRecord(receipt.set_unique_id, receipt.digest)
        rows = [_row(work, record, brought_by, State.RECEIVED) for record in records]
        return [str(row["unique_id"]) for row in rows if work.connection.execute(insert, row).first() is None]

    def receipt(self, connection: Connection, set_unique_id: str) -> Receipt | None:
        """What was received under this uniqueId of a set."""
        row = connection.execute(_RECEIPT, {"set_id": set_unique_id}).one_or_none()
        return None if row is None else _receipt(row)

    def receipts(self, connection: Connection) -> Sequence[Receipt]:
        """What waits to be filed, the oldest first."""
        return [_receipt(row) for row in connection.execute(_RECEIPTS)]

    def mark_filed(self, work: Work, set_unique_id: str) -> None:
        """It waits no longer."""
        work.connection.execute(_FILED, {"set_id": set_unique_id, "now": work.now})

    # --- upkeep

    def unsettled(self, connection: Connection, *, before: int, limit: int) -> Sequence[DocumentRecord]:
        """Documents that are not registered and have not changed since `before`, the oldest first."""
        return [_record(row) for row in connection.execute(_OLD_UNSETTLED, {"before": before, "number": limit})]

    def mark_registered(self, work: Work, unique_ids: Sequence[str], *, before: int) -> int:
        """Settles documents that the registry turned out to have, unless they have changed since `before`; how many."""
        return sum(
            work.connection.execute(_OLD_REGISTERED, {"some": some, "before": before, "now": work.now}).rowcount
            for some in _portions(unique_ids)
        )

    def forget_documents(self, work: Work, unique_ids: Sequence[str], *, before: int) -> int:
        """Removes the rows of documents that the registry does not have, unless they have changed since `before`; how many."""
        return sum(
            work.connection.execute(_OLD_FORGOTTEN, {"some": some, "before": before}).rowcount for some in _portions(unique_ids)
        )

    def referred(self, connection: Connection, keys: Sequence[str]) -> set[str]:
        """Those of the contents that a document refers to."""
        found: set[str] = set()
        for some in _portions(keys):
            rows = connection.execute(_REFERRED, {"some": [bytes.fromhex(key) for key in some]})
            found |= {bytes(key).hex() for (key,) in rows}
        return found

    def page(self, connection: Connection, *, after: int, limit: int) -> Sequence[tuple[int, DocumentRecord]]:
        """Documents that may be asked for, with their row's id, from the one after `after` on."""
        return [(row.id, _record(row)) for row in connection.execute(_PAGE, {"after": after, "number": limit})]


class _Statements(NamedTuple):
    """The statements that are written differently for each database."""

    add_submission: sa.Executable
    add_document: sa.Executable
    replace_document: sa.Executable


@cache
def _statements(dialect: str) -> _Statements:
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    document = insert(DOCUMENT)
    anew = {column.name: document.excluded[column.name] for column in DOCUMENT.c if column is not _D.id}
    orphan = _D.state == int(State.ORPHAN)
    return _Statements(
        insert(SUBMISSION).on_conflict_do_nothing().returning(_S.state),
        document.on_conflict_do_update(index_elements=["unique_id"], set_=anew, where=orphan).returning(_D.id),
        document.on_conflict_do_update(index_elements=["unique_id"], set_=anew),
    )


def _row(work: Work, record: DocumentRecord, submission: SubmissionRecord, state: State) -> dict[str, object]:
    return {
        "unique_id": record.unique_id,
        "sha256": bytes.fromhex(record.content.sha256),
        "size": record.content.size,
        "sha1": bytes.fromhex(record.sha1),
        "mime_type": record.mime_type,
        "patient_id": record.patient_id,
        "set_unique_id": submission.set_unique_id,
        "state": int(state),
        "changed_at": work.now,
    }


def _record(row: Any) -> DocumentRecord:
    # Any: a row of whatever columns, those of `_RECORD` among them
    content = Content(bytes(row.sha256).hex(), row.size)
    return DocumentRecord(row.unique_id, content, bytes(row.sha1).hex(), row.mime_type, row.patient_id, State(row.state))


def _receipt(row: Any) -> Receipt:
    # Any: a row of the inbox
    texts = (row.set_unique_id, bytes(row.digest), bytes(row.metadata), row.source)
    return Receipt(*texts, row.received_at, row.filed_at is not None)


def _portions(values: Sequence[str]) -> Iterator[Sequence[str]]:
    return (values[start : start + _PORTION] for start in range(0, len(values), _PORTION))
