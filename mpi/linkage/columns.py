"""Many records as columns of numbers: each distinct value is cleaned and kept once.

A column holds for each record the place of its value in a list of distinct values; place 0 is the empty value. What does not
fit in columns (a second address, an alias of the given name) is kept as `Prepared` in `history`, and such records are compared
one by one. `RawColumns` and `clean` are the fast way from text, `from_prepared` is the way from stored rows; both give the same.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from mpi.linkage.names import family_of, given_of, suffix_of
from mpi.linkage.normalise import Prepared
from mpi.linkage.places import Home, birth_of, city_of, email_of, identifier_of, phone_of, postcode_of, street_of

Codes = npt.NDArray[np.int32]
_V = TypeVar("_V")
_NATIONAL = "national"
_HOME_PARTS = 5
_READ: tuple[str, ...] = (
    "source",
    "given",
    "middle",
    "family",
    "suffix",
    "sex",
    "dob",
    "street",
    "city",
    "postcode",
    "phone",
    "national_id",
    "birth_order",
    "email",
    "mother_family",
    "alias_family",
    "alias_given",
)
"""The columns of text that are read; any may be absent. A column `id:<authority>` is a further identifier."""


@dataclass(slots=True)
class Column:
    """Distinct values, the empty one first, and for each record the place of its value."""

    values: list[str]
    codes: Codes

    @property
    def present(self) -> npt.NDArray[np.bool_]:
        """Which records have a value."""
        found: npt.NDArray[np.bool_] = self.codes > 0
        return found


@dataclass(slots=True)
class Columns:
    """Records ready to be blocked and compared. `families` joins present and former names with `|`."""

    size: int
    given: Column
    middle: Column
    families: Column
    suffix: Column
    birth: Column
    sex: Column
    street: Column
    """House number and street, with `|` between them."""
    unit: Column
    city: Column
    postcode: Column
    phone: Column
    email: Column
    mother: Column
    order: Column
    source: Column
    identifiers: dict[str, Column]
    """Per authority; those of sources begin with `=` and cannot contradict each other."""
    placeholder: npt.NDArray[np.bool_]
    history: dict[int, Prepared] = field(default_factory=dict)

    def prepared(self, index: int) -> Prepared:
        """One record of the columns again."""
        if index in self.history:
            return self.history[index]
        return _prepared_of(self, index)


class _Places(dict[str, int]):
    """Numbers texts as they are asked for; much faster than `setdefault` where most are known."""

    def __missing__(self, text: str) -> int:
        place = self[text] = len(self)
        return place


class _Gatherer:
    """Numbers the values of one column as they come."""

    def __init__(self) -> None:
        self.places = _Places({"": 0})
        self.codes = array("i")

    def add(self, value: str) -> None:
        self.codes.append(self.places[value])

    def column(self) -> Column:
        return Column(list(self.places), np.frombuffer(self.codes, dtype=np.int32).copy() if self.codes else np.zeros(0, np.int32))


_SINGLE = (
    "given",
    "middle",
    "families",
    "suffix",
    "birth",
    "sex",
    "street",
    "unit",
    "city",
    "postcode",
    "phone",
    "email",
    "mother",
    "order",
    "source",
)


def from_prepared(records: Iterable[Prepared]) -> Columns:
    """Columns of cleaned records, in their order."""
    gather = {name: _Gatherer() for name in _SINGLE}
    identifiers: dict[str, dict[int, str]] = {}
    placeholder = bytearray()
    history: dict[int, Prepared] = {}
    own: list[str] = []
    for index, record in enumerate(records):
        own.append(record.source_id.partition(":")[2])
        home = record.homes[0] if record.homes else Home()
        values = (
            record.given,
            record.middle,
            "|".join(record.families),
            record.suffix,
            record.birth,
            record.sex,
            _street(home),
            home.unit,
            home.city,
            home.postcode,
            record.phones[0] if record.phones else "",
            record.emails[0] if record.emails else "",
            record.mother,
            str(record.order or ""),
            record.source,
        )
        for name, value in zip(_SINGLE, values, strict=True):
            gather[name].add(value)
        placeholder.append(record.has_placeholder_name)
        complex_ids = _add_identifiers(identifiers, index, record)
        if complex_ids or _has_history(record):
            history[index] = record
    size = len(placeholder)
    columns = {name: gatherer.column() for name, gatherer in gather.items()}
    found_ids = {authority: _sparse(size, found) for authority, found in identifiers.items()}
    return Columns(
        size,
        **columns,
        identifiers=_with_own(found_ids, columns["source"], own),
        placeholder=np.frombuffer(placeholder, dtype=np.bool_).copy(),
        history=history,
    )


def _street(home: Home) -> str:
    return f"{home.number}|{home.street}" if home.street else ""


def _has_history(record: Prepared) -> bool:
    lone_number = bool(record.homes) and not record.homes[0].street and bool(record.homes[0].number)
    return bool(
        max(len(record.homes), len(record.phones), len(record.emails)) > 1
        or record.other_givens
        or record.mother_ids
        or lone_number
    )


def _add_identifiers(identifiers: dict[str, dict[int, str]], index: int, record: Prepared) -> bool:
    """Put identifiers into their columns; whether some did not fit: two of one authority."""
    misfit = False
    locals_ = (f"={i}" for i in record.local_ids if i != record.source_id)
    for text in (*record.person_ids, *locals_):
        authority, _, value = text.partition(":")
        column = identifiers.setdefault(authority, {})
        misfit = misfit or index in column
        column.setdefault(index, value)
    return misfit


def _sparse(size: int, found: Mapping[int, str]) -> Column:
    places: dict[str, int] = {"": 0}
    codes = np.zeros(size, np.int32)
    for index, value in found.items():
        codes[index] = places.setdefault(value, len(places))
    return Column(list(places), codes)


def _with_own(identifiers: dict[str, Column], source: Column, own: Sequence[str]) -> dict[str, Column]:
    """Where records carry identifiers of another source, that source's own records have theirs in the same column."""
    for authority, column in identifiers.items():
        if authority[0] != "=" or authority[1:] not in source.values:
            continue
        places = {value: place for place, value in enumerate(column.values)}
        for index in np.flatnonzero((source.codes == source.values.index(authority[1:])) & (column.codes == 0)).tolist():
            column.codes[index] = places.setdefault(own[index], len(places))
        column.values[:] = places
    return identifiers


def _prepared_of(columns: Columns, index: int) -> Prepared:
    def value(column: Column) -> str:
        return column.values[int(column.codes[index])]

    number, _, street = value(columns.street).partition("|")
    home = Home(number, street, value(columns.unit), value(columns.city), value(columns.postcode))
    ids = [(authority, value(column)) for authority, column in columns.identifiers.items()]
    source = value(columns.source)
    families = value(columns.families)
    return Prepared(
        given=value(columns.given),
        middle=value(columns.middle),
        families=tuple(families.split("|")) if families else (),
        suffix=value(columns.suffix),
        birth=value(columns.birth),
        sex=value(columns.sex),
        person_ids=tuple(f"{authority}:{text}" for authority, text in ids if text and authority[0] != "="),
        local_ids=tuple(f"{authority[1:]}:{text}" for authority, text in ids if text and authority[0] == "="),
        source_id=f"{source}:#{index}" if source else "",
        homes=() if home.is_empty else (home,),
        phones=(value(columns.phone),) if columns.phone.codes[index] else (),
        emails=(value(columns.email),) if columns.email.codes[index] else (),
        mother=value(columns.mother),
        order=int(value(columns.order) or 0),
        flags=("given",) if columns.placeholder[index] else (),
    )


class RawColumns:
    """Text as sources wrote it, gathered row by row or in blocks of rows; each distinct text is kept once."""

    def __init__(self, header: Sequence[str]) -> None:
        self.header = tuple(header)
        self.size = 0
        self._places: dict[str, _Places] = {
            name: _Places({"": 0}) for name in self.header if name in _READ or name.startswith("id:")
        }
        self._codes: dict[str, list[Codes]] = {name: [] for name in self._places}
        self.record_ids: list[str] = []

    def add(self, rows: Sequence[Sequence[str]]) -> None:
        """Take in a block of rows; each has a text for every name of the header."""
        for name, texts in zip(self.header, zip(*rows, strict=True), strict=True):
            if name == "record_id":
                self.record_ids.extend(texts)
            elif name in self._places:
                self._codes[name].append(np.fromiter(map(self._places[name].__getitem__, texts), np.int32, len(rows)))
        self.size += len(rows)

    def column(self, name: str) -> Column | None:
        """A column of texts not yet cleaned; None when it is not there."""
        if name not in self._places:
            return None
        parts = self._codes[name]
        return Column(list(self._places[name]), np.concatenate(parts) if parts else np.zeros(0, np.int32))

    @property
    def identifier_names(self) -> tuple[str, ...]:
        """Columns of further identifiers."""
        return tuple(name for name in self._places if name.startswith("id:"))


def from_raw(raw: Mapping[str, Sequence[str]]) -> Columns:
    """Columns of lists of text, all of one length."""
    gathered = RawColumns(tuple(raw))
    gathered.add(list(zip(*raw.values(), strict=True)))
    return clean(gathered)


def clean(raw: RawColumns) -> Columns:
    """Clean every distinct text once. Says the same as `normalise.prepare` record by record."""
    size = raw.size
    given, middle, placeholder, order_hint, given_suffix = _givens(raw)
    families, family_suffix = _families(raw)
    street, unit = _streets(raw)
    suffix = _clean(raw, "suffix", suffix_of)
    for found in (given_suffix, family_suffix):
        suffix = _fill(suffix, found)
    source = _clean(raw, "source", _source_of)
    identifiers = {_NATIONAL: _clean(raw, "national_id", identifier_of.__wrapped__)}
    for name in raw.identifier_names:
        identifiers["=" + name[3:].replace(":", "_")] = _clean(raw, name, str.strip)
    columns = Columns(
        size,
        given,
        middle,
        families,
        suffix,
        birth=_clean(raw, "dob", birth_of),
        sex=_clean(raw, "sex", _sex_of),
        street=street,
        unit=unit,
        city=_clean(raw, "city", city_of),
        postcode=_clean(raw, "postcode", postcode_of),
        phone=_clean(raw, "phone", phone_of.__wrapped__),
        email=_clean(raw, "email", email_of.__wrapped__),
        mother=_clean(raw, "mother_family", _mother_of),
        order=_fill(_clean(raw, "birth_order", _order_of), order_hint),
        source=source,
        identifiers=_with_own(identifiers, source, raw.record_ids or [""] * size),
        placeholder=placeholder,
    )
    _add_aliases(columns, raw.column("alias_given"))
    return columns


def _sex_of(text: str) -> str:
    return text if text in ("F", "M") else ""


def _order_of(text: str) -> str:
    return str(int(text)) if text.isdecimal() and int(text) else ""


def _source_of(text: str) -> str:
    return text.replace(":", "_")


def _mother_of(text: str) -> str:
    families = family_of(text)[0]
    return families[0] if families else ""


def _recode(cleaned: Sequence[str], codes: Codes) -> Column:
    places = _Places({"": 0})
    table = np.fromiter(map(places.__getitem__, cleaned), np.int32, len(cleaned))
    return Column(list(places), table[codes] if len(cleaned) else codes)


def _empty(size: int) -> Column:
    return Column([""], np.zeros(size, np.int32))


def _clean(raw: RawColumns, name: str, cleaner: Callable[[str], str]) -> Column:
    column = raw.column(name)
    if column is None:
        return _empty(raw.size)
    return _recode([cleaner(value) if value else "" for value in column.values], column.codes)


def _pairs_of_texts(one: Column, other: Column | None) -> tuple[list[tuple[str, str]], Codes]:
    """Distinct pairs of texts of two columns, and the place of each record's."""
    if other is None:
        return [(value, "") for value in one.values], one.codes
    width = len(other.values)
    distinct, inverse = np.unique(one.codes.astype(np.int64) * width + other.codes, return_inverse=True)
    return [(one.values[key // width], other.values[key % width]) for key in distinct.tolist()], inverse.astype(np.int32)


def _fill(column: Column, other: Column) -> Column:
    """The column, with the values of the other where it is empty."""
    need = (column.codes == 0) & (other.codes > 0)
    if not need.any():
        return column
    places = _Places({value: place for place, value in enumerate(column.values)})
    table = np.fromiter(map(places.__getitem__, other.values), np.int32, len(other.values))
    codes = column.codes.copy()
    codes[need] = table[other.codes[need]]
    return Column(list(places), codes)


def _givens(raw: RawColumns) -> tuple[Column, Column, npt.NDArray[np.bool_], Column, Column]:
    given = raw.column("given")
    if given is None:
        nothing = _empty(raw.size)
        return nothing, nothing, np.zeros(raw.size, np.bool_), nothing, nothing
    texts, codes = _pairs_of_texts(given, raw.column("middle"))
    found = [given_of.__wrapped__(f"{first} {second}" if second else first) for first, second in texts]
    placeholders = np.fromiter((f[3] for f in found), np.bool_, len(found))
    return (
        _recode([f[0] for f in found], codes),
        _recode([f[1] for f in found], codes),
        placeholders[codes],
        _recode([str(f[4] or "") for f in found], codes),
        _recode([f[2] for f in found], codes),
    )


def _families(raw: RawColumns) -> tuple[Column, Column]:
    texts, codes = _pairs_of_texts(raw.column("family") or _empty(raw.size), raw.column("alias_family"))
    names, suffixes = [], []
    for present, former in texts:
        families, suffix = family_of.__wrapped__(present)
        more = family_of.__wrapped__(former)[0] if former else ()
        names.append("|".join(dict.fromkeys((*families, *more))))
        suffixes.append(suffix)
    return _recode(names, codes), _recode(suffixes, codes)


def _streets(raw: RawColumns) -> tuple[Column, Column]:
    column = raw.column("street")
    if column is None:
        return _empty(raw.size), _empty(raw.size)
    found = [street_of.__wrapped__(value) for value in column.values]
    return (
        _recode([f"{number}|{street}" if street else "" for number, street, _ in found], column.codes),
        _recode([unit for _, _, unit in found], column.codes),
    )


def _add_aliases(columns: Columns, aliases: Column | None) -> None:
    """Records with an alias of the given name are compared one by one."""
    if aliases is None:
        return
    for index in np.flatnonzero(aliases.codes).tolist():
        alias = given_of(aliases.values[int(aliases.codes[index])])[0]
        record = _prepared_of(columns, index)
        if alias and alias != record.given:
            columns.history[index] = replace(record, other_givens=(alias,))
