"""Documents at rest: AES-256-GCM in chunks, so that one of any size is sealed as it arrives and opened as it leaves.

A sealed document is a header (magic, name of the data key, salt) and chunks of 64 KiB, each with its tag. Its own key is derived
from the data key and the salt (HKDF-SHA256, RFC 5869), so no nonce is ever used twice: a nonce is the number of the chunk and
whether it is the last. Chunks that are changed, dropped, doubled or out of order do not open.
"""

from __future__ import annotations

import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from kernel.errors import Unavailable
from repository.keyring import DataKey, Keyring
from repository.vault import Readable, damaged

PLAIN: Final = 64 << 10
"""Bytes of a document in one chunk."""
_SEALED: Final = PLAIN + 16
_MAGIC: Final = b"AFE1"
_SALT: Final = 16
HEADER: Final = len(_MAGIC) + 16 + _SALT


def sealed_size(size: int) -> int:
    """The most bytes that a document of this size takes."""
    return HEADER + size + 16 * (size // PLAIN + 1)


class Sealer:
    """Seals new documents, and opens sealed and plain ones."""

    def __init__(self, keyring: Keyring) -> None:
        self.keyring = keyring

    def encoder(self) -> Encoder:
        """For one document that is about to arrive. Raises `Unavailable`."""
        return Encoder(self.keyring.current())

    def opened(self, raw: Readable) -> Readable:
        """The document of these bytes. One that does not begin as a sealed one, with a key of ours, was stored before there was a
        key: it is given as it is, and its hash decides whether that is true."""
        try:
            head = _exactly(raw, HEADER)
            is_sealed = len(head) == HEADER and head.startswith(_MAGIC)
            key = self.keyring.get(head[4:20].hex()) if is_sealed else None
            return _Behind(head, raw) if key is None else _Decoder(raw, _own_key(key, head[20:]), head)
        except Unavailable:
            raw.close()
            raise


class Encoder:
    """One document on its way in: what is written is header and chunks."""

    def __init__(self, key: DataKey) -> None:
        salt = os.urandom(_SALT)
        self._head = _MAGIC + bytes.fromhex(key.name) + salt
        self._cipher = _own_key(key, salt)
        self._buffer = bytearray()
        self._out = self._head
        self._number = 0

    def update(self, data: bytes | memoryview) -> bytes:
        """What is to be written for these bytes; the last whole chunk waits, for it may be the end."""
        self._buffer += data
        pieces = [self._out]
        self._out = b""
        start = 0
        while len(self._buffer) - start > PLAIN:
            pieces.append(self._sealed(self._buffer[start : start + PLAIN], is_last=False))
            start += PLAIN
        del self._buffer[:start]
        return b"".join(pieces)

    def final(self) -> bytes:
        """The end of the document."""
        out, self._out = self._out, b""
        return out + self._sealed(self._buffer, is_last=True)

    def _sealed(self, chunk: bytes | bytearray, *, is_last: bool) -> bytes:
        sealed = self._cipher.encrypt(_nonce(self._number, is_last=is_last), bytes(chunk), self._head)
        self._number += 1
        return sealed


class _Decoder:
    """A sealed document as it leaves (`Readable`)."""

    def __init__(self, raw: Readable, cipher: AESGCM, head: bytes) -> None:
        self._raw = raw
        self._cipher = cipher
        self._head = head
        self._number = 0
        self._left = b""
        self._next = _exactly(raw, _SEALED)
        self._is_over = False

    def read(self, size: int, /) -> bytes:
        """The next bytes, nothing at the end. Raises `Unavailable` where they are not what was sealed."""
        pieces = [self._left]
        total = len(self._left)
        while total < size and not self._is_over:
            pieces.append(self._opened())
            total += len(pieces[-1])
        data = b"".join(pieces)
        self._left = data[size:]
        return data[:size]

    def close(self) -> None:
        """No more is read."""
        self._raw.close()

    def _opened(self) -> bytes:
        sealed, self._next = self._next, _exactly(self._raw, _SEALED) if len(self._next) == _SEALED else b""
        self._is_over = not self._next
        try:
            plain = self._cipher.decrypt(_nonce(self._number, is_last=self._is_over), sealed, self._head)
        except (InvalidTag, ValueError) as problem:
            raise damaged() from problem
        self._number += 1
        return plain


class _Behind:
    """A plain document whose first bytes have been looked at (`Readable`)."""

    def __init__(self, head: bytes, raw: Readable) -> None:
        self._head = head
        self._raw = raw

    def read(self, size: int, /) -> bytes | None:
        """The next bytes, nothing at the end."""
        if self._head:
            data, self._head = self._head[:size], self._head[size:]
            return data
        return self._raw.read(size)

    def close(self) -> None:
        """No more is read."""
        self._raw.close()


def _own_key(key: DataKey, salt: bytes) -> AESGCM:
    return AESGCM(HKDF(SHA256(), 32, salt, b"affinity document").derive(key.key))


def _nonce(number: int, *, is_last: bool) -> bytes:
    return (b"\1" if is_last else b"\0") + number.to_bytes(11, "big")


def _exactly(raw: Readable, size: int) -> bytes:
    """So many bytes, fewer at the end only."""
    pieces: list[bytes] = []
    try:
        while size and (piece := raw.read(size)):
            pieces.append(piece)
            size -= len(piece)
    except OSError as problem:
        raise damaged() from problem
    return b"".join(pieces)
