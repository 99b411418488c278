"""Signed heads: who keeps the key vouches for how long the log was, and for every record in it."""

from __future__ import annotations

import base64
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

_PUBLIC_BEGIN: Final = b"-----BEGIN PUBLIC KEY-----"


@dataclass(frozen=True, slots=True)
class Note:
    """What is signed of a log: its identity, how many records it has, their Merkle root, the last one's hash, and when."""

    log_id: str
    size: int
    root: bytes
    chain: bytes
    made_at: int

    @property
    def text(self) -> str:
        """As it is signed and kept: one value a line."""
        root, chain = base64.b64encode(self.root).decode(), base64.b64encode(self.chain).decode()
        return f"affinity audit log {self.log_id}\n{self.size}\n{root}\n{chain}\n{self.made_at}\n"

    @classmethod
    def parse(cls, text: str) -> Note:
        """The note of a text. Raises `ValueError` when it is none."""
        lines = text.split("\n")
        if len(lines) != 6 or not lines[0].startswith("affinity audit log "):
            raise ValueError("no head of an audit log")
        root, chain = (base64.b64decode(line, validate=True) for line in lines[2:4])
        return cls(lines[0].removeprefix("affinity audit log "), int(lines[1]), root, chain, int(lines[4]))


@dataclass(frozen=True, slots=True)
class SignedNote:
    """A note's text with its signature and the key's id; both empty where no key is set."""

    text: str
    signature: bytes = b""
    key_id: str = ""


class Signer:
    """Signs notes with an Ed25519 key."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public_key = key.public_key()
        self.key_id = key_id(self.public_key)

    def sign(self, text: str) -> SignedNote:
        """The text with its signature."""
        return SignedNote(text, self._key.sign(text.encode()), self.key_id)


Keys = Mapping[str, Ed25519PublicKey]
"""The public keys that are believed, by their ids."""


@dataclass(frozen=True, slots=True)
class Trust:
    """Who signs the log's heads, and whose signatures are believed besides."""

    signer: Signer | None = None
    others: Keys = field(default_factory=dict)

    @property
    def keys(self) -> Keys:
        """Every key that is believed."""
        return {**self.others, **({self.signer.key_id: self.signer.public_key} if self.signer else {})}


def key_id(key: Ed25519PublicKey) -> str:
    """A short name of a key: the beginning of its digest."""
    return sha256(key.public_bytes_raw()).hexdigest()[:16]


def is_signed(note: SignedNote, keys: Keys) -> bool:
    """Whether a believed key signed exactly this text."""
    key = keys.get(note.key_id)
    if key is None:
        return False
    try:
        key.verify(note.signature, note.text.encode())
    except InvalidSignature:
        return False
    return True


def load_signer(path: Path) -> Signer:
    """The signer of a key file. Raises `OSError` or `ValueError` when there is none in it."""
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError(f"{path} holds no Ed25519 key")
    return Signer(key)


def make_signer(path: Path) -> Signer:
    """A new key in a new file that only its owner may read; the public half beside it, ending in `.pub`.

    Raises `FileExistsError` when there is a file already. Another process sees no key or a whole one.
    """
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    draft = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(private)
    try:
        os.link(draft, path)
    finally:
        draft.unlink()
    path.with_name(path.name + ".pub").write_bytes(public_pem(key.public_key()))
    return Signer(key)


def signer_at(path: Path) -> Signer:
    """The signer of a key file, which is made when there is none, also when other processes want it at the same moment."""
    try:
        return load_signer(path)
    except FileNotFoundError:
        pass
    try:
        return make_signer(path)
    except FileExistsError:
        return load_signer(path)


def public_pem(key: Ed25519PublicKey) -> bytes:
    """A public key as others are given it."""
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def load_keys(pem: bytes) -> Keys:
    """Every Ed25519 public key in a PEM text. Raises `ValueError` for what is no such key."""
    keys = {}
    for block in pem.split(_PUBLIC_BEGIN)[1:]:
        key = serialization.load_pem_public_key(_PUBLIC_BEGIN + block)
        if not isinstance(key, Ed25519PublicKey):
            raise ValueError("no Ed25519 public key")
        keys[key_id(key)] = key
    return keys
