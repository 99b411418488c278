"""A running service that the commands are tried on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.service import OPEN_DOMAIN, Service, running


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """`hie serve` on the embedded default, for the client commands; tests use patients and documents of their own."""
    with running(tmp_path_factory.mktemp("service"), {**OPEN_DOMAIN, "HIE_LOG__LEVEL": "WARNING"}) as service:
        yield service
