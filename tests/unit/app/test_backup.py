"""A backup is whole or none, and is put back only where nothing is in its place."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from app import backup
from app.settings import Settings
from kernel.times import system_clock

SETTINGS = Settings()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with a database, two documents, one of them only being received, and a witness."""
    folder = tmp_path / "data"
    (folder / "documents" / "ab").mkdir(parents=True)
    (folder / "documents" / "ab" / "abcd").write_bytes(b"a letter")
    (folder / "documents" / "staging").mkdir()
    (folder / "documents" / "staging" / "half").write_bytes(b"a le")
    (folder / "audit-witness.jsonl").write_text("{}\n")
    with closing(sqlite3.connect(folder / "affinity.db")) as database:
        database.execute("CREATE TABLE thing (n int)")
        database.execute("INSERT INTO thing VALUES (7)")
        database.commit()
    return folder


def create(data: Path, folder: Path) -> backup.Manifest:
    return backup.create(SETTINGS, data, folder, clock=system_clock)


def test_what_was_copied_comes_back(data: Path, tmp_path: Path) -> None:
    manifest = create(data, tmp_path / "copy")

    backup.restore(SETTINGS, tmp_path / "elsewhere", tmp_path / "copy")

    assert (manifest.documents, manifest.bytes) == (1, 8)
    assert (tmp_path / "elsewhere" / "documents" / "ab" / "abcd").read_bytes() == b"a letter"
    assert not (tmp_path / "elsewhere" / "documents" / "staging").exists()
    assert (tmp_path / "elsewhere" / "audit-witness.jsonl").read_text() == "{}\n"
    with closing(sqlite3.connect(tmp_path / "elsewhere" / "affinity.db")) as database:
        assert database.execute("SELECT n FROM thing").fetchall() == [(7,)]


def test_a_copy_is_for_its_owner_alone(data: Path, tmp_path: Path) -> None:
    create(data, tmp_path / "copy")

    assert (tmp_path / "copy").stat().st_mode & 0o077 == 0
    assert (tmp_path / "copy" / "database.sqlite").stat().st_mode & 0o077 == 0


def test_a_folder_that_holds_something_is_not_written_into(data: Path, tmp_path: Path) -> None:
    with pytest.raises(backup.BackupProblem, match="not empty"):
        create(data, data)


def test_a_data_folder_without_a_database_is_no_source(tmp_path: Path) -> None:
    with pytest.raises(backup.BackupProblem, match="no database"):
        create(tmp_path / "nowhere", tmp_path / "copy")


def test_a_copy_that_was_not_finished_is_not_put_back(data: Path, tmp_path: Path) -> None:
    create(data, tmp_path / "copy")
    (tmp_path / "copy" / backup.MANIFEST).unlink()

    with pytest.raises(backup.BackupProblem, match="no finished backup"):
        backup.restore(SETTINGS, tmp_path / "elsewhere", tmp_path / "copy")
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("name", ["database.sqlite", "documents/ab/abcd"])
def test_a_damaged_copy_is_not_put_back(data: Path, tmp_path: Path, name: str) -> None:
    create(data, tmp_path / "copy")
    (tmp_path / "copy" / name).write_bytes(b"x")

    with pytest.raises(backup.BackupProblem, match=r"differs|does not hold"):
        backup.restore(SETTINGS, tmp_path / "elsewhere", tmp_path / "copy")
    assert not (tmp_path / "elsewhere").exists()


def test_a_manifest_that_names_a_file_elsewhere_is_refused(data: Path, tmp_path: Path) -> None:
    create(data, tmp_path / "copy")
    manifest = json.loads((tmp_path / "copy" / backup.MANIFEST).read_text())
    (tmp_path / "copy" / backup.MANIFEST).write_text(json.dumps({**manifest, "database": str(data / "affinity.db")}))

    with pytest.raises(backup.BackupProblem):
        backup.restore(SETTINGS, tmp_path / "elsewhere", tmp_path / "copy")


def test_a_database_that_is_there_is_not_overwritten(data: Path, tmp_path: Path) -> None:
    create(data, tmp_path / "copy")

    with pytest.raises(backup.BackupProblem, match="there already"):
        backup.restore(SETTINGS, data, tmp_path / "copy")


def test_documents_in_an_object_store_are_left_to_it(data: Path, tmp_path: Path) -> None:
    settings = Settings.model_validate({"storage": {"url": "s3://bucket/prefix"}})

    manifest = backup.create(settings, data, tmp_path / "copy", clock=system_clock)

    assert (manifest.object_store, manifest.documents) == (True, 0)
    with pytest.raises(backup.BackupProblem, match=r"storage\.url"):
        backup.restore(SETTINGS, tmp_path / "elsewhere", tmp_path / "copy")
