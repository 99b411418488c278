"""A thread that looks again and again whether something waits for one receiver, and sends it, for as long as it takes."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from typing import Final

import structlog

from kernel.errors import HieError

log = structlog.get_logger("sending")
_STOP_SECONDS: Final = 40


class SendingThread(ABC):
    """Sends by `send`, every `pause` seconds. Several processes may run one each for a receiver: only one sends at a time."""

    what = "what waits"
    """What waits while it cannot be sent, for the log."""

    def __init__(self, receiver: str, *, pause: float) -> None:
        self._receiver = receiver
        self._pause = pause
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"to-{receiver}", daemon=True)

    def start(self) -> None:
        """Begins to send."""
        self._thread.start()

    def stop(self) -> None:
        """Ends after what is in hand."""
        self._stop.set()
        self._thread.join(timeout=_STOP_SECONDS)

    def is_stopping(self) -> bool:
        """Whether it was told to end."""
        return self._stop.is_set()

    @abstractmethod
    def send(self) -> None:
        """Sends what waits. Raises `HieError` when the receiver does not take it."""

    def _run(self) -> None:
        failing = False
        while not self._stop.wait(self._pause):
            try:
                self.send()
                failing = False
            except HieError as problem:
                if not failing:
                    log.warning(
                        "not sent yet", what=self.what, receiver=self._receiver, problem=problem.condition.name, why=problem.detail
                    )
                failing = True
            except Exception:  # a thread that ends for a bug would hold its queue for ever without a word
                if not failing:
                    log.exception("not sent yet", what=self.what, receiver=self._receiver)
                failing = True
