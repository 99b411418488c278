"""Commands on many records at once: import, export-clusters, train, relink, fairness, models."""

from __future__ import annotations

import csv
import gc
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from app.cli.common import DEFAULT_DATA, FAILED, AsJson, ConfigFile, DataFolder, settings_of, show, show_one
from app.cli.identities import operator
from app.wiring import House
from atna.message import AuditMessage, Outcome
from atna.system_events import exported, imported
from kernel.errors import HieError
from kernel.logs import configure_logs
from mpi.importing.calibrating import Calibrating
from mpi.importing.clusters import COLUMNS, Links, cluster_rows
from mpi.importing.linking import Applied, Proposal
from mpi.importing.loading import DEFAULT_SOURCE, Loaded, Loader, LoadOptions
from mpi.linkage.batch import patterns_of_pairs
from mpi.linkage.fairness import Served
from mpi.linkage.model import Model
from mpi.models import ModelVersion

models_app = typer.Typer(help="Models of record linkage.", no_args_is_help=True)
_MOST_PROCESSES: Final = 4
Report = Callable[[str], None]


class Matching(Enum):
    """How imported records are linked."""

    QUEUED = "queued"
    BATCH = "batch"
    NONE = "none"


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command("import")(import_records)
    app.command("export-clusters")(export_clusters)
    app.command()(train)
    app.command()(calibrate)
    app.command()(relink)
    app.command()(fairness)
    app.add_typer(models_app, name="model")


@contextmanager
def _house(config: Path | None, data: Path) -> Iterator[House]:
    """The services; an empty index gets its tables."""
    settings = settings_of(config).settings
    configure_logs("WARNING", settings.log.form)
    house = House(settings, data)
    # millions of rows that hold no rings: looking for rings among them again and again takes a quarter of the time
    gc.disable()
    try:
        house.migrate_or_refuse()
        yield house
    finally:
        gc.enable()
        house.close()


@contextmanager
def _bar(title: str) -> Iterator[tuple[Callable[[int, int], None], Report]]:
    """A progress bar on standard error where that is a terminal: what moves it, and what names the present step."""
    parts = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*parts, console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task(title, total=None)
        yield (
            lambda done, total: progress.update(task, completed=done, total=total),
            lambda step: progress.update(task, description=step, total=None),
        )


def import_records(
    file: Annotated[Path, typer.Argument(help="CSV file, UTF-8, with a header.", exists=True, dir_okay=False)],
    match: Annotated[
        Matching, typer.Option(help="Link by the workers, one by one; all at once after loading; or not at all.")
    ] = Matching.QUEUED,
    source: Annotated[str, typer.Option(help="Assigning authority of rows that name no source.")] = DEFAULT_SOURCE,
    errors: Annotated[Path | None, typer.Option(help="Where bad rows go; FILE.errors.csv by default.")] = None,
    config: ConfigFile = None,
    data: DataFolder = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Bring the records of a CSV file into the index; bad rows go to a file with the reason. A run cut short is begun again."""
    bad = errors or file.with_suffix(".errors.csv")
    with _house(config, data) as house, _bar("importing") as (moved, step):
        options = LoadOptions(is_queued=match is Matching.QUEUED, source=source, processes=_processes())
        loaded = _loaded(house, file, bad, options, moved)
        applied = _linked(house, step)[1] if match is Matching.BATCH else None
        # what was loaded is best matched by a model that knows it; workers take it up within seconds
        learnt = house.learning.learn() if match is Matching.QUEUED and loaded.added else None
    _tell(loaded, applied, bad, as_json=as_json, learnt=learnt)
    if loaded.refused and not loaded.added + loaded.unchanged:
        raise typer.Exit(FAILED)


def _processes() -> int:
    return min(os.cpu_count() or 1, _MOST_PROCESSES)


def _loaded(house: House, file: Path, bad: Path, options: LoadOptions, moved: Callable[[int, int], None]) -> Loaded:
    try:
        loaded = Loader(house.index).load(file, bad, options, moved)
    except HieError as problem:
        _record(house, _imported(house, file, Outcome.SERIOUS.because(problem.violations[0].condition.value), None))
        raise
    _record(house, _imported(house, file, Outcome.SUCCESS, loaded))
    return loaded


def _imported(house: House, file: Path, outcome: Outcome, loaded: Loaded | None) -> AuditMessage:
    counts = ("rows", "added", "unchanged", "refused")
    details = tuple((name, str(getattr(loaded, name)).encode()) for name in counts) if loaded else ()
    return imported(
        house.audit_context,
        operator(),
        when=house.clock(),
        outcome=outcome,
        what="patient records",
        origin=str(file.resolve()),
        details=details,
    )


def _record(house: House, message: AuditMessage) -> None:
    with house.database.begin() as work:
        work.audit(message.to_xml())


def _linked(house: House, step: Report, *, notify: bool = False) -> tuple[Proposal, Applied]:
    proposal = house.batch.propose(tell=step, patterns_by=partial(patterns_of_pairs, processes=_processes()))
    return proposal, house.batch.apply(proposal, notify=notify, tell=step)


def _tell(loaded: Loaded, applied: Applied | None, bad: Path, *, as_json: bool, learnt: Model | None) -> None:
    told: dict[str, object] = {
        "rows": loaded.rows,
        "added": loaded.added,
        "in the index before": loaded.unchanged,
        "refused": loaded.refused,
        "taken with a value left out": loaded.doubtful,
    }
    if loaded.refused or loaded.doubtful:
        told["reasons"] = str(bad)
    if loaded.unread:
        told["columns not read"] = list(loaded.unread)
    if loaded.authorities_unknown:
        told["authorities unknown"] = list(loaded.authorities_unknown)
    if learnt is not None:
        told["model learned"] = learnt.version
    show_one(told | (asdict(applied) if applied else {}), as_json=as_json)
    if loaded.authorities_unknown and not as_json:
        advice = "list these authorities in the settings, or set affinity.accept_new_authorities, and import the file again"
        typer.echo(advice, err=True)


def export_clusters(
    file: Annotated[Path, typer.Argument(help="CSV file to write; - is standard output.", dir_okay=False, allow_dash=True)],
    links: Annotated[
        Links,
        typer.Option(help="auto: links that matching made alone and does not doubt; all: also those that people or sources made."),
    ] = Links.ALL,
    config: ConfigFile = None,
    data: DataFolder = DEFAULT_DATA,
) -> None:
    """Write for each record the cluster it is in: record_id, cluster_id, link_kind, match_weight."""
    with _house(config, data) as house:
        target = "standard output" if str(file) == "-" else str(file.resolve())
        what = f"clusters of patient records ({links.value})"
        context = (house.audit_context, operator())
        _record(house, exported(*context, when=house.clock(), outcome=Outcome.SUCCESS, what=what, destination=target))
        with house.database.read() as connection, _opened(file) as write:
            write(COLUMNS)
            for row in cluster_rows(connection, links):
                write(row.texts)


@contextmanager
def _opened(file: Path) -> Iterator[Callable[[tuple[str, ...]], object]]:
    """Writes rows; a file takes its name only when it is whole."""
    if str(file) == "-":
        yield csv.writer(sys.stdout).writerow
        return
    unfinished = file.with_name(f"{file.name}.part")
    with unfinished.open("w", encoding="utf-8", newline="") as target:
        yield csv.writer(target).writerow
    unfinished.replace(file)


def train(
    keep_only: Annotated[bool, typer.Option("--keep-only", help="Keep the model without putting it in force.")] = False,
    config: ConfigFile = None,
    data: DataFolder = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Train a model on the records of the index, without labels, keep it and put it in force."""
    with _house(config, data) as house, _bar("training") as (_, step):
        trained = house.batch.train(operator().user, is_used=not keep_only, tell=step)
    show_one({"model": trained.version, "records": trained.population, "in force": not keep_only}, as_json=as_json)


def calibrate(
    target: Annotated[float, typer.Option(min=0.5, max=0.99999, help="Share of automatic links that shall be right.")] = 0.999,
    keep_only: Annotated[bool, typer.Option("--keep-only", help="Keep the model without putting it in force.")] = False,
    config: ConfigFile = None,
    data: DataFolder = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Set the thresholds of the model in force by answered reviews and by the match probabilities of the index."""
    with _house(config, data) as house, _bar("calibrating"):
        calibrating = Calibrating(house.index, house.models, house.batch)
        found = calibrating.calibrate(operator().user, target=target, is_used=not keep_only)
    after, alone = found.model.thresholds, found.alone
    told: dict[str, object] = {
        "model": found.model.version,
        "in force": not keep_only,
        "link": round(after.link, 2),
        "link before": round(found.before.link, 2),
        "review": round(after.review, 2),
        "review before": round(found.before.review, 2),
        "pairs a machine would link": found.expected.pairs,
        "of these wrong at the most": round(found.expected.wrong, 1),
        "answered reviews": found.answers,
        "a weight of 0 means by them": round(found.curve.shift, 2),
        "and each further bit": round(found.curve.slope, 2),
        "threshold borne out by answers alone": None if alone.link is None else round(alone.link, 2),
    }
    show_one(told, as_json=as_json)


def relink(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    config: ConfigFile = None,
    data: DataFolder = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Link all records of the index anew by the model in force. Persons are joined; who would be parted is asked about.

    Workers that run take parts of the work. A run that was cut short goes on where it was.
    """
    with _house(config, data) as house, _bar("relinking") as (_, step):
        told = house.relinking.relink(operator().user, is_dry=dry_run, processes=_processes(), tell=step)
    show_one(told, as_json=as_json)


def fairness(config: ConfigFile = None, data: DataFolder = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """How well linkage serves groups of which less is known: estimated precision and recall, and questions per 1,000 records."""
    with _house(config, data) as house, _bar("comparing") as (_, step):
        found = house.batch.fairness(tell=step)
    show(map(_served_row, found), as_json=as_json, title="Estimates by match probability and answered reviews")


def _served_row(group: Served) -> dict[str, object]:
    return {
        "group": group.group,
        "records": group.records,
        "linked": round(group.linked, 3),
        "precision": None if group.precision is None else round(group.precision, 4),
        "recall": None if group.recall is None else round(group.recall, 3),
        "doubtful pairs per 1000": round(group.doubtful, 1),
    }


@models_app.command("list")
def model_list(config: ConfigFile = None, data: DataFolder = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """The models of the index, the newest first, and which one is in force."""
    with _house(config, data) as house:
        found = house.models.versions()
    show(map(_model_row, found), as_json=as_json)


def _model_row(model: ModelVersion) -> dict[str, object]:
    at = datetime.fromtimestamp(model.created_at / 1000, UTC).isoformat(timespec="seconds") if model.created_at else ""
    return {
        "model": model.version,
        "at": at,
        "author": model.author,
        "records": model.records,
        "in force": "yes" if model.is_in_force else "",
    }


@models_app.command("use")
def model_use(
    version: Annotated[str, typer.Argument(help="A version, as `list` shows it.")],
    config: ConfigFile = None,
    data: DataFolder = DEFAULT_DATA,
) -> None:
    """Put a model in force. Every process goes by it within seconds; records already linked stay as they are."""
    with _house(config, data) as house, house.database.begin() as work:
        before = house.models.use(work, version)
    typer.echo(f"{version} is in force; `hie mpi model use {before}` takes it back")
