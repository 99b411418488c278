"""A thread that sends audit messages to one repository of somebody else, in order, for as long as it takes."""

from __future__ import annotations

import threading
from typing import Final

import structlog

from atna.feed import RemoteSink, drain
from kernel.database import Database
from kernel.errors import HieError

log = structlog.get_logger("audit")
PAUSE: Final = 0.5
"""Seconds between two looks at what waits; the sink itself says how long a repository that failed is left alone."""


class AuditFeed:
    """Sends what waits for `target`. Several processes may run one each: only one sends at a time."""

    def __init__(self, database: Database, target: str, sink: RemoteSink, *, pause: float = PAUSE) -> None:
        self._database = database
        self._target = target
        self._sink = sink
        self._pause = pause
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"audit-{target}", daemon=True)

    def start(self) -> None:
        """Begins to send."""
        self._thread.start()

    def stop(self) -> None:
        """Ends after the batch in hand."""
        self._stop.set()
        self._thread.join(timeout=40)

    def _run(self) -> None:
        failing = False
        while not self._stop.wait(self._pause):
            try:
                drain(self._database, self._target, self._sink)
                failing = False
            except HieError as problem:
                if not failing:
                    log.warning("audit messages wait", target=self._target, problem=problem.condition.name)
                failing = True
