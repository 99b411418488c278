"""Commands on whole segments of the audit log: seal and export them, drop them when their time is over, hold patients."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from app.cli.common import DEFAULT_DATA, FAILED, AsJson, ConfigFile, DataFolder, house_of, show
from app.cli.identities import operator
from arr.retention import Segment

BeforeOption = Annotated[
    datetime | None, typer.Option("--before", formats=["%Y-%m-%d"], help="Only what came before this day (UTC).")
]
FolderArgument = Annotated[Path, typer.Argument(help="Folder of the exports.", file_okay=False, exists=True, writable=True)]
PatientArgument = Annotated[str, typer.Argument(help="Patient id as id^^^&OID&ISO; all of hers count.")]


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    for command in (segments, seal, retain, hold, release, holds):
        app.command()(command)


def segments(config: ConfigFile = None, data: DataFolder = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """List the segments of the log: which records, when they came, and whether they are sealed or dropped."""
    with house_of(config, data) as house:
        found = house.retention.segments(operator())
    show((_row(segment) for segment in found), as_json=as_json)


def seal(
    folder: FolderArgument,
    before: BeforeOption = None,
    config: ConfigFile = None,
    data: DataFolder = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Check every full segment against chain and tree, export it into FOLDER and sign that it is sealed. It is itself recorded."""
    with house_of(config, data) as house:
        show((_row(segment) for segment in house.retention.seal(folder, operator(), _utc(before))), as_json=as_json)


def retain(
    folder: FolderArgument,
    why: Annotated[str, typer.Option("--why", help="Reason, as it stands in the tombstones.")] = "",
    before: BeforeOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be dropped.")] = False,
    config: ConfigFile = None,
    data: DataFolder = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Drop sealed segments older than `arr.retention_years`, leaving signed tombstones. Exports must be in FOLDER. It is recorded.

    On PostgreSQL the role of the database's address must own the tables.
    """
    if not why and not dry_run:
        raise typer.BadParameter("it is needed unless with --dry-run", param_hint="--why")
    done = "would be dropped" if dry_run else "dropped"
    with house_of(config, data) as house:
        fates = house.retention.retain(folder, operator(), why, before=_utc(before), is_rehearsal=dry_run)
        rows = ({**_row(f.segment), "state": f"kept: {f.kept_because.value}" if f.kept_because else done} for f in fates)
        show(rows, as_json=as_json)


def hold(
    patient: PatientArgument,
    why: Annotated[str, typer.Option("--why", help="Reason.")],
    config: ConfigFile = None,
    data: DataFolder = DEFAULT_DATA,
) -> None:
    """Keep every segment that a patient occurs in, however old, until she is released. It is itself recorded."""
    with house_of(config, data) as house:
        house.retention.hold(patient, why, operator())


def release(patient: PatientArgument, config: ConfigFile = None, data: DataFolder = DEFAULT_DATA) -> None:
    """End a hold. It is itself recorded."""
    with house_of(config, data) as house:
        was_held = house.retention.release(patient, operator())
    if not was_held:
        typer.echo("she was not held", err=True)
        raise typer.Exit(FAILED)


def holds(config: ConfigFile = None, data: DataFolder = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """List the patients whose records are held. It is itself recorded."""
    with house_of(config, data) as house:
        found = house.retention.holds(operator())
    rows = ({"patient": one.patient, "since": _moment(one.held_at), "by": one.held_by, "why": one.why} for one in found)
    show(rows, as_json=as_json)


def _row(segment: Segment) -> dict[str, object]:
    return {
        "first": segment.first,
        "last": segment.last,
        "from": _moment(segment.since),
        "to": _moment(segment.until),
        "state": segment.state.value,
    }


def _moment(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="seconds")


def _utc(day: datetime | None) -> datetime | None:
    return day.replace(tzinfo=UTC) if day else None
