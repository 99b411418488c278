"""`hie demo`: the whole service with an invented population, and the main job played through it."""

from __future__ import annotations

import socket
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import sqlalchemy as sa
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from app.cli.common import FAILED
from app.demo.play import Play, Stage
from app.serving import start_http, start_listeners, start_work, told_to_stop
from app.settings import Settings, load_settings
from app.wiring import House
from console.store import Role
from kernel.errors import HieError
from kernel.logs import configure_logs
from kernel.outbox import AUDIT_OUTBOX, OUTBOX

_OVERRIDES = {"affinity.accept_new_authorities": "true", "syslog.listen_udp": "", "syslog.listen_tls": ""}


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(demo)


def demo(
    once: Annotated[bool, typer.Option("--once", help="Play it and exit: 0, or 1 where a step failed.")] = False,
    data: Annotated[Path | None, typer.Option(help="Folder to keep everything in; a temporary one by default.")] = None,
) -> None:
    """Start everything on this machine alone, play the main job over the real wires, and serve until Ctrl-C."""
    with ExitStack() as stack:
        folder = data or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="affinity-demo-")))
        settings = _settings()
        configure_logs("ERROR", "text")
        told = told_to_stop()
        house = House(settings, folder, is_demo=True)
        stack.callback(house.close)
        house.migrate_or_refuse()
        house.begin(stack)
        start_work(house, stack)
        start_listeners(house, stack)
        start_http(house, stack)
        played = _played(house)
        if played is None or once:
            raise typer.Exit(FAILED if played is None else 0)
        _tell(house, folder, played)
        told.wait()


def _settings() -> Settings:
    overrides = {**_OVERRIDES, "http.listen": _free("127.0.0.1", 8080), "mllp.listen": _free("127.0.0.1", 2575)}
    return load_settings(None, {}, overrides).settings


def _free(host: str, wanted: int) -> str:
    """The usual port, or a free one where somebody listens there already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, wanted))
        except OSError:
            probe.bind((host, 0))
        return f"{host}:{probe.getsockname()[1]}"


def _played(house: House) -> Play | None:
    """Plays every step with its progress; None when one failed."""
    out = Console()
    bar = Progress(TextColumn("{task.description}"), BarColumn(), console=out, transient=True, disable=not out.is_terminal)
    with bar:
        task = bar.add_task("", total=1.0)
        http = house.settings.http.listen
        stage = Stage(
            f"http://{http}",
            house.settings.mllp.listen,
            house.affinity.domain().own.authority,
            lambda name, role: house.sign_in_link(name, role, f"http://{http}"),
            _is_idle(house),
        )
        play = Play(stage, lambda _text, done: bar.update(task, completed=done))
        for sentence, act in play.steps():
            bar.update(task, description=sentence, completed=0)
            began = time.perf_counter()
            try:
                result = act()
            except HieError as problem:
                out.print(f"FAILED  {sentence}: {problem.detail}", markup=False, highlight=False)
                return None
            out.print(f"ok  {sentence}: {result} ({time.perf_counter() - began:.1f} s)", markup=False, highlight=False)
    return play


def _is_idle(house: House) -> Callable[[], bool]:
    def is_idle() -> bool:
        with house.database.read() as connection:
            return all(connection.execute(sa.select(table.c.id).limit(1)).first() is None for table in (OUTBOX, AUDIT_OUTBOX))

    return is_idle


def _tell(house: House, folder: Path, played: Play) -> None:
    http, mllp = house.settings.http.listen, house.settings.mllp.listen
    base = f"http://{http}"
    write = sys.stdout.write
    write(f"\nSOAP   {base}/xds/registry  {base}/xds/repository  {base}/pix  {base}/pdq   (?wsdl)\n")
    write(f"MLLP   {mllp}\n")
    for role in (Role.ADMINISTRATOR, Role.AUDITOR):
        write(f"Console as {role.value}, once: {house.sign_in_link(f'Demo {role.value}', role, base)}\n")
    options = "" if http.endswith(":8080") else f" --url {base}"
    v2 = "" if mllp.endswith(":2575") else f" --mllp {mllp}"
    document, patient = next(iter(played.sent)), played.patients[0].cx
    write(
        "\nTo copy (after `. .venv/bin/activate`):\n"
        f"  hie pdq --family 'Lind*'{v2}\n"
        f"  hie pix 'A90001^^^ALDER&2.999.10.1&ISO'{v2}\n"
        f"  hie find --patient '{patient}'{options}\n"
        f"  hie retrieve {document} --out document{options}\n"
        f"  hie audit search --patient '{patient}' --data {folder}\n"
        "\nCtrl-C ends it.\n"
    )
    sys.stdout.flush()
