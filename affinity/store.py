"""Tables of the affinity domain and the SQL on them, nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from affinity.model import Authority, CodeSets, DomainCode, Origin, Source
from kernel.database import insert_into
from kernel.identifiers import AssigningAuthority

METADATA: Final = sa.MetaData()

AUTHORITY: Final = sa.Table(
    "affinity_authority",
    METADATA,
    sa.Column("key", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("namespace", sa.Text, unique=True),
    sa.Column("universal_id", sa.Text, unique=True),
    sa.Column("universal_id_type", sa.Text, nullable=False, default=""),
    sa.Column("origin", sa.Text, nullable=False),
    sa.CheckConstraint("namespace IS NOT NULL OR universal_id IS NOT NULL", name="affinity_authority_named"),
)
"""Assigning authorities; a name that is absent is NULL, so that the rest are each one authority's."""

AUTHORITY_ALIAS: Final = sa.Table(
    "affinity_authority_alias",
    METADATA,
    sa.Column("alias", sa.Text, primary_key=True),
    sa.Column("authority", sa.ForeignKey(AUTHORITY.c.key), nullable=False, index=True),
)

SOURCE: Final = sa.Table(
    "affinity_source",
    METADATA,
    sa.Column("application", sa.Text, primary_key=True),
    sa.Column("facility", sa.Text, primary_key=True),
    sa.Column("lenient", sa.Boolean, nullable=False),
    sa.Column("origin", sa.Text, nullable=False),
)

SOURCE_AUTHORITY: Final = sa.Table(
    "affinity_source_authority",
    METADATA,
    sa.Column("application", sa.Text, primary_key=True),
    sa.Column("facility", sa.Text, primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("authority", sa.ForeignKey(AUTHORITY.c.key), nullable=False),
    sa.ForeignKeyConstraint(["application", "facility"], [SOURCE.c.application, SOURCE.c.facility], ondelete="CASCADE"),
)

CODE: Final = sa.Table(
    "affinity_code",
    METADATA,
    sa.Column("attribute", sa.Text, primary_key=True),
    sa.Column("code", sa.Text, primary_key=True),
    sa.Column("scheme", sa.Text, primary_key=True),
    sa.Column("display", sa.Text, nullable=False),
    sa.Column("valid_from", sa.Date),
    sa.Column("valid_to", sa.Date),
)

STATE: Final = sa.Table(
    "affinity_state",
    METADATA,
    sa.Column("only", sa.Integer, primary_key=True),
    sa.Column("version", sa.BigInteger, nullable=False),
)
"""One row; its version goes up with every change, so that other processes see that what they remember is old."""

SETTING: Final = sa.Table(
    "affinity_setting",
    METADATA,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
"""The settings that were in force when the service last began, secrets masked, so that what was changed since can be told."""


def last_settings(connection: Connection) -> dict[str, str]:
    """The settings of the last start; none before the first."""
    return {row.name: row.value for row in connection.execute(sa.select(SETTING.c.name, SETTING.c.value))}


def keep_settings(connection: Connection, present: Mapping[str, str]) -> None:
    """Notes the settings of this start."""
    connection.execute(sa.delete(SETTING))
    connection.execute(sa.insert(SETTING), [{"name": name, "value": value} for name, value in present.items()])


def version(connection: Connection) -> int:
    """How often the domain was changed."""
    return connection.scalar(sa.select(STATE.c.version)) or 0


def raise_version(connection: Connection) -> None:
    """Notes that something was changed."""
    row = insert_into(connection, STATE).values(only=1, version=1)
    connection.execute(row.on_conflict_do_update(index_elements=["only"], set_={"version": STATE.c.version + 1}))


def authorities(connection: Connection) -> tuple[Authority, ...]:
    """All, in the order of their keys."""
    aliases: dict[int, list[str]] = {}
    for alias, key in connection.execute(sa.select(AUTHORITY_ALIAS).order_by(AUTHORITY_ALIAS.c.alias)):
        aliases.setdefault(key, []).append(alias)
    rows = connection.execute(sa.select(AUTHORITY).order_by(AUTHORITY.c.key)).mappings()
    return tuple(replace(_authority(row), aliases=tuple(aliases.get(row["key"], ()))) for row in rows)


def _authority(row: sa.RowMapping) -> Authority:
    authority = AssigningAuthority(row["namespace"] or "", row["universal_id"] or "", row["universal_id_type"])
    return Authority(row["key"], authority, (), Origin(row["origin"]))


def find_authority(connection: Connection, named: AssigningAuthority) -> Authority | None:
    """The row with this universal id, else the one with this namespace."""
    by_id = AUTHORITY.c.universal_id == named.universal_id
    by_name = AUTHORITY.c.namespace == named.namespace
    rows = connection.execute(sa.select(AUTHORITY).where(by_id | by_name)).mappings()
    found = sorted(map(_authority, rows), key=lambda a: a.authority.universal_id != named.universal_id)
    return found[0] if found else None


def add_authority(connection: Connection, authority: AssigningAuthority, origin: Origin) -> bool:
    """Adds it; False when its namespace or universal id is taken."""
    statement = insert_into(connection, AUTHORITY).values(**_names(authority), origin=origin.value)
    return connection.scalar(statement.on_conflict_do_nothing().returning(AUTHORITY.c.key)) is not None


def set_authority(connection: Connection, key: int, authority: AssigningAuthority) -> None:
    """Gives an authority its names."""
    connection.execute(AUTHORITY.update().where(AUTHORITY.c.key == key).values(**_names(authority)))


def set_origin(connection: Connection, key: int, origin: Origin) -> None:
    """Notes who says that the authority belongs to the domain."""
    connection.execute(AUTHORITY.update().where(AUTHORITY.c.key == key).values(origin=origin.value))


def _names(authority: AssigningAuthority) -> dict[str, str | None]:
    return {
        "namespace": authority.namespace or None,
        "universal_id": authority.universal_id or None,
        "universal_id_type": authority.universal_id_type,
    }


def set_aliases(connection: Connection, key: int, aliases: Iterable[str]) -> None:
    """These and no others; an alias that belonged to another authority changes hands."""
    wanted = tuple(dict.fromkeys(aliases))
    connection.execute(AUTHORITY_ALIAS.delete().where((AUTHORITY_ALIAS.c.authority == key) | AUTHORITY_ALIAS.c.alias.in_(wanted)))
    if wanted:
        connection.execute(AUTHORITY_ALIAS.insert(), [{"alias": alias, "authority": key} for alias in wanted])


def sources(connection: Connection) -> tuple[Source, ...]:
    """All, by name."""
    keys: dict[tuple[str, str], list[int]] = {}
    for row in connection.execute(sa.select(SOURCE_AUTHORITY).order_by(SOURCE_AUTHORITY.c.position)):
        keys.setdefault((row.application, row.facility), []).append(row.authority)
    rows = connection.execute(sa.select(SOURCE).order_by(SOURCE.c.application, SOURCE.c.facility))
    return tuple(
        Source(row.application, row.facility, tuple(keys.get((row.application, row.facility), ())), row.lenient, Origin(row.origin))
        for row in rows
    )


def put_source(connection: Connection, source: Source) -> None:
    """Adds or replaces a source."""
    drop_source(connection, source.application, source.facility)
    name = {"application": source.application, "facility": source.facility}
    connection.execute(SOURCE.insert().values(**name, lenient=source.lenient, origin=source.origin.value))
    rows = [{**name, "position": at, "authority": key} for at, key in enumerate(source.authorities)]
    if rows:
        connection.execute(SOURCE_AUTHORITY.insert(), rows)


def drop_source(connection: Connection, application: str, facility: str) -> None:
    """Takes a source off the list."""
    connection.execute(
        SOURCE_AUTHORITY.delete().where(SOURCE_AUTHORITY.c.application == application, SOURCE_AUTHORITY.c.facility == facility)
    )
    connection.execute(SOURCE.delete().where(SOURCE.c.application == application, SOURCE.c.facility == facility))


def codes(connection: Connection) -> CodeSets:
    """Every code set."""
    rows = connection.execute(sa.select(CODE).order_by(CODE.c.attribute, CODE.c.scheme, CODE.c.code))
    return CodeSets.of(DomainCode(r.attribute, r.code, r.scheme, r.display, r.valid_from, r.valid_to) for r in rows)


def put_codes(connection: Connection, codes: Iterable[DomainCode]) -> None:
    """Adds codes, or replaces what is said of them."""
    rows = [_code_row(code) for code in codes]
    if not rows:
        return
    statement = insert_into(connection, CODE)
    changed = {name: statement.excluded[name] for name in ("display", "valid_from", "valid_to")}
    connection.execute(statement.on_conflict_do_update(index_elements=["attribute", "code", "scheme"], set_=changed), rows)


def _code_row(code: DomainCode) -> Mapping[str, str | date | None]:
    return {
        "attribute": code.attribute,
        "code": code.code,
        "scheme": code.scheme,
        "display": code.display,
        "valid_from": code.valid_from,
        "valid_to": code.valid_to,
    }


def drop_codes(connection: Connection, attribute: str) -> None:
    """Takes away a whole code set: the attribute is unregulated again."""
    connection.execute(CODE.delete().where(CODE.c.attribute == attribute))
