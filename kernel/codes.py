"""Coded values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """A code in its coding scheme; the display name takes no part in comparing."""

    code: str
    scheme: str
    display: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """What makes two codes the same."""
        return (self.code, self.scheme)
