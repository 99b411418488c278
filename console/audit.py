"""Find and follow audit records: the auditor's pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from flask import Blueprint, abort, redirect, render_template, request, url_for

from arr.model import AuditRecord, AuditSearch, Cursor
from arr.service import AuditService
from atna.message import AuditMessage, Indicator, ParticipantObject
from atna.vocabulary import ObjectRole, ObjectType
from console.guard import LARGEST, Page, current, page, subject
from console.searches import Searches
from console.store import Role

PAGE_SIZE: Final = 50
VALUE_LIMIT: Final = 200
_FIELDS: Final = ("patient", "user", "event", "day", "until", "outcome", "object", "role", "purpose", "source", "text")
OUTCOMES: Final = {"0": "success", "failure": "any failure", "4": "minor failure", "8": "serious failure", "12": "major failure"}
FLAWED: Final = "flawed"
_LABELS: Final = {
    Indicator.SUCCESS: ("success", "good"),
    Indicator.MINOR: ("minor failure", "warn"),
    Indicator.SERIOUS: ("serious failure", "bad"),
    Indicator.MAJOR: ("major failure", "bad"),
}
_UNREADABLE: Final = ("unreadable", "warn")


@dataclass(frozen=True, slots=True)
class Row:
    """A record as one line of the list."""

    sequence: int
    at: int
    event: str
    code: str
    who: str
    patients: tuple[str, ...]
    outcome: str
    mood: str
    flaws: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the form asks for, and what is wrong with it: a sentence per field."""

    search: AuditSearch
    problems: Mapping[str, str]


def audit_pages(audit: AuditService, searches: Searches) -> Blueprint:
    """Search, results and one record."""
    pages = Blueprint("audit", __name__)

    @pages.get("/audit")
    @page(Role.AUDITOR)
    def search() -> Page:
        name = request.args.get("search", "")
        fields = searches.fields(name) if name else {}
        if fields is None:
            abort(404, "This search is not kept any more. Searches are kept for ninety days.")
        wanted = wanted_of(fields)
        before = _cursor(request.args.get("before", ""))
        found = None if wanted.problems else audit.search(wanted.search, subject(), limit=PAGE_SIZE, before=before)
        return render_template(
            "audit.html",
            fields=fields,
            problems=wanted.problems,
            rows=[row_of(record) for record in found.records] if found else [],
            following=found.following if found else None,
            name=name,
            is_first=before is None,
            outcomes=OUTCOMES,
        )

    @pages.post("/audit")
    @page(Role.AUDITOR)
    def keep_search() -> Page:
        given = {name: request.form.get(name, "").strip()[:VALUE_LIMIT] for name in _FIELDS}
        fields = {name: value for name, value in given.items() if value}
        if not fields:
            return redirect(url_for("audit.search"))
        return redirect(url_for("audit.search", search=searches.keep(current().name, fields)))

    @pages.get(f"/audit/<int(max={LARGEST}):sequence>")
    @page(Role.AUDITOR)
    def record(sequence: int) -> Page:
        found = audit.view(sequence, subject())
        if found is None:
            abort(404, "There is no record with this number.")
        text = found.received.data.decode("utf-8", "replace")
        row = row_of(found)
        return render_template("audit_record.html", row=row, record=found, message=found.message, text=text, kind_of=_kind_of)

    return pages


def wanted_of(fields: Mapping[str, str]) -> Wanted:
    """The search of a form. A field that cannot be meant is a problem: leaving it out would find what was not asked for."""
    problems: dict[str, str] = {}
    days: dict[str, datetime | None] = {}
    for name in ("day", "until"):
        days[name] = day_of(fields.get(name, ""))
        if fields.get(name) and days[name] is None:
            problems[name] = "Write the day as 2026-11-22."
    since, until = days["day"], days["until"] or days["day"]
    if since and until and until < since:
        problems["until"] = "The last day is before the first."
    patient = fields.get("patient", "")
    if patient and patient.count("^") != 3:
        problems["patient"] = "Write the identifier with its assigning authority, as in 4711^^^&1.2.3&ISO or 4711^^^HOSP_A."
    outcome = fields.get("outcome", "")
    if outcome and outcome not in (*OUTCOMES, FLAWED):
        problems["outcome"] = "Choose one of the list."
    search = AuditSearch(
        patients=_one(patient),
        users=_one(fields.get("user", "")),
        events=_one(fields.get("event", "").upper()),
        objects=_one(fields.get("object", "")),
        roles=_one(fields.get("role", "")),
        purposes=_one(fields.get("purpose", "")),
        sources=_one(fields.get("source", "")),
        text=fields.get("text", ""),
        outcomes=tuple(i for i in Indicator if outcome == str(int(i)) or (outcome == "failure" and i is not Indicator.SUCCESS)),
        since=since,
        until=until + timedelta(days=1) if until else None,
        is_flawed=outcome == FLAWED,
    )
    return Wanted(search, problems)


def _one(value: str) -> tuple[str, ...]:
    return (value,) if value else ()


def day_of(text: str) -> datetime | None:
    """A day from 1970 to 9998: the day after it is one too."""
    try:
        found = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return None
    return found if 1970 <= found.year <= 9998 else None


def _cursor(text: str) -> Cursor | None:
    cursor = Cursor.parse(text)
    return cursor if cursor is not None and max(cursor.event_at, cursor.sequence) <= LARGEST else None


def row_of(record: AuditRecord) -> Row:
    """A record as one line."""
    message, summary = record.message, record.summary
    outcome, mood = _LABELS[message.outcome.indicator] if message else _UNREADABLE
    return Row(
        record.sequence,
        summary.event_at,
        _event(message) if message else "cannot be read",
        summary.event_type or summary.event_code,
        _who(message) if message else record.received.peer,
        tuple(o.id for o in message.objects if _is_patient(o)) if message else (),
        outcome,
        mood,
        summary.flaws,
    )


def _event(message: AuditMessage) -> str:
    return (message.types[0].display if message.types else "") or message.event.display


def _who(message: AuditMessage) -> str:
    people = [p.user_name or p.user_id for p in message.participants if p.is_requestor]
    return ", ".join(people) or ", ".join(p.user_id for p in message.participants[:1])


def _is_patient(found: ParticipantObject) -> bool:
    return found.type_code == ObjectType.PERSON and found.role == ObjectRole.PATIENT


def _kind_of(found: ParticipantObject) -> str:
    if _is_patient(found):
        return "patient"
    return found.id_type.display or found.id_type.code
