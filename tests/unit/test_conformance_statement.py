"""docs/conformance.md says what the code does: every transaction, stored query and error code, each with a test that is there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import pytest

from ebrim.errors import TABLES, ErrorCodes
from kernel.errors import Condition
from registry.queries.catalogue import CATALOGUE
from tests.support.shared import shared

ROOT = Path(__file__).resolve().parents[2]
STATEMENT = ROOT / "docs" / "conformance.md"
PROOF = re.compile(r"`(tests/[\w/.]+?)(?:::(test_\w+))?`")
ACTORS = {ErrorCodes.REGISTRY: ("registry", "kernel/database.py"), ErrorCodes.REPOSITORY: ("repository", "kernel/database.py")}
"""Where the conditions of each actor's refusals are made."""
SAMPLES = ("iti-18", "iti-41", "iti-42", "iti-43", "iti-51", "iti-57", "iti-61", "iti-62", "iti-86")
ANSWERS = re.compile(r"response|query_result", re.IGNORECASE)


def section(title: str) -> str:
    """The text below a heading; that before the first heading for none."""
    parts = re.split(r"^## (.+)$", STATEMENT.read_text(), flags=re.MULTILINE)
    if not title:
        return parts[0]
    assert title in parts, f"docs/conformance.md has no section {title}"
    return parts[parts.index(title) + 1]


def rows(title: str) -> list[list[str]]:
    """The rows of the table of a section, without its head."""
    lines = [line for line in section(title).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


@cache
def functions(path: str) -> frozenset[str]:
    """The names of the tests in a file."""
    tree = ast.parse((ROOT / path).read_text())
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def proofs(text: str) -> list[tuple[str, str]]:
    """The tests that a text names: path, and function where one is named."""
    return PROOF.findall(text)


@cache
def sources(path: str) -> Sequence[Path]:
    """The modules of a package, or the module itself."""
    place = ROOT / path
    return (place,) if place.is_file() else tuple(sorted(place.rglob("*.py")))


def conditions(paths: Sequence[str]) -> Iterator[Condition]:
    """Every condition that is named in the code below these paths."""
    for file in (file for path in paths for file in sources(path)):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Attribute) and node.attr in Condition.__members__:
                yield Condition[node.attr]


def raised() -> set[str]:
    """The error codes that our registry and our repository can answer with."""
    return {TABLES[actor][condition] for actor, paths in ACTORS.items() for condition in conditions(paths)}


def test_every_transaction_that_is_wired_is_listed() -> None:
    wired = set(re.findall(r"from (\w+)\.transactions\.iti(\d+)_", (ROOT / "app" / "wiring.py").read_text()))

    listed = {int(number) for row in rows("") for number in re.findall(r"ITI-(\d+)", row[1])}

    assert {int(number) for _, number in wired} - listed == set()


def test_what_is_not_served_yet_is_not_wired() -> None:
    (sentence,) = re.findall(r"^Not served yet:(.*?)$", STATEMENT.read_text(), re.MULTILINE)
    wired = {int(n) for n in re.findall(r"transactions\.iti(\d+)_", (ROOT / "app" / "wiring.py").read_text())}

    assert not wired & {int(n) for n in re.findall(r"ITI-(\d+)", sentence)}


def test_every_row_names_a_proof() -> None:
    for title in ("", "Stored queries", "Options", "Error codes"):
        for row in rows(title):
            assert proofs(row[-1]), row


def test_every_proof_is_there() -> None:
    for path, function in proofs(STATEMENT.read_text()):
        assert (ROOT / path).exists(), path
        assert not function or function in functions(path), f"{path} has no {function}"


def test_the_stored_queries_are_those_of_the_catalogue() -> None:
    listed = {(row[0], row[1]) for row in rows("Stored queries")}

    assert listed == {(d.name, "ITI-51" if d.is_multi_patient else "ITI-18") for d in CATALOGUE.values()}


def test_every_error_code_that_can_be_raised_is_listed_and_no_other() -> None:
    listed = [row[0].strip("`") for row in rows("Error codes")]

    assert sorted(listed) == sorted(raised())


def test_the_proof_of_an_error_code_is_a_test_on_the_wire_that_names_it() -> None:
    for row in rows("Error codes"):
        code = row[0].strip("`")
        for path, function in proofs(row[-1]):
            assert path.startswith(("tests/conformance/", "tests/faults/")), path
            assert function, row
            assert code in (ROOT / path).read_text(), f"{path} does not name {code}"


@pytest.mark.parametrize("folder", SAMPLES)
def test_every_recorded_request_is_sent_by_a_test(folder: str) -> None:
    requests = [file.name for file in shared("samples", folder).iterdir() if not ANSWERS.search(file.name)]
    tests = "".join(file.read_text() for file in (ROOT / "tests" / "conformance" / folder.replace("-", "")).rglob("*.py"))

    assert requests
    assert [name for name in requests if f'"{name}"' not in tests] == []
