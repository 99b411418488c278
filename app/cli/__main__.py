"""`python -m app.cli` is `hie`."""

from __future__ import annotations

from app.cli import main

main()
