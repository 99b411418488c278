"""What the commands share: settings, the house, tables or JSON, errors."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table

from app.settings import Loaded, default_file, load_settings, present_environment
from app.wiring import House
from kernel.errors import HieError, Unavailable

FAILED: Final = 1
USAGE: Final = 2
AWAY: Final = 3

ConfigFile = Annotated[Path | None, typer.Option("--config", help="Settings file (TOML); hie.toml of this folder by default.")]
DataFolder = Annotated[Path, typer.Option("--data", help="Folder of the embedded database and of documents.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
DEFAULT_DATA: Final = Path("data")


def settings_of(config: Path | None, overrides: Mapping[str, str] | None = None) -> Loaded:
    """The settings in force for a command."""
    return load_settings(config or default_file(), present_environment(), overrides)


@contextmanager
def house_of(config: Path | None, data: Path) -> Iterator[House]:
    """The services, for a command that works on the store itself; nothing listens."""
    house = House(settings_of(config).settings, data)
    try:
        house.require_migrated()
        yield house
    finally:
        house.close()


def show(rows: Iterable[Mapping[str, object]], *, as_json: bool, title: str = "") -> None:
    """A table on a terminal, tab-separated lines elsewhere, or a JSON array."""
    found = list(rows)
    if as_json:
        typer.echo(json.dumps(found, default=plain, ensure_ascii=False, indent=2))
        return
    if not found:
        typer.echo("nothing found", err=True)
        return
    names = list(found[0])
    if not sys.stdout.isatty():
        typer.echo("\t".join(names))
        for row in found:
            typer.echo("\t".join(_cell(row.get(name)) for name in names))
        return
    table = Table(*names, title=title or None)
    for row in found:
        table.add_row(*(_cell(row.get(name)) for name in names))
    Console().print(table)


def show_one(value: Mapping[str, object], *, as_json: bool) -> None:
    """Names and values, or a JSON object."""
    if as_json:
        typer.echo(json.dumps(value, default=plain, ensure_ascii=False, indent=2))
        return
    width = max((len(name) for name in value), default=0)
    for name, content in value.items():
        typer.echo(f"{name:<{width}}  {_cell(content)}")


def plain(value: object) -> Any:
    """Values that JSON does not know, as what they hold."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, bytes):
        return value.hex()
    return str(value)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, (list, tuple)):
        return ", ".join(_cell(v) for v in value)
    # control characters of other people's data stay out of the terminal
    return "".join(c if c.isprintable() else "?" for c in str(value.value if isinstance(value, Enum) else value))


def report_error(problem: HieError) -> int:
    """Says on standard error what is wrong and where; the exit code."""
    for found in problem.violations:
        place = f"{found.where}: " if found.where else ""
        sys.stderr.write(f"{found.severity.value}: {place}{found.condition.value}: {found.detail}\n")
    return AWAY if isinstance(problem, Unavailable) else FAILED


def lines_of(title: str, values: Sequence[str]) -> None:
    """A heading and indented lines."""
    typer.echo(title)
    for value in values:
        typer.echo(f"  {value}")
