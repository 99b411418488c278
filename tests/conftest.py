"""Fixtures for every test: both databases, clocks, and the closed network of unit tests; how a whole run uses all processors."""

from __future__ import annotations

import logging
import os
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
import structlog

from kernel.database import Database
from kernel.outbox import METADATA as OUTBOX_METADATA
from tests.support import postgres
from tests.support.clocks import TickingClock
from tests.support.scheduling import Scheduler, long_ones_first
from tests.support.shared import SHARED
from tests.support.sqlite_files import SqliteFiles

NOTHING_SKIPPED = "HIE_NOTHING_SKIPPED"
"""Set where every server, program and fixture must be present: a test that would be skipped fails."""

MakeDatabase = Callable[..., Database]

# a service is started dozens of times, and would compile every module of itself each time
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """The whole suite runs in one process more than there are processors, for the tests wait a good part of their time; what is
    named on the command line runs in this process, as `-n0` does."""
    is_whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    if is_whole and config.option.numprocesses is None and "PYTEST_XDIST_WORKER" not in os.environ:  # a worker comes by here too
        config.option.numprocesses = len(os.sched_getaffinity(0)) + 1


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Scheduler:
    """Who is given which tests."""
    return Scheduler(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In a run on several processors what takes long is begun first, lest all wait for it in the end."""
    if hasattr(config, "workerinput"):
        items[:] = long_ones_first(items)


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    """What a test configures of logging ends with it: the stream that it wrote to does."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    if structlog.is_configured():
        structlog.reset_defaults()
    if root.handlers != handlers:
        root.handlers[:] = handlers
        root.setLevel(level)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server]:
    """A PostgreSQL server where tests may make databases."""
    if not postgres.is_available():
        pytest.skip("no PostgreSQL server programs on this machine")
    # the machine does not lose its power here, and a database for each test would otherwise wait for the disk most of the time
    with (
        postgres.cluster("-c fsync=off", "-c full_page_writes=off", "-c synchronous_commit=off") as address,
        postgres.server(address) as server,
    ):
        yield server


@pytest.fixture(scope="session")
def sqlite_files(tmp_path_factory: pytest.TempPathFactory) -> SqliteFiles:
    """SQLite files that hold tables."""
    return SqliteFiles(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty database: SQLite, and PostgreSQL."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'affinity.db'}"
        return
    server: postgres.Server = request.getfixturevalue("postgres_server")
    name = server.name()
    if "make_database" not in request.fixturenames:  # which copies one that has its tables
        server.create(name)
    yield f"{server.address}/{name}"
    server.drop(name)


@pytest.fixture
def clock() -> TickingClock:
    """The clock that `make_database` gives to the databases of this test."""
    return TickingClock()


@pytest.fixture
def make_database(request: pytest.FixtureRequest, database_url: str, clock: TickingClock) -> Iterator[MakeDatabase]:
    """Makes the `Database` with the outbox tables and those given: `make_database(STORE_METADATA, ...)`."""
    made: list[Database] = []

    def make(*metadata: sa.MetaData) -> Database:
        parts = (OUTBOX_METADATA, *metadata)
        if made:
            for part in parts:
                part.create_all(made[0].engine)
        elif database_url.startswith("sqlite"):
            files: SqliteFiles = request.getfixturevalue("sqlite_files")
            files.copy(Path(database_url.removeprefix("sqlite:///")), parts)
        else:
            server: postgres.Server = request.getfixturevalue("postgres_server")
            server.copy(database_url.rpartition("/")[2], parts)
        made.append(Database(database_url, clock=clock))
        return made[-1]

    yield make
    for database in made:
        database.close()


@pytest.fixture(autouse=True)
def _no_network_in_unit_tests(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """unit/ and properties/ may reach this machine only."""
    folder = request.path.parts
    if "unit" not in folder and "properties" not in folder:
        return
    connect = socket.socket.connect

    def local_only(self: socket.socket, address: object) -> None:
        host = address[0] if isinstance(address, tuple) else ""
        if host not in ("", "127.0.0.1", "localhost", "::1"):
            raise AssertionError(f"a unit test reached for {host}")
        connect(self, address)  # type: ignore[arg-type]  # handed on as it came

    monkeypatch.setattr(socket.socket, "connect", local_only)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Continuous integration skips nothing."""
    outcome = yield
    report: pytest.TestReport = outcome.get_result()  # type: ignore[attr-defined]  # pluggy's result
    if report.skipped and NOTHING_SKIPPED in os.environ and not hasattr(report, "wasxfail") and not _is_elsewhere(report):
        report.outcome = "failed"
        report.longrepr = f"skipped where nothing may be: {report.longrepr}"


def _is_elsewhere(report: pytest.TestReport) -> bool:
    """Whether the test needs fixtures that are kept beside the project, and nothing of them is here."""
    return "shared fixture" in str(report.longrepr) and not SHARED.exists()
