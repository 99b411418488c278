"""Commands on the keys of stored documents: storage new-key, keys, rewrap."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from app.cli.common import DEFAULT_DATA, AsJson, ConfigFile, DataFolder, house_of, show, show_one
from app.settings import SettingsProblem
from repository.keyring import Keyring, MasterKeys, new_key_line

app = typer.Typer(help="Keys of documents that are sealed at rest.", no_args_is_help=True)


@contextmanager
def _keyring(config: Path | None, data: Path) -> Iterator[Keyring]:
    with house_of(config, data) as house:
        if house.keyring is None:
            raise SettingsProblem("storage.key_file: none is set, so documents are not sealed")
        yield house.keyring


@app.command("new-key")
def new_key(
    file: Annotated[Path, typer.Argument(help="File of master keys; made where there is none.", dir_okay=False)],
) -> None:
    """Put a fresh master key in front of those of a file. Restart the service, then `rewrap`, then take the old lines out."""
    present = file.read_text(encoding="ascii") if file.exists() else ""
    unfinished = file.with_name(f"{file.name}.part")
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as target:
        target.write(f"{new_key_line()}\n{present}")
        target.flush()
        os.fsync(target.fileno())
    if present:  # the service may run as somebody else, who has to read it as before
        shutil.copymode(file, unfinished)
        shutil.chown(unfinished, file.stat().st_uid, file.stat().st_gid)
    unfinished.replace(file)
    typer.echo(f"{file}: its first key is {MasterKeys.read(file).current.hex()}")


@app.command()
def keys(config: ConfigFile = None, data: DataFolder = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """The data keys, when each was made, and the master key that wraps it."""
    with _keyring(config, data) as keyring:
        found = sorted(keyring.all(), key=lambda key: key.made_at)
    rows = ({"key": k.name, "made at": k.made_at.isoformat(timespec="seconds"), "wrapped by": k.wrapped_by.hex()} for k in found)
    show(rows, as_json=as_json)


@app.command()
def rewrap(config: ConfigFile = None, data: DataFolder = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Wrap every data key by the first master key of the file. No document is written; the old lines may go afterwards."""
    with _keyring(config, data) as keyring:
        changed = keyring.rewrap()
        total = len(list(keyring.all()))
    show_one({"rewrapped": changed, "data keys": total}, as_json=as_json)
