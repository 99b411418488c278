"""scripts.documents"""

from __future__ import annotations

import typer
from typer.core import TyperArgument

from app.cli.root import app
from kernel.errors import Condition
from scripts.documents import DOCUMENTS, FOLDER, configuration, errors, every_command


def test_the_committed_documents_are_what_make_docs_writes() -> None:
    stale = [name for name, make in DOCUMENTS.items() if (FOLDER / name).read_text(encoding="utf-8") != make()]

    assert stale == [], "run `make docs`"


def test_a_setting_stands_with_its_environment_name_bounds_and_default() -> None:
    lines = configuration().splitlines()

    threads = next(line for line in lines if line.startswith("| `http.threads`"))
    assert "`HIE_HTTP__THREADS` | whole number, 4 to 256 | `24` |" in threads


def test_the_fields_of_a_list_of_tables_are_told_too() -> None:
    text = configuration()

    sources = text[text.index("### [[affinity.sources]]") :]
    assert "| `application` | text | to be given |" in sources


def test_every_condition_has_one_row() -> None:
    rows = [line.split("`")[1] for line in errors().splitlines() if line.startswith("| `")]

    assert rows == [condition.name for condition in Condition]


def test_every_command_argument_and_option_says_what_it_is_for() -> None:
    silent = [
        f"{' '.join(path)} {parameter.name}"
        for path, command in every_command(typer.main.get_command(app), ("hie",))
        for parameter in command.params
        if not parameter.help and not (getattr(parameter, "hidden", False) and not isinstance(parameter, TyperArgument))
    ]

    assert silent == []


def test_every_command_says_what_it_does() -> None:
    commands = every_command(typer.main.get_command(app), ("hie",))

    assert [path for path, command in commands if not command.help] == []
