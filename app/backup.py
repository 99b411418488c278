"""A copy of the whole store in one folder, taken while the service runs, and its way back.

The database is copied first, the documents after it: every document that the copied rows name is then among the copied files, for
a document is whole on disk before its row is written. Documents that came in between have no row and are swept later. An object
store is not copied; it keeps its own.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy.engine import make_url

from app.ground import database_url
from app.settings import Settings
from kernel.times import Clock

MANIFEST: Final = "backup.json"
_SQLITE: Final = "database.sqlite"
_DUMP: Final = "database.dump"
_DOCUMENTS: Final = "documents"
_BESIDE: Final = ("audit-key.pem", "audit-witness.jsonl")
_STAGING: Final = "staging"
_PAGES: Final = 2_000
"""Pages of SQLite copied at a time; a writer waits no longer than that."""
_CHUNK: Final = 1 << 20


class BackupProblem(Exception):
    """A sentence that says why there is no copy, or why it is not put back."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a copy holds. `documents` is the number of files and `bytes` their size; both 0 where an object store keeps them."""

    taken_at: str
    database: str
    sha256: str
    documents: int
    bytes: int
    object_store: bool


def create(settings: Settings, data: Path, folder: Path, *, clock: Clock) -> Manifest:
    """Copies database, documents, the audit log's key and its witness into an empty or new folder.

    The manifest is written last: a folder without it is no backup. Raises `BackupProblem` and `OSError`.
    """
    if folder.exists() and any(folder.iterdir()):
        raise BackupProblem(f"{folder} is not empty; name a new folder")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    taken_at = clock().isoformat(timespec="seconds")
    database = _copy_database(database_url(settings, data), folder)
    count = size = 0
    source = _documents(settings, data)
    if source is not None and source.exists():
        shutil.copytree(source, folder / _DOCUMENTS, ignore=shutil.ignore_patterns(_STAGING), copy_function=_copied)
        count, size = _extent(folder / _DOCUMENTS)
    for name in _BESIDE:
        if (data / name).exists():
            _copied(data / name, folder / name)
    manifest = Manifest(taken_at, database.name, _digest(database), count, size, source is None)
    _write(folder / MANIFEST, json.dumps(asdict(manifest), indent=2))
    return manifest


def restore(settings: Settings, data: Path, folder: Path) -> Manifest:
    """Puts a copy back: into a data folder without a database, or an empty database on PostgreSQL. The service must not run.

    Raises `BackupProblem` before anything is written when the copy is damaged or something is in its place, and `OSError`.
    """
    manifest = _checked(folder)
    url = database_url(settings, data)
    is_sqlite = make_url(url).drivername.startswith("sqlite")
    if is_sqlite != (manifest.database == _SQLITE):
        raise BackupProblem(f"the copy holds {manifest.database}, and database.url names another kind of database")
    target = _documents(settings, data)
    if (target is None) != manifest.object_store:
        raise BackupProblem("the copy was taken with documents in the other kind of place: see storage.url")
    for there in ([Path(make_url(url).database or "")] if is_sqlite else []) + ([target] if target else []):
        if there.exists() and (there.is_file() or any(there.iterdir())):
            raise BackupProblem(f"{there} is there already; restore into an empty data folder")
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    if target is not None and (folder / _DOCUMENTS).exists():
        shutil.copytree(folder / _DOCUMENTS, target, copy_function=_copied, dirs_exist_ok=True)
    for name in _BESIDE:
        if (folder / name).exists():
            _copied(folder / name, data / name)
    if is_sqlite:
        _copied(folder / _SQLITE, Path(make_url(url).database or ""))
    else:
        _run_postgres(url, "pg_restore", "--exit-on-error", "--no-owner", "--single-transaction", str(folder / _DUMP))
    return manifest


def _checked(folder: Path) -> Manifest:
    try:
        manifest = Manifest(**json.loads((folder / MANIFEST).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        raise BackupProblem(f"{folder} holds no finished backup: its {MANIFEST} is missing or cannot be read") from None
    database = folder / manifest.database
    if manifest.database not in (_SQLITE, _DUMP) or not database.exists() or _digest(database) != manifest.sha256:
        raise BackupProblem(f"{database} is not what was copied: its SHA-256 differs")
    if not manifest.object_store and _extent(folder / _DOCUMENTS) != (manifest.documents, manifest.bytes):
        raise BackupProblem(f"{folder / _DOCUMENTS} does not hold the {manifest.documents} files that were copied")
    return manifest


def _documents(settings: Settings, data: Path) -> Path | None:
    """The folder of the documents; None where an object store keeps them."""
    scheme, _, place = settings.storage.url.partition(":")
    return data / place if scheme == "file" else None


def _copy_database(url: str, folder: Path) -> Path:
    address = make_url(url)
    if not address.drivername.startswith("sqlite"):
        _run_postgres(url, "pg_dump", "--format=custom", f"--file={folder / _DUMP}")
        return folder / _DUMP
    if not Path(address.database or "").exists():
        raise BackupProblem(f"there is no database at {address.database}; --data names the folder of the service")
    with closing(sqlite3.connect(f"file:{address.database}?mode=ro", uri=True)) as source, closing(_new(folder / _SQLITE)) as copy:
        source.backup(copy, pages=_PAGES)
    _settle(folder / _SQLITE)
    return folder / _SQLITE


def _new(file: Path) -> sqlite3.Connection:
    file.touch(mode=0o600)
    return sqlite3.connect(file)


def _run_postgres(url: str, program: str, *arguments: str) -> None:
    """One of PostgreSQL's own programs. Its environment says where the database is: the list of processes is read by everybody."""
    found = shutil.which(program)
    if found is None:
        raise BackupProblem(f"{program} is not on the PATH; install PostgreSQL's client programs of the server's version")
    address = make_url(url)
    places: dict[str, Any] = {
        "PGHOST": address.query.get("host") or address.host,
        "PGPORT": address.query.get("port") or address.port,
        "PGUSER": address.username,
        "PGPASSWORD": address.password,
        "PGDATABASE": address.database,
    }
    environment = {**os.environ, **{name: str(value) for name, value in places.items() if value}}
    named = [*arguments[:-1], "--dbname", str(address.database), arguments[-1]] if program == "pg_restore" else list(arguments)
    done = subprocess.run([found, *named], env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - as above
    if done.returncode != 0:
        first = next(iter(done.stderr.strip().splitlines()), "no reason was given")
        raise BackupProblem(f"{program} ended with an error: {first}")


def _copied(source: str | Path, target: str | Path) -> str:
    """Copies a file and sees it on the disk. A document that a sweep took meanwhile has no row, and is left out."""
    try:
        shutil.copy2(source, target)
    except FileNotFoundError:
        if Path(source).exists():
            raise
        return str(target)
    _settle(Path(target))
    return str(target)


def _settle(file: Path) -> None:
    with file.open("rb") as written:
        os.fsync(written.fileno())


def _write(file: Path, text: str) -> None:
    with file.open("w", encoding="utf-8") as target:
        target.write(f"{text}\n")
        target.flush()
        os.fsync(target.fileno())


def _digest(file: Path) -> str:
    made = hashlib.sha256()
    with file.open("rb") as source:
        while chunk := source.read(_CHUNK):
            made.update(chunk)
    return made.hexdigest()


def _extent(folder: Path) -> tuple[int, int]:
    files = [file for file in folder.rglob("*") if file.is_file()] if folder.exists() else []
    return len(files), sum(file.stat().st_size for file in files)
