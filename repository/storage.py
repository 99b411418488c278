"""Which vault the settings ask for, and with which keys."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from kernel.times import Clock
from repository.file_vault import FileVault
from repository.keyring import FileKeys, Keyring, KeyStore, MasterKeys
from repository.object_vault import Bucket, ObjectKeys, ObjectVault
from repository.sealing import Sealer
from repository.settings import RepositorySettings
from repository.vault import Vault


def vault_at(settings: RepositorySettings, data: Path, clock: Clock) -> Vault:
    """The vault at `settings.url`; folders of `file:` and staging of `s3:` are below the data folder.

    Raises `OSError`, and `ValueError` for a key file that holds no keys.
    """
    keyring = keyring_at(settings, data, clock)
    sealer = Sealer(keyring) if keyring else None
    if settings.url.startswith("file:"):
        return FileVault(_folder(settings, data), document_bytes=settings.document_bytes, sealer=sealer)
    return ObjectVault(_bucket(settings), data / "staging", document_bytes=settings.document_bytes, sealer=sealer)


def keyring_at(settings: RepositorySettings, data: Path, clock: Clock) -> Keyring | None:
    """The keys of the vault's documents; None where none is set. Raises `OSError`, `ValueError`."""
    if settings.key_file is None:
        return None
    is_folder = settings.url.startswith("file:")
    store: KeyStore = FileKeys(_folder(settings, data) / "keys") if is_folder else ObjectKeys(_bucket(settings))
    return Keyring(MasterKeys.read(settings.key_file), store, clock)


def _folder(settings: RepositorySettings, data: Path) -> Path:
    return data / settings.url.removeprefix("file://").removeprefix("file:")


def _bucket(settings: RepositorySettings) -> Bucket:
    name, _, prefix = settings.url.removeprefix("s3://").partition("/")
    return Bucket(
        name,
        prefix,
        endpoint=settings.endpoint,
        region=settings.region,
        access_key=_secret(settings.access_key_file),
        secret_key=_secret(settings.secret_key_file),
        timeout=timedelta(seconds=settings.timeout_seconds),
    )


def _secret(file: Path | None) -> str:
    return file.read_text(encoding="utf-8").strip() if file else ""
