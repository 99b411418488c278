"""Commands that copy the whole store and put a copy back: backup create, backup restore."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from app import backup
from app.cli.common import DEFAULT_DATA, FAILED, AsJson, ConfigFile, DataFolder, house_of, settings_of, show, show_one
from app.cli.identities import operator
from app.verification import verify_store
from kernel.times import system_clock

app = typer.Typer(help="Copies of the whole store.", no_args_is_help=True)
Folder = Annotated[Path, typer.Argument(help="Folder of the copy.", file_okay=False)]


@app.command()
def create(folder: Folder, config: ConfigFile = None, data: DataFolder = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Copy database, documents, the audit log's key and its witness into a new folder; the service may run meanwhile."""
    settings = settings_of(config).settings
    try:
        manifest = backup.create(settings, data, folder, clock=system_clock)
    except backup.BackupProblem as problem:
        typer.echo(f"error: {problem}", err=True)
        raise typer.Exit(FAILED) from None
    show_one(asdict(manifest), as_json=as_json)
    if manifest.object_store:
        typer.echo("The documents are in the object store and were not copied; keep its versions.", err=True)
    if settings.storage.key_file is not None:
        typer.echo("The documents are sealed: keep the key file of storage.key_file somewhere else.", err=True)


@app.command()
def restore(folder: Folder, config: ConfigFile = None, data: DataFolder = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Put a copy back into an empty data folder or database, and verify the whole store; exit 1 if anything is amiss."""
    try:
        backup.restore(settings_of(config).settings, data, folder)
    except backup.BackupProblem as problem:
        typer.echo(f"error: {problem}", err=True)
        raise typer.Exit(FAILED) from None
    with house_of(config, data) as house:
        found = list(verify_store(house, operator()))
    show(({"check": f.check, "state": f.state, "detail": f.detail} for f in found), as_json=as_json)
    if any(f.state != "ok" for f in found):
        raise typer.Exit(FAILED)
