"""A witness: a file out of the database's reach that remembers every checkpoint it was shown."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from arr.signing import Note, SignedNote

_LINE_LIMIT: Final = 4096
"""Bytes of one checkpoint's line at the most."""


def read_witness(path: Path) -> tuple[SignedNote, ...]:
    """The checkpoints that a witness was shown; lines that are none are passed over. A file that is not there has none."""
    if not path.exists():
        return ()
    with path.open("rb") as file:
        return tuple(found for line in file if (found := _parsed(line)) is not None)


def last_witnessed(path: Path) -> int:
    """How long the log was when the witness last saw it."""
    if not path.exists():
        return 0
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 2 * _LINE_LIMIT))
        notes = [found for line in file if (found := _parsed(line)) is not None]
    return Note.parse(notes[-1].text).size if notes else 0


def tell_witness(path: Path, fresh: Sequence[SignedNote]) -> None:
    """Adds checkpoints. A line that a crash left unfinished is ended first."""
    if not fresh:
        return
    with path.open("a+b") as file:
        if file.tell() and not _ends_a_line(file.tell(), path):
            file.write(b"\n")
        for signed in fresh:
            what = {"note": signed.text, "signature": signed.signature.hex(), "key": signed.key_id}
            file.write(json.dumps(what).encode() + b"\n")


def _ends_a_line(size: int, path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(size - 1)
        return file.read(1) == b"\n"


def _parsed(line: bytes) -> SignedNote | None:
    try:
        parts = json.loads(line)
        signed = SignedNote(parts["note"], bytes.fromhex(parts["signature"]), parts["key"])
        Note.parse(signed.text)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return signed
