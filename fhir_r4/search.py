"""Search parameters of a request (FHIR R4, 3.1.1): names and values, and the types date, token and string."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import parse_qsl

from kernel.errors import Condition, Rejected, Violation, rejected, violation

VALUES_LIMIT: Final = 200
"""Values of one request at the most."""
_DATE: Final = re.compile(
    r"(eq|ne|ge|gt|le|lt|sa|eb|ap)?"
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:\d\d)?)?)?)?\Z"
)
_BAR: Final = re.compile(r"(?<!\\)\|")
_SPLIT: Final = re.compile(r"(?<!\\),")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a search: its name without modifier, the modifier, and its alternatives, still escaped."""

    name: str
    modifier: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Token:
    """`system|code`, `code` (any system: None) or `|code` (no system)."""

    system: str | None
    code: str


@dataclass(frozen=True, slots=True)
class Period:
    """From `since` on, before `until`."""

    since: datetime | None = None
    until: datetime | None = None

    def within(self, other: Period) -> Period:
        """What both hold."""
        begins = [at for at in (self.since, other.since) if at is not None]
        ends = [at for at in (self.until, other.until) if at is not None]
        return Period(max(begins, default=None), min(ends, default=None))


def parameters(query: str) -> tuple[Parameter, ...]:
    """Of a query string or an urlencoded body. Raises `Rejected` when it cannot be read."""
    try:
        pairs = parse_qsl(query, keep_blank_values=False, errors="strict", max_num_fields=VALUES_LIMIT)
    except ValueError:
        raise rejected(Condition.MALFORMED, "search", "the parameters cannot be read") from None
    return tuple(_parameter(name, value) for name, value in pairs)


def _parameter(name: str, value: str) -> Parameter:
    plain, _, modifier = name.partition(":")
    return Parameter(plain, modifier, tuple(part for part in _SPLIT.split(value) if part))


def plain(text: str) -> str:
    """A value without its escapes."""
    return re.sub(r"\\([,|$\\])", r"\1", text)


def token(text: str) -> Token:
    """A token's value."""
    first, *rest = _BAR.split(text, maxsplit=1)
    return Token(plain(first), plain(rest[0])) if rest else Token(None, plain(first))


def period(text: str) -> Period:
    """The time that a date parameter means, at its precision. Raises `Rejected`."""
    found = _DATE.match(text)
    if found is None:
        raise rejected(Condition.PARAMETER_INVALID, "date", "a date is written as ge2026-11-22 or lt2026-11-22T10:00:00Z")
    prefix = found[1] or "eq"
    try:
        begin, end = _span(found)
    except (ValueError, OverflowError):
        raise rejected(Condition.PARAMETER_INVALID, "date", "there is no such date") from None
    periods = {
        "eq": Period(begin, end),
        "ge": Period(begin, None),
        "gt": Period(end, None),
        "sa": Period(end, None),
        "le": Period(None, end),
        "lt": Period(None, begin),
        "eb": Period(None, begin),
    }
    if prefix not in periods:
        raise rejected(Condition.PARAMETER_INVALID, "date", f"the prefix {prefix} is not served")
    return periods[prefix]


def _span(found: re.Match[str]) -> tuple[datetime, datetime]:
    """The first instant it may mean, and the first after it; without a zone it is UTC."""
    year, month, day, hour, minute, second = (int(part) if part else None for part in found.groups()[1:7])
    assert year is not None
    begin = datetime(year, month or 1, day or 1, hour or 0, minute or 0, second or 0, tzinfo=UTC)
    if month is None:
        length = datetime(year + 1, 1, 1, tzinfo=UTC) - begin
    elif day is None:
        length = timedelta(days=monthrange(year, month)[1])
    elif hour is None:
        length = timedelta(days=1)
    elif second is None:
        length = timedelta(minutes=1)
    elif not found[8]:
        length = timedelta(seconds=1)
    else:
        begin += timedelta(microseconds=int(f"{found[8]:0<6}"[:6]))
        length = timedelta(milliseconds=1)
    if found[9] and found[9] != "Z":
        sign = -1 if found[9][0] == "-" else 1
        begin -= sign * timedelta(hours=int(found[9][1:3]), minutes=int(found[9][4:6]))
    return begin, begin + length


def require_known(given: tuple[Parameter, ...], known: frozenset[str], *, once: frozenset[str]) -> None:
    """Raises `Rejected` for what is not served: a filter that is left out would find what was not asked for."""
    faults = tuple(_faults(given, known, once))
    if faults:
        raise Rejected(faults)


def _faults(given: tuple[Parameter, ...], known: frozenset[str], once: frozenset[str]) -> Iterator[Violation]:
    seen: set[str] = set()
    for one in given:
        if one.name not in known:
            yield violation(Condition.PARAMETER_INVALID, one.name[:40], "this parameter is not served")
        elif one.modifier:
            yield violation(Condition.PARAMETER_INVALID, one.name, "this modifier is not served")
        elif one.name in once and one.name in seen:
            yield violation(Condition.PARAMETER_COUNT, one.name, "give it once; alternatives are parted by commas")
        seen.add(one.name)
