"""Entries of others around those that are measured: millions of rows as a registry of that size would hold them.

Made inside the server from one submission that came over the wire (entry, set, and the HasMember between them), with ids,
uniqueIds, times and patients of their own. Indexes are taken away before a large load and built once after it, as a migration
would do it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from registry.tables import ASSOCIATION, ENTRY, FOLDER, REFERENCE_ID, SUBMISSION_SET

PER_PATIENT: Final = 20
"""Entries of each of the others."""
PORTION: Final = 500_000
LARGE: Final = 200_000
"""From so many rows on the indexes are built after the load."""
LOADED: Final = (ENTRY, SUBMISSION_SET, ASSOCIATION)
ALL: Final = (*LOADED, FOLDER, REFERENCE_ID)
_SPREAD: Final = 1_000_003
"""Neighbours in time are of different patients, as they would be."""


@dataclass(frozen=True)
class Index:
    """How an index of a table is taken away and made again."""

    drop: str
    create: str


def _indexes(connection: Connection, table: str) -> list[Index]:
    found = []
    keys = f"FROM pg_constraint WHERE conrelid = '{table}'::regclass AND contype IN ('p', 'u')"
    constraints = connection.exec_driver_sql(f"SELECT conname, pg_get_constraintdef(oid) {keys}").all()
    for name, definition in constraints:
        found.append(
            Index(f"ALTER TABLE {table} DROP CONSTRAINT {name}", f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")
        )
    own = {name for name, _ in constraints}
    for name, definition in connection.exec_driver_sql(f"SELECT indexname, indexdef FROM pg_indexes WHERE tablename = '{table}'"):
        if name not in own:
            found.append(Index(f"DROP INDEX {name}", definition))
    return found


def _copy(table: sa.Table, fresh: dict[str, str], model: str, first: int, last: int) -> str:
    columns = ", ".join(f'"{c.name}"' for c in table.columns)
    chosen = ", ".join(fresh.get(c.name, f'o."{c.name}"') for c in table.columns)
    return f"INSERT INTO {table.name} ({columns}) SELECT {chosen} FROM {model} o, generate_series({first}, {last}) n"


def _portion(connection: Connection, first: int, last: int, patients: int) -> None:
    """Rows with the numbers from first to last: their ids follow from the numbers, so that the association finds its ends."""
    patient = f"1000000000 + (n::bigint * {_SPREAD}) % {patients}"
    moment = "20200101000000 + (n::bigint * 7919) % 365 / 31 * 100000000 + n % 27 * 1000000 + n % 86400 % 24 * 10000"
    entry = {"uuid": "decode(md5('e' || n), 'hex')", "unique_id": "'2.999.8.' || n", "patient": patient, "creation_time": moment}
    own = {"uuid": "decode(md5('s' || n), 'hex')", "unique_id": "'2.999.9.' || n", "patient": patient, "submission_time": moment}
    link = {"uuid": "decode(md5('a' || n), 'hex')", "source": own["uuid"], "target": entry["uuid"]}
    models = {
        ENTRY: (entry, "(SELECT * FROM entry WHERE logical IS NULL LIMIT 1)"),
        SUBMISSION_SET: (own, "(SELECT * FROM submission_set LIMIT 1)"),
        ASSOCIATION: (link, "(SELECT * FROM association WHERE xml IS NULL LIMIT 1)"),
    }
    for table in LOADED:
        fresh, model = models[table]
        connection.exec_driver_sql(_copy(table, fresh, model, first, last).replace("%", "%%"))


def grow(engine: Engine, before: int, after: int) -> Iterator[str]:
    """From so many submissions of others to so many; says how far it is."""
    began, is_large = time.perf_counter(), after - before >= LARGE
    with engine.begin() as connection:
        indexes = {table.name: _indexes(connection, table.name) for table in LOADED} if is_large else {}
        for table in reversed(list(indexes)):
            for index in indexes[table]:
                connection.exec_driver_sql(index.drop)
    for first in range(before + 1, after + 1, PORTION):
        last = min(first + PORTION - 1, after)
        with engine.begin() as connection:
            _portion(connection, first, last, max(1, after // PER_PATIENT))
        if last < after:
            yield f"  loaded {last:>10,} of {after:,}, {time.perf_counter() - began:.0f} s"
    for made in indexes.values():
        for index in made:
            with engine.begin() as connection:
                connection.exec_driver_sql(index.create.replace("%", "%%"))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")
    yield f"  loaded {after:>10,}, {time.perf_counter() - began:.0f} s with indexes and statistics"


def bytes_each(engine: Engine) -> Sequence[tuple[str, float, float]]:
    """Of each table the bytes of a row, and the bytes with its indexes."""
    found = []
    with engine.connect() as connection:
        for table in ALL:
            rows = connection.exec_driver_sql(f"SELECT count(*) FROM {table.name}").scalar_one()
            heap, total = connection.exec_driver_sql(
                f"SELECT pg_table_size('{table.name}'), pg_total_relation_size('{table.name}')"
            ).one()
            if rows:
                found.append((table.name, heap / rows, total / rows))
    return found
