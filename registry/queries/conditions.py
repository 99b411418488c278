"""Parameters as conditions of SQL, and the statements made of them, kept by their shape."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ebrim.uuids import DOCUMENT_OFFLINE
from kernel.statements import AmongSelected, AnyOf, Matches, Statement, literal_pattern, pattern_for
from registry.filing import AUTHOR_SEPARATOR, SOURCE, Term, floor
from registry.model import KIND_OF_TYPE, LIFE_OF_STATUS, EntryKind, Key, Life, key_of
from registry.queries.parameters import Arguments, Kind, Parameter, Values
from registry.tables import ASSOCIATION, ENTRY, FOLDER, PATIENT, REFERENCE_ID, SUBMISSION_SET

LISTED_CODES: Final = frozenset({"confidentiality_codes", "event_codes", "codes"})
"""Columns that hold several codes as `,12,57,`."""
NO_TERM: Final = 0
"""The number of a term that no object has."""


@dataclass(frozen=True, slots=True, order=True)
class Condition:
    """A part of WHERE without its values: `column:from`, `column:to`, `column:not`, a column, or a word of `_SPECIAL`.

    `name` begins the names of its parameters; `groups` says how many patterns there are in each of its slots.
    """

    column: str
    name: str
    groups: tuple[int, ...] = ()


Bound = tuple[Condition, Mapping[str, object]]
"""A condition and the values of its parameters."""


class Binder:
    """Makes conditions of the arguments of one query. `numbers` are those of the terms that occur in it."""

    def __init__(self, connection: Connection, numbers: Mapping[Term, int]) -> None:
        self._connection = connection
        self._numbers = numbers

    def bound(self, parameters: Iterable[Parameter], arguments: Arguments) -> Iterator[Bound]:
        """A condition for each parameter that was given and has a column.

        Not for those that bind to patients, which is done by their standing, nor for authors to be left out: with LIKE on several
        authors at once too many would be.
        """
        for number, parameter in enumerate(parameters):
            is_elsewhere = parameter.kind is Kind.PATIENT_ID or parameter.column == "authors:not"
            if parameter.name in arguments and parameter.column and not is_elsewhere:
                slots = arguments.slots[parameter.name]
                if parameter.column == "reference_id":
                    yield from self._references(f"p{number}", slots)
                else:
                    yield self._condition(f"p{number}", parameter, slots)

    def _references(self, name: str, slots: Sequence[Values]) -> Iterator[Bound]:
        """Ids without wildcards are looked up: over several patients nothing else narrows the search."""
        for number, slot in enumerate(slots):
            if any("%" in value or "_" in value for value in slot):
                yield self._patterns(f"{name}_{number}", "reference_id", [slot], self._pattern)
            else:
                yield Condition("reference_id:is", f"{name}_{number}"), {f"{name}_{number}": list(slot)}

    def _condition(self, name: str, parameter: Parameter, slots: Sequence[Values]) -> Bound:
        column = parameter.column
        if parameter.kind is Kind.PATTERN:
            return self._patterns(name, column, slots, self._pattern)
        if column.partition(":")[0] in LISTED_CODES:
            return self._patterns(name, column, slots, self._listed)
        if parameter.kind is Kind.TIME:
            return Condition(column, name), {name: floor(slots[0][0])}
        return Condition(column, name), {name: self._values(parameter, slots[0])}

    def _values(self, parameter: Parameter, values: Values) -> list[Any]:
        match parameter.kind:
            case Kind.CODE:
                return [self._number(_code_term(value)) for value in values]
            case Kind.STATUS:
                return [int(LIFE_OF_STATUS[value]) for value in values]
            case Kind.ENTRY_TYPE:
                return [int(KIND_OF_TYPE[value]) for value in values]
            case Kind.AVAILABILITY:
                return [int(value == DOCUMENT_OFFLINE) for value in values]
            case Kind.UUID:
                return [key_of(value) for value in values]
            case _ if parameter.column == "source":
                return [self._number((SOURCE, value)) for value in values]
            case _:
                return list(values)

    def _patterns(self, name: str, column: str, slots: Sequence[Values], pattern: Callable[[str, str], str]) -> Bound:
        base = column.partition(":")[0]
        values = {
            f"{name}_{group}_{number}": pattern(base, value)
            for group, slot in enumerate(slots)
            for number, value in enumerate(slot)
        }
        return Condition(column, name, tuple(map(len, slots))), values

    def _pattern(self, column: str, value: str) -> str:
        made = pattern_for(self._connection, value)
        if column != "authors":
            return made
        any_run = pattern_for(self._connection, "%")
        return f"{any_run}{AUTHOR_SEPARATOR}{made}{AUTHOR_SEPARATOR}{any_run}"

    def _listed(self, _column: str, value: str) -> str:
        any_run = pattern_for(self._connection, "%")
        return f"{any_run}{literal_pattern(self._connection, f',{self._number(_code_term(value))},')}{any_run}"

    def _number(self, term: Term) -> int:
        return self._numbers.get(term, NO_TERM)


def terms_of(parameters: Iterable[Parameter], arguments: Arguments) -> Iterator[Term]:
    """The terms whose numbers the conditions need."""
    for parameter in parameters:
        for slot in arguments.slots.get(parameter.name, ()):
            if parameter.kind is Kind.CODE:
                yield from map(_code_term, slot)
            elif parameter.column == "source":
                yield from ((SOURCE, value) for value in slot)


def _code_term(value: str) -> Term:
    code, _, scheme = value.split("^")
    return scheme, code


def matches_like(pattern: str, text: str) -> bool:
    """LIKE as stored queries mean it: `%` any run, `_` one character, case matters.

    Goes back to the last `%` only, for a regular expression of many would take time without end.
    """
    at = of = 0
    last, kept = -1, 0
    while at < len(text):
        if of < len(pattern) and pattern[of] == "%":
            last, kept, of = of, at, of + 1
        elif of < len(pattern) and pattern[of] in ("_", text[at]):
            at, of = at + 1, of + 1
        elif last >= 0:
            kept += 1
            at, of = kept, last + 1
        else:
            return False
    return not pattern[of:].strip("%")


# --- statements

_E, _S, _F, _A = ENTRY.c, SUBMISSION_SET.c, FOLDER.c, ASSOCIATION.c
_TABLES: Final[Mapping[str, sa.Table]] = {t.name: t for t in (ENTRY, SUBMISSION_SET, FOLDER)}
_SPECIAL: Final[Mapping[str, sa.ColumnElement[bool]]] = {
    "stable": _E.kind == int(EntryKind.STABLE),
    "latest": _E.latest == 1,
    "online": _E.offline == 0,
    "latest_folder": _F.latest == 1,
    "approved_folder": _F.status == int(Life.APPROVED),
}
_COLUMNS: Final[Mapping[str, tuple[sa.ColumnElement[Any], ...]]] = {
    "entry": (_E.uuid, _E.patient, _E.status, _E.authors, sa.literal_column("0"), _E.dictionary, _E.xml),
    "submission_set": (_S.uuid, _S.patient, _S.status, _S.authors, sa.literal_column("0"), _S.dictionary, _S.xml),
    "folder": (_F.uuid, _F.patient, _F.status, sa.null(), _F.last_update_time, _F.dictionary, _F.xml),
}


class ObjectRow(NamedTuple):
    """An entry, set or folder that was found; `updated` is a folder's lastUpdateTime."""

    uuid: Key
    patient: int
    status: int
    authors: str | None
    updated: int
    dictionary: int = 0
    xml: bytes = b""
    survivor: str = ""
    """The patient id (CX) to show it with, where the statement says so."""


@lru_cache(maxsize=1024)
def selecting(
    table: str, conditions: tuple[Condition, ...], *, whole: bool, meant: sa.Select[tuple[str, bool]] | None = None
) -> Statement[ObjectRow]:
    """SELECT of whole objects, or of all but their XML, `limit` rows at the most; with `meant`, of that patient's (`Meant`)."""
    source = _TABLES[table]
    columns = _COLUMNS[table] if whole else _COLUMNS[table][:-2]
    where = [_clause(source, condition) for condition in conditions]
    if meant is not None:
        person = meant.cte("person")
        filed = sa.select(PATIENT.c.id).where(AmongSelected(PATIENT.c.cx, sa.select(person.c.cx)))
        where.insert(0, AmongSelected(source.c.patient, filed))
        if whole:
            columns = (*columns, sa.select(person.c.cx).where(person.c.is_survivor).scalar_subquery())
    return Statement(sa.select(*columns).where(*where).limit(sa.bindparam("limit")), _with_less)


def _with_less(row: Iterable[Any]) -> ObjectRow:
    return ObjectRow(*row)


def _clause(table: sa.Table, condition: Condition) -> sa.ColumnElement[bool]:
    special = _SPECIAL.get(condition.column)
    if special is not None:
        return special
    base, _, how = condition.column.partition(":")
    if how in ("from", "to"):
        return _bound_in_time(table.c[base], how, condition.name)
    if condition.groups:
        return _pattern_clause(table, base, how, condition)
    if how == "is":
        return _has_reference(table, AnyOf(REFERENCE_ID.c.value, condition.name))
    if base == "logical":
        # NULL where it is the object's own id
        return sa.or_(
            AnyOf(table.c.logical, condition.name), sa.and_(AnyOf(table.c.uuid, condition.name), table.c.logical.is_(None))
        )
    found = AnyOf(table.c[base], condition.name)
    return sa.or_(sa.not_(found), table.c[base].is_(None)) if how == "not" else found


def _bound_in_time(column: sa.ColumnElement[Any], how: str, name: str) -> sa.ColumnElement[bool]:
    """From <= t < To; an object without the time is not left out (3.18.4.1.2.3.7.1)."""
    inside = column >= sa.bindparam(name) if how == "from" else column < sa.bindparam(name)
    return sa.or_(inside, column.is_(None))


def _pattern_clause(table: sa.Table, base: str, how: str, condition: Condition) -> sa.ColumnElement[bool]:
    groups = [
        sa.or_(*(_match(table, base, f"{condition.name}_{group}_{number}") for number in range(count)))
        for group, count in enumerate(condition.groups)
    ]
    return sa.not_(sa.func.coalesce(sa.or_(*groups), sa.false())) if how == "not" else sa.and_(*groups)


def _match(table: sa.Table, base: str, name: str) -> sa.ColumnElement[bool]:
    if base != "reference_id":
        return Matches(table.c[base], name)
    return _has_reference(table, Matches(REFERENCE_ID.c.value, name))


def _has_reference(table: sa.Table, is_wanted: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    return sa.exists(sa.select(REFERENCE_ID.c.entry).where(REFERENCE_ID.c.entry == table.c.uuid, is_wanted))
