"""A console for each test."""

from __future__ import annotations

import pytest

from tests.conftest import MakeDatabase
from tests.support.clocks import TickingClock
from tests.support.console import Desk


@pytest.fixture
def desk(make_database: MakeDatabase, clock: TickingClock) -> Desk:
    """A console with nothing in it."""
    return Desk(make_database, clock)
