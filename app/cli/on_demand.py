"""Commands on documents that are made when they are asked for: on-demand add."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from app.cli.clients import parse_code
from app.cli.common import DEFAULT_DATA, AsJson, ConfigFile, DataFolder, house_of, show_one
from app.cli.identities import operator
from app.client_metadata import LOINC, DocumentFile, FileFacts, SubmissionMetadata, submission_of
from app.client_patients import parse_patient
from ebrim.model import CodedValue, EntryType, Submission
from kernel.codes import Code
from kernel.identifiers import PatientId, new_entry_uuid
from kernel.times import dtm_of
from repository.patient_summary import PatientSummary

app = typer.Typer(help="Documents that are made when they are asked for.", no_args_is_help=True)
SUMMARY = Code("60591-5", LOINC, "Patient summary Document")


@app.callback()
def on_demand() -> None:
    """Documents that are made when they are asked for."""


@app.command()
def add(
    patient: Annotated[str, typer.Option("--patient", help="Patient id as id^^^&OID&ISO.")],
    title: Annotated[str, typer.Option(help="Title of the summary.")] = "Patient summary",
    language: Annotated[str, typer.Option(help="Its language.")] = "en-US",
    confidentiality: Annotated[
        list[str] | None,
        typer.Option(help="Its confidentiality codes, as code^name^scheme; documents with any other code are not listed in it."),
    ] = None,
    config: ConfigFile = None,
    data: DataFolder = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Register a patient summary (ITI-61) that is made of her registered documents whenever somebody retrieves it."""
    codes = tuple(filter(None, (parse_code(text, "--confidentiality") for text in confidentiality or ())))
    with house_of(config, data) as house:
        submission = summary_of(parse_patient(patient), title, language, codes, now=dtm_of(house.clock()))
        house.on_demand.register(submission, PatientSummary.name, operator())
    show_one({"unique_id": submission.entries[0].unique_id}, as_json=as_json)


def summary_of(patient: PatientId, title: str, language: str, confidentiality: tuple[Code, ...], *, now: str) -> Submission:
    """The set with its on-demand entry."""
    metadata = SubmissionMetadata(type_code=SUMMARY, language=language)
    facts = FileFacts(DocumentFile(Path("summary.xml"), title, "text/xml"), 0, "", "")
    stable = submission_of([facts], patient, metadata, now=now, new_uuid=new_entry_uuid)
    entry = replace(stable.entries[0], object_type=EntryType.ON_DEMAND.value, creation_time=(), hash=(), size=())
    if confidentiality:
        entry = replace(entry, confidentiality_codes=tuple(map(CodedValue, confidentiality)))
    return replace(stable, entries=(entry,))
