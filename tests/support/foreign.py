"""Programs written by others, each in an environment of its own, made once and kept below the build folder."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build" / "foreign"
RUNNERS = ROOT / "tests" / "interop" / "foreign"


def environment(name: str, *requirements: str, without_dependencies: tuple[str, ...] = ()) -> Path:
    """The interpreter of an environment that holds the requirements; skips the test where they cannot be had."""
    mark = hashlib.sha256(repr((requirements, without_dependencies, sys.version_info[:2])).encode()).hexdigest()[:12]
    folder = FOLDER / f"{name}-{mark}"
    python = folder / "bin" / "python"
    done = folder / "complete"
    if done.exists():
        return python
    venv.create(folder, with_pip=True, clear=True)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    steps = [[*pip, *requirements]] if requirements else []
    steps += [[*pip, "--no-deps", *without_dependencies]] if without_dependencies else []
    for step in steps:
        result = subprocess.run(
            step, capture_output=True, text=True, check=False, timeout=600, env={**os.environ, "PYTHONPATH": ""}
        )
        if result.returncode:
            pytest.skip(f"{name} cannot be installed: {result.stderr.strip()[-300:]}")
    done.touch()
    return python
