"""How many audit messages may wait for a repository of somebody else, and what happens when there are more.

Nothing is dropped unseen: either nobody is served until there is room again ("block"), or no more messages are kept for that
repository and a security alert on the record says from when to when ("mark"). Our own log has every message in any case.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

import structlog

from app.metrics import TARGET_FULL, TARGET_OLDEST, TARGET_WAITING
from atna.feed import backlog
from kernel.database import Database
from kernel.errors import Condition, Unavailable, violation
from kernel.times import Clock

log = structlog.get_logger("audit")
ROOM: Final = 0.9
"""A repository that was full is full until less than this part of the bound waits."""


class Policy(Enum):
    """What happens when as many messages wait as may."""

    BLOCK = "block"
    MARK = "mark"


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many may wait for each target, and how old the oldest may be, in seconds, before the log says so."""

    messages: int
    policy: Policy
    alarm_seconds: float


Tell = Callable[[str, bool, int], None]
"""Told that recording for a target has stopped (True) or gone on, and how many messages wait."""


class AuditSpool:
    """Looks now and then; what it last saw decides. One instance serves every thread of a process."""

    def __init__(self, database: Database, targets: Sequence[str], bounds: Bounds, *, clock: Clock, tell: Tell) -> None:
        """`targets` are the repositories of others; our own is never full, for it is in the same database."""
        self._database = database
        self._targets = tuple(targets)
        self._bounds = bounds
        self._clock = clock
        self._tell = tell
        self._full: frozenset[str] = frozenset()
        self._late: frozenset[str] = frozenset()
        self._lock = threading.Lock()

    def require_room(self) -> None:
        """Raises `Unavailable` while a repository is full and the policy is to wait for it."""
        if self._full and self._bounds.policy is Policy.BLOCK:
            raise Unavailable(
                violation(Condition.BUSY, "audit", "too many audit messages wait for a repository that does not take them")
            )

    def look(self) -> None:
        """Counts what waits for each target, and acts on it."""
        if not self._targets:
            return
        with self._lock:
            self._look()

    def _look(self) -> None:
        now = self._clock().timestamp()
        waiting = {found.target: found for found in backlog(self._database)}
        counts = {target: waiting[target].count if target in waiting else 0 for target in self._targets}
        ages = {target: max(0.0, now - waiting[target].oldest / 1000) if target in waiting else 0.0 for target in self._targets}
        full = frozenset(target for target in self._targets if self._is_full(target, counts[target]))
        for target in self._targets:
            TARGET_WAITING.labels(target).set(counts[target])
            TARGET_OLDEST.labels(target).set(ages[target])
            TARGET_FULL.labels(target).set(target in full)
        self._alarm(ages)
        self._settle(full, counts)

    def _is_full(self, target: str, count: int) -> bool:
        return count >= self._bounds.messages * (ROOM if target in self._full else 1.0)

    def _alarm(self, ages: dict[str, float]) -> None:
        late = frozenset(target for target, age in ages.items() if age > self._bounds.alarm_seconds)
        for target in late - self._late:
            log.error("audit messages wait too long", target=target, seconds=int(ages[target]))
        self._late = late

    def _settle(self, full: frozenset[str], counts: dict[str, int]) -> None:
        before, self._full = self._full, full
        if self._bounds.policy is Policy.MARK:
            self._database.leave_out(full)
        for target in sorted(full ^ before):
            log.error(
                "audit repository full" if target in full else "audit repository has room", target=target, count=counts[target]
            )
            self._tell(target, target in full, counts[target])
