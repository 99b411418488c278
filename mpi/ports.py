"""What the index asks of the world: a way to tell a consumer that identifiers changed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

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
