"""app.demo.play, by `hie demo --once` as a newcomer runs it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4]


def demo(folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"}
    command = [sys.executable, "-m", "app.cli", "demo", "--once", "--data", str(folder)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.slow
def test_the_main_job_is_played_over_the_real_wires_in_less_than_a_minute(tmp_path: Path) -> None:
    began = time.monotonic()
    done = demo(tmp_path)

    steps = [line for line in done.stdout.splitlines() if line.startswith("ok ")]
    assert (done.returncode, done.stderr) == (0, "")
    assert len(steps) == 7
    assert time.monotonic() - began < 60


@pytest.mark.slow
def test_a_step_that_fails_fails_the_demonstration(tmp_path: Path) -> None:
    (tmp_path / "documents").write_text("a file where a folder should be")

    done = demo(tmp_path)

    assert done.returncode != 0
