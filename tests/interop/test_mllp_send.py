"""`mllp_send` of the PyPI package hl7 feeds patients."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import messages as m
from tests.support.service import Service, running
from tests.support.shared import sample
from tests.support.wire import MllpWire, field


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A running service."""
    with running(tmp_path_factory.mktemp("mllp") / "data") as service:
        yield service


def mllp_send(service: Service, file: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Runs the program."""
    program = str(Path(sys.executable).parent / "mllp_send")
    command = [program, *options, "-p", str(service.mllp_port), "-f", str(file), "127.0.0.1"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_a_framed_file_is_fed_and_acknowledged(service: Service, tmp_path: Path) -> None:
    file = tmp_path / "a04.mllp"
    file.write_bytes(b"\x0b" + m.adt("MS-1", control_id="MS0001") + b"\x1c\r")

    sent = mllp_send(service, file)

    assert sent.returncode == 0, sent.stderr
    assert "MSA|AA|MS0001" in sent.stdout.replace("\r", "\n")
    with MllpWire(service.mllp_port) as wire:
        assert field(wire.send(m.pix_query("MS-1")), "QAK", 2) == "OK"


def test_the_recorded_message_of_another_maker_is_fed(service: Service, tmp_path: Path) -> None:
    file = tmp_path / "a01.hl7"
    file.write_bytes(sample("iti-8", "a01-de.hl7"))

    sent = mllp_send(service, file, "--loose")

    assert sent.returncode == 0, sent.stderr
    assert "MSA|AA" in sent.stdout.replace("\r", "\n"), sent.stdout
