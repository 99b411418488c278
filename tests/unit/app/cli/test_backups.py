"""`hie backup` says what it copied, and why it did not."""

from __future__ import annotations

from pathlib import Path

from app.settings import Settings
from app.wiring import House
from tests.support.command import hie


def test_a_backup_is_created_and_restored_verified(tmp_path: Path) -> None:
    house = House(Settings(), tmp_path / "data")
    house.migrate_or_refuse()
    house.close()

    created = hie("backup", "create", str(tmp_path / "copy"), "--data", str(tmp_path / "data"), "--json")
    restored = hie("backup", "restore", str(tmp_path / "copy"), "--data", str(tmp_path / "elsewhere"), "--json")

    assert created.json["database"] == "database.sqlite"
    assert restored.code == 0, restored.out + restored.err
    assert {row["state"] for row in restored.json} == {"ok"}


def test_a_backup_that_cannot_be_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()

    created = hie("backup", "create", str(tmp_path / "copy"), "--data", str(tmp_path / "nowhere"))
    restored = hie("backup", "restore", str(tmp_path / "copy"), "--data", str(tmp_path / "elsewhere"))

    assert (created.code, restored.code) == (1, 1)
    assert "no database" in created.err
    assert "no finished backup" in restored.err
