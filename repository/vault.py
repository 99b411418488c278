"""Documents by content: stage, publish, read, discard. A document's key is the SHA-256 of its bytes, never a text of its sender."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from kernel.errors import Condition, Unavailable, violation
from soap.exchange import Attachment, PartHeaders, PartSink

CHUNK: Final = 256 << 10
"""Bytes read, checked and sent at once."""
KEPT: Final = 16 << 10
"""A document up to this size stays in memory between its check and its leaving; a larger one is read twice.

A thousand of them in one answer are 16 MB.
"""


@dataclass(frozen=True, slots=True)
class Content:
    """The address of a document's bytes: SHA-256 in lower-case hex, and their number."""

    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Held:
    """A key that a vault holds, and when it was last published."""

    sha256: str
    published_at: datetime


class Readable(Protocol):
    """Bytes in order, read once."""

    def read(self, size: int, /) -> bytes | None:
        """The next bytes, nothing at the end."""
        ...

    def close(self) -> None:
        """No more is read."""
        ...


class Opened(Protocol):
    """The bytes of a document, compared with its hash before the first of them leaves."""

    def chunks(self) -> Iterator[bytes]:
        """The bytes once more; a chunk that has changed since the check does not leave. Raises `Unavailable`."""
        ...


class Vault(Protocol):
    """Where documents are kept. Every method may be called from many threads and processes.

    Raises `Unavailable`: OUT_OF_RESOURCES when there is no room, BUSY when the store does not answer.
    """

    def stage(self, headers: PartHeaders) -> PartSink:
        """A sink for a document that is about to arrive."""
        ...

    def publish(self, staged: Attachment) -> Content:
        """Puts a staged document in its place, durably, and takes its staging file away. Harmless when it is there already."""
        ...

    def open(self, content: Content) -> Opened:
        """A document to be sent. Raises `Unavailable` with CONTENT_DAMAGED when its bytes are missing or are not those stored."""
        ...

    def discard(self, sha256: str, *, unless_since: datetime) -> bool:
        """Removes a document's bytes, unless they were published since that instant. Whether they were removed."""
        ...

    def held(self) -> Iterator[Held]:
        """Every key the vault holds."""
        ...

    def clear(self, *, before: datetime) -> int:
        """Removes what requests that broke off before that instant left behind; how many files."""
        ...


class Missing(Unavailable):
    """The bytes of a document are not where they were put."""


def damaged() -> Unavailable:
    """The bytes of a document are not what was stored."""
    return Unavailable(violation(Condition.CONTENT_DAMAGED, "", "the stored document is not what was stored; it is not given out"))


def missing() -> Missing:
    """The bytes of a document are not there."""
    return Missing(violation(Condition.CONTENT_DAMAGED, "", "the stored document is missing"))


def no_room(problem: OSError) -> Unavailable:
    """A document cannot be written."""
    return Unavailable(violation(Condition.OUT_OF_RESOURCES, "", f"the document could not be stored: {problem.strerror}"))


@dataclass(frozen=True, slots=True)
class InMemory:
    """A small document, checked."""

    data: bytes

    def chunks(self) -> Iterator[bytes]:
        """The bytes."""
        return iter((self.data,) if self.data else ())


class ReadAgain:
    """A large document, checked, read again as it leaves; each chunk must be the one that was checked."""

    def __init__(self, source: Callable[[], Readable], checksums: tuple[int, ...]) -> None:
        self._source = source
        self._checksums = checksums

    def chunks(self) -> Iterator[bytes]:
        """The bytes. Raises `Unavailable` before a changed chunk leaves."""
        with closing(self._source()) as file:
            for checksum in self._checksums:
                chunk = _read(file)
                if zlib.crc32(chunk) != checksum:
                    raise damaged()
                yield chunk


def checked(content: Content, source: Callable[[], Readable]) -> Opened:
    """Reads a document to its end and compares it with its address. Raises `Unavailable` when it differs.

    SHA-256 finds every change; the checksums of the chunks, found on the way, then guard the second reading at a fifth of the cost.
    """
    digest = hashlib.sha256()
    checksums: list[int] = []
    size, kept = 0, b""
    with closing(source()) as file:
        while chunk := _read(file):
            size += len(chunk)
            if size > content.size:
                raise damaged()
            digest.update(chunk)
            if content.size <= KEPT:
                kept = chunk
            else:
                checksums.append(zlib.crc32(chunk))
    if size != content.size or digest.hexdigest() != content.sha256:
        raise damaged()
    return InMemory(kept) if content.size <= KEPT else ReadAgain(source, tuple(checksums))


def _read(file: Readable) -> bytes:
    """A whole chunk, a shorter one at the end only: the checks cut where the first reading cut."""
    try:
        chunk = file.read(CHUNK) or b""
        while 0 < len(chunk) < CHUNK and (more := file.read(CHUNK - len(chunk))):
            chunk += more
    except OSError as problem:
        # a disk that cannot read a block says so here: to whoever asks, the document is damaged
        raise damaged() from problem
    return chunk
