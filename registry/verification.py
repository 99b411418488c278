"""What always holds in the registry, asked of the tables themselves: for `hie verify` and for whoever doubts a store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from kernel.database import Database
from kernel.errors import Unavailable
from registry import fragments
from registry.filing import ASSOCIATION_TYPE
from registry.model import uuid_of
from registry.rules.structure import HAS_MEMBER
from registry.tables import ASSOCIATION, ENTRY, FOLDER, SUBMISSION_SET, TERM

SHOWN: Final = 5
"""Objects that are named for each thing that does not hold."""
_STORED: Final = (ENTRY, SUBMISSION_SET, FOLDER)
_CHUNK: Final = 1_000

Finding = tuple[str, Sequence[str]]
"""What should hold, and the ids of objects for which it does not."""


def verify(database: Database) -> Iterator[Finding]:
    """Every invariant with what breaks it. Reads everything there is."""
    with database.read() as connection:
        yield "every entry and folder has one latest version, and each version once", _forked(connection)
        yield "a uniqueId names one document", _ambiguous(connection)
        yield "associations lead from and to objects that are there", _dangling(connection)
        yield "every entry and folder is a member of a submission set", _orphans(connection)
        yield "the metadata of every object can be read", _unreadable(connection)


def _forked(connection: Connection) -> Sequence[str]:
    found: list[str] = []
    for table in (ENTRY, FOLDER):
        logical = sa.func.coalesce(table.c.logical, table.c.uuid)
        is_whole = sa.and_(sa.func.sum(table.c.latest) == 1, sa.func.count() == sa.func.count(table.c.version.distinct()))
        forks = sa.select(logical).group_by(logical).having(sa.not_(is_whole)).limit(SHOWN)
        found += [uuid_of(key) for key in connection.scalars(forks)]
    return found


def _ambiguous(connection: Connection) -> Sequence[str]:
    twice = sa.select(ENTRY.c.unique_id).where(ENTRY.c.hash.is_not(None)).group_by(ENTRY.c.unique_id)
    return list(connection.scalars(twice.having(sa.func.count(ENTRY.c.hash.distinct()) > 1).limit(SHOWN)))


def _dangling(connection: Connection) -> Sequence[str]:
    other = ASSOCIATION.alias("other")
    lost = []
    for end, tables in ((ASSOCIATION.c.source, _STORED), (ASSOCIATION.c.target, (*_STORED, other))):
        lost.append(sa.and_(*(~sa.exists().where(table.c.uuid == end) for table in tables)))
    return _named(connection, sa.select(ASSOCIATION.c.uuid).where(sa.or_(*lost)))


def _orphans(connection: Connection) -> Sequence[str]:
    found: list[str] = []
    member_of = sa.select(TERM.c.id).where(TERM.c.scheme == ASSOCIATION_TYPE, TERM.c.value == HAS_MEMBER).scalar_subquery()
    for table in (ENTRY, FOLDER):
        membership = (
            sa.exists()
            .where(ASSOCIATION.c.target == table.c.uuid, ASSOCIATION.c.type == member_of)
            .where(SUBMISSION_SET.c.uuid == ASSOCIATION.c.source)
        )
        found += _named(connection, sa.select(table.c.uuid).where(~membership))
    return found


def _named(connection: Connection, query: sa.Select[bytes]) -> Sequence[str]:
    return [uuid_of(key) for key in connection.scalars(query.limit(SHOWN))]


def _unreadable(connection: Connection) -> Sequence[str]:
    found: list[str] = []
    for table in (*_STORED, ASSOCIATION):
        rows = sa.select(table.c.uuid, table.c.dictionary, table.c.xml).where(table.c.xml.is_not(None))
        for key, dictionary, xml in connection.execution_options(yield_per=_CHUNK).execute(rows):
            try:
                fragments.unpack(dictionary, xml)
            except Unavailable:
                found.append(uuid_of(key))
                if len(found) == SHOWN:
                    return found
    return found
