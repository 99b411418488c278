"""Coded values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """A code in its coding scheme, and how it is shown; `key` says which one it is, whatever it is shown as."""

    code: str
    scheme: str
    display: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """What makes two codes the same."""
        return (self.code, self.scheme)
