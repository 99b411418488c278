"""app.cli.root"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.command import hie

ROOT = Path(__file__).resolve().parents[4]


def test_help_lists_every_command() -> None:
    done = hie("--help")

    assert done.code == 0
    for command in (
        "serve",
        "worker",
        "db",
        "config",
        "doctor",
        "feed",
        "pix",
        "pdq",
        "submit",
        "find",
        "retrieve",
        "mpi",
        "audit",
    ):
        assert f" {command} " in done.out


@pytest.mark.parametrize("arguments", [(), ("nonsense",), ("db",), ("serve", "--nonsense"), ("find",)])
def test_a_call_that_is_wrong_ends_with_two(arguments: tuple[str, ...]) -> None:
    assert hie(*arguments).code == 2


def test_settings_that_cannot_be_used_end_with_two_and_every_fault(tmp_path: Path) -> None:
    file = tmp_path / "hie.toml"
    file.write_text("[http]\nthreads = 0\n[nonsense]\nx = 1\n")

    done = hie("config", "show", "--config", str(file))

    assert done.code == 2
    assert "http.threads" in done.err
    assert "nonsense.x" in done.err
    assert "Traceback" not in done.err


def test_a_reader_who_goes_away_ends_it_without_a_trace() -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = f"{sys.executable} -m app.cli config show --json | head -c 1"

    done = subprocess.run(["bash", "-c", command], env=environment, capture_output=True, text=True, timeout=60, check=False)

    assert "Traceback" not in done.stderr
