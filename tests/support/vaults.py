"""Both vaults, and the way documents get into them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from kernel.times import system_clock
from repository.file_vault import FileVault
from repository.keyring import FileKeys, Keyring, KeyStore, MasterKeys
from repository.object_vault import Bucket, ObjectKeys, ObjectVault
from repository.sealing import Sealer
from repository.vault import Content, Vault
from soap.exchange import Attachment, PartHeaders
from tests.support import object_store

LIMIT = 64 << 20


class Harm(Protocol):
    """Reaches behind a vault's back."""

    def write(self, content: Content, data: bytes) -> None:
        """Other bytes in the place of a document."""
        ...

    def read(self, content: Content) -> bytes:
        """The bytes as they lie."""
        ...

    def remove(self, content: Content) -> None:
        """No bytes in the place of a document."""
        ...


class FileHarm:
    """The files of a `FileVault`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def path(self, content: Content) -> Path:
        """Where a document lies."""
        return self._root / "content" / content.sha256[:2] / content.sha256

    def write(self, content: Content, data: bytes) -> None:
        """Other bytes in the place of a document."""
        self.path(content).write_bytes(data)

    def read(self, content: Content) -> bytes:
        """The bytes as they lie."""
        return self.path(content).read_bytes()

    def remove(self, content: Content) -> None:
        """No bytes in the place of a document."""
        self.path(content).unlink()


class ObjectHarm:
    """The objects of an `ObjectVault`, by another client than the vault's own."""

    def __init__(self, address: str, bucket: str, prefix: str) -> None:
        import boto3  # type: ignore[import-untyped]  # comes with the object store's server

        self._client = boto3.client(
            "s3", endpoint_url=address, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
        )
        self._bucket = bucket
        self._prefix = prefix

    def key(self, content: Content) -> str:
        """Where a document lies."""
        return f"{self._prefix}/{content.sha256[:2]}/{content.sha256[2:4]}/{content.sha256}"

    def write(self, content: Content, data: bytes) -> None:
        """Other bytes in the place of a document."""
        self._client.put_object(Bucket=self._bucket, Key=self.key(content), Body=data)

    def read(self, content: Content) -> bytes:
        """The bytes as they lie."""
        data: bytes = self._client.get_object(Bucket=self._bucket, Key=self.key(content))["Body"].read()
        return data

    def remove(self, content: Content) -> None:
        """No bytes in the place of a document."""
        self._client.delete_object(Bucket=self._bucket, Key=self.key(content))

    def close(self) -> None:
        """Gives back the connections."""
        self._client.close()


def staged(vault: Vault, data: bytes, content_id: str = "part@test") -> Attachment:
    """A document as it lies after its last byte has come."""
    sink = vault.stage(PartHeaders(content_id, "text/plain"))
    try:
        sink.write(data)
        return sink.close()
    except BaseException:
        sink.abort()
        raise


def content_of(data: bytes) -> Content:
    """The address of these bytes."""
    return Content(hashlib.sha256(data).hexdigest(), len(data))


MASTER = MasterKeys([b"m" * 32])


def a_sealer(store: KeyStore) -> Sealer:
    """Seals with data keys that are kept there."""
    return Sealer(Keyring(MASTER, store, system_clock))


def a_file_vault(root: Path, *, is_sealed: bool = False) -> tuple[Vault, Harm]:
    """A vault in a folder."""
    sealer = a_sealer(FileKeys(root / "keys")) if is_sealed else None
    return FileVault(root, document_bytes=LIMIT, sealer=sealer), FileHarm(root)


@contextmanager
def an_object_vault(address: str, bucket: str, staging: Path, *, is_sealed: bool = False) -> Iterator[tuple[Vault, Harm]]:
    """A vault in a fresh bucket."""
    object_store.make_bucket(address, bucket)
    harm = ObjectHarm(address, bucket, "some/prefix")
    place = Bucket(bucket, "some/prefix/", endpoint=address, access_key="test", secret_key="test")
    try:
        sealer = a_sealer(ObjectKeys(place)) if is_sealed else None
        yield ObjectVault(place, staging, document_bytes=LIMIT, sealer=sealer), harm
    finally:
        harm.close()
