"""XDM media as a ZIP file (ITI TF-2 3.32): submission sets with their documents, read without trusting a byte of it.

Nothing is unpacked by name: entries are looked up in the archive's own directory, and a document becomes a file that we name.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import FileIO
from itertools import pairwise
from pathlib import Path
from typing import Final

from ebrim.model import DocumentEntry, Identifier, Submission
from ebrim.namespaces import LCM
from ebrim.reader import read_submission
from kernel.errors import Condition, Rejected, Unreadable, Violation, violation
from kernel.identifiers import PatientId
from kernel.xml import parse_xml

ROOT: Final = "IHE_XDM"
METADATA: Final = "METADATA.XML"
_SUBMIT: Final = f"{{{LCM}}}SubmitObjectsRequest"
_CHUNK: Final = 256 << 10
_HEADER: Final = 30
"""Bytes before the name of an entry, at the least."""
_DRIVE: Final = re.compile(r"[A-Za-z]:")
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_SMALL: Final = 1 << 20
"""Up to this size an entry may be packed as tightly as it likes."""


@dataclass(frozen=True, slots=True)
class MediaLimits:
    """What one file may hold: entries, bytes of each and of all once unpacked, of its directory, and how tightly packed."""

    entries: int = 10_000
    document_bytes: int = 2 << 30
    total_bytes: int = 8 << 30
    directory_bytes: int = 8 << 20
    ratio: int = 200


@dataclass(frozen=True, slots=True)
class MediaDocument:
    """A document of a set: the id of its entry, and its bytes in a file of ours."""

    entry_id: str
    path: Path
    size: int


@dataclass(frozen=True, slots=True)
class MediaSet:
    """One submission set: the folder it is in, its metadata, and its documents in the order of their entries."""

    folder: str
    submission: Submission
    documents: tuple[MediaDocument, ...]


class Media:
    """An opened file; `work` is a folder for documents, which is the caller's to remove."""

    def __init__(self, archive: zipfile.ZipFile, work: Path, limits: MediaLimits) -> None:
        self._archive = archive
        self._work = work
        self._limits = limits
        self._entries = _judged(archive.infolist(), limits)
        self._number = 0

    def folders(self) -> Sequence[str]:
        """The folders of submission sets, in the order of their names. Raises `Unreadable` when there is none."""
        found = sorted(
            posixpath.dirname(name)
            for name in self._entries
            if name.count("/") == 2 and name.startswith(f"{ROOT}/") and posixpath.basename(name) == METADATA
        )
        if not found:
            raise _wrong("there is no submission set: IHE_XDM/*/METADATA.XML is missing")
        return found

    def read(self, folder: str) -> MediaSet:
        """One set with its documents, whose size and hash are those that its metadata say.

        Raises `Unreadable` for what is no XDM, `Rejected` with everything that is wrong with the set.
        """
        info = self._entries[f"{folder}/{METADATA}"]
        with self._archive.open(info) as opened:
            root = parse_xml(iter(lambda: opened.read(_CHUNK), b""))
        if root.tag != _SUBMIT:
            raise _wrong(f"{folder}/{METADATA} does not hold a SubmitObjectsRequest of XDS.b")
        submission = read_submission(root)
        problems: list[Violation] = []
        documents = []
        for entry in submission.entries:
            named = self._named(folder, entry)
            if isinstance(named, Violation):
                problems.append(named)
                continue
            document, digest = self._taken(entry, named)
            documents.append(document)
            problems += _differences(entry, document, digest)
        if problems:
            raise Rejected(problems)
        return MediaSet(folder, submission, tuple(documents))

    def forget(self) -> None:
        """Removes the documents that were read so far."""
        for file in self._work.iterdir():
            file.unlink()

    def _named(self, folder: str, entry: DocumentEntry) -> zipfile.ZipInfo | Violation:
        """The document that an entry's URI names, relative to the metadata (ITI TF-3 4.2.3.2.27)."""
        uri = "".join(entry.uri)
        path = posixpath.normpath(posixpath.join(folder, uri))
        found = self._entries.get(path) if uri and path.startswith(f"{ROOT}/") else None
        if found is None or found.is_dir():
            detail = "its URI names no document of the media" if uri else "it has no URI, so nothing says where its document is"
            return violation(Condition.DOCUMENT_MISSING, entry.id, detail)
        return found

    def _taken(self, entry: DocumentEntry, info: zipfile.ZipInfo) -> tuple[MediaDocument, str]:
        self._number += 1
        path = self._work / f"document-{self._number}"
        digest = hashlib.sha1(usedforsecurity=False)  # the profile's hash
        size = 0
        with self._archive.open(info) as source, path.open("xb") as target:
            while chunk := source.read(_CHUNK):
                size += len(chunk)
                digest.update(chunk)
                target.write(chunk)
        return MediaDocument(entry.id, path, size), digest.hexdigest()


@contextmanager
def opened(file: Path, work: Path, limits: MediaLimits | None = None) -> Iterator[Media]:
    """The media in a ZIP file. Raises `Unreadable` for what is none, is not safe, or is over a limit."""
    limits = limits or MediaLimits()
    try:
        with _Careful(file, limits.directory_bytes) as source, zipfile.ZipFile(source) as archive:
            yield Media(archive, work, limits)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OverflowError, struct.error) as problem:
        raise _wrong(f"{file.name} is no ZIP file that can be read: {type(problem).__name__}") from problem


def for_patient(submission: Submission, patient: PatientId) -> Submission:
    """The same for a patient of the affinity domain; what the source called her stays in sourcePatientId."""
    own = (Identifier(patient.cx),)
    return replace(
        submission,
        entries=tuple(replace(entry, patient_ids=own) for entry in submission.entries),
        submission_sets=tuple(replace(one, patient_ids=own) for one in submission.submission_sets),
        folders=tuple(replace(folder, patient_ids=own) for folder in submission.folders),
    )


class _Careful(FileIO):
    """A file of which nobody reads a directory of any size at once: an archive says itself how long its directory is."""

    def __init__(self, file: Path, limit: int) -> None:
        super().__init__(file)
        self._limit = limit

    def read(self, size: int | None = -1, /) -> bytes:
        is_all = size is None or size < 0
        data = super().read(self._limit + 1 if is_all or size is None else min(size, self._limit + 1)) or b""
        if len(data) > self._limit:
            raise _wrong("its directory is too large")
        return data


def _judged(infos: Sequence[zipfile.ZipInfo], limits: MediaLimits) -> Mapping[str, zipfile.ZipInfo]:
    """Every entry by its name. Raises `Unreadable` for the first that is not as it should be."""
    if len(infos) > limits.entries:
        raise _wrong(f"more than {limits.entries} entries")
    if sum(info.file_size for info in infos) > limits.total_bytes:
        raise _wrong(f"more than {limits.total_bytes} bytes once unpacked")
    names: set[str] = set()
    for info in infos:
        problem = _problem(info, limits)
        if problem:
            raise _wrong(problem)
        name = info.filename.rstrip("/").casefold()
        if name in names:
            raise _wrong("two entries have the same name")
        names.add(name)
    if any(info.header_offset < 0 for info in infos):
        raise _wrong("an entry begins before the file does")
    for one, next_one in pairwise(sorted(infos, key=lambda info: info.header_offset)):
        if one.header_offset + _HEADER + len(one.orig_filename) + one.compress_size > next_one.header_offset:
            raise _wrong("two entries share bytes")
    return {info.filename: info for info in infos}


def _problem(info: zipfile.ZipInfo, limits: MediaLimits) -> str:
    """What is wrong with an entry; empty when nothing is. Names are not repeated: they may be a patient's."""
    name = info.orig_filename
    parts = name.rstrip("/").split("/")
    if name.startswith("/") or "\\" in name or "\0" in name or _DRIVE.match(name) or any(p in ("", ".", "..") for p in parts):
        return "an entry has a name that leads out of the media"
    if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "an entry is a link or a device"
    if info.flag_bits & 0x1:
        return "an entry is encrypted"
    if info.compress_type not in _METHODS:
        return "an entry is packed in a way that is not read"
    if info.file_size > limits.document_bytes:
        return f"an entry has more than {limits.document_bytes} bytes"
    if info.file_size > max(_SMALL, info.compress_size * limits.ratio):
        return f"an entry is packed more than {limits.ratio} times"
    return ""


def _differences(entry: DocumentEntry, document: MediaDocument, digest: str) -> Iterator[Violation]:
    if any(declared.lower() != digest for declared in entry.hash):
        yield violation(Condition.CONTENT_DIFFERS, entry.id, f"hash: the document's SHA-1 is {digest}")
    if any(declared != str(document.size) for declared in entry.size):
        yield violation(Condition.CONTENT_DIFFERS, entry.id, f"size: the document has {document.size} bytes")


def _wrong(detail: str) -> Unreadable:
    return Unreadable(violation(Condition.MALFORMED, "XDM", detail))
