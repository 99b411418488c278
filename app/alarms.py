"""What nobody could read is put on the record, but a flood of it does not fill the log.

Of each peer and listener the first few in a minute have a record each; the rest are counted, and one record says how many there
were once the minute is over. Nothing of what was received is in any of them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import structlog

from app.metrics import UNREADABLE
from kernel.errors import HieError
from kernel.peer import Peer
from kernel.tls import NodeRefused

BURST: Final = 5
"""Records of one peer in one window that stand for a message each."""
WINDOW_SECONDS: Final = 60.0
PEERS: Final = 500
"""Peers that are told apart at one time; any more share one count."""
OTHERS: Final = "others"

Tell = Callable[[Peer, str, int], None]
"""Writes the record: who, why, and for how many messages it stands. Raises `Unavailable` when the database is away."""
Key = tuple[str, str]

log = structlog.get_logger("alarms")


def reason_of(error: HieError) -> str:
    """An error as a reason: our own words for its conditions, which hold nothing of the message."""
    return "; ".join(dict.fromkeys(f"{v.condition.name}: {v.condition.value}" for v in error.violations)) or str(error)


@dataclass(slots=True)
class _Window:
    ends: float
    told: int = 0
    untold: int = 0
    last: tuple[Peer, str] = field(default_factory=lambda: (Peer("", ""), ""))


class Alarms:
    """One instance serves every thread of a process. `monotonic` gives seconds."""

    def __init__(self, tell: Tell, *, monotonic: Callable[[], float]) -> None:
        self._tell = tell
        self._monotonic = monotonic
        self._windows: dict[Key, _Window] = {}
        self._lock = threading.Lock()

    def of(self, listener: str) -> NodeRefused:
        """What a listener calls with the peer and the reason; the reason holds nothing that was received. Never raises."""
        return lambda peer, reason: self._unreadable(listener, peer, reason)

    def look(self) -> None:
        """Tells of what was only counted in windows that are over; to be called every now and then."""
        self._settle(lambda window, now: window.ends <= now)

    def close(self) -> None:
        """Tells of everything that was only counted."""
        self._settle(lambda _window, _now: True)

    def _unreadable(self, listener: str, peer: Peer, reason: str) -> None:
        UNREADABLE.labels(listener).inc()
        with self._lock:
            window = self._window(listener, peer.address)
            window.last = (peer, reason)
            is_told = window.told < BURST
            if is_told:
                window.told += 1
            else:
                window.untold += 1
        if is_told and not self._put_down(peer, reason, 1):
            with self._lock:
                window.untold += 1

    def _window(self, listener: str, address: str) -> _Window:
        key = (listener, address)
        if key not in self._windows and len(self._windows) >= PEERS:
            key = (listener, OTHERS)
        return self._windows.setdefault(key, _Window(self._monotonic() + WINDOW_SECONDS))

    def _settle(self, is_over: Callable[[_Window, float], bool]) -> None:
        with self._lock:
            now = self._monotonic()
            over = {key: window for key, window in self._windows.items() if is_over(window, now)}
            for key in over:
                del self._windows[key]
        for key, window in over.items():
            if window.untold and not self._put_down(*window.last, window.untold):
                self._keep(key, window)

    def _keep(self, key: Key, window: _Window) -> None:
        """The database is away: it is told of later."""
        with self._lock:
            present = self._windows.setdefault(key, _Window(self._monotonic() + WINDOW_SECONDS, last=window.last))
            present.untold += window.untold

    def _put_down(self, peer: Peer, reason: str, count: int) -> bool:
        try:
            self._tell(peer, reason, count)
        except HieError as away:
            log.warning("not on the record yet", problem=away.condition.name, peer=peer.address)
            return False
        return True
