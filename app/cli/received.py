"""Commands on submissions that were received with limited metadata (XDR): received list, received file."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from app.cli.clients import parse_code, say_warnings
from app.cli.common import DEFAULT_DATA, AsJson, ConfigFile, DataFolder, house_of, show, show_one
from app.cli.identities import operator
from app.client_metadata import CLASS, SubmissionMetadata
from app.client_patients import parse_patient
from app.completing import completed
from kernel.times import dtm_of

app = typer.Typer(help="Submissions that were received with limited metadata (XDR).", no_args_is_help=True)


@app.command("list")
def list_(config: ConfigFile = None, data: DataFolder = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """What waits to be filed, the oldest first."""
    with house_of(config, data) as house:
        receipts = house.recipient.waiting()
        found = [(receipt, house.recipient.submission(receipt.set_unique_id)) for receipt in receipts]
    rows = (
        {
            "submission_set": receipt.set_unique_id,
            "received": datetime.fromtimestamp(receipt.received_at / 1000, UTC).isoformat(timespec="seconds"),
            "from": receipt.source,
            "documents": [entry.title_text or entry.unique_id for entry in submission.entries],
        }
        for receipt, submission in found
    )
    show(rows, as_json=as_json)


@app.command()
def file(
    submission_set: Annotated[str, typer.Argument(help="uniqueId of the set, as `list` shows it.")],
    patient: Annotated[str, typer.Option("--patient", help="Whose documents they are, as id^^^&OID&ISO.")],
    class_code: Annotated[str, typer.Option(help="Class code where none was sent, as code^name^scheme.")] = "",
    type_code: Annotated[str, typer.Option(help="Type code where none was sent, as code^name^scheme.")] = "",
    format_code: Annotated[str, typer.Option(help="Format code where none was sent, as code^name^scheme.")] = "",
    confidentiality: Annotated[str, typer.Option(help="Confidentiality code where none was sent, as code^name^scheme.")] = "",
    config: ConfigFile = None,
    data: DataFolder = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Register what was received (ITI-42); what was sent stays, only what is missing is filled in."""
    metadata = SubmissionMetadata(
        class_code=parse_code(class_code, "--class-code") or CLASS,
        type_code=parse_code(type_code, "--type-code"),
        format_code=parse_code(format_code, "--format-code"),
        confidentiality_code=parse_code(confidentiality, "--confidentiality"),
    )
    with house_of(config, data) as house:
        received = house.recipient.submission(submission_set)
        whole = completed(received, parse_patient(patient), metadata, now=dtm_of(house.clock()))
        warnings = house.recipient.file(submission_set, whole, operator())
    say_warnings(tuple(warnings))
    show_one({"submission_set": submission_set, "documents": [entry.unique_id for entry in whole.entries]}, as_json=as_json)
