"""The wheel: what is installed must be all that the product reads."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
READ_AT_RUN_TIME = {".xsd", ".wsdl", ".html", ".css", ".js", ".svg", ".txt", ".zdict", ".json"}


def packages() -> list[str]:
    """The top-level folders that are installed."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    return [name for name in settings["packages"]["find"]["include"] if "." not in name]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names in a wheel that is built from a copy of the sources, without the network."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in packages():
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
        "-w",
        str(out),
        ".",
    ]
    subprocess.run(build, cwd=source, check=True, capture_output=True)
    (file,) = out.glob("*.whl")
    with zipfile.ZipFile(file) as archive:
        return set(archive.namelist())


def test_every_module_is_installed(wheel: set[str]) -> None:
    ours = {str(file.relative_to(ROOT)) for name in packages() for file in (ROOT / name).rglob("*.py")}

    assert ours - wheel == set()


def test_every_file_that_is_read_at_run_time_is_installed(wheel: set[str]) -> None:
    ours = {str(f.relative_to(ROOT)) for name in packages() for f in (ROOT / name).rglob("*") if f.suffix in READ_AT_RUN_TIME}

    assert {Path(name).suffix for name in ours} >= {".xsd", ".wsdl", ".html", ".css", ".js", ".svg", ".txt", ".zdict"}
    assert ours - wheel == set()


def test_no_file_of_another_kind_is_left_behind(wheel: set[str]) -> None:
    kinds = {f.suffix for name in packages() for f in (ROOT / name).rglob("*") if f.is_file() and "__pycache__" not in f.parts}

    assert kinds - READ_AT_RUN_TIME - {".py"} <= {".md", ""}


def test_neither_tests_nor_benchmarks_are_installed(wheel: set[str]) -> None:
    tops = {name.partition("/")[0] for name in wheel if "dist-info" not in name}

    assert tops == set(packages())


def test_the_command_is_installed(wheel: set[str]) -> None:
    assert any(name.endswith(".dist-info/entry_points.txt") for name in wheel)
