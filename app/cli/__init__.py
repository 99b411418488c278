"""The command line: `hie`."""

from __future__ import annotations

from app.cli.root import main

__all__ = ["main"]
