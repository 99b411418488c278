"""What the audit record repository asks of others: an index of patients."""

from __future__ import annotations

from typing import Protocol


class PatientDirectory(Protocol):
    """Who an identifier means: a Master Patient Index."""

    def identifiers(self, patient: str) -> tuple[str, ...]:
        """Every identifier (CX) of the person who has or had this one, also those merged into others; none where she is unknown.

        Raises `Unavailable`.
        """
        ...


class NoDirectory:
    """Knows nobody: records are found by the identifier as it stands in them."""

    def identifiers(self, patient: str) -> tuple[str, ...]:  # noqa: ARG002 - the port's signature
        """None."""
        return ()
