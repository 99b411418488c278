"""The house itself: where things are, and what may not stand in it."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHECKED = tuple(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]["packages"])
PRODUCT = tuple(package for package in CHECKED if package != "scripts")

WITHOUT_A_TEST = {
    "access/subject.py": "a value without behaviour",
    "kernel/peer.py": "a value without behaviour",
    "registry/transactions/iti51_multi_patient_query.py": "in the test file of ITI-18, of which it is a variant",
    "registry/transactions/iti61_register_on_demand.py": "in the test file of ITI-42, of which it is a variant",
    "registry/transactions/iti92_restricted_update.py": "in the test file of ITI-57, of which it is a variant",
}
"""Modules without a test file of their own, and why. Migrations, `__init__` and `__main__` are tested through what uses them."""

OF_A_MACHINE = re.compile(rb"/(?:wor[k]|roo[t])/|--(?:extra-)?index-url|://[a-z0-9.-]+/simple")
"""Paths of one machine, and addresses of a package index."""


def modules() -> list[str]:
    """Every module of the product that has something to test."""
    return sorted(
        str(file.relative_to(ROOT))
        for package in PRODUCT
        for file in (ROOT / package).rglob("*.py")
        if not file.name.startswith("__") and "migrations" not in file.parts
    )


def file_of(module: str) -> Path:
    """Where the tests of a module are."""
    return ROOT / "tests/unit" / Path(module).with_name(f"test_{Path(module).name}")


def tracked() -> list[Path]:
    """Every file of the repository; without git, every file of the product and its tests."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    names = [name for name in listed.stdout.decode().split("\0") if name]
    if not names:
        pytest.skip("this is no git checkout")
    return [ROOT / name for name in names if (ROOT / name).is_file()]


def test_every_module_has_a_test_file_of_its_own() -> None:
    missing = [module for module in modules() if module not in WITHOUT_A_TEST and not file_of(module).is_file()]

    assert missing == []


def test_every_exception_is_still_one() -> None:
    assert [module for module in WITHOUT_A_TEST if module not in modules()] == []
    assert [module for module in WITHOUT_A_TEST if file_of(module).is_file()] == []


def test_no_package_of_the_product_is_forgotten_by_the_checks() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    ours = {folder.parent.name for folder in ROOT.glob("*/__init__.py")} - {"tests", "bench"}

    assert ours == set(CHECKED)
    assert ours - {"scripts"} == set(settings["importlinter"]["root_packages"])
    assert ours - {"scripts"} <= set(settings["setuptools"]["packages"]["find"]["include"])


def test_no_file_names_a_path_or_an_address_of_one_machine() -> None:
    named = [str(file.relative_to(ROOT)) for file in tracked() if OF_A_MACHINE.search(file.read_bytes())]

    assert named == []


def test_the_locks_hold_hashes_and_no_address() -> None:
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / name).read_text()
        assert "://" not in text
        assert len(re.findall(r"^[a-z0-9].*==", text, re.MULTILINE)) < text.count("--hash=sha256:")


def test_every_dependency_of_the_project_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {"requirements.lock": project["dependencies"], "requirements-dev.lock": project["optional-dependencies"]["dev"]}

    for file, needs in wanted.items():
        locked = {line.partition("==")[0] for line in (ROOT / file).read_text().splitlines() if "==" in line}
        names = {re.split(r"[\[<>=;]", need)[0].strip().lower() for need in needs}
        assert names - locked == set()
