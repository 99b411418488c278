"""What the index asks of the world: a way to tell a consumer that identifiers changed, and to file documents anew."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from sqlalchemy.engine import Connection

from kernel.identifiers import PatientId
from mpi.audit import NotificationEvent


class Telling(Protocol):
    """A consumer and the language it is told in."""

    audited: NotificationEvent

    def tell(self, identifiers: Sequence[PatientId], message_id: str, when: datetime) -> None:
        """Returns when the consumer has taken it. Raises `Unavailable` when it may be told later, another `HieError` when never."""
        ...


class Wire(Protocol):
    """A line to a consumer: bytes of a message there, those of the answer back."""

    def __call__(self, message: bytes) -> bytes:
        """The answer. Raises `Unavailable` when there is none, `Unreadable` when it is not one."""
        ...


class Documents(Protocol):
    """What was filed under identifiers of the affinity domain: a document registry on the same database."""

    def divide(
        self,
        connection: Connection,
        leaving: Mapping[PatientId, bool],
        place: Callable[[PatientId], PatientId | None],
        rest_to: PatientId,
    ) -> int:
        """Of everything filed under the identifiers in `leaving`: what was submitted for a local patient who has a `place` goes
        there, unless it is under one that is leaving; of the rest, what is under one that is leaving goes under `rest_to`. Gives
        the number of documents with a place."""
        ...
