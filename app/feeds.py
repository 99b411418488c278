"""Sends audit messages to one repository of somebody else, in order, for as long as it takes."""

from __future__ import annotations

from typing import Final

from app.sending import SendingThread
from atna.feed import RemoteSink, drain
from kernel.database import Database

PAUSE: Final = 0.5
"""Seconds between two looks at what waits; the sink itself says how long a repository that failed is left alone."""


class AuditFeed(SendingThread):
    """Sends what waits for `target`."""

    what = "audit messages"

    def __init__(self, database: Database, target: str, sink: RemoteSink, *, pause: float = PAUSE) -> None:
        super().__init__(target, pause=pause)
        self._database = database
        self._target = target
        self._sink = sink

    def send(self) -> None:
        """See `SendingThread`."""
        drain(self._database, self._target, self._sink)
