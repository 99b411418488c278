"""What is registered: filing new rows, changing a status, and looking up what the rules ask for."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from affinity.model import Meant
from kernel.database import execute_text
from kernel.outbox import AUDIT_INSERT
from kernel.statements import AnyOf, Parameters, Statement, for_postgres
from registry.model import Changes, EntryKind, Key, Kind, Life, RegisteredObject, Row
from registry.tables import ASSOCIATION, ENTRY, FILED, FOLDER, METADATA, PATIENT, REFERENCE_ID, SUBMISSION_SET, TERM

__all__ = ["CHUNK", "FEW", "METADATA", "RegistryStore", "StoredAssociation"]

FEW: Final = 12
"""Objects of a submission that is filed by a statement with an INSERT for each."""
CHUNK: Final = 16
"""Rows of one table in one statement: its parameters stay far below the 65,535 that PostgreSQL takes."""
_UUIDS: Final = 1_000
"""Ids in one look-up."""


class _EntryRow(NamedTuple):
    uuid: Key
    logical: Key | None
    status: int
    cx: str
    unique_id: str
    copy: int
    version: int
    latest: int
    kind: int
    hash: bytes | None
    size: int | None


class _FolderRow(NamedTuple):
    uuid: Key
    logical: Key | None
    status: int
    cx: str
    unique_id: str
    copy: int
    version: int
    latest: int


class _SetRow(NamedTuple):
    uuid: Key
    status: int
    cx: str
    unique_id: str


class _AssociationRow(NamedTuple):
    uuid: Key
    status: int


class _Xml(NamedTuple):
    dictionary: int
    xml: bytes


class StoredAssociation(NamedTuple):
    """An association as the table holds it; `type` is the number of the type that `name` is the URN of."""

    uuid: Key
    source: Key
    target: Key
    type: int
    name: str
    status: int
    form: int
    dictionary: int
    xml: bytes | None


class _Ends(NamedTuple):
    source: Key
    target: Key


def _is_version_of(table: sa.Table) -> sa.ColumnElement[bool]:
    """`logical` is NULL where it is the object's own id."""
    own = sa.and_(AnyOf(table.c.uuid, "logicals"), table.c.logical.is_(None))
    return sa.or_(AnyOf(table.c.logical, "logicals"), own)


_E, _S, _F, _A = ENTRY.c, SUBMISSION_SET.c, FOLDER.c, ASSOCIATION.c
_ENTRIES: Final = sa.select(
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
).join(PATIENT, PATIENT.c.id == _E.patient)
_FOLDERS: Final = sa.select(_F.uuid, _F.logical, _F.status, PATIENT.c.cx, _F.unique_id, _F.copy, _F.version, _F.latest).join(
    PATIENT, PATIENT.c.id == _F.patient
)
_SETS: Final = sa.select(_S.uuid, _S.status, PATIENT.c.cx, _S.unique_id).join(PATIENT, PATIENT.c.id == _S.patient)
_ENTRIES_BY_UUID: Final = _ENTRIES.where(AnyOf(_E.uuid, "uuids")).order_by(_E.uuid)
_FOLDERS_BY_UUID: Final = _FOLDERS.where(AnyOf(_F.uuid, "uuids")).order_by(_F.uuid)
_SEEN: Final = (Statement(_ENTRIES_BY_UUID, _EntryRow._make), Statement(_FOLDERS_BY_UUID, _FolderRow._make))
# in the order of their ids, so that two submissions that refer to the same objects wait for each other
_LOCKED: Final = (
    Statement(_ENTRIES_BY_UUID.with_for_update(of=ENTRY), _EntryRow._make),
    Statement(_FOLDERS_BY_UUID.with_for_update(of=FOLDER), _FolderRow._make),
)
_SETS_BY_UUID: Final = _SETS.where(AnyOf(_S.uuid, "uuids")).order_by(_S.uuid)
_ASSOCIATIONS_BY_UUID: Final = sa.select(_A.uuid, _A.status).where(AnyOf(_A.uuid, "uuids")).order_by(_A.uuid)
_OTHERS_SEEN: Final = (Statement(_SETS_BY_UUID, _SetRow._make), Statement(_ASSOCIATIONS_BY_UUID, _AssociationRow._make))
_OTHERS_LOCKED: Final = (
    Statement(_SETS_BY_UUID.with_for_update(of=SUBMISSION_SET), _SetRow._make),
    Statement(_ASSOCIATIONS_BY_UUID.with_for_update(of=ASSOCIATION), _AssociationRow._make),
)
_ENTRIES_BY_UNIQUE_ID: Final = Statement(_ENTRIES.where(AnyOf(_E.unique_id, "unique_ids")).order_by(_E.copy), _EntryRow._make)
_FOLDERS_BY_UNIQUE_ID: Final = Statement(_FOLDERS.where(AnyOf(_F.unique_id, "unique_ids")), _FolderRow._make)
_SETS_BY_UNIQUE_ID: Final = Statement(_SETS.where(AnyOf(_S.unique_id, "unique_ids")), _SetRow._make)
_SOURCES: Final = Statement(
    sa.select(_A.source, _A.target)
    .where(AnyOf(_A.target, "uuids"), AnyOf(_A.type, "types"), _A.status == int(Life.APPROVED))
    .order_by(_A.uuid),
    _Ends._make,
)
_DEPRECATE: Final = Statement(
    ENTRY.update().values(status=int(Life.DEPRECATED)).where(AnyOf(_E.uuid, "uuids"), _E.status == int(Life.APPROVED)),
    tuple,
)
_TOUCH: Final = Statement(FOLDER.update().values(last_update_time=sa.bindparam("updated")).where(AnyOf(_F.uuid, "uuids")), tuple)


_E_VERSIONS: Final = _ENTRIES.where(_is_version_of(ENTRY)).order_by(_E.uuid)
_F_VERSIONS: Final = _FOLDERS.where(_is_version_of(FOLDER)).order_by(_F.uuid)
_VERSIONS_SEEN: Final = (Statement(_E_VERSIONS, _EntryRow._make), Statement(_F_VERSIONS, _FolderRow._make))
_VERSIONS_LOCKED: Final = (
    Statement(_E_VERSIONS.with_for_update(of=ENTRY), _EntryRow._make),
    Statement(_F_VERSIONS.with_for_update(of=FOLDER), _FolderRow._make),
)
_SUPERSEDE: Final = {
    kind: Statement(table.update().values(status=int(Life.DEPRECATED), latest=0).where(AnyOf(table.c.uuid, "uuids")), tuple)
    for kind, table in ((Kind.ENTRY, ENTRY), (Kind.FOLDER, FOLDER))
}
_SET_LIFE: Final = {
    kind: Statement(
        table.update()
        .values(status=sa.bindparam("new"))
        .where(AnyOf(table.c.uuid, "uuids"), table.c.status == sa.bindparam("old")),
        tuple,
    )
    for kind, table in ((Kind.ENTRY, ENTRY), (Kind.FOLDER, FOLDER), (Kind.ASSOCIATION, ASSOCIATION))
}
_ENTRY_XML: Final = Statement(sa.select(_E.dictionary, _E.xml).where(AnyOf(_E.uuid, "uuids")), _Xml._make)
_STORED: Final = (
    sa.select(_A.uuid, _A.source, _A.target, _A.type, TERM.c.value.label("name"), _A.status, _A.form, _A.dictionary, _A.xml)
    .join(TERM, TERM.c.id == _A.type)
    .where(AnyOf(_A.status, "lives"))
)
_TOUCHING: Final = Statement(
    sa.union(_STORED.where(AnyOf(_A.source, "uuids")), _STORED.where(AnyOf(_A.target, "uuids"))).order_by("uuid"),
    StoredAssociation._make,
)


_STORED_BY_UUID: Final = Statement(_STORED.where(AnyOf(_A.uuid, "uuids")), StoredAssociation._make)
_REMOVE: Final = {
    kind: Statement(table.delete().where(AnyOf(table.c.uuid, "uuids")), tuple)
    for kind, table in (
        (Kind.ENTRY, ENTRY),
        (Kind.SUBMISSION_SET, SUBMISSION_SET),
        (Kind.FOLDER, FOLDER),
        (Kind.ASSOCIATION, ASSOCIATION),
    )
}
_REMOVE_REFERENCES: Final = Statement(REFERENCE_ID.delete().where(AnyOf(REFERENCE_ID.c.entry, "uuids")), tuple)
_MAKE_FIRST: Final = Statement(ENTRY.update().values(copy=0).where(AnyOf(_E.uuid, "uuids")), tuple)


class RegistryStore:
    """Reads and writes the tables through the connection it is given; knows no rule."""

    def file(self, connection: Connection, changes: Changes) -> bool:
        """Writes what is new and changes what shall change. False when a constraint stood in the way of a row.

        After False the unit of work has to be rolled back: some rows may be written.
        """
        is_filed = all(_insert(connection, rows) for rows in _portions(changes.rows()))
        if is_filed and changes.deprecated:
            parameters = {"uuids": sorted(changes.deprecated)}
            is_filed = _DEPRECATE.run(connection, parameters) == len(changes.deprecated)
        return is_filed

    def file_at_once(self, connection: Connection, changes: Changes, audit: Parameters) -> None:
        """Writes what is new with its audit messages, in one statement that is a unit of work by itself (PostgreSQL).

        Raises `IntegrityError` when a constraint stands in the way, and then nothing is written.
        """
        text, parameters = _at_once(changes.rows(), on_conflict="")
        execute_text(connection, f"{text[0]}, told AS ({AUDIT_INSERT}) {text[1]}", {**parameters, **audit})

    def file_if_active(self, connection: Connection, changes: Changes, audit: Parameters, meant: Meant) -> bool:
        """As `file_at_once`, if the patient is known and active when the statement begins; False when not, and then nothing is
        written. For submissions of `FEW` objects at the most.
        """
        rows = changes.rows()
        parameters = _named(rows)
        asked, values = _asking(meant.select).written(connection, meant.parameters)
        inserts, counts = _guarded_statement(tuple(map(len, rows)))
        text = f"WITH person AS MATERIALIZED ({asked}), {inserts}, told AS ({AUDIT_INSERT}{_IF_ACTIVE}) {counts}"
        (done,) = execute_text(connection, text, {**for_postgres(parameters), **values, **audit}).fetchall()[0]
        return bool(done == sum(map(len, rows)))

    def touch_folders(self, connection: Connection, folders: Collection[Key], updated: int) -> None:
        """Sets lastUpdateTime."""
        if folders:
            _TOUCH.run(connection, {"uuids": sorted(folders), "updated": updated})

    def objects(self, connection: Connection, uuids: Collection[Key], *, lock: bool = False) -> dict[Key, RegisteredObject]:
        """The registered objects with these ids. Locked ones stay as they are until the unit of work ends."""
        entries, folders = _LOCKED if lock else _SEEN
        sets, associations = _OTHERS_LOCKED if lock else _OTHERS_SEEN
        found: dict[Key, RegisteredObject] = {}
        for some in _in_portions(sorted(uuids), _UUIDS):
            parameters = {"uuids": some}
            found |= {o.key: o for o in map(_entry, entries.rows(connection, parameters))}
            found |= {o.key: o for o in map(_folder, folders.rows(connection, parameters))}
            rest = [uuid for uuid in some if uuid not in found]
            if rest:
                parameters = {"uuids": rest}
                found |= {o.key: o for o in map(_set, sets.rows(connection, parameters))}
                found |= {o.key: o for o in map(_association, associations.rows(connection, parameters))}
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

    def versions(self, connection: Connection, logical_keys: Collection[Key], *, lock: bool = False) -> dict[Key, RegisteredObject]:
        """The latest version of each object, by logicalID."""
        parameters = {"logicals": sorted(logical_keys)}
        if lock:
            # who waited for a lock does not see, in the same statement, the version that was added meanwhile
            for statement in _VERSIONS_LOCKED:
                statement.rows(connection, parameters)
        entries, folders = _VERSIONS_SEEN
        found = [*map(_entry, entries.rows(connection, parameters)), *map(_folder, folders.rows(connection, parameters))]
        return {obj.logical_key: obj for obj in sorted(found, key=lambda obj: obj.version)}

    def supersede(self, connection: Connection, obj: RegisteredObject) -> None:
        """Makes a version a former one: Deprecated, and not the latest."""
        _SUPERSEDE[obj.kind].run(connection, {"uuids": [obj.key]})

    def set_life(self, connection: Connection, obj: RegisteredObject, life: Life) -> bool:
        """Changes availabilityStatus; False when it is not what it was any more."""
        parameters = {"uuids": [obj.key], "old": int(obj.life), "new": int(life)}
        return _SET_LIFE[obj.kind].run(connection, parameters) == 1

    def entry_xml(self, connection: Connection, key: Key) -> tuple[int, bytes]:
        """Dictionary and stored XML of an entry that is there."""
        return _ENTRY_XML.rows(connection, {"uuids": [key]})[0]

    def associations(self, connection: Connection, keys: Collection[Key], *, every: bool = False) -> Sequence[StoredAssociation]:
        """The associations that lead from or to one of the objects: Approved ones, or every one."""
        if not keys:
            return ()
        lives = [int(life) for life in Life] if every else [int(Life.APPROVED)]
        return _TOUCHING.rows(connection, {"uuids": sorted(keys), "lives": lives})

    def associations_by_id(self, connection: Connection, keys: Collection[Key]) -> Sequence[StoredAssociation]:
        """The associations with these ids."""
        return _STORED_BY_UUID.rows(connection, {"uuids": sorted(keys), "lives": [int(life) for life in Life]})

    def remove(self, connection: Connection, objects: Collection[RegisteredObject]) -> None:
        """Takes objects out of the registry. Of several entries with one uniqueId the next becomes the first."""
        for kind, statement in _REMOVE.items():
            keys = sorted(obj.key for obj in objects if obj.kind is kind)
            if keys:
                statement.run(connection, {"uuids": keys})
        entries = [obj for obj in objects if obj.kind is Kind.ENTRY]
        if entries:
            _REMOVE_REFERENCES.run(connection, {"uuids": sorted(obj.key for obj in entries)})
            self._renumber(connection, sorted({obj.unique_id for obj in entries if obj.copy == 0}))

    def _renumber(self, connection: Connection, unique_ids: Collection[str]) -> None:
        # a new entry is compared with the first: without one its uniqueId would be free for another document
        left: dict[str, RegisteredObject] = {}
        for obj in self.with_unique_ids(connection, unique_ids):
            if obj.kind is Kind.ENTRY:
                left.setdefault(obj.unique_id, obj)
        for obj in left.values():
            _MAKE_FIRST.run(connection, {"uuids": [obj.key]})

    def sources(self, connection: Connection, targets: Collection[Key], types: Collection[int]) -> Sequence[tuple[Key, Key]]:
        """Source and target of the Approved associations of these types that lead to one of the targets."""
        if not targets or not types:
            return ()
        return _SOURCES.rows(connection, {"uuids": sorted(targets), "types": sorted(types)})


def _entry(row: _EntryRow) -> RegisteredObject:
    return RegisteredObject(
        kind=Kind.ENTRY,
        key=row.uuid,
        logical_key=row.logical or row.uuid,
        life=Life(row.status),
        patient=row.cx,
        unique_id=row.unique_id,
        copy=row.copy,
        version=row.version,
        latest=bool(row.latest),
        on_demand=row.kind == EntryKind.ON_DEMAND,
        hash=row.hash,
        size=row.size,
    )


def _folder(row: _FolderRow) -> RegisteredObject:
    return RegisteredObject(
        kind=Kind.FOLDER,
        key=row.uuid,
        logical_key=row.logical or row.uuid,
        life=Life(row.status),
        patient=row.cx,
        unique_id=row.unique_id,
        copy=row.copy,
        version=row.version,
        latest=bool(row.latest),
    )


def _set(row: _SetRow) -> RegisteredObject:
    return RegisteredObject(Kind.SUBMISSION_SET, row.uuid, row.uuid, Life(row.status), row.cx, row.unique_id)


def _association(row: _AssociationRow) -> RegisteredObject:
    return RegisteredObject(Kind.ASSOCIATION, row.uuid, row.uuid, Life(row.status), "")


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
    (parts, counts), parameters = _at_once(tables, on_conflict=" ON CONFLICT DO NOTHING")
    (done,) = execute_text(connection, f"{parts} {counts}", parameters).fetchall()[0]
    return bool(done == sum(map(len, tables)))


def _at_once(tables: Sequence[Sequence[Row]], *, on_conflict: str) -> tuple[tuple[str, str], Parameters]:
    return _shape_statement(tuple(map(len, tables)), on_conflict), for_postgres(_named(tables))


def _named(tables: Sequence[Sequence[Row]]) -> Parameters:
    """The values of all rows, each with a name of its own."""
    parameters: dict[str, object] = {}
    for table, rows in enumerate(tables):
        for number, row in enumerate(rows):
            prefix = f"t{table}_{number}_"
            parameters.update({prefix + name: value for name, value in row.items()})
    return parameters


def _into(table: int) -> str:
    names = ", ".join(f'"{column.name}"' for column in FILED[table].c)
    return f"INSERT INTO {FILED[table].name} ({names})"


@lru_cache(maxsize=16)
def _row_statement(table: int) -> str:
    values = ", ".join(f":{column.name}" for column in FILED[table].c)
    return f"{_into(table)} VALUES ({values}) ON CONFLICT DO NOTHING"


@lru_cache(maxsize=512)
def _shape_statement(shape: tuple[int, ...], on_conflict: str) -> tuple[str, str]:
    """INSERTs into each table that has rows, as the head of a statement, and its tail, which gives how many were written."""
    inserts, counts = [], []
    for table, rows in enumerate(shape):
        if not rows:
            continue
        names = FILED[table].c.keys()
        values = ", ".join(f"({', '.join(f'%(t{table}_{row}_{name})s' for name in names)})" for row in range(rows))
        inserts.append(f"w{table} AS ({_into(table)} VALUES {values}{on_conflict} RETURNING 1)")
        counts.append(f"(SELECT count(*) FROM w{table})")  # noqa: S608 - a name of ours
    return f"WITH {', '.join(inserts)}", f"SELECT {' + '.join(counts)}"


_IF_ACTIVE: Final = " WHERE EXISTS (SELECT FROM person)"


@lru_cache(maxsize=512)
def _guarded_statement(shape: tuple[int, ...]) -> tuple[str, str]:
    """An INSERT for each row, made only where `person` has rows, and the tail that gives how many were."""
    inserts, counts = [], []
    for table, rows in enumerate(shape):
        for row in range(rows):
            values = ", ".join(f"%(t{table}_{row}_{column.name})s" for column in FILED[table].c)
            inserts.append(f"w{table}_{row} AS ({_into(table)} SELECT {values}{_IF_ACTIVE} RETURNING 1)")
            counts.append(f"(SELECT count(*) FROM w{table}_{row})")  # noqa: S608 - a name of ours
    return ", ".join(inserts), f"SELECT {' + '.join(counts)}"


@lru_cache(maxsize=16)
def _asking(meant: sa.Select[tuple[str, bool]]) -> Statement[object]:
    return Statement(meant, tuple)
