"""The tables of each package, brought up to date by its own history (Alembic); one version table for each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from psycopg.sql import Identifier
from sqlalchemy.engine import Connection, Engine

from affinity.store import METADATA as AFFINITY
from arr.tables import ADDED
from arr.tables import METADATA as ARR
from console.searches import SEARCH
from kernel.outbox import METADATA as KERNEL
from mpi.tables import METADATA as MPI
from registry.tables import METADATA as REGISTRY
from repository.store import METADATA as REPOSITORY

ROOT: Final = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class History:
    """The tables of a package and the folder with the steps that led to them."""

    name: str
    metadata: sa.MetaData

    @property
    def folder(self) -> Path:
        """Where the steps are."""
        return ROOT / self.name / "migrations"

    @property
    def version_table(self) -> str:
        """The table that tells which steps a database has taken."""
        return f"{self.name}_version"

    def scripts(self) -> ScriptDirectory:
        """The steps."""
        config = Config()
        config.set_main_option("script_location", str(self.folder))
        config.set_main_option("version_locations", str(self.folder))
        config.set_main_option("path_separator", "os")
        return ScriptDirectory.from_config(config)


HISTORIES: Final = tuple(
    History(name, metadata)
    for name, metadata in (
        ("kernel", KERNEL),
        ("affinity", AFFINITY),
        ("registry", REGISTRY),
        ("repository", REPOSITORY),
        ("mpi", MPI),
        ("arr", ARR),
        ("console", SEARCH.metadata),
    )
)


def upgrade(engine: Engine, histories: Sequence[History] = HISTORIES) -> Iterator[str]:
    """Takes the steps that the database has not taken yet; names each. Each package's steps are one transaction."""
    for history in histories:
        with engine.begin() as connection:
            _one_at_a_time(connection)
            yield from _upgrade(connection, history)


def _upgrade(connection: Connection, history: History) -> Iterator[str]:
    scripts = history.scripts()
    context = _context(connection, history)
    present = context.get_current_revision()
    for step in reversed(list(scripts.iterate_revisions("head", present or "base"))):
        if step.revision == present:
            continue
        with Operations.context(context):
            step.module.upgrade()
        context._ensure_version_table()
        if present is None:
            connection.execute(context._version.insert().values(version_num=step.revision))
        else:
            connection.execute(context._version.update().values(version_num=step.revision))
        present = step.revision
        yield f"{history.name} {step.revision}"


def behind(engine: Engine, histories: Sequence[History] = HISTORIES) -> tuple[str, ...]:
    """The packages whose tables are not those that this release works with."""
    with engine.connect() as connection:
        return tuple(
            history.name
            for history in histories
            if _context(connection, history).get_current_revision() != history.scripts().get_current_head()
        )


def differences(connection: Connection, history: History) -> list[object]:
    """How the database's tables differ from the ones the code declares; empty when they do not."""
    return list(compare_metadata(_context(connection, history), history.metadata))


def _context(connection: Connection, history: History) -> MigrationContext:
    def ours(_object: object, name: str | None, kind: str, _reflected: bool, _compare: object) -> bool:
        return kind != "table" or name in history.metadata.tables

    return MigrationContext.configure(
        connection, opts={"version_table": history.version_table, "include_object": ours, "compare_type": True}
    )


def _one_at_a_time(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(4711001)"))


def grants(role: str) -> Iterator[str]:
    """Statements (PostgreSQL) that give a role what the service needs and nothing more: it adds audit records and changes none.

    The role that owns the tables runs them, and brings the tables up to date; the service is given the other.
    """
    name = Identifier(role).as_string()
    for history in HISTORIES:
        for table in history.metadata.sorted_tables:
            rights = "SELECT, INSERT" if table.name in ADDED else "SELECT, INSERT, UPDATE, DELETE"
            yield f"GRANT {rights} ON {table.name} TO {name};"
        yield f"GRANT SELECT ON {history.version_table} TO {name};"
    yield f"GRANT EXECUTE ON FUNCTION arr_extend(bigint, bigint) TO {name};"
    yield f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {name};"
