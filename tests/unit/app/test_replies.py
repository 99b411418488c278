"""app.replies"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import sqlalchemy as sa

from app.replies import DELIVER, Replies
from kernel.database import Database
from kernel.errors import Condition, Unavailable
from kernel.outbox import OUTBOX, REPLY
from soap.exchange import DeferredAnswer
from tests.conftest import MakeDatabase
from tests.support.clocks import TickingClock
from tests.support.postgres import free_port


class Receiver:
    """An HTTP server that takes answers, or says that it does not."""

    def __init__(self) -> None:
        self.status = 202
        self.came: list[tuple[str, str, bytes]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.came.append((self.path, self.headers["Content-Type"], body))
                self.send_response(outer.status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def close(self) -> None:
        """Ends."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Somebody who waits for answers."""
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def database(make_database: MakeDatabase) -> Database:
    """An empty outbox."""
    return make_database()


def replies(database: Database) -> Replies:
    """What keeps and delivers."""
    return Replies(database, tls=ssl.create_default_context, seconds=5, days=7)


def told(database: Database) -> list[tuple[str, str]]:
    """Topics and keys that wait."""
    with database.read() as connection:
        return [(row.topic, row.key) for row in connection.execute(sa.select(OUTBOX.c.topic, OUTBOX.c.key))]


def kept(database: Database) -> int:
    """How many answers are kept."""
    with database.read() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(REPLY)).scalar_one()


def test_an_answer_is_kept_told_by_its_id_posted_and_forgotten(database: Database, receiver: Receiver) -> None:
    keeping = replies(database)

    keeping.keep(DeferredAnswer(f"{receiver.url}/in?x=1", "application/soap+xml", b"<answer/>"))
    ((topic, key),) = told(database)
    keeping.deliver(key)
    keeping.deliver(key)

    assert topic == DELIVER
    assert key.isdecimal()
    assert receiver.came == [("/in?x=1", "application/soap+xml", b"<answer/>")]
    assert kept(database) == 0


@pytest.mark.parametrize("status", [300, 404, 500])
def test_an_answer_that_is_not_taken_stays(database: Database, receiver: Receiver, status: int) -> None:
    keeping, receiver.status = replies(database), status
    keeping.keep(DeferredAnswer(receiver.url, "text/xml", b"<answer/>"))

    with pytest.raises(Unavailable) as refused:
        keeping.deliver(told(database)[0][1])

    assert refused.value.condition is Condition.PEER_UNAVAILABLE
    assert kept(database) == 1


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_receiver_that_is_away_is_told_without_its_address(database: Database, scheme: str) -> None:
    keeping = replies(database)
    keeping.keep(DeferredAnswer(f"{scheme}://127.0.0.1:{free_port()}/secret", "text/xml", b"<answer/>"))

    with pytest.raises(Unavailable) as away:
        keeping.deliver(told(database)[0][1])

    assert "secret" not in away.value.detail
    assert kept(database) == 1


def test_an_answer_that_nobody_took_is_forgotten_after_its_days(database: Database, clock: TickingClock) -> None:
    keeping = replies(database)
    keeping.keep(DeferredAnswer("http://127.0.0.1/x", "text/xml", b"<answer/>"))
    before = keeping.forget()

    clock.present += timedelta(days=8)

    assert (before, keeping.forget(), kept(database), told(database)) == (0, 1, 0, [])
