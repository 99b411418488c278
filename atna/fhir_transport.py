"""Audit messages on the wire as FHIR: AuditEvents in Bundles of type batch (ITI-20, RESTful ATNA).

Unlike syslog the repository says what it has taken, entry by entry: what it has taken is not sent again when the rest of a Bundle
was turned away. A repository that serves no batch is sent one AuditEvent after the other.
"""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Final
from urllib.parse import urlsplit

from atna.feed import Patience, Waiting
from atna.fhir import new_audit_event
from atna.reader import read
from atna.transport import CONNECT_SECONDS, SEND_SECONDS, Monotonic
from fhir_r4.json import MEDIA_TYPE, Resource, made, written
from fhir_r4.reading import read_resource
from kernel.errors import Condition, HieError, Unavailable, violation
from kernel.tls import explain

ENTRIES: Final = 100
BUNDLE_BYTES: Final = 1 << 20
"""Of one Bundle, unless a single event is larger."""
ANSWER_BYTES: Final = 8 << 20
_NO_BATCH: Final = (404, 405, 501)
_HEADERS: Final = {
    "Content-Type": f"{MEDIA_TYPE}; charset=utf-8",
    "Accept": MEDIA_TYPE,
    "Prefer": "return=minimal",
    "User-Agent": "affinity-hie",
}


class FhirSink:
    """Sends to the repository with this FHIR base address, http:// or https://."""

    def __init__(self, base: str, *, monotonic: Monotonic, tls: ssl.SSLContext | None = None) -> None:
        parts = urlsplit(base)
        self._base = base
        self._host, self._port = parts.hostname or "", parts.port
        self._path = parts.path.rstrip("/")
        self._tls = tls if parts.scheme == "https" else None
        self._monotonic = monotonic
        self._patience = Patience()
        self._taken: set[int] = set()
        self._takes_batches = True

    def send(self, messages: Sequence[Waiting]) -> None:
        """See `atna.feed.RemoteSink`."""
        if not self._patience.is_over(self._monotonic()):
            raise self._away("it is tried again in a while")
        try:
            with closing(self._connection()) as connection:
                self._deliver(connection, [m for m in messages if m.id not in self._taken])
        except (OSError, http.client.HTTPException) as problem:
            self._patience.failed(self._monotonic())
            why = explain(problem) if isinstance(problem, OSError) else "it does not answer in HTTP"
            raise self._away(why) from problem
        except HieError:
            self._patience.failed(self._monotonic())
            raise
        self._patience.worked()
        self._taken.clear()

    def _connection(self) -> http.client.HTTPConnection:
        if self._tls is not None:
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                self._host, self._port, timeout=CONNECT_SECONDS, context=self._tls
            )
        else:
            connection = http.client.HTTPConnection(self._host, self._port, timeout=CONNECT_SECONDS)
        connection.connect()
        connection.sock.settimeout(SEND_SECONDS)
        return connection

    def _deliver(self, connection: http.client.HTTPConnection, messages: Sequence[Waiting]) -> None:
        waiting = [(message.id, new_audit_event(read(message.message))) for message in messages]
        for batch in _batches(waiting):
            if self._takes_batches and not self._send_batch(connection, batch):
                self._takes_batches = False
            if not self._takes_batches:
                self._send_each(connection, batch)

    def _send_batch(self, connection: http.client.HTTPConnection, batch: Sequence[tuple[int, Resource]]) -> bool:
        """Whether it serves batches; raises `Unavailable` when it has not taken every entry."""
        request = made(method="POST", url="AuditEvent")
        bundle = made(
            resourceType="Bundle", type="batch", entry=[made(resource=resource, request=request) for _, resource in batch]
        )
        status, answer = self._post(connection, self._path or "/", bundle)
        if status in _NO_BATCH:
            return False
        if not 200 <= status < 300:
            raise self._away(f"it answered {status}")
        statuses = list(_statuses(answer))
        if len(statuses) != len(batch):
            raise self._away("its answer does not say what became of each event")
        self._taken |= {number for (number, _), told in zip(batch, statuses, strict=True) if told[:1] == "2"}
        refused = [(number, told) for (number, _), told in zip(batch, statuses, strict=True) if told[:1] != "2"]
        if refused:
            number, told = refused[0]
            raise self._away(f"it answered {told[:3]} to message {number}, and refused {len(refused)} of {len(batch)}")
        return True

    def _send_each(self, connection: http.client.HTTPConnection, batch: Sequence[tuple[int, Resource]]) -> None:
        for number, resource in batch:
            status, _ = self._post(connection, f"{self._path}/AuditEvent", resource)
            if not 200 <= status < 300:
                raise self._away(f"it answered {status} to message {number}")
            self._taken.add(number)

    def _post(self, connection: http.client.HTTPConnection, path: str, resource: Resource) -> tuple[int, bytes]:
        connection.request("POST", path, written(resource), _HEADERS)
        answer = connection.getresponse()
        body = answer.read(ANSWER_BYTES + 1)
        if len(body) > ANSWER_BYTES:
            raise self._away("its answer is too long")
        return answer.status, body

    def _away(self, why: str) -> Unavailable:
        told = f"the audit record repository does not take what it is sent: {why}"
        return Unavailable(violation(Condition.PEER_UNAVAILABLE, self._base, told))


def _batches(waiting: Sequence[tuple[int, Resource]]) -> Iterator[list[tuple[int, Resource]]]:
    """In order, each within the bounds of a Bundle."""
    batch: list[tuple[int, Resource]] = []
    size = 0
    for number, resource in waiting:
        length = len(written(resource))
        if batch and (len(batch) == ENTRIES or size + length > BUNDLE_BYTES):
            yield batch
            batch, size = [], 0
        batch.append((number, resource))
        size += length
    if batch:
        yield batch


def _statuses(answer: bytes) -> Iterator[str]:
    """The status of each entry of a batch-response; nothing of what is none."""
    try:
        bundle = read_resource(answer, limit=ANSWER_BYTES)
    except HieError:
        return
    entries = bundle.get("entry")
    for entry in entries if isinstance(entries, list) else ():
        response = entry.get("response") if isinstance(entry, dict) else None
        status = response.get("status") if isinstance(response, dict) else None
        yield status if isinstance(status, str) and status[:3].isdigit() else "none"
