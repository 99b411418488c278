"""The verifier that stands alone."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from arr import verify_export
from arr.model import AuditSearch
from arr.signing import public_pem
from arr.tables import METADATA
from tests.conftest import MakeDatabase
from tests.support.arr import SIGNER, a_service, some_records
from tests.support.audit import a_subject

AUDITOR = a_subject(user="auditor")
Lines = list[dict[str, object]]


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key.pub"
    path.write_bytes(public_pem(SIGNER.public_key))
    return path


@pytest.fixture
def export(make_database: MakeDatabase, tmp_path: Path) -> Path:
    service = a_service(make_database(METADATA))
    service.record(some_records(20))
    path = tmp_path / "export.jsonl"
    path.write_bytes(b"".join(service.export(AuditSearch(), AUDITOR)))
    return path


def changed(export: Path, change: Callable[[Lines], None]) -> None:
    lines = [json.loads(line) for line in export.read_text().splitlines()]
    change(lines)
    export.write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_an_export_is_verified_by_a_copy_of_the_file_alone(export: Path, key: Path, tmp_path: Path) -> None:
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copy(verify_export.__file__, alone / "verify_export.py")

    done = subprocess.run(
        [sys.executable, "-I", str(alone / "verify_export.py"), str(export), "--key", str(key)],
        cwd=alone,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "20 records of a log of 20, 0 faults\n", "")


def test_a_part_of_an_export_is_verified_as_well(export: Path, key: Path) -> None:
    changed(export, lambda lines: lines.__delitem__(slice(3, 18)))

    assert verify_export.main([str(export), "--key", str(key)]) == 0


def _forge(line: dict[str, object], **values: object) -> None:
    line.update(values)


CHANGES: list[Callable[[Lines], None]] = [
    lambda lines: _forge(lines[3], data=base64.b64encode(b"forged").decode()),
    lambda lines: _forge(lines[3], origin=str(lines[4]["origin"])),
    lambda lines: _forge(lines[3], sequence=lines[4]["sequence"]),
    lambda lines: _forge(lines[3], sequence=0),
    lambda lines: _forge(lines[3], path=lines[4]["path"]),
    lambda lines: _forge(lines[3], path=[]),
    lambda lines: _forge(lines[0], note=str(lines[0]["note"]).replace("\n20\n", "\n19\n")),
    lambda lines: _forge(lines[0], signature="00" * 64),
]


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_was_changed_is_found(export: Path, key: Path, change: Callable[[Lines], None]) -> None:
    changed(export, change)

    assert verify_export.main([str(export), "--key", str(key)]) == 1


def test_a_signature_that_was_not_checked_is_a_fault(export: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify_export.main([str(export)]) == 1

    assert "was not checked" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["", "hello\n", "{}\n", '{"note": 1}\n', "[]\n"])
def test_what_is_no_export_is_told(export: Path, key: Path, text: str) -> None:
    export.write_text(text)

    assert verify_export.main([str(export), "--key", str(key)]) == 2


def test_a_damaged_line_is_told(export: Path, key: Path) -> None:
    export.write_text(export.read_text()[:-20])

    assert verify_export.main([str(export), "--key", str(key)]) == 2
