"""A thread that sends goes on through whatever happens, and says so once."""

from __future__ import annotations

import threading

from structlog.testing import capture_logs

from app.sending import SendingThread
from kernel.errors import Condition, Unavailable, violation
from tests.support.brokers import wait_for


class Troubled(SendingThread):
    """Fails as it is told to, and then works."""

    what = "letters"

    def __init__(self, *problems: Exception) -> None:
        super().__init__("north", pause=0.001)
        self.problems = list(problems)
        self.sent = 0

    def send(self) -> None:
        if self.problems:
            raise self.problems.pop(0)
        self.sent += 1


def away() -> Unavailable:
    return Unavailable(violation(Condition.BUSY, "north", "nobody answers"))


def test_what_cannot_be_sent_is_tried_again_and_told_once() -> None:
    thread = Troubled(away(), away(), away())

    with capture_logs() as told:
        thread.start()
        wait_for(lambda: thread.sent > 0)
        thread.stop()

    assert [(line["what"], line["receiver"], line["problem"]) for line in told] == [("letters", "north", "BUSY")]


def test_a_bug_does_not_end_the_thread() -> None:
    thread = Troubled(ValueError("a bug"))

    with capture_logs() as told:
        thread.start()
        wait_for(lambda: thread.sent > 1)
        thread.stop()

    assert [line["log_level"] for line in told] == ["error"]
    assert "to-north" not in {t.name for t in threading.enumerate()}
