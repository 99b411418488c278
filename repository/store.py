"""The repository's tables and SQL: which documents there are, and how far each submission went."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from kernel.database import Work, insert_into
from kernel.outbox import BigKey
from repository.model import DocumentRecord, State, SubmissionRecord
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

_S, _D = SUBMISSION.c, DOCUMENT.c
_RECORD: Final = (_D.unique_id, _D.sha256, _D.size, _D.sha1, _D.mime_type, _D.patient_id, _D.state)
_UNSETTLED: Final = _D.state != sa.literal_column(str(int(State.REGISTERED)))


class RepositoryStore:
    """Reads and writes the tables through the connection it is given; knows no rule."""

    # --- submissions

    def submission(self, connection: Connection, set_unique_id: str, *, lock: bool = False) -> SubmissionRecord | None:
        """The submission of a set; `lock` keeps others from changing it until the unit of work ends."""
        query = sa.select(SUBMISSION).where(_S.set_unique_id == set_unique_id)
        row = connection.execute(query.with_for_update() if lock else query).one_or_none()
        return None if row is None else SubmissionRecord(row.set_unique_id, bytes(row.digest), State(row.state), row.attempts)

    def add_submission(self, work: Work, submission: SubmissionRecord) -> bool:
        """A new one, stored. False when there is one of that set."""
        row = {
            "set_unique_id": submission.set_unique_id,
            "digest": submission.digest,
            "state": int(State.STORED),
            "attempts": 1,
            "changed_at": work.now,
        }
        insert = insert_into(work.connection, SUBMISSION).on_conflict_do_nothing()
        return work.connection.execute(insert.returning(_S.state), row).first() is not None

    def restart_submission(self, work: Work, submission: SubmissionRecord) -> None:
        """The submission begins again, perhaps with other content."""
        change = SUBMISSION.update().values(
            digest=submission.digest, state=int(State.STORED), attempts=submission.attempts, changed_at=work.now
        )
        work.connection.execute(change.where(_S.set_unique_id == submission.set_unique_id))

    def settle_registered(self, work: Work, submission: SubmissionRecord, records: Sequence[DocumentRecord]) -> None:
        """The registry has it, and with it these documents, whoever brought their bytes."""
        self._settle(work, submission, State.REGISTERED, unless=())
        for record in records:
            key = bytes.fromhex(record.content.sha256)
            change = DOCUMENT.update().values(state=int(State.REGISTERED), changed_at=work.now)
            same = change.where(_D.unique_id == record.unique_id, _D.sha256 == key)
            if not work.connection.execute(same).rowcount:
                # an orphan meanwhile, and then another's: the registry has spoken for this one
                self._put_document(work, record, submission, State.REGISTERED, over=sa.true())

    def settle_orphan(self, work: Work, submission: SubmissionRecord) -> None:
        """The registry said no: what the submission brought, and no other has registered, belongs to nobody."""
        self._settle(work, submission, State.ORPHAN, unless=(State.REGISTERED,))
        change = DOCUMENT.update().values(state=int(State.ORPHAN), changed_at=work.now)
        work.connection.execute(
            change.where(_D.set_unique_id == submission.set_unique_id, _D.state == int(State.STORED), _UNSETTLED)
        )

    def _settle(self, work: Work, submission: SubmissionRecord, state: State, *, unless: Sequence[State]) -> None:
        """Only the very submission: another of the same set may have begun meanwhile."""
        change = SUBMISSION.update().values(state=int(state), changed_at=work.now)
        same = (_S.set_unique_id == submission.set_unique_id, _S.digest == submission.digest)
        work.connection.execute(change.where(*same, *(_S.state != int(other) for other in unless)))

    def forget_submissions(self, work: Work, *, before: int) -> int:
        """Removes what is known of submissions that have not changed since `before`; how many."""
        return work.connection.execute(SUBMISSION.delete().where(_S.changed_at < before)).rowcount

    # --- documents

    def documents(self, connection: Connection, unique_ids: Sequence[str]) -> dict[str, DocumentRecord]:
        """Those with these uniqueIds, of any state."""
        found: dict[str, DocumentRecord] = {}
        for some in _portions(unique_ids):
            rows = connection.execute(sa.select(*_RECORD).where(_D.unique_id.in_(some)))
            found |= {record.unique_id: record for record in map(_record, rows)}
        return found

    def add_document(self, work: Work, record: DocumentRecord, submission: SubmissionRecord) -> bool:
        """A new one, stored; takes the place of an orphan. False when another document has the uniqueId."""
        return self._put_document(work, record, submission, State.STORED, over=_D.state == int(State.ORPHAN))

    def _put_document(
        self, work: Work, record: DocumentRecord, submission: SubmissionRecord, state: State, *, over: sa.ColumnElement[bool]
    ) -> bool:
        row = {
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
        insert = insert_into(work.connection, DOCUMENT)
        anew = {name: insert.excluded[name] for name in row}
        upsert = insert.on_conflict_do_update(index_elements=["unique_id"], set_=anew, where=over)
        return work.connection.execute(upsert.returning(_D.id), row).first() is not None

    def unsettled(self, connection: Connection, *, before: int, limit: int) -> Sequence[DocumentRecord]:
        """Documents that are not registered and have not changed since `before`, the oldest first."""
        query = sa.select(*_RECORD).where(_UNSETTLED, _D.changed_at < before).order_by(_D.changed_at).limit(limit)
        return [_record(row) for row in connection.execute(query)]

    def mark_registered(self, work: Work, unique_ids: Sequence[str], *, before: int) -> int:
        """Settles documents that the registry turned out to have, unless they have changed since `before`; how many."""
        change = DOCUMENT.update().values(state=int(State.REGISTERED), changed_at=work.now)
        unchanged = change.where(_UNSETTLED, _D.changed_at < before)
        return sum(work.connection.execute(unchanged.where(_D.unique_id.in_(some))).rowcount for some in _portions(unique_ids))

    def forget_documents(self, work: Work, unique_ids: Sequence[str], *, before: int) -> int:
        """Removes the rows of documents that the registry does not have, unless they have changed since `before`; how many."""
        unchanged = DOCUMENT.delete().where(_UNSETTLED, _D.changed_at < before)
        return sum(work.connection.execute(unchanged.where(_D.unique_id.in_(some))).rowcount for some in _portions(unique_ids))

    def referred(self, connection: Connection, keys: Sequence[str]) -> set[str]:
        """Those of the contents that a document refers to."""
        found: set[str] = set()
        for some in _portions(keys):
            query = sa.select(_D.sha256).where(_D.sha256.in_([bytes.fromhex(key) for key in some]))
            found |= {bytes(key).hex() for (key,) in connection.execute(query)}
        return found

    def page(self, connection: Connection, *, after: int, limit: int) -> Sequence[tuple[int, DocumentRecord]]:
        """Documents that may be asked for, with their row's id, from the one after `after` on."""
        wanted = (_D.id > after, _D.state != int(State.ORPHAN))
        query = sa.select(_D.id, *_RECORD).where(*wanted).order_by(_D.id).limit(limit)
        return [(row.id, _record(row)) for row in connection.execute(query)]


def _record(row: Any) -> DocumentRecord:
    # Any: a row of whatever columns, those of `_RECORD` among them
    content = Content(bytes(row.sha256).hex(), row.size)
    return DocumentRecord(row.unique_id, content, bytes(row.sha1).hex(), row.mime_type, row.patient_id, State(row.state))


def _portions(values: Sequence[str]) -> Iterator[Sequence[str]]:
    return (values[start : start + _PORTION] for start in range(0, len(values), _PORTION))
