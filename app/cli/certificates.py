"""Commands on certificates: a test authority for trials, and what a handshake comes to."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from app.certificates import check_handshake, make_test_authority
from app.cli.common import FAILED, AsJson, show, show_one
from kernel.times import system_clock
from kernel.tls import TlsFiles

app = typer.Typer(no_args_is_help=True)


@app.command("make-test-ca")
def make_test_ca(
    folder: Annotated[Path, typer.Argument(help="A folder that is not there yet.")],
    node: Annotated[list[str] | None, typer.Option(help="Host name or address of a node; localhost is always made.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make an authority for trials and a certificate for each node. Never for production."""
    try:
        made = make_test_authority(folder, node or (), system_clock())
    except FileExistsError:
        raise typer.BadParameter("it is there already", param_hint="FOLDER") from None
    show(
        ({"node": name, "certificate": f.certificate, "key": f.key, "trust": f.trust} for name, f in made.items()), as_json=as_json
    )


@app.command("check")
def check(
    address: Annotated[str, typer.Argument(help="host:port of a TLS listener.")],
    cert: Annotated[Path | None, typer.Option(help="Our certificate (PEM).")] = None,
    key: Annotated[Path | None, typer.Option(help="Our key (PEM).")] = None,
    ca: Annotated[Path | None, typer.Option(help="Authorities to trust (PEM).")] = None,
    as_json: AsJson = False,
) -> None:
    """Shake hands with a listener as we would in earnest, and say in words what came of it."""
    host, mark, port = address.rpartition(":")
    if not mark or not port.isdigit():
        raise typer.BadParameter("host:port is needed", param_hint="ADDRESS")
    if (cert is None) != (key is None):
        raise typer.BadParameter("a certificate and its key are given together", param_hint="--cert, --key")
    files = TlsFiles(cert, key, ca) if cert and key else None
    report = check_handshake(host, int(port), files, now=system_clock(), trust=ca)
    show_one(asdict(report), as_json=as_json)
    if report.problem:
        raise typer.Exit(FAILED)
