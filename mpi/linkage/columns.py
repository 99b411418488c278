"""Many records as columns of numbers: each distinct value is cleaned and kept once.

A column holds for each record the place of its value in a list of distinct values; place 0 is the empty value. What does not
fit in columns (a second address, an alias of the given name) is kept as `Prepared` in `history`, and such records are compared
one by one. `from_raw` is the fast way from text, `from_prepared` the way from stored rows; both give the same columns.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
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
TEXT_COLUMNS: tuple[str, ...] = (
    "source", "given", "middle", "family", "suffix", "sex", "dob", "street", "city", "postcode", "phone", "national_id",
    "birth_order", "email", "mother_family", "alias_family", "alias_given",
)  # fmt: skip
"""The columns of text `from_raw` reads; any may be absent. A column `id:<authority>` is a further identifier."""


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


class _Gatherer:
    """Numbers the values of one column as they come."""

    def __init__(self) -> None:
        self.places: dict[str, int] = {"": 0}
        self.codes = array("i")

    def add(self, value: str) -> None:
        self.codes.append(self.places.setdefault(value, len(self.places)))

    def column(self) -> Column:
        return Column(list(self.places), np.frombuffer(self.codes, dtype=np.int32).copy() if self.codes else np.zeros(0, np.int32))


_SINGLE = ("given", "middle", "families", "suffix", "birth", "sex", "street", "unit", "city", "postcode", "phone", "email", "mother", "order", "source")


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
            record.given, record.middle, "|".join(record.families), record.suffix, record.birth, record.sex, _street(home), home.unit, home.city,
            home.postcode, record.phones[0] if record.phones else "", record.emails[0] if record.emails else "", record.mother,
            str(record.order or ""), record.source,
        )  # fmt: skip
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
        max(len(record.homes), len(record.phones), len(record.emails)) > 1 or record.other_givens or record.mother_ids or lone_number
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


def from_raw(raw: Mapping[str, Sequence[str]]) -> Columns:
    """Columns of text as sources wrote it. All columns are of one length."""
    size = len(next(iter(raw.values())))
    given, middle, placeholder, order_hint, given_suffix = _givens(raw, size)
    families, family_suffix = _families(raw, size)
    street, number_unit = _streets(raw.get("street"), size)
    suffix = _clean(raw.get("suffix"), size, suffix_of)
    for found in (given_suffix, family_suffix):
        suffix = _fill(suffix, found)
    identifiers = {_NATIONAL: _clean(raw.get("national_id"), size, identifier_of.__wrapped__)}
    for name, texts in raw.items():
        if name.startswith("id:"):
            identifiers["=" + name[3:].replace(":", "_")] = _clean(texts, size, str.strip)
    source = _clean(raw.get("source"), size, _source_of)
    identifiers = _with_own(identifiers, source, raw.get("record_id", [""] * size))
    columns = Columns(
        size, given, middle, families, suffix,
        birth=_clean(raw.get("dob"), size, birth_of),
        sex=_clean(raw.get("sex"), size, _sex_of),
        street=street, unit=number_unit,
        city=_clean(raw.get("city"), size, city_of),
        postcode=_clean(raw.get("postcode"), size, postcode_of),
        phone=_clean(raw.get("phone"), size, phone_of.__wrapped__),
        email=_clean(raw.get("email"), size, email_of.__wrapped__),
        mother=_clean(raw.get("mother_family"), size, _mother_of),
        order=_fill(_clean(raw.get("birth_order"), size, _order_of), order_hint),
        source=source,
        identifiers=identifiers, placeholder=placeholder,
    )  # fmt: skip
    _aliases(columns, raw.get("alias_given"))
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


def number_values(texts: Sequence[str]) -> tuple[list[str], Codes]:
    """Distinct texts in order of appearance, and the place of each."""
    places: dict[str, int] = {}
    codes = np.fromiter((places.setdefault(text, len(places)) for text in texts), np.int32, len(texts))
    return list(places), codes


def _recode(cleaned: Sequence[str], codes: Codes) -> Column:
    places: dict[str, int] = {"": 0}
    table = np.fromiter((places.setdefault(value, len(places)) for value in cleaned), np.int32, len(cleaned))
    return Column(list(places), table[codes] if len(cleaned) else codes)


def _clean(texts: Sequence[str] | None, size: int, cleaner: Callable[[str], str]) -> Column:
    if texts is None:
        return Column([""], np.zeros(size, np.int32))
    values, codes = number_values(texts)
    return _recode([cleaner(value) if value else "" for value in values], codes)


def _fill(column: Column, other: Column) -> Column:
    """The column, with the values of the other where it is empty."""
    need = (column.codes == 0) & (other.codes > 0)
    if not need.any():
        return column
    places = {value: place for place, value in enumerate(column.values)}
    table = np.fromiter((places.setdefault(value, len(places)) for value in other.values), np.int32, len(other.values))
    codes = column.codes.copy()
    codes[need] = table[other.codes[need]]
    return Column(list(places), codes)


def _givens(raw: Mapping[str, Sequence[str]], size: int) -> tuple[Column, Column, npt.NDArray[np.bool_], Column, Column]:
    given, middle = raw.get("given"), raw.get("middle")
    if given is None:
        empty = Column([""], np.zeros(size, np.int32))
        return empty, empty, np.zeros(size, np.bool_), empty, empty
    texts = given if middle is None else [f"{g} {m}" if m else g for g, m in zip(given, middle, strict=True)]
    values, codes = number_values(texts)
    found = [given_of.__wrapped__(value) for value in values]
    placeholders = np.fromiter((f[3] for f in found), np.bool_, len(found))
    return (
        _recode([f[0] for f in found], codes),
        _recode([f[1] for f in found], codes),
        placeholders[codes],
        _recode([str(f[4] or "") for f in found], codes),
        _recode([f[2] for f in found], codes),
    )


def _families(raw: Mapping[str, Sequence[str]], size: int) -> tuple[Column, Column]:
    family, alias = raw.get("family"), raw.get("alias_family")
    texts = family if family is not None else [""] * size
    if alias is not None:
        texts = [f"{f}\x1f{a}" if a else f for f, a in zip(texts, alias, strict=True)]
    values, codes = number_values(texts)
    names, suffixes = [], []
    for value in values:
        present, _, former = value.partition("\x1f")
        families, suffix = family_of.__wrapped__(present)
        more = family_of.__wrapped__(former)[0] if former else ()
        names.append("|".join(dict.fromkeys((*families, *more))))
        suffixes.append(suffix)
    return _recode(names, codes), _recode(suffixes, codes)


def _streets(texts: Sequence[str] | None, size: int) -> tuple[Column, Column]:
    if texts is None:
        empty = Column([""], np.zeros(size, np.int32))
        return empty, empty
    values, codes = number_values(texts)
    found = [street_of.__wrapped__(value) for value in values]
    return (
        _recode([f"{number}|{street}" if street else "" for number, street, _ in found], codes),
        _recode([unit for _, _, unit in found], codes),
    )


def _aliases(columns: Columns, texts: Sequence[str] | None) -> None:
    for index, text in enumerate(texts or ()):
        alias = given_of(text)[0] if text else ""
        record = _prepared_of(columns, index) if alias else None
        if record is not None and alias != record.given:
            fields = {name: getattr(record, name) for name in Prepared.__slots__}
            columns.history[index] = Prepared(**{**fields, "other_givens": (alias,)})
