"""Documents that arrive go to files of a folder, hashed as they are written; what was not taken over is removed."""

from __future__ import annotations

import hashlib
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from kernel.errors import Condition, Unavailable, violation
from soap.exchange import Attachment, PartHeaders
from soap.mime import unreadable


class Encoding(Protocol):
    """How the bytes of one document are written to its file; its size and digests are those of the document all the same."""

    def update(self, data: bytes | memoryview) -> bytes:
        """What is written for the next bytes."""
        ...

    def final(self) -> bytes:
        """What is written at the end."""
        ...


class Spool:
    """A `Stage` for one message: every document becomes a file of `folder`; together they may have `limit` bytes.

    With an `encoding` it is for one document only.
    """

    def __init__(self, folder: Path, *, limit: int, encoding: Encoding | None = None) -> None:
        self._folder = folder
        self.encoding = encoding
        self._left = self._limit = limit

    def __call__(self, headers: PartHeaders) -> SpooledPart:
        """Opens the file of a document. Raises `Unavailable` when there is no room for it."""
        return SpooledPart(self, headers, _new_file(self._folder))

    def take(self, size: int) -> None:
        """Counts bytes. Raises `Unreadable` when the message is over its limit."""
        self._left -= size
        if self._left < 0:
            raise unreadable("documents", f"more than {self._limit} bytes in one message", Condition.TOO_LARGE)


class SpooledPart:
    """One document on its way to its file (a `PartSink`)."""

    def __init__(self, spool: Spool, headers: PartHeaders, opened: tuple[int, str]) -> None:
        self._spool = spool
        self._headers = headers
        descriptor, self._name = opened
        self._file = os.fdopen(descriptor, "wb")
        self._size = 0
        # digests name content here; they protect nothing against a forger of SHA-1, which the profile prescribes
        self._sha1 = hashlib.sha1(usedforsecurity=False)
        self._sha256 = hashlib.sha256()

    def write(self, data: bytes | memoryview, /) -> None:
        """Takes the next bytes."""
        self._spool.take(len(data))
        self._sha1.update(data)
        self._sha256.update(data)
        self._size += len(data)
        encoding = self._spool.encoding
        try:
            self._file.write(data if encoding is None else encoding.update(data))
        except OSError as problem:
            raise _no_room(problem) from problem

    def close(self) -> Attachment:
        """The document is complete and in its file."""
        encoding = self._spool.encoding
        try:
            if encoding is not None:
                self._file.write(encoding.final())
            self._file.close()
        except OSError as problem:
            raise _no_room(problem) from problem
        sha1, sha256 = self._sha1.hexdigest(), self._sha256.hexdigest()
        return Attachment(self._headers.content_id, self._headers.content_type, Path(self._name), self._size, sha1, sha256)

    def abort(self) -> None:
        """Removes the file, unless it was moved away."""
        with suppress(OSError):  # the rest of it could not be written; it goes anyway
            self._file.close()
        Path(self._name).unlink(missing_ok=True)


def _new_file(folder: Path) -> tuple[int, str]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return tempfile.mkstemp(prefix="part-", dir=folder)
    except OSError as problem:
        raise _no_room(problem) from problem


def _no_room(problem: OSError) -> Unavailable:
    return Unavailable(violation(Condition.OUT_OF_RESOURCES, "spool", f"a document could not be written: {problem.strerror}"))
