"""Answers that go to an address of the sender (WS-Addressing, asynchronous): kept, delivered by a worker, forgotten.

An answer is kept in one unit with the row of the outbox that carries its id. A worker posts it and takes both rows out once the
receiver said that it has it; a receiver that is away is tried again, ever more seldom.
"""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Callable
from typing import Final
from urllib.parse import SplitResult, urlsplit

import sqlalchemy as sa
import structlog

from kernel.database import Database
from kernel.errors import Condition, Unavailable, violation
from kernel.outbox import OUTBOX, REPLY
from soap.exchange import DeferredAnswer

DELIVER: Final = "soap.deliver"
"""The topic of the outbox."""
_DAY_MS: Final = 86_400_000
_ANSWER_LIMIT: Final = 1 << 20

log: Final = structlog.get_logger("replies")


class Replies:
    """Keeps answers and delivers them. `tls` gives what we show and trust where an address begins with https."""

    def __init__(self, database: Database, *, tls: Callable[[], ssl.SSLContext], seconds: float, days: float) -> None:
        self._database = database
        self._tls = tls
        self._seconds = seconds
        self._days = days

    def keep(self, answer: DeferredAnswer) -> None:
        """Keeps an answer and tells the outbox. Raises `Unavailable`."""
        with self._database.begin() as work:
            kept = {"address": answer.address, "content_type": answer.content_type, "kept_at": work.now, "body": answer.body}
            made = work.connection.execute(REPLY.insert().values(kept))
            assert made.inserted_primary_key is not None
            work.tell(DELIVER, str(made.inserted_primary_key[0]))

    def deliver(self, key: str) -> None:
        """Posts an answer and forgets it. Raises `Unavailable` when its receiver did not take it; safe to run twice."""
        number = int(key)
        with self._database.read() as connection:
            row = connection.execute(sa.select(REPLY).where(REPLY.c.id == number)).one_or_none()
        if row is None:
            return
        status = self._post(row.address, row.content_type, bytes(row.body))
        if not 200 <= status < 300:
            told = f"the receiver answered {status}"
            raise Unavailable(violation(Condition.PEER_UNAVAILABLE, "ReplyTo", told))
        with self._database.begin() as work:
            work.connection.execute(sa.delete(REPLY).where(REPLY.c.id == number))

    def forget(self) -> int:
        """Removes answers that nobody took for too long; how many."""
        with self._database.begin() as work:
            old = REPLY.c.kept_at < work.now - int(self._days * _DAY_MS)
            gone = [str(number) for number in work.connection.scalars(sa.delete(REPLY).where(old).returning(REPLY.c.id))]
            for key in gone:  # its row was given up long ago
                work.connection.execute(sa.delete(OUTBOX).where(OUTBOX.c.topic == DELIVER, OUTBOX.c.key == key))
        if gone:
            log.error("answers that nobody took were removed", count=len(gone))
        return len(gone)

    def _post(self, address: str, content_type: str, body: bytes) -> int:
        parts = urlsplit(address)
        connection = self._connection(parts)
        try:
            path = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
            connection.request("POST", path, body, {"Content-Type": content_type})
            answer = connection.getresponse()
            answer.read(_ANSWER_LIMIT)
            return answer.status
        except (OSError, http.client.HTTPException) as problem:
            told = violation(Condition.PEER_UNAVAILABLE, "ReplyTo", f"the receiver did not take it: {type(problem).__name__}")
            raise Unavailable(told) from None
        finally:
            connection.close()

    def _connection(self, parts: SplitResult) -> http.client.HTTPConnection:
        host = parts.hostname or ""
        if parts.scheme == "https":
            return http.client.HTTPSConnection(host, parts.port, timeout=self._seconds, context=self._tls())
        return http.client.HTTPConnection(host, parts.port, timeout=self._seconds)
