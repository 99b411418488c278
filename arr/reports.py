"""Reports for auditors: who saw a patient, what somebody did, failures by node, overridden refusals, and events each day.

A report is a table with words around it; how it is shown (page, PDF, CSV) is for others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Final

from access.subject import Subject
from arr.model import AuditRecord, AuditSearch
from arr.service import AuditService
from atna.message import AuditMessage, Indicator, Participant
from atna.vocabulary import EMERGENCY_OVERRIDE, ObjectRole, ObjectType
from kernel.errors import Condition, rejected

LIMIT: Final = 10_000
"""Records that one report reads at the most; that there are more is said."""
DAYS: Final = 30
"""The days that count where no time is named, for reports that are of no patient and no user."""
BREAK_GLASS_PURPOSES: Final = ("EMERGENCY", "BTG", "ETREAT")
_FAILURES: Final = tuple(indicator for indicator in Indicator if indicator is not Indicator.SUCCESS)
_OUTCOMES: Final = {0: "success", 4: "minor failure", 8: "serious failure", 12: "major failure"}


class Kind(Enum):
    """What is asked; the value names it on command lines and in addresses."""

    WHO_SAW = "who-saw"
    WHAT_DID = "what-did"
    FAILURES = "failures"
    BREAK_GLASS = "break-glass"
    DAILY = "daily"

    @property
    def title(self) -> str:
        """As it stands above the report."""
        return _TITLES[self]

    @property
    def needs(self) -> str:
        """The field that must be given: `patient`, `user` or none."""
        return {Kind.WHO_SAW: "patient", Kind.WHAT_DID: "user"}.get(self, "")


_TITLES: Final = {
    Kind.WHO_SAW: "Who saw this patient: accounting of disclosures",
    Kind.WHAT_DID: "What this user did",
    Kind.FAILURES: "Failures by node",
    Kind.BREAK_GLASS: "Break-glass: refusals that were overridden",
    Kind.DAILY: "Events each day",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """Of whom and when; without a time everything there is of a patient or a user, else the last thirty days."""

    kind: Kind
    patient: str = ""
    user: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A report. `records` are the numbers of the records that rows stand for, as far as a row is one record."""

    kind: Kind
    about: tuple[tuple[str, str], ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    made_at: datetime
    is_cut: bool = False
    records: tuple[int, ...] = ()


def make_report(service: AuditService, asked: Asked, subject: Subject, now: datetime) -> Table:
    """The report; that it was made is on the record. Raises `Rejected` when the patient or user it needs is not named."""
    needed = asked.kind.needs
    if needed and not getattr(asked, needed):
        raise rejected(Condition.PARAMETER_MISSING, needed, f"this report is of one {needed}: name it")
    if not needed and asked.since is None:
        until = asked.until or now
        asked = replace(asked, since=until - timedelta(days=DAYS))
    about = (*_about(asked), *_dropped(asked, *service.dropped()))
    if asked.kind is Kind.DAILY:
        days = service.count_by_day(asked.since, asked.until, subject)
        return Table(asked.kind, about, *_daily(days), now)
    wanted = _search(asked)
    records, is_cut = service.collect(wanted, subject, f"report {asked.kind.value}", LIMIT)
    make = _MADE_OF[asked.kind]
    columns, rows, numbers = make(records)
    return Table(asked.kind, about, columns, rows, now, is_cut, numbers)


def _search(asked: Asked) -> tuple[AuditSearch, ...]:
    """What is read for it; records that fit any of several searches count once."""
    time = AuditSearch(since=asked.since, until=asked.until)
    if asked.kind is Kind.WHO_SAW:
        return (replace(time, patients=(asked.patient,)),)
    if asked.kind is Kind.WHAT_DID:
        return (replace(time, users=(asked.user,)),)
    if asked.kind is Kind.FAILURES:
        return (replace(time, outcomes=_FAILURES),)
    return (replace(time, events=(EMERGENCY_OVERRIDE.code,)), replace(time, purposes=BREAK_GLASS_PURPOSES))


def _about(asked: Asked) -> tuple[tuple[str, str], ...]:
    since, until = (at.strftime("%Y-%m-%d %H:%M UTC") if at else "" for at in (asked.since, asked.until))
    period = f"{since or 'the first record'} to {until or 'now'}"
    named = (("Patient", asked.patient), ("User or system", asked.user), ("Period", period))
    return tuple((name, value) for name, value in named if value)


def _dropped(asked: Asked, count: int, until: datetime | None) -> tuple[tuple[str, str], ...]:
    """That the report cannot tell everything, where it asks for a time of which records were dropped."""
    if until is None or (asked.since is not None and asked.since > until):
        return ()
    return (("Not in the log any more", f"{count} records, the last of which came on {until:%Y-%m-%d}: their time was over"),)


Made = tuple[tuple[str, ...], tuple[tuple[str, ...], ...], tuple[int, ...]]
_EVENT_COLUMNS: Final = ("Time (UTC)", "Who", "Role", "From", "What", "Purpose", "About", "Outcome", "Record")


def _each(records: Iterable[AuditRecord]) -> Made:
    """A row for each record, the newest first."""
    readable = [(record, message) for record in records if (message := record.message) is not None]
    return _EVENT_COLUMNS, tuple(_row(record, message) for record, message in readable), tuple(r.sequence for r, _ in readable)


def _row(record: AuditRecord, message: AuditMessage) -> tuple[str, ...]:
    asking = [who for who in message.participants if who.is_requestor] or list(message.participants[:1])
    outcome = _OUTCOMES[int(message.outcome.indicator)]
    return (
        datetime.fromtimestamp(record.summary.event_at / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S"),
        _joined(map(_name, asking)),
        _joined(role.display or role.code for who in asking for role in who.roles),
        _joined(who.network_id for who in asking),
        what_happened(message),
        _joined(purpose.display or purpose.code for purpose in message.purposes),
        _joined(o.id for o in message.objects if not _is_patient(o.type_code, o.role)),
        f"{outcome}: {message.outcome.description}" if message.outcome.description else outcome,
        str(record.sequence),
    )


def _by_node(records: Iterable[AuditRecord]) -> Made:
    """Failures counted by who was at the other end, what it was and why; the most first."""
    counts: Counter[tuple[str, str, str]] = Counter()
    last: dict[tuple[str, str, str], int] = {}
    for record in records:
        if (message := record.message) is not None:
            key = (_node(message), what_happened(message), message.outcome.description.partition(":")[0])
            counts[key] += 1
            last[key] = max(last.get(key, 0), record.summary.event_at)
    rows = [
        (*key, str(count), datetime.fromtimestamp(last[key] / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S"))
        for key, count in counts.most_common()
    ]
    return ("Node", "What", "Why", "Failures", "Last (UTC)"), tuple(rows), ()


def _daily(days: Mapping[tuple[int, str, int | None], int]) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """A row for each day and kind of event."""
    kinds = sorted({(day, kind) for day, kind, _ in days}, key=lambda k: (-k[0], k[1]))
    rows = []
    for day, kind in kinds:
        of = {outcome: days.get((day, kind, outcome), 0) for outcome in (*_OUTCOMES, None)}
        failed = sum(of[o] for o in (4, 8, 12))
        counted = (str(n) for n in (of[0], failed, of[None], sum(of.values())))
        rows.append((datetime.fromtimestamp(day * 86_400, UTC).strftime("%Y-%m-%d"), kind or "unreadable", *counted))
    return ("Day (UTC)", "Event", "Success", "Failure", "Unreadable", "All"), tuple(rows)


_MADE_OF: Final[Mapping[Kind, Callable[[Sequence[AuditRecord]], Made]]] = {
    Kind.WHO_SAW: _each,
    Kind.WHAT_DID: _each,
    Kind.FAILURES: _by_node,
    Kind.BREAK_GLASS: _each,
}


def what_happened(message: AuditMessage) -> str:
    """The event in words, with its code."""
    code = message.types[0] if message.types else message.event
    return f"{code.display} ({code.code})" if code.display else code.code


def _node(message: AuditMessage) -> str:
    """The other end: who asked, by certificate, name and address."""
    asking = next((who for who in message.participants if who.is_requestor), None) or next(iter(message.participants), None)
    if asking is None:
        return message.source.id
    return " at ".join(dict.fromkeys(part for part in (_name(asking), asking.network_id) if part))


def _name(who: Participant) -> str:
    return who.user_name or who.user_id


def _is_patient(type_code: int | None, role: int | None) -> bool:
    return type_code == ObjectType.PERSON and role in (None, ObjectRole.PATIENT)


def _joined(values: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(value for value in values if value))
