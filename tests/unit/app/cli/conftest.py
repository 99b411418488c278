"""A running service that the client commands are tried on, and a store for those that work on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.service import OPEN_DOMAIN, Service, running
from tests.support.stores import Store


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """`hie serve` on the embedded default; tests use patients and documents of their own."""
    with running(tmp_path_factory.mktemp("service"), {**OPEN_DOMAIN, "HIE_LOG__LEVEL": "WARNING"}) as service:
        yield service


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store of this test."""
    made = Store(tmp_path / "data")
    with made.house():
        return made
