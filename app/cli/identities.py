"""Commands on patient identities: match, link, unlink, merge, undo, acts."""

from __future__ import annotations

import getpass
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from access.subject import Subject
from app.cli.common import DEFAULT_DATA, AsJson, ConfigFile, DataFolder, house_of, show, show_one
from app.client_patients import parse_patient
from console.charts import svg_of
from kernel.errors import Condition, rejected
from kernel.peer import Peer
from mpi.notice_store import Notice, Queue
from mpi.viewing import Viewing

app = typer.Typer(no_args_is_help=True)

One = Annotated[str, typer.Argument(help="A record's identifier, as id^^^namespace&OID&ISO.")]
Other = Annotated[str, typer.Argument(help="Another record's identifier.")]
Comment = Annotated[str, typer.Option(help="Why; it is kept with the decision.")]


def operator() -> Subject:
    """The person at this terminal, as audit records name her."""
    host = socket.gethostname()
    return Subject(Peer("127.0.0.1", f"{host}:hie"), source=host, receiver=host, user=getpass.getuser())


@app.command()
def match(
    one: One,
    other: Other,
    svg: Annotated[Path | None, typer.Option(help="Draw the weights as a waterfall into this file.", dir_okay=False)] = None,
    config: ConfigFile = None,
    data: DataFolder = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Explain why two records match or do not: the weight of each field, vetoes, the decision."""
    with house_of(config, data) as house:
        viewing = Viewing(house.index, house.mpi.matcher)
        first, second = (viewing.record_named(parse_patient(text)) for text in (one, other))
        view = viewing.match(first.id, second.id, operator())
    found = view.explanation
    if svg is not None:
        svg.write_text(svg_of(found), encoding="utf-8")
    rows = [
        {"field": part.field, "level": part.level, "weight": round(part.weight, 2), "frequency": round(part.frequency, 2)}
        for part in found.parts
    ]
    show(rows, as_json=as_json, title="Match weight, field by field (base-2 logarithm of the odds)")
    summary: dict[str, object] = {
        "match weight": round(found.weight, 2),
        "match probability": round(found.probability, 6),
        "vetoes": [veto.sentence for veto in found.vetoes],
        "decision": view.decision.outcome.value,
        "reason": view.decision.reason,
        "one person at present": view.are_one_person,
        "model": found.model_version,
    }
    if not as_json:
        show_one(summary, as_json=False)


@app.command()
def link(one: One, other: Other, comment: Comment = "", config: ConfigFile = None, data: DataFolder = DEFAULT_DATA) -> None:
    """Two records are of one person."""
    with house_of(config, data) as house:
        viewing = Viewing(house.index, house.mpi.matcher)
        first, second = (viewing.record_named(parse_patient(text)).id for text in (one, other))
        _done(house.stewardship.link(first, second, operator(), comment))


@app.command()
def unlink(one: One, comment: Comment = "", config: ConfigFile = None, data: DataFolder = DEFAULT_DATA) -> None:
    """A record is of a person of its own."""
    with house_of(config, data) as house:
        record = Viewing(house.index, house.mpi.matcher).record_named(parse_patient(one)).id
        _done(house.stewardship.unlink(record, operator(), comment))


@app.command()
def merge(
    survivor: One, subsumed: Other, comment: Comment = "", config: ConfigFile = None, data: DataFolder = DEFAULT_DATA
) -> None:
    """Two identifiers of one authority were given to one person; the second is no longer to be used."""
    with house_of(config, data) as house:
        viewing = Viewing(house.index, house.mpi.matcher)
        stays, goes = (viewing.record_named(parse_patient(text)).id for text in (survivor, subsumed))
        _done(house.stewardship.merge(stays, goes, operator(), comment))


@app.command()
def undo(
    act: Annotated[int, typer.Argument(help="Number of the act, as `acts` shows it.")],
    comment: Comment = "",
    config: ConfigFile = None,
    data: DataFolder = DEFAULT_DATA,
) -> None:
    """Take an act back: exactly the state before it."""
    with house_of(config, data) as house:
        _done(house.stewardship.undo(act, operator(), comment))


@app.command()
def acts(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Most acts shown.")] = 20,
    config: ConfigFile = None,
    data: DataFolder = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """The journal: what was linked, unlinked, merged, decided and taken back, newest first."""
    with house_of(config, data) as house:
        found = Viewing(house.index, house.mpi.matcher).acts(limit=limit)
    show(
        (
            {
                "act": act.id,
                "at": _instant(act.at),
                "kind": act.kind.value,
                "author": act.author,
                "comment": act.comment,
                "taken back by": act.undone_by,
            }
            for act in found
        ),
        as_json=as_json,
    )


@app.command()
def notices(
    consumer: Annotated[str, typer.Option(help="Show the queue of this consumer: facility|application.")] = "",
    retry: Annotated[int, typer.Option(help="Send this notice again that was refused, or now one that waits.")] = 0,
    drop: Annotated[int, typer.Option(help="Give this notice up.")] = 0,
    config: ConfigFile = None,
    data: DataFolder = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Notifications of changed identifiers: what waits for each consumer, and what it refused."""
    with house_of(config, data) as house:
        if retry or drop:
            done = house.notices.try_again(retry) if retry else house.notices.drop(drop)
            if not done:
                raise rejected(Condition.IDENTIFIER_UNKNOWN, "notice", "there is no such notice")
            typer.echo("done")
        elif consumer:
            show((_notice_row(notice) for notice in house.notices.waiting(consumer)), as_json=as_json)
        else:
            show((_queue_row(queue) for queue in house.notices.queues()), as_json=as_json)


def _queue_row(queue: Queue) -> dict[str, object]:
    return {
        "consumer": queue.consumer,
        "waiting": queue.waiting,
        "refused": queue.refused,
        "since": _instant(queue.oldest) if queue.oldest is not None else "",
        "tries": queue.tries,
        "problem": queue.problem,
    }


def _notice_row(notice: Notice) -> dict[str, object]:
    return {
        "notice": notice.id,
        "state": "refused" if notice.refused else "waiting",
        "since": _instant(notice.told_at),
        "next": "" if notice.refused else _instant(notice.due_at),
        "tries": notice.tries,
        "identifiers": len(notice.identifiers),
        "problem": notice.problem,
    }


def _instant(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="seconds")


def _done(act: int) -> None:
    typer.echo(f"done, as act {act}; `hie mpi undo {act}` takes it back")
