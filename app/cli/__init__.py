"""The command line: `hie`."""

from __future__ import annotations

import gc

__all__ = ["main"]


def main() -> None:
    """Reads the arguments and does what they say."""
    gc.disable()  # the classes of a thousand modules stay: looking among them for what can be thrown away is a fifth of the start
    try:
        from app.cli.root import main as act
    finally:
        gc.enable()
    act()
