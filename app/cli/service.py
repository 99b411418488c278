"""Commands for operators: serve, worker, db, config, doctor, console link."""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
from typing import Annotated

import typer

from app import migrations
from app.cli.common import AWAY, DEFAULT_DATA, FAILED, AsJson, ConfigFile, DataFolder, house_of, settings_of, show
from app.doctor import examine
from app.serving import serve_until_told, work_until_told
from app.settings import shown
from app.wiring import House
from console.store import Role

db = typer.Typer(help="The tables.", no_args_is_help=True)
config_app = typer.Typer(help="The settings.", no_args_is_help=True)
console_app = typer.Typer(help="The web console.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command()(serve)
    app.command()(worker)
    app.command()(doctor)
    app.add_typer(db, name="db")
    app.add_typer(config_app, name="config")
    app.add_typer(console_app, name="console")


def serve(
    config: ConfigFile = None,
    data: DataFolder = DEFAULT_DATA,
    http: Annotated[str | None, typer.Option(help="host:port of HTTP.")] = None,
    mllp: Annotated[str | None, typer.Option(help="host:port of HL7 v2.")] = None,
    syslog_udp: Annotated[str | None, typer.Option(help="host:port of audit messages over UDP.")] = None,
    syslog_tls: Annotated[str | None, typer.Option(help="host:port of audit messages over TLS.")] = None,
    part: Annotated[str, typer.Option(hidden=True)] = "all",
) -> None:
    """Start everything. Prints `ready` when every listener accepts; SIGTERM ends it after what was accepted."""
    given = {"http.listen": http, "mllp.listen": mllp, "syslog.listen_udp": syslog_udp, "syslog.listen_tls": syslog_tls}
    overrides = {name: value for name, value in given.items() if value is not None}
    loaded = settings_of(config, overrides)
    sys.exit(serve_until_told(loaded.settings, data, part=part))


def worker(config: ConfigFile = None, data: DataFolder = DEFAULT_DATA) -> None:
    """Work off the outbox: matching, audit, periodic jobs. For a worker beside `serve`, with a broker both reach."""
    sys.exit(work_until_told(settings_of(config).settings, data))


@db.command("upgrade")
def db_upgrade(config: ConfigFile = None, data: DataFolder = DEFAULT_DATA) -> None:
    """Bring the tables up to this release."""
    house = House(settings_of(config).settings, data)
    try:
        for step in house.migrate():
            typer.echo(step)
    finally:
        house.close()


@db.command("grants")
def db_grants(role: Annotated[str, typer.Argument(help="Role that the service shall use.")]) -> None:
    """Print what a PostgreSQL role needs to run the service; it can add audit records, and change or remove none."""
    for statement in migrations.grants(role):
        typer.echo(statement)


@db.command("check")
def db_check(config: ConfigFile = None, data: DataFolder = DEFAULT_DATA) -> None:
    """Say which tables are behind this release; exit 1 when some are."""
    house = House(settings_of(config).settings, data)
    try:
        late = house.behind()
    finally:
        house.close()
    for name in late:
        typer.echo(f"{name}: run `hie db upgrade`")
    if late:
        raise typer.Exit(FAILED)
    typer.echo("the tables are those of this release")


@config_app.command("show")
def config_show(
    config: ConfigFile = None,
    why: Annotated[bool, typer.Option("--why", help="Also where each value came from.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show the settings in force, secrets masked."""
    loaded = settings_of(config)
    rows = ({"setting": name, "value": value, **({"from": origin} if why else {})} for name, value, origin in shown(loaded))
    show(rows, as_json=as_json)


def doctor(
    config: ConfigFile = None,
    data: DataFolder = DEFAULT_DATA,
    ready: Annotated[str, typer.Option(help="Only ask a running service at this address whether it is ready.")] = "",
    as_json: AsJson = False,
) -> None:
    """Check what the service needs, and say how to mend what is missing."""
    if ready:
        raise typer.Exit(_is_ready(ready))
    found = list(examine(settings_of(config).settings, data))
    show(({"check": f.name, "state": f.state, "advice": f.advice} for f in found), as_json=as_json)
    if any(f.state != "ok" for f in found):
        raise typer.Exit(FAILED)


def _is_ready(address: str) -> int:
    if not address.startswith(("http://", "https://")):
        address = f"http://{address}"
    try:
        with urllib.request.urlopen(f"{address.rstrip('/')}/readyz", timeout=5) as answer:  # noqa: S310 - http only, above
            typer.echo(answer.read().decode())
            return 0
    except urllib.error.HTTPError as problem:
        typer.echo(json.dumps({"status": problem.code, "report": problem.read().decode(errors="replace")}))
        return FAILED
    except OSError as problem:
        typer.echo(f"no answer: {problem}", err=True)
        return AWAY


@console_app.command("link")
def console_link(
    role: Annotated[Role, typer.Option(help="What the person may see.")],
    name: Annotated[str, typer.Option(help="The person's name, as audit records shall show it.")],
    address: Annotated[str, typer.Option(help="Address of the service.")] = "",
    config: ConfigFile = None,
    data: DataFolder = DEFAULT_DATA,
) -> None:
    """Make a one-time sign-in link for a person."""
    with house_of(config, data) as house:
        typer.echo(house.sign_in_link(name, role, address))
