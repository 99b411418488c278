"""The keys that documents are sealed with: master keys in a file of the operator's, data keys beside the documents, wrapped.

A data key is made for a month of documents and never changes; each document has a key of its own, derived from it. When the master
key changes, the data keys are wrapped anew and not a byte of a document is written.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
import secrets
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kernel.errors import Condition, Unavailable, violation
from kernel.times import Clock
from repository.durable import flush

KEY_BYTES: Final = 32
RENEWED: Final = timedelta(days=30)
"""A data key older than this seals no new document."""
_NAME: Final = re.compile(r"[0-9a-f]{32}\Z")
_MAGIC: Final = b"AFK1"
_ID_BYTES: Final = 8
_WRAPPED_BYTES: Final = len(_MAGIC) + 8 + _ID_BYTES + 12 + KEY_BYTES + 16


class KeyStore(Protocol):
    """Where wrapped data keys lie: a few dozen small pieces, by names of 32 hex digits. Raises `Unavailable`."""

    def names(self) -> Sequence[str]:
        """Every name."""
        ...

    def get(self, name: str) -> bytes | None:
        """What lies there; None for nothing."""
        ...

    def put(self, name: str, data: bytes) -> None:
        """Puts it there, whole or not at all."""
        ...


class MasterKeys:
    """The keys of the operator's file: the first wraps, the others only unwrap what was wrapped before."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            raise ValueError("a key file holds one key of 32 bytes in base64 on each line")
        self._keys = {key_id(key): AESGCM(key) for key in keys}
        self.current = key_id(keys[0])

    @classmethod
    def read(cls, file: Path) -> MasterKeys:
        """The keys of a file; empty lines and lines that begin with # are passed over. Raises `OSError`, `ValueError`."""
        lines = (line.strip() for line in file.read_text(encoding="ascii").splitlines())
        try:
            return cls([base64.b64decode(line, validate=True) for line in lines if line and not line.startswith("#")])
        except binascii.Error as problem:
            raise ValueError("a key file holds one key of 32 bytes in base64 on each line") from problem

    def wrap(self, name: str, data_key: bytes, made_at: datetime) -> bytes:
        """A data key as it is kept."""
        head = _MAGIC + int(made_at.timestamp()).to_bytes(8, "big")
        nonce = os.urandom(12)
        sealed = self._keys[self.current].encrypt(nonce, data_key, head + name.encode())
        return head + self.current + nonce + sealed

    def unwrap(self, name: str, wrapped: bytes) -> DataKey:
        """The data key. Raises `KeyError` when no key of the file wrapped it, `ValueError` when it is not what was kept."""
        if len(wrapped) != _WRAPPED_BYTES or not wrapped.startswith(_MAGIC):
            raise ValueError("this is no wrapped key")
        head, key, nonce, sealed = wrapped[:12], wrapped[12:20], wrapped[20:32], wrapped[32:]
        master = self._keys[key]
        try:
            data_key = master.decrypt(nonce, sealed, head + name.encode())
        except InvalidTag as problem:
            raise ValueError("this wrapped key was changed") from problem
        return DataKey(name, data_key, datetime.fromtimestamp(int.from_bytes(head[4:], "big"), UTC), key)


@dataclass(frozen=True, slots=True)
class DataKey:
    """A data key by its name; `wrapped_by` is the id of the master key that wraps it at present."""

    name: str
    key: bytes
    made_at: datetime
    wrapped_by: bytes

    def __repr__(self) -> str:
        """Without the key: a traceback may end in a log."""
        return f"DataKey({self.name})"


def key_id(key: bytes) -> bytes:
    """Names a master key without giving it away."""
    return hashlib.sha256(b"affinity master key\0" + key).digest()[:_ID_BYTES]


def new_key_line() -> str:
    """A fresh master key as a line of a key file."""
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


class Keyring:
    """Data keys in the clear, in memory only. Safe to be called from many threads; another process's keys are found as well."""

    def __init__(self, masters: MasterKeys, store: KeyStore, clock: Clock) -> None:
        self._masters = masters
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[str, DataKey] = {}
        self._current: DataKey | None = None

    def current(self) -> DataKey:
        """The key for new documents, made and kept where there is none that is young enough. Raises `Unavailable`."""
        with self._lock:
            oldest = self._clock() - RENEWED
            if self._current is None or self._current.made_at < oldest:
                young = [key for key in self._usable() if key.made_at >= oldest and key.wrapped_by == self._masters.current]
                self._current = max(young, key=lambda key: (key.made_at, key.name), default=None) or self._made()
            return self._current

    def get(self, name: str) -> DataKey | None:
        """The key of that name; None where there is none. Raises `Unavailable` when it cannot be unwrapped."""
        found = self._known.get(name)
        if found is None:
            wrapped = self._store.get(name)
            if wrapped is None:
                return None
            found = self._known[name] = self._unwrapped(name, wrapped)
        return found

    def all(self) -> Iterator[DataKey]:
        """Every data key, as it lies in the store. Raises `Unavailable`."""
        for name in self._store.names():
            wrapped = self._store.get(name)
            if wrapped is not None:
                yield self._unwrapped(name, wrapped)

    def rewrap(self) -> int:
        """Wraps by the present master key what another one wrapped; how many. May be broken off and begun again."""
        old = [key for key in self.all() if key.wrapped_by != self._masters.current]
        for key in old:
            self._store.put(key.name, self._masters.wrap(key.name, key.key, key.made_at))
        return len(old)

    def _usable(self) -> Iterator[DataKey]:
        """Those that can be unwrapped: what was wrapped by a key that is gone keeps no new document from being sealed."""
        for name in self._store.names():
            with suppress(Unavailable):
                key = self.get(name)
                if key is not None:
                    yield key

    def _made(self) -> DataKey:
        name, key, now = secrets.token_hex(16), secrets.token_bytes(KEY_BYTES), self._clock()
        self._store.put(name, self._masters.wrap(name, key, now))
        made = self._known[name] = DataKey(name, key, now, self._masters.current)
        return made

    def _unwrapped(self, name: str, wrapped: bytes) -> DataKey:
        try:
            return self._masters.unwrap(name, wrapped)
        except KeyError as problem:
            raise _unusable("the key file does not hold the key that it was wrapped with") from problem
        except ValueError as problem:
            raise _unusable(str(problem)) from problem


def is_name(text: str) -> bool:
    """Whether a text may name a data key."""
    return _NAME.match(text) is not None


def _unusable(why: str) -> Unavailable:
    # damaged, to whoever asks for a document: it is there and cannot be read
    return Unavailable(violation(Condition.CONTENT_DAMAGED, "storage.key_file", f"a data key cannot be used: {why}"))


class FileKeys:
    """Data keys in a folder, one file each."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        flush(folder.parent)

    def names(self) -> Sequence[str]:
        """Every name."""
        return sorted(file.name for file in self._folder.iterdir() if is_name(file.name))

    def get(self, name: str) -> bytes | None:
        """What lies there; None for nothing."""
        try:
            return (self._folder / name).read_bytes() if is_name(name) else None
        except FileNotFoundError:
            return None

    def put(self, name: str, data: bytes) -> None:
        """Puts it there, durably. Raises `Unavailable`."""
        unfinished = self._folder / f"{name}.{secrets.token_hex(4)}.part"
        try:
            unfinished.write_bytes(data)
            flush(unfinished)
            unfinished.replace(self._folder / name)
            flush(self._folder)
        except OSError as problem:
            unfinished.unlink(missing_ok=True)
            raise Unavailable(
                violation(Condition.OUT_OF_RESOURCES, "", f"a key could not be stored: {problem.strerror}")
            ) from problem
