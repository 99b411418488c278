"""Commands on the affinity domain and the whole store: codes import, verify."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from affinity.code_files import read_codes
from affinity.service import Imported
from app.cli.common import DEFAULT_DATA, FAILED, AsJson, ConfigFile, DataFolder, house_of, show, show_one
from app.cli.identities import operator
from app.verification import verify_store
from atna.message import Outcome
from atna.system_events import security_configuration_changed

codes = typer.Typer(help="Code sets of the affinity domain.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    app.add_typer(codes, name="codes")
    app.command("verify")(verify)


@codes.command("import")
def codes_import(
    file: Annotated[Path, typer.Argument(help="codes.xml or CSV.", exists=True, dir_okay=False)],
    config: ConfigFile = None,
    data: DataFolder = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Replace the code sets of the attributes that a file names; from then on other codes are refused."""
    with house_of(config, data) as house:

        def audit(imported: Imported) -> bytes:
            details = (("codes", str(imported.codes).encode()), ("new authorities", str(imported.authorities).encode()))
            event = security_configuration_changed(
                house.audit_context,
                operator(),
                when=house.clock(),
                outcome=Outcome.SUCCESS,
                changed="urn:affinity:codes",
                details=details,
            )
            return event.to_xml()

        done = house.affinity.import_codes(read_codes(file.read_bytes()), audit=audit)
    show_one({"codes": done.codes, "new authorities": done.authorities}, as_json=as_json)


def verify(config: ConfigFile = None, data: DataFolder = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Check invariants over the whole store: tables, audit chain, documents, registry, work given up; exit 1 if one is broken."""
    with house_of(config, data) as house:
        found = list(verify_store(house, operator()))
    show(({"check": f.check, "state": f.state, "detail": f.detail} for f in found), as_json=as_json)
    if any(f.state != "ok" for f in found):
        raise typer.Exit(FAILED)
