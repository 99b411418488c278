"""Clocks and ids that tests choose."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count

from kernel.identifiers import EntryUuid


class TickingClock:
    """Starts at a given instant and goes on a second at each look, unless it is set."""

    def __init__(self, start: datetime = datetime(2026, 11, 22, 10, 0, 0, tzinfo=UTC)) -> None:
        self.present = start

    def __call__(self) -> datetime:
        self.present += timedelta(seconds=1)
        return self.present


def counted_uuids(seed: int = 1) -> Callable[[], EntryUuid]:
    """entryUUIDs in a row, the same in every run."""
    numbers = count(seed << 64)
    return lambda: EntryUuid(f"urn:uuid:{uuid.UUID(int=next(numbers), version=4)}")
