"""Which vault the settings ask for."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from repository.file_vault import FileVault
from repository.object_vault import Bucket, ObjectVault
from repository.settings import RepositorySettings
from repository.vault import Vault


def vault_at(settings: RepositorySettings, data: Path) -> Vault:
    """The vault at `settings.url`; folders of `file:` and staging of `s3:` are below the data folder. Raises `OSError`."""
    if settings.url.startswith("file:"):
        folder = Path(settings.url.removeprefix("file://").removeprefix("file:"))
        return FileVault(data / folder, document_bytes=settings.document_bytes)
    name, _, prefix = settings.url.removeprefix("s3://").partition("/")
    bucket = Bucket(
        name,
        prefix,
        endpoint=settings.endpoint,
        region=settings.region,
        access_key=_secret(settings.access_key_file),
        secret_key=_secret(settings.secret_key_file),
        timeout=timedelta(seconds=settings.timeout_seconds),
    )
    return ObjectVault(bucket, data / "staging", document_bytes=settings.document_bytes)


def _secret(file: Path | None) -> str:
    return file.read_text(encoding="utf-8").strip() if file else ""
