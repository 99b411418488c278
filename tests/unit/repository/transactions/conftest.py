"""A repository for the doors; the databases differ below them, so one is enough here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kernel.database import Database
from kernel.outbox import METADATA as OUTBOX
from repository.store import METADATA
from tests.support.clocks import TickingClock
from tests.support.repositories import Repository
from tests.support.vaults import FileHarm, a_file_vault


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    """A repository on SQLite."""
    clock = TickingClock()
    database = Database(f"sqlite:///{tmp_path / 'db'}", clock=clock)
    for part in (OUTBOX, METADATA):
        part.create_all(database.engine)
    yield Repository(database, a_file_vault(tmp_path / "vault")[0], clock=clock)
    database.close()


@pytest.fixture
def files(tmp_path: Path) -> FileHarm:
    """The means to damage the files of `repository`."""
    return FileHarm(tmp_path / "vault")
