"""ITI-81 Retrieve ATNA Audit Event (ITI TF-2, 3.81): a FHIR search on AuditEvent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlencode

from access.subject import Subject
from arr.model import AuditRecord, AuditSearch, Channel, Cursor, Page, Use
from arr.service import AuditService
from arr.terms import ROLES, TYPES, object_kind
from atna.fhir import audit_event, numbered
from atna.message import Indicator
from atna.reader import LIMIT
from atna.vocabulary import ITI_81
from fhir_r4.json import Json, Resource, made
from fhir_r4.outcome import operation_outcome
from fhir_r4.reading import read_resource
from fhir_r4.search import Parameter, Period, parameters, period, plain, require_known, token
from kernel.errors import Condition, HieError, rejected, warning
from kernel.identifiers import is_oid

COUNT: Final = 50
LARGEST_COUNT: Final = 500
DATE: Final = "date"
CURSOR: Final = "_cursor"
"""Where a page goes on; only our own links have it."""
_LISTS: Final[Mapping[str, str]] = {
    "address": "addresses",
    "agent": "users",
    "agent-name": "users",
    "agent-role": "roles",
    "altid": "alternatives",
    "patient": "patients",
    "entity": "objects",
    "type": "events",
    "subtype": "event_types",
    "action": "actions",
}
_SPECIAL: Final = (
    *("_id", "_lastUpdated", "_count", "_sort", "_format", CURSOR, DATE, "outcome", "entity-type", "entity-role"),
    *("patient.identifier", "agent.identifier", "entity.identifier", "source.identifier"),
)
_SAME: Final = (
    frozenset({"agent", "agent-name", "agent.identifier"}),
    frozenset({"patient", "patient.identifier"}),
    frozenset({"entity", "entity.identifier"}),
)
"""Parameters that look for the same."""
_TEXT: Final = {"address": plain, "agent": plain, "agent-name": plain, "patient": plain, "entity": plain}
KNOWN: Final = frozenset((*_LISTS, *_SPECIAL))
_TYPES: Final = {"date": (DATE, "_lastUpdated"), "string": ("address", "agent-name"), "reference": ("agent", "patient", "entity")}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks for. `record` is the number of the one record that `_id` names; `given` the parameters as they came."""

    search: AuditSearch
    record: int | None
    count: int
    before: Cursor | None
    given: tuple[Parameter, ...]


class RetrieveAuditEvent:
    """Answers searches and reads; who asks is known by then."""

    def __init__(self, service: AuditService, base: str) -> None:
        """`base` is our FHIR base address, without a slash at the end."""
        self._service = service
        self._base = base

    def search(self, query: str, subject: Subject) -> Resource:
        """A searchset Bundle, newest first. Raises `HieError`, which is on the record."""
        try:
            asked = read_search(query)
        except HieError as error:
            self.refuse(query, subject, error)
            raise
        page = self._found(asked, subject)
        return bundle(page, self._base, asked)

    def read(self, record: int, subject: Subject) -> Resource:
        """One AuditEvent. Raises `Rejected` when there is none, or one that was never readable."""
        found = self._service.view(record, subject, use=self._use)
        resource = _resource(found) if found else None
        if resource is None:
            raise rejected(Condition.DOCUMENT_UNKNOWN, "AuditEvent", "there is no AuditEvent with this id")
        return resource

    def refuse(self, query: str, subject: Subject, error: HieError) -> None:
        """Puts on the record that a question was not answered."""
        self._service.tell_refused(subject, error, query.encode(), self._use)

    @property
    def _use(self) -> Use:
        return Use(ITI_81.code, lambda number: f"{self._base}/AuditEvent/{number}")

    def _found(self, asked: Asked, subject: Subject) -> Page:
        if asked.record is None:
            return self._service.search(asked.search, subject, limit=asked.count, before=asked.before, use=self._use)
        found = self._service.view(asked.record, subject, use=self._use)
        return Page((found,) if found and _is_within(found, asked.search) else (), None)


def read_search(query: str) -> Asked:
    """The search that the parameters mean. Raises `Rejected` with everything that is wrong."""
    given = parameters(query)
    require_known(given, KNOWN, once=KNOWN - {DATE, "_lastUpdated"})
    by_name = {one.name: one.values for one in given}
    if DATE not in by_name and "_id" not in by_name:
        raise rejected(Condition.PARAMETER_MISSING, DATE, "say which time is asked for, as date=ge2026-11-01&date=lt2026-12-01")
    dates, updated = (periods_of(given, name) for name in (DATE, "_lastUpdated"))
    search = AuditSearch(since=dates.since, until=dates.until, received=(updated.since, updated.until))
    lists = {field: tuple(_TEXT.get(name, _code)(v) for v in by_name[name]) for name, field in _LISTS.items() if name in by_name}
    for same in _SAME:
        if len(same & by_name.keys()) > 1:
            raise rejected(Condition.PARAMETER_INVALID, max(same), f"give one of {', '.join(sorted(same))}")
    search = replace(search, outcomes=_outcomes(by_name.get("outcome", ()))).narrowed(lists)
    search = search.narrowed(_identified(by_name)).narrowed(_kinds(by_name))
    _require_served(by_name)
    return Asked(search, _record(by_name), count_of(by_name, COUNT), cursor_of(by_name), given)


def _code(value: str) -> str:
    return token(value).code


def periods_of(given: Sequence[Parameter], name: str) -> Period:
    """The time that all dates of this name leave. Raises `Rejected`."""
    whole = Period()
    for one in given:
        if one.name == name:
            if len(one.values) != 1:
                raise rejected(Condition.PARAMETER_COUNT, name, "a date has no alternatives; repeat the parameter to narrow it")
            whole = whole.within(period(one.values[0]))
    return whole


def _identified(by_name: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """What is asked for by identifier."""
    found = {
        "users": tuple(token(v).code for v in by_name.get("agent.identifier", ())),
        "objects": tuple(token(v).code for v in by_name.get("entity.identifier", ())),
        "sources": tuple(token(v).code for v in by_name.get("source.identifier", ())),
        "patients": tuple(map(_cx, by_name.get("patient.identifier", ()))),
    }
    return {name: values for name, values in found.items() if values}


def _cx(text: str) -> str:
    """urn:oid:1.2.3|4711 as CX."""
    found = token(text)
    system = (found.system or "").removeprefix("urn:oid:")
    if not system or not found.code:
        raise rejected(Condition.PARAMETER_INVALID, "patient.identifier", "write it with its system, as urn:oid:1.2.3|4711")
    if "^" in text or "&" in text:
        raise rejected(Condition.PARAMETER_INVALID, "patient.identifier", "an identifier holds no ^ and no &")
    return f"{found.code}^^^&{system}&ISO" if is_oid(system) else f"{found.code}^^^{system}"


def _kinds(by_name: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Objects by type and role: either alone means any of the other."""
    if not {"entity-type", "entity-role"} & by_name.keys():
        return {}
    types = _numbers(by_name, "entity-type", TYPES)
    roles = _numbers(by_name, "entity-role", ROLES)
    return {"object_kinds": tuple(object_kind(one, other) for one in types for other in roles)}


def _numbers(by_name: Mapping[str, tuple[str, ...]], name: str, every: Sequence[int]) -> tuple[int, ...]:
    if name not in by_name:
        return tuple(every)
    codes = [token(value).code for value in by_name[name]]
    if not all(code.isascii() and code.isdigit() and len(code) < 4 for code in codes):
        raise rejected(Condition.PARAMETER_INVALID, name, "its codes are numbers")
    return tuple(map(int, codes))


def _outcomes(values: Sequence[str]) -> tuple[Indicator, ...]:
    known = {str(int(indicator)): indicator for indicator in Indicator}
    codes = [token(value).code for value in values]
    if not set(codes) <= known.keys():
        raise rejected(Condition.PARAMETER_INVALID, "outcome", "it is 0, 4, 8 or 12")
    return tuple(known[code] for code in codes)


def _require_served(by_name: Mapping[str, tuple[str, ...]]) -> None:
    if by_name.get("_sort", ("-date",)) != ("-date",):
        raise rejected(Condition.PARAMETER_INVALID, "_sort", "records come newest first (-date)")
    if by_name.get("_format", ("json",)) not in (("json",), ("application/fhir+json",), ("application/json",)):
        raise rejected(Condition.PARAMETER_INVALID, "_format", "answers are application/fhir+json")


def _record(by_name: Mapping[str, tuple[str, ...]]) -> int | None:
    values = by_name.get("_id", ())
    if not values:
        return None
    if len(values) > 1 or not (values[0].isascii() and values[0].isdigit() and len(values[0]) < 19):
        raise rejected(Condition.PARAMETER_INVALID, "_id", "it is the number of one record")
    return int(values[0])


def count_of(by_name: Mapping[str, tuple[str, ...]], default: int) -> int:
    """How many are wanted on a page, within what is given. Raises `Rejected`."""
    values = by_name.get("_count", ())
    if not values:
        return default
    if len(values) > 1 or not (values[0].isascii() and values[0].isdigit() and 0 < len(values[0]) < 10):
        raise rejected(Condition.PARAMETER_INVALID, "_count", "it is a number")
    return max(1, min(int(values[0]), LARGEST_COUNT))


def cursor_of(by_name: Mapping[str, tuple[str, ...]]) -> Cursor | None:
    """Where our own link goes on. Raises `Rejected`."""
    values = by_name.get(CURSOR, ())
    if not values:
        return None
    cursor = Cursor.parse(values[0])
    if cursor is None or max(cursor.event_at, cursor.sequence) >= 1 << 63:
        raise rejected(Condition.PARAMETER_INVALID, CURSOR, "follow the links of a Bundle as they are")
    return cursor


def _is_within(record: AuditRecord, search: AuditSearch) -> bool:
    at = record.summary.event_at
    since, until = (None if t is None else int(t.timestamp() * 1000) for t in (search.since, search.until))
    return (since is None or at >= since) and (until is None or at < until)


def _resource(record: AuditRecord) -> Resource | None:
    """A record as an AuditEvent: one that came as such is given out as it came; None for one that was never readable."""
    message, received = record.message, record.received
    if message is None:
        return None
    if received.channel is Channel.FHIR:
        return numbered(read_resource(received.data, limit=LIMIT), record.sequence, received.received_at)
    return audit_event(message, record.sequence, received.received_at)


def bundle(page: Page, base: str, asked: Asked) -> Resource:
    """A page as a searchset: records that were never readable are no AuditEvents, and that there are such is told."""
    address = f"{base}/AuditEvent"
    kept = [(one.name, ",".join(one.values)) for one in asked.given if one.name != CURSOR]
    links: list[Json] = [made(relation="self", url=f"{address}?{urlencode(kept)}")]
    if page.following is not None:
        links.append(made(relation="next", url=f"{address}?{urlencode([*kept, (CURSOR, str(page.following))])}"))
    entries: list[Json] = []
    unreadable = 0
    for record in page.records:
        resource = _resource(record)
        if resource is None:
            unreadable += 1
            continue
        entries.append(made(fullUrl=f"{address}/{record.sequence}", resource=resource, search=made(mode="match")))
    if unreadable:
        told = warning(
            Condition.MALFORMED, "", f"{unreadable} records of this page cannot be read as audit messages; see syslogsearch"
        )
        entries.append(made(resource=operation_outcome([told]), search=made(mode="outcome")))
    return made(resourceType="Bundle", type="searchset", link=links, entry=entries)


def search_parameters() -> list[Json]:
    """What can be asked for, as the CapabilityStatement lists it."""
    kinds = {name: kind for kind, names in _TYPES.items() for name in names}
    shown = sorted(KNOWN - {CURSOR, "_count", "_sort", "_format"})
    return [made(name=name, type=kinds.get(name, "token")) for name in shown]
