"""Commands on the audit record repository: search, verify, export."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from app.cli.common import DEFAULT_DATA, FAILED, AsJson, ConfigFile, DataFolder, house_of, show, show_one
from app.cli.identities import operator
from arr.model import AuditRecord, AuditSearch
from arr.report_csv import csv as as_csv
from arr.report_pdf import pdf as as_pdf
from arr.reports import Asked, Kind, make_report
from atna.message import Indicator

app = typer.Typer(no_args_is_help=True)

_MOMENTS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]
PatientOption = Annotated[list[str] | None, typer.Option("--patient", help="Patient id as id^^^&OID&ISO; finds all of hers.")]
UserOption = Annotated[list[str] | None, typer.Option("--user", help="User or system, as the records name it.")]
SourceOption = Annotated[list[str] | None, typer.Option("--source", help="System that reported it (AuditSourceID).")]
RoleOption = Annotated[list[str] | None, typer.Option("--role", help="Role of somebody who took part, as a code.")]
PurposeOption = Annotated[list[str] | None, typer.Option("--purpose", help="Purpose of use, as a code.")]
ObjectOption = Annotated[list[str] | None, typer.Option("--object", help="Document, submission set or other object, by its id.")]
OutcomeOption = Annotated[
    list[int] | None, typer.Option("--outcome", help="0 success, 4 minor, 8 serious, 12 major failure.", min=0, max=12)
]
TextOption = Annotated[str, typer.Option("--text", help="Words of names, reasons and details; all of them must be there.")]
EventOption = Annotated[list[str] | None, typer.Option("--event", help="Event, as ITI-43 or 110112.")]
DayOption = Annotated[datetime | None, typer.Option("--day", formats=["%Y-%m-%d"], help="A day (UTC).")]
SinceOption = Annotated[datetime | None, typer.Option("--since", formats=_MOMENTS, help="At this moment (UTC) or later.")]
UntilOption = Annotated[datetime | None, typer.Option("--until", formats=_MOMENTS, help="Before this moment (UTC).")]


@dataclass(frozen=True, slots=True)
class _Period:
    """When: a day, or from a moment to another."""

    day: datetime | None
    since: datetime | None
    until: datetime | None

    @property
    def ends(self) -> tuple[datetime | None, datetime | None]:
        """From when to before when, in UTC."""
        day, since, until = (m.replace(tzinfo=UTC) if m else None for m in (self.day, self.since, self.until))
        return (day, day + timedelta(days=1)) if day is not None else (since, until)


def _wanted(period: _Period, text: str, outcomes: list[int] | None, **lists: list[str] | None) -> AuditSearch:
    since, until = period.ends
    try:
        indicators = tuple(Indicator(o) for o in outcomes or ())
    except ValueError:
        raise typer.BadParameter("it is 0, 4, 8 or 12", param_hint="--outcome") from None
    return AuditSearch(since=since, until=until, text=text, outcomes=indicators).narrowed(lists)


@app.command()
def search(
    patient: PatientOption = None,
    user: UserOption = None,
    event: EventOption = None,
    source: SourceOption = None,
    role: RoleOption = None,
    purpose: PurposeOption = None,
    thing: ObjectOption = None,
    outcome: OutcomeOption = None,
    text: TextOption = "",
    day: DayOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="Most records shown.")] = 50,
    config: ConfigFile = None,
    data: DataFolder = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Find audit records, newest first. The search is itself recorded."""
    lists = {"patients": patient, "users": user, "events": event, "sources": source, "roles": role}
    wanted = _wanted(_Period(day, since, until), text, outcome, **lists, purposes=purpose, objects=thing)
    with house_of(config, data) as house:
        page = house.arr.search(wanted, operator(), limit=limit)
    show((_row(record) for record in page.records), as_json=as_json)
    if page.following is not None:
        typer.echo("there are more; narrow the period or raise --limit", err=True)


def _row(record: AuditRecord) -> dict[str, object]:
    message = record.message
    return {
        "record": record.sequence,
        "at": datetime.fromtimestamp(record.summary.event_at / 1000, UTC).isoformat(timespec="milliseconds"),
        "event": record.summary.event_type or record.summary.event_code or "unreadable",
        "action": record.summary.action,
        "outcome": record.summary.outcome,
        "who": [p.user_name or p.user_id for p in message.participants if p.is_requestor] if message else [],
        "about": [o.id for o in message.objects] if message else [],
    }


@app.command()
def report(
    kind: Annotated[Kind, typer.Argument(help="What is asked.")],
    patient: Annotated[str, typer.Option("--patient", help="Patient id as id^^^&OID&ISO; finds all of hers.")] = "",
    user: Annotated[str, typer.Option("--user", help="User or system, as the records name it.")] = "",
    since: SinceOption = None,
    until: UntilOption = None,
    pdf: Annotated[Path | None, typer.Option("--pdf", help="Write a PDF instead.")] = None,
    table: Annotated[Path | None, typer.Option("--csv", help="Write CSV instead.")] = None,
    config: ConfigFile = None,
    data: DataFolder = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Report on the log: who saw a patient, what a user did, failures by node, break-glass, daily counts. It is itself recorded."""
    begin, end = _Period(None, since, until).ends
    with house_of(config, data) as house:
        made = make_report(house.arr, Asked(kind, patient, user, begin, end), operator(), house.clock())
        font = house.settings.arr.report_font
    if pdf is not None:
        pdf.write_bytes(as_pdf(made, font))
    if table is not None:
        table.write_text(as_csv(made), encoding="utf-8")
    if pdf is None and table is None:
        show((dict(zip(made.columns, row, strict=True)) for row in made.rows), as_json=as_json, title=kind.title)
        for name, value in made.about:
            typer.echo(f"{name}: {value}", err=True)
    if made.is_cut:
        typer.echo("there are more; narrow the period", err=True)


@app.command()
def verify(
    deep: Annotated[bool, typer.Option("--deep", help="Read every message again as well.")] = False,
    config: ConfigFile = None,
    data: DataFolder = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Check the hash chain and the signed heads over all records; exit 1 when anything was changed."""
    with house_of(config, data) as house:
        report = house.arr.verify(operator(), deep=deep)
    if report.faults or as_json:
        show((asdict(fault) for fault in report.faults), as_json=as_json)
    dropped = f"{report.dropped} dropped by signed tombstones, " if report.dropped else ""
    signed = f"signed up to record {report.signed_up_to}" if report.signed_up_to else "not signed"
    typer.echo(f"{report.records} records, {dropped}{report.fault_count} faults, {signed}", err=as_json)
    if not report.is_whole:
        raise typer.Exit(FAILED)


@app.command()
def prove(
    record: Annotated[int, typer.Argument(help="Number of a record.")],
    config: ConfigFile = None,
    data: DataFolder = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Prove that a record is in the log whose head is signed."""
    with house_of(config, data) as house:
        proof = house.arr.prove(record, operator())
    if proof is None:
        typer.echo("there is no such record", err=True)
        raise typer.Exit(FAILED)
    show_one(
        {"record": record, "hash": proof.record.hash.hex(), "path": [step.hex() for step in proof.path], "head": proof.head.text},
        as_json=as_json,
    )


@app.command()
def export(
    out: Annotated[Path | None, typer.Option(help="File to write; standard output by default.")] = None,
    patient: PatientOption = None,
    user: UserOption = None,
    event: EventOption = None,
    source: SourceOption = None,
    role: RoleOption = None,
    purpose: PurposeOption = None,
    thing: ObjectOption = None,
    outcome: OutcomeOption = None,
    text: TextOption = "",
    day: DayOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    config: ConfigFile = None,
    data: DataFolder = DEFAULT_DATA,
) -> None:
    """Write records as lines of JSON, with the bytes received and what proves them. The export is itself recorded."""
    if out is not None and out.exists():
        raise typer.BadParameter("it is there already", param_hint="--out")
    lists = {"patients": patient, "users": user, "events": event, "sources": source, "roles": role}
    wanted = _wanted(_Period(day, since, until), text, outcome, **lists, purposes=purpose, objects=thing)
    with house_of(config, data) as house:
        lines = house.arr.export(wanted, operator())
        if out is None:
            _write(lines)
        else:
            with out.open("xb") as file:
                file.writelines(lines)


def _write(lines: Iterator[bytes]) -> None:
    for line in lines:
        sys.stdout.buffer.write(line)
