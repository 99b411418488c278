"""A PostgreSQL of the tests' own, with fsync on, started once for a run."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import sqlalchemy as sa

from tests.support.ports import free_port

ENVIRONMENT = "HIE_TEST_POSTGRES"
"""An address `postgresql+psycopg://user@host:port/` of a running server to use instead, where databases may be made."""


def binary(name: str) -> str | None:
    """Where a PostgreSQL program is, on the path or where Debian puts it."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return shutil.which(name) or (str(found[-1]) if found else None)


def is_available() -> bool:
    """Whether a server can be reached or started."""
    return ENVIRONMENT in os.environ or (binary("initdb") is not None and binary("postgres") is not None)


def _as_postgres(command: list[str]) -> list[str]:
    return ["runuser", "-u", "postgres", "--", *command] if os.geteuid() == 0 else command


@contextmanager
def cluster(*settings: str) -> Iterator[str]:
    """Starts a server in a folder of its own; gives its address without a database name, and removes it at the end."""
    if ENVIRONMENT in os.environ:
        yield os.environ[ENVIRONMENT].rstrip("/")
        return
    folder = Path(tempfile.mkdtemp(prefix="hie-pg-"))
    if os.geteuid() == 0:
        os.chown(folder, pwd.getpwnam("postgres").pw_uid, -1)
    initdb, pg_ctl = binary("initdb"), binary("pg_ctl")
    assert initdb
    assert pg_ctl
    data, port = folder / "data", free_port()
    subprocess.run(
        _as_postgres([initdb, "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C"]),
        check=True,
        capture_output=True,
        cwd=folder,
    )
    options = [f"-p {port}", "-c listen_addresses=127.0.0.1", f"-k {folder}", "-c max_connections=200", *settings]
    subprocess.run(
        _as_postgres([pg_ctl, "-D", str(data), "-w", "-l", str(folder / "log"), "-o", " ".join(options), "start"]),
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,
    )
    try:
        yield f"postgresql+psycopg://postgres@127.0.0.1:{port}"
    finally:
        stop = _as_postgres([pg_ctl, "-D", str(data), "-m", "immediate", "stop"])
        subprocess.run(stop, check=False, capture_output=True, cwd="/")
        shutil.rmtree(folder, ignore_errors=True)


@dataclass
class Server:
    """Databases of a server: empty ones, and copies of those that hold the tables of some packages."""

    address: str
    admin: sa.Engine
    templates: dict[tuple[sa.MetaData, ...], str] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=count)

    def name(self) -> str:
        """A name for a database that is not there yet."""
        return f"test_{os.getpid()}_{next(self.numbers)}"

    def create(self, name: str) -> None:
        """An empty database."""
        self._do(f"CREATE DATABASE {name}")

    def copy(self, name: str, parts: tuple[sa.MetaData, ...]) -> None:
        """A database with these tables; the statements that make them run once in a run, for they take the longest."""
        if parts not in self.templates:
            template = self.name()
            self.create(template)
            engine = sa.create_engine(f"{self.address}/{template}")
            for part in parts:
                part.create_all(engine)
            engine.dispose()
            self.templates[parts] = template
        self._do(f"CREATE DATABASE {name} TEMPLATE {self.templates[parts]}")

    def drop(self, name: str) -> None:
        """Ends its connections and removes it."""
        self._do(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def _do(self, statement: str) -> None:
        with self.admin.connect() as connection:
            connection.exec_driver_sql(statement)


@contextmanager
def server(address: str) -> Iterator[Server]:
    """The databases of a running server."""
    admin = sa.create_engine(f"{address}/postgres", isolation_level="AUTOCOMMIT")
    found = Server(address, admin)
    try:
        yield found
    finally:
        for template in found.templates.values():
            found.drop(template)
        admin.dispose()
