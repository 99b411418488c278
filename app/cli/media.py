"""Commands on exchanged media: import xdm."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from app import xdm
from app.cli.clients import DEFAULT_URL, Ca, Certificate, Timeout, Url, client_tls, say_warnings, xds_client
from app.cli.common import FAILED, AsJson, report_error, show
from app.client import ProvidedFile, XdsClient
from app.client_patients import parse_patient
from kernel.errors import Rejected

app = typer.Typer(help="Take in what came on media.", no_args_is_help=True)


@app.callback()
def media() -> None:
    """Take in what came on media."""


@app.command("xdm")
def import_xdm(
    file: Annotated[Path, typer.Argument(help="ZIP file with IHE_XDM in it.", exists=True, dir_okay=False)],
    patient: Annotated[
        str,
        typer.Option("--patient", help="Whose documents they are here, as id^^^&OID&ISO; by default as the media say."),
    ] = "",
    url: Url = DEFAULT_URL,
    timeout: Timeout = 300.0,
    ca: Ca = None,
    cert: Certificate = None,
    as_json: AsJson = False,
) -> None:
    """Provide and register (ITI-41) every submission set of an XDM file, each by itself; exit 1 when one was refused."""
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as work, xds_client(url, timeout, client_tls(ca, cert)) as client:
        documents = Path(work) / "documents"
        documents.mkdir()
        with xdm.opened(file, documents) as opened:
            rows = [_imported(opened, folder, patient, client) for folder in opened.folders()]
    show(rows, as_json=as_json)
    if any(row["answer"] != "registered" for row in rows):
        raise typer.Exit(FAILED)


def _imported(opened: xdm.Media, folder: str, patient: str, client: XdsClient) -> dict[str, object]:
    """What became of one set; a refusal is told, and the next one has its turn."""
    row: dict[str, object] = {"folder": folder, "submission_set": "", "documents": 0, "answer": "refused"}
    try:
        found = opened.read(folder)
        submission = xdm.for_patient(found.submission, parse_patient(patient)) if patient else found.submission
        held = submission.submission_set
        row |= {"submission_set": held.unique_id if held else "", "documents": len(found.documents)}
        say_warnings(client.provide(submission, [ProvidedFile(d.entry_id, d.path, d.size) for d in found.documents]))
    except Rejected as no:
        report_error(no)
        return row
    finally:
        opened.forget()
    return row | {"answer": "registered"}
