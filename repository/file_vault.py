"""A vault in a folder: content-addressed files, published by rename."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path
from typing import Final

from repository.durable import flush
from repository.sealing import Sealer
from repository.vault import Content, Held, Opened, Readable, checked, missing, no_room
from soap.exchange import Attachment, PartHeaders, PartSink
from soap.spool import Spool

_KEY: Final = re.compile(r"[0-9a-f]{64}\Z")


class FileVault:
    """Documents at `content/ab/<sha256>` below `root`; `staging` and `trash` beside, for a rename stays in one file system.

    A file is flushed before it is renamed and its folder after, so that a power cut leaves it whole or not at all. The 256 folders
    are made, and flushed, before the first document: one that is made on the way would itself have to be durable first.
    """

    def __init__(self, root: Path, *, document_bytes: int, sealer: Sealer | None = None) -> None:
        self._content = root / "content"
        self._staging = root / "staging"
        self._trash = root / "trash"
        self._document_bytes = document_bytes
        self._sealer = sealer
        for folder in (self._content, self._staging, self._trash):
            folder.mkdir(parents=True, exist_ok=True)
        for number in range(256):
            (self._content / f"{number:02x}").mkdir(exist_ok=True)
        for folder in (self._content, root, root.parent):
            flush(folder)

    def stage(self, headers: PartHeaders) -> PartSink:
        """A sink for a document that is about to arrive."""
        encoding = self._sealer.encoder() if self._sealer else None
        return Spool(self._staging, limit=self._document_bytes, encoding=encoding)(headers)

    def publish(self, staged: Attachment) -> Content:
        """Puts a staged document in its place. One that is there already is replaced, which heals it and renews its time."""
        target = self._path(staged.sha256)
        try:
            flush(staged.path)
            os.utime(staged.path)
            staged.path.replace(target)
            flush(target.parent)
        except OSError as problem:
            raise no_room(problem) from problem
        return Content(staged.sha256, staged.size)

    def open(self, content: Content) -> Opened:
        """A document to be sent, checked. Raises `Unavailable` when its bytes are not those stored."""
        return checked(content, lambda: self._document(content.sha256))

    def discard(self, sha256: str, *, unless_since: datetime) -> bool:
        """Removes a document's bytes, unless they were published since that instant.

        The file is moved aside before its time is looked at: one that was published a moment ago is moved back, and one that is
        published from now on is another file.
        """
        path, aside = self._path(sha256), self._trash / sha256
        try:
            path.rename(aside)
        except FileNotFoundError:
            return False
        if _time(aside) >= unless_since:
            _put_back(aside, path)
            return False
        aside.unlink(missing_ok=True)
        flush(path.parent)
        return True

    def held(self) -> Iterator[Held]:
        """Every key the vault holds, folder by folder."""
        for folder in sorted(self._content.iterdir()):
            for file in sorted(folder.iterdir()):
                if _KEY.match(file.name) and (at := _time(file)) is not _GONE:
                    yield Held(file.name, at)

    def clear(self, *, before: datetime) -> int:
        """Removes staging files of requests that broke off, and puts back what a broken sweep moved aside."""
        for aside in self._trash.iterdir():
            _put_back(aside, self._path(aside.name))
        return sum(_remove(file) for file in self._staging.iterdir() if _time(file) < before)

    def _document(self, sha256: str) -> Readable:
        file = self._file(sha256)
        return self._sealer.opened(file) if self._sealer else file

    def _file(self, sha256: str) -> FileIO:
        path = self._path(sha256)
        for place in (path, self._trash / sha256, path):
            # a sweep may hold it aside for a moment
            try:
                return FileIO(place)
            except FileNotFoundError:
                continue
            except OSError as problem:
                raise missing() from problem
        raise missing()

    def _path(self, sha256: str) -> Path:
        if not _KEY.match(sha256):
            raise ValueError("a key of the vault is a SHA-256 in lower-case hex")
        return self._content / sha256[:2] / sha256


_GONE: Final = datetime.max.replace(tzinfo=UTC)


def _time(path: Path) -> datetime:
    """When the file was last published; far in the future for one that somebody else has just removed."""
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except FileNotFoundError:
        return _GONE


def _put_back(aside: Path, path: Path) -> None:
    """Ends a sweep that was mistaken or broke off; another may be doing the same."""
    with suppress(FileNotFoundError):
        if path.exists():
            aside.unlink()
        else:
            aside.rename(path)


def _remove(path: Path) -> int:
    path.unlink(missing_ok=True)
    return 1
