"""app.feeds"""

from __future__ import annotations

import threading
from collections.abc import Sequence

from app.feeds import AuditFeed
from atna.feed import Waiting
from kernel.database import Database
from kernel.errors import Condition, Unavailable, violation
from tests.conftest import MakeDatabase
from tests.support.brokers import wait_for


class Repository:
    """Takes messages, after it has been away for a while."""

    def __init__(self, away: int) -> None:
        self.away = away
        self.taken: list[bytes] = []

    def send(self, messages: Sequence[Waiting]) -> None:
        if self.away:
            self.away -= 1
            raise Unavailable(violation(Condition.PEER_UNAVAILABLE, "", ""))
        self.taken += [m.message for m in messages]


def told(database: Database, *messages: bytes) -> None:
    for message in messages:
        with database.begin() as work:
            work.audit(message)


def test_messages_arrive_in_order_though_the_repository_was_away(make_database: MakeDatabase) -> None:
    database, repository = make_database(), Repository(away=3)
    told(database, b"1", b"2", b"3")

    feed = AuditFeed(database, "local", repository, pause=0.01)
    feed.start()
    wait_for(lambda: len(repository.taken) == 3)
    told(database, b"4")
    wait_for(lambda: len(repository.taken) == 4)
    feed.stop()

    assert repository.taken == [b"1", b"2", b"3", b"4"]
    assert "to-local" not in {thread.name for thread in threading.enumerate()}
