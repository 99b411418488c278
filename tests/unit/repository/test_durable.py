"""A file and a folder can be flushed; what is not there cannot."""

from __future__ import annotations

from pathlib import Path

import pytest

from repository.durable import flush


def test_files_and_folders_are_flushed(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"abc")

    flush(file)
    flush(tmp_path)

    assert file.read_bytes() == b"abc"


def test_what_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        flush(tmp_path / "nothing")
