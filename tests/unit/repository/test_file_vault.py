"""What is particular to a vault in a folder: where things lie, in which order they become durable, and interrupted sweeps."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from kernel.errors import Condition, Unavailable
from kernel.times import system_clock
from repository.file_vault import FileVault
from soap.exchange import Attachment
from tests.support.vaults import LIMIT, content_of, staged

ABC = content_of(b"abc")


def later() -> datetime:
    return system_clock() + timedelta(hours=1)


@pytest.fixture
def vault(tmp_path: Path) -> FileVault:
    return FileVault(tmp_path, document_bytes=LIMIT)


def test_a_document_lies_under_its_hash_and_nothing_of_its_sender(vault: FileVault, tmp_path: Path) -> None:
    vault.publish(staged(vault, b"abc", "../../etc/passwd"))

    files = [p.relative_to(tmp_path) for p in tmp_path.rglob("*") if p.is_file()]
    assert files == [Path("content", ABC.sha256[:2], ABC.sha256)]


@pytest.mark.parametrize("key", ["", "abc", "../" * 21 + "a", "A" * 64, "0" * 63 + "\n", "0" * 65])
def test_a_key_that_is_no_hash_is_a_bug(vault: FileVault, key: str) -> None:
    with pytest.raises(ValueError, match="SHA-256"):
        vault.discard(key, unless_since=later())


def test_file_and_folders_are_flushed_around_the_rename(vault: FileVault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    attachment = staged(vault, b"abc")
    done: list[tuple[str, str]] = []
    flush, replace = os.fsync, Path.replace

    def watched_flush(descriptor: int) -> None:
        done.append(("flush", str(Path(f"/proc/self/fd/{descriptor}").readlink().relative_to(tmp_path))))
        flush(descriptor)

    def watched_replace(self: Path, target: Path) -> Path:
        done.append(("rename", str(self.relative_to(tmp_path))))
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", watched_flush)
    monkeypatch.setattr(Path, "replace", watched_replace)
    vault.publish(attachment)

    part = str(attachment.path.relative_to(tmp_path))
    assert done == [("flush", part), ("rename", part), ("flush", f"content/{ABC.sha256[:2]}")]


def test_the_folders_are_there_and_flushed_before_the_first_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[Path] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: flushed.append(Path(f"/proc/self/fd/{descriptor}").readlink()))

    FileVault(tmp_path / "new", document_bytes=LIMIT)

    assert flushed == [tmp_path / "new" / "content", tmp_path / "new", tmp_path]
    assert len(list((tmp_path / "new" / "content").iterdir())) == 256


def test_a_staged_file_that_vanished_is_told_as_lack_of_room(vault: FileVault, tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as caught:
        vault.publish(Attachment("x", "text/plain", tmp_path / "staging" / "gone", 3, "", ABC.sha256))

    assert caught.value.condition is Condition.OUT_OF_RESOURCES


def test_a_document_held_aside_by_a_sweep_is_still_given_out(vault: FileVault, tmp_path: Path) -> None:
    vault.publish(staged(vault, b"abc"))
    (tmp_path / "content" / ABC.sha256[:2] / ABC.sha256).rename(tmp_path / "trash" / ABC.sha256)

    assert b"".join(vault.open(ABC).chunks()) == b"abc"


def test_a_broken_sweep_is_put_right(vault: FileVault, tmp_path: Path) -> None:
    vault.publish(staged(vault, b"abc"))
    path = tmp_path / "content" / ABC.sha256[:2] / ABC.sha256
    path.rename(tmp_path / "trash" / ABC.sha256)

    vault.clear(before=later())

    assert path.read_bytes() == b"abc"
    assert list((tmp_path / "trash").iterdir()) == []


def test_a_document_that_came_again_is_not_replaced_by_what_a_broken_sweep_held(vault: FileVault, tmp_path: Path) -> None:
    content = vault.publish(staged(vault, b"abc"))
    (tmp_path / "trash" / content.sha256).write_bytes(b"old")

    vault.clear(before=later())

    assert b"".join(vault.open(content).chunks()) == b"abc"
    assert list((tmp_path / "trash").iterdir()) == []


@pytest.mark.parametrize("comes_again", [False, True])
def test_a_document_that_was_published_while_a_sweep_looked_stays(
    vault: FileVault, monkeypatch: pytest.MonkeyPatch, comes_again: bool
) -> None:
    """The sweep listed an old file; before it acts, a request publishes the same bytes, and perhaps another right after."""
    content = vault.publish(staged(vault, b"abc"))
    rename: Callable[[Path, Path], Path] = Path.rename

    def renamed_then_published(self: Path, target: Path) -> Path:
        result = rename(self, target)
        monkeypatch.setattr(Path, "rename", rename)
        if comes_again:
            vault.publish(staged(vault, b"abc"))
        return result

    monkeypatch.setattr(Path, "rename", renamed_then_published)
    discarded = vault.discard(content.sha256, unless_since=system_clock() - timedelta(minutes=1))

    assert not discarded
    assert b"".join(vault.open(content).chunks()) == b"abc"


def test_strange_files_among_the_contents_are_left_alone(vault: FileVault, tmp_path: Path) -> None:
    content = vault.publish(staged(vault, b"abc"))
    (tmp_path / "content" / content.sha256[:2] / "README").write_text("hands off")

    assert [held.sha256 for held in vault.held()] == [content.sha256]
