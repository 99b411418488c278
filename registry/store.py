"""What is registered: filing new rows, changing a status, and looking up what the rules ask for."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from registry.model import Changes, EntryKind, Key, Kind, Life, RegisteredObject, Row
from registry.statements import AnyOf, Statement, for_postgres
from registry.tables import ASSOCIATION, ENTRY, FILED, FOLDER, METADATA, PATIENT, SUBMISSION_SET

__all__ = ["METADATA", "RegistryStore"]

CHUNK: Final = 16
"""Rows of one table in one statement: its parameters stay far below the 65,535 that PostgreSQL takes."""
_UUIDS: Final = 1_000
"""Ids in one look-up."""

_E, _S, _F, _A = ENTRY.c, SUBMISSION_SET.c, FOLDER.c, ASSOCIATION.c
_ENTRY_COLUMNS: Final = (
    _E.uuid,
    _E.logical,
    _E.status,
    PATIENT.c.cx,
    _E.unique_id,
    _E.copy,
    _E.version,
    _E.latest,
    _E.kind,
    _E.hash,
    _E.size,
)
_ENTRIES: Final = sa.select(*_ENTRY_COLUMNS).join(PATIENT, PATIENT.c.id == _E.patient)
_FOLDERS: Final = sa.select(_F.uuid, _F.logical, _F.status, PATIENT.c.cx, _F.unique_id, _F.copy, _F.version, _F.latest).join(
    PATIENT, PATIENT.c.id == _F.patient
)
_SETS: Final = sa.select(_S.uuid, _S.status, PATIENT.c.cx, _S.unique_id).join(PATIENT, PATIENT.c.id == _S.patient)

_ENTRIES_BY_UUID: Final = _ENTRIES.where(AnyOf(_E.uuid, "uuids")).order_by(_E.uuid)
_FOLDERS_BY_UUID: Final = _FOLDERS.where(AnyOf(_F.uuid, "uuids")).order_by(_F.uuid)
_SEEN: Final = (Statement(_ENTRIES_BY_UUID), Statement(_FOLDERS_BY_UUID))
# in the order of their ids, so that two submissions that refer to the same objects wait for each other
_LOCKED: Final = (
    Statement(_ENTRIES_BY_UUID.with_for_update(of=ENTRY)),
    Statement(_FOLDERS_BY_UUID.with_for_update(of=FOLDER)),
)
_SETS_BY_UUID: Final = Statement(_SETS.where(AnyOf(_S.uuid, "uuids")))
_ASSOCIATIONS_BY_UUID: Final = Statement(sa.select(_A.uuid, _A.status).where(AnyOf(_A.uuid, "uuids")))
_ENTRIES_BY_UNIQUE_ID: Final = Statement(_ENTRIES.where(AnyOf(_E.unique_id, "unique_ids")).order_by(_E.copy))
_FOLDERS_BY_UNIQUE_ID: Final = Statement(_FOLDERS.where(AnyOf(_F.unique_id, "unique_ids")))
_SETS_BY_UNIQUE_ID: Final = Statement(_SETS.where(AnyOf(_S.unique_id, "unique_ids")))
_SOURCES: Final = Statement(
    sa.select(_A.source, _A.target)
    .where(AnyOf(_A.target, "uuids"), AnyOf(_A.type, "types"), _A.status == int(Life.APPROVED))
    .order_by(_A.uuid)
)
_DEPRECATE: Final = Statement(
    ENTRY.update().values(status=int(Life.DEPRECATED)).where(AnyOf(_E.uuid, "uuids"), _E.status == int(Life.APPROVED))
)
_TOUCH: Final = Statement(FOLDER.update().values(last_update_time=sa.bindparam("updated")).where(AnyOf(_F.uuid, "uuids")))


class RegistryStore:
    """Reads and writes the tables through the connection it is given; knows no rule."""

    def file(self, connection: Connection, changes: Changes) -> bool:
        """Writes what is new and changes what shall change. False when a constraint stood in the way of a row.

        After False the unit of work has to be rolled back: some rows may be written.
        """
        is_filed = all(_insert(connection, rows) for rows in _portions(changes.rows()))
        if is_filed and changes.deprecated:
            parameters = {"uuids": sorted(changes.deprecated)}
            is_filed = _DEPRECATE.run(connection, parameters).rowcount == len(changes.deprecated)
        return is_filed

    def touch_folders(self, connection: Connection, folders: Collection[Key], updated: int) -> None:
        """Sets lastUpdateTime."""
        if folders:
            _TOUCH.run(connection, {"uuids": sorted(folders), "updated": updated})

    def objects(self, connection: Connection, uuids: Collection[Key], *, lock: bool = False) -> dict[Key, RegisteredObject]:
        """The registered objects with these ids. Locked entries and folders stay as they are until the unit of work ends."""
        entries, folders = _LOCKED if lock else _SEEN
        found: dict[Key, RegisteredObject] = {}
        for some in _in_portions(sorted(uuids), _UUIDS):
            parameters = {"uuids": some}
            found |= {o.key: o for o in map(_entry, entries.rows(connection, parameters))}
            found |= {o.key: o for o in map(_folder, folders.rows(connection, parameters))}
            rest = [uuid for uuid in some if uuid not in found]
            if rest:
                parameters = {"uuids": rest}
                found |= {o.key: o for o in map(_set, _SETS_BY_UUID.rows(connection, parameters))}
                found |= {o.key: o for o in map(_association, _ASSOCIATIONS_BY_UUID.rows(connection, parameters))}
        return found

    def with_unique_ids(self, connection: Connection, unique_ids: Collection[str]) -> Sequence[RegisteredObject]:
        """Every entry, folder and set with one of these uniqueIds; entries in the order they came."""
        found: list[RegisteredObject] = []
        for some in _in_portions(sorted(unique_ids), _UUIDS):
            parameters = {"unique_ids": some}
            found += map(_entry, _ENTRIES_BY_UNIQUE_ID.rows(connection, parameters))
            found += map(_folder, _FOLDERS_BY_UNIQUE_ID.rows(connection, parameters))
            found += map(_set, _SETS_BY_UNIQUE_ID.rows(connection, parameters))
        return found

    def sources(self, connection: Connection, targets: Collection[Key], types: Collection[int]) -> Sequence[tuple[Key, Key]]:
        """Source and target of the Approved associations of these types that lead to one of the targets."""
        if not targets or not types:
            return ()
        rows = _SOURCES.rows(connection, {"uuids": sorted(targets), "types": sorted(types)})
        return [(bytes(source), bytes(target)) for source, target in rows]


def _entry(row: Any) -> RegisteredObject:
    key = bytes(row.uuid)
    return RegisteredObject(
        kind=Kind.ENTRY,
        key=key,
        logical_key=bytes(row.logical) if row.logical else key,
        life=Life(row.status),
        patient=row.cx,
        unique_id=row.unique_id,
        copy=row.copy,
        version=row.version,
        latest=bool(row.latest),
        on_demand=row.kind == EntryKind.ON_DEMAND,
        hash=bytes(row.hash) if row.hash else None,
        size=row.size,
    )


def _folder(row: Any) -> RegisteredObject:
    key = bytes(row.uuid)
    return RegisteredObject(
        kind=Kind.FOLDER,
        key=key,
        logical_key=bytes(row.logical) if row.logical else key,
        life=Life(row.status),
        patient=row.cx,
        unique_id=row.unique_id,
        copy=row.copy,
        version=row.version,
        latest=bool(row.latest),
    )


def _set(row: Any) -> RegisteredObject:
    key = bytes(row.uuid)
    return RegisteredObject(Kind.SUBMISSION_SET, key, key, Life(row.status), row.cx, row.unique_id)


def _association(row: Any) -> RegisteredObject:
    key = bytes(row.uuid)
    return RegisteredObject(Kind.ASSOCIATION, key, key, Life(row.status), "")


def _in_portions(values: Sequence[Any], size: int) -> Iterator[Any]:
    return (values[start : start + size] for start in range(0, len(values), size))


def _portions(tables: Sequence[Sequence[Row]]) -> Iterator[Sequence[Sequence[Row]]]:
    """Rows that go together in one statement: nearly always all of them."""
    longest = max(map(len, tables))
    return ([rows[start : start + CHUNK] for rows in tables] for start in range(0, longest, CHUNK))


def _insert(connection: Connection, tables: Sequence[Sequence[Row]]) -> bool:
    if connection.dialect.name == "postgresql":
        return _insert_at_once(connection, tables)
    for number, rows in enumerate(tables):
        if rows and connection.exec_driver_sql(_row_statement(number), list(rows)).rowcount != len(rows):
            return False
    return True


def _insert_at_once(connection: Connection, tables: Sequence[Sequence[Row]]) -> bool:
    """One statement and one round trip for all tables."""
    shape = tuple(map(len, tables))
    parameters: dict[str, object] = {}
    for table, rows in enumerate(tables):
        for number, row in enumerate(rows):
            prefix = f"t{table}_{number}_"
            parameters.update({prefix + name: value for name, value in row.items()})
    done = connection.exec_driver_sql(_shape_statement(shape), for_postgres(parameters)).scalar_one()
    return bool(done == sum(shape))


def _into(table: int) -> str:
    names = ", ".join(f'"{column.name}"' for column in FILED[table].c)
    return f"INSERT INTO {FILED[table].name} ({names})"


@lru_cache(maxsize=16)
def _row_statement(table: int) -> str:
    values = ", ".join(f":{column.name}" for column in FILED[table].c)
    return f"{_into(table)} VALUES ({values}) ON CONFLICT DO NOTHING"


@lru_cache(maxsize=512)
def _shape_statement(shape: tuple[int, ...]) -> str:
    """INSERTs into each table that has rows; gives how many were written."""
    inserts, counts = [], []
    for table, rows in enumerate(shape):
        if not rows:
            continue
        names = FILED[table].c.keys()
        values = ", ".join(f"({', '.join(f'%(t{table}_{row}_{name})s' for name in names)})" for row in range(rows))
        inserts.append(f"w{table} AS ({_into(table)} VALUES {values} ON CONFLICT DO NOTHING RETURNING 1)")
        counts.append(f"(SELECT count(*) FROM w{table})")  # noqa: S608 - a name of ours
    return f"WITH {', '.join(inserts)} SELECT {' + '.join(counts)}"
