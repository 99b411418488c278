"""Compares and weighs the pairs of a batch: the levels of `comparison`, each pair of distinct values compared once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_all_start_methods, get_context

import numpy as np
import numpy.typing as npt

from mpi.linkage import comparison
from mpi.linkage.candidates import Pairs
from mpi.linkage.columns import Codes, Column, Columns
from mpi.linkage.levels import (
    FIELDS,
    Birth,
    Email,
    Family,
    Given,
    Identifier,
    Middle,
    Mother,
    Order,
    Place,
    Sex,
    Source,
    Suffix,
    levels_of,
)
from mpi.linkage.values import ValueLevels, families_of_texts

LevelCodes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Ends = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]
CHUNK = 400_000


def patterns_of_pairs(
    columns: Columns, pairs: Pairs, *, processes: int = 1, known: Mapping[str, ValueLevels] | None = None
) -> npt.NDArray[np.int64]:
    """The pattern of levels of each pair. `known` are levels of values, by kind, that were compared before (`values`).

    With several `processes` many pairs are compared in copies of this one, which share its memory: not for a process with other
    threads at work. The result is the same.
    """
    found = np.empty(len(pairs), np.int64)
    comparer = _Comparer(columns, known or {})
    starts = range(0, len(pairs), CHUNK)
    workers = min(processes, len(starts))
    if workers > 1 and "fork" in get_all_start_methods():
        _SHARED.append((comparer, pairs))
        try:
            with ProcessPoolExecutor(workers, mp_context=get_context("fork")) as pool:
                for start, part in zip(starts, pool.map(_compare_shared, starts), strict=True):
                    found[start : start + CHUNK] = part
        finally:
            _SHARED.clear()
        return found
    for start in starts:
        found[start : start + CHUNK] = comparer.chunk(pairs, start)
    return found


_SHARED: list[tuple[_Comparer, Pairs]] = []
"""What the copies of this process find in their memory."""


def _compare_shared(start: int) -> npt.NDArray[np.int64]:
    comparer, pairs = _SHARED[0]
    return comparer.chunk(pairs, start)


@dataclass(slots=True)
class _Initials:
    """Bit masks of first letters, by place of the value."""

    given: npt.NDArray[np.uint32]
    middle: npt.NDArray[np.uint32]
    family: npt.NDArray[np.uint32]


def _bits(text: str) -> int:
    found = 0
    for word in text.split():
        if len(word) > 1:
            found |= 1 << (ord(word[0]) % 32)
    return found


class _Comparer:
    def __init__(self, columns: Columns, known: Mapping[str, ValueLevels]) -> None:
        self._columns = columns
        self._known = known
        self._families = [tuple(value.split("|")) if value else () for value in columns.families.values]
        self._initials = _Initials(
            _table(columns.given, lambda text: 1 << (ord(text[0]) % 32)),
            _table(columns.middle, _bits),
            _table(columns.families, lambda text: _bits(text.partition("|")[0])),
        )
        self._family_codes = columns.families.codes
        self._births = _Births(columns.birth)
        self._history = np.zeros(columns.size, np.bool_)
        self._history[list(columns.history)] = True

    def chunk(self, pairs: Pairs, start: int) -> npt.NDArray[np.int64]:
        """The patterns of some pairs."""
        part = pairs[start : start + CHUNK]
        return self.patterns(part // self._columns.size, part % self._columns.size)

    def patterns(self, a: npt.NDArray[np.int64], b: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        ends = (a, b)
        columns = self._columns
        given, middle, family = self._names(ends)
        sex = self._sex(ends, given, family)
        fields = (
            given,
            middle,
            family,
            _flat(columns.suffix, ends, Suffix.EQUAL, Suffix.DIFFERENT),
            self._births.levels(ends),
            sex,
            self._identifiers(ends),
            self._places(ends),
            _flat(columns.email, ends, Email.EQUAL, Email.DIFFERENT),
            _distinct(columns.mother, ends, comparison.mother_level, Mother.EQUAL),
            _flat(columns.order, ends, Order.EQUAL, Order.DIFFERENT),
            self._sources(ends),
        )
        pattern = np.zeros(len(a), np.int64)
        for spec, levels in zip(FIELDS, fields, strict=True):
            pattern = pattern * spec.size + levels
        for at in np.flatnonzero(self._history[a] | self._history[b]).tolist():
            one, other = columns.prepared(int(a[at])), columns.prepared(int(b[at]))
            pattern[at] = comparison.compare(one, other).pattern
        return pattern

    def _names(self, ends: Ends) -> tuple[LevelCodes, LevelCodes, LevelCodes]:
        columns = self._columns
        given = _distinct(columns.given, ends, comparison.given_level, None, known=self._known.get("given"))
        middle = _distinct(columns.middle, ends, comparison.middle_level, None, known=self._known.get("middle"))
        family = _distinct(columns.families, ends, families_of_texts, Family.EXACT, known=self._known.get("families"))
        self._look_at_middle(ends, given, middle)
        self._look_for_swaps(ends, given, middle, family)
        placeholder = columns.placeholder[ends[0]] | columns.placeholder[ends[1]]
        given[placeholder] = Given.PLACEHOLDER
        middle[placeholder] = Middle.MISSING
        return given, middle, family

    def _look_at_middle(self, ends: Ends, given: LevelCodes, middle: LevelCodes) -> None:
        columns, bits = self._columns, self._initials
        g, m = (
            (columns.given.codes[ends[0]], columns.given.codes[ends[1]]),
            (columns.middle.codes[ends[0]], columns.middle.codes[ends[1]]),
        )
        shared = (
            (bits.middle[m[0]] & bits.given[g[1]]) | (bits.middle[m[1]] & bits.given[g[0]]) | (bits.given[g[0]] & bits.given[g[1]])
        )
        unsure = (given > Given.CLOSE) & ((m[0] > 0) | (m[1] > 0)) & (shared > 0)
        for at in np.flatnonzero(unsure).tolist():
            texts = (
                columns.given.values[g[0][at]],
                columns.middle.values[m[0][at]],
                columns.given.values[g[1][at]],
                columns.middle.values[m[1][at]],
            )
            if comparison.is_written_together(*texts):
                given[at], middle[at] = Given.VARIANT, Middle.MISSING
            elif comparison.is_middle_used(*texts):
                given[at], middle[at] = Given.MIDDLE, Middle.MISSING

    def _look_for_swaps(self, ends: Ends, given: LevelCodes, middle: LevelCodes, family: LevelCodes) -> None:
        columns, bits = self._columns, self._initials
        g = (columns.given.codes[ends[0]], columns.given.codes[ends[1]])
        f = (self._family_codes[ends[0]], self._family_codes[ends[1]])
        crossed = ((bits.given[g[0]] & bits.family[f[1]]) > 0) & ((bits.given[g[1]] & bits.family[f[0]]) > 0)
        unsure = (given > Given.CLOSE) & (given != Given.MIDDLE) & (family >= Family.SIMILAR) & crossed
        for at in np.flatnonzero(unsure).tolist():
            one, other = self._families[f[0][at]][0], self._families[f[1][at]][0]
            if comparison.is_swapped(columns.given.values[g[0][at]], one, columns.given.values[g[1][at]], other):
                given[at], middle[at], family[at] = Given.SWAPPED, Middle.MISSING, Family.MISSING

    def _sex(self, ends: Ends, given: LevelCodes, family: LevelCodes) -> LevelCodes:
        column = self._columns.sex
        one, other = column.codes[ends[0]], column.codes[ends[1]]
        sex = _flat(column, ends, Sex.SAME, Sex.DIFFERENT)
        implied = (given == Given.EXACT) | (given == Given.VARIANT)
        sex[(sex == Sex.SAME) & implied] = Sex.IMPLIED
        sex[(sex == Sex.DIFFERENT) & implied] = Sex.CONFLICT
        female = column.values.index("F") if "F" in column.values else -1
        male = column.values.index("M") if "M" in column.values else -1
        woman = ((one == female) | (other == female)) & (one != male) & (other != male)
        family[woman & (family == Family.DIFFERENT)] = Family.CHANGED
        return sex

    def _identifiers(self, ends: Ends) -> LevelCodes:
        best = np.zeros(len(ends[0]), np.uint8)
        for authority, column in self._columns.identifiers.items():
            if authority[0] == "=":
                level = _flat(column, ends, Identifier.EQUAL, Identifier.MISSING)
            else:
                level = _distinct(column, ends, _identifier, Identifier.EQUAL)
            better = (level > 0) & ((best == 0) | (level < best))
            best[better] = level[better]
        return best

    def _sources(self, ends: Ends) -> LevelCodes:
        level = _flat(self._columns.source, ends, Source.SAME, Source.OTHER)
        known = level > 0
        locals_ = [column for authority, column in self._columns.identifiers.items() if authority[0] == "="]
        shared = [_flat(column, ends, Identifier.EQUAL, Identifier.DIFFERENT) for column in locals_]
        for found in shared:
            level[known & (found == Identifier.DIFFERENT)] = Source.SAME
        for found in shared:
            level[found == Identifier.EQUAL] = Source.MISSING
        return level

    def _places(self, ends: Ends) -> LevelCodes:
        columns = self._columns
        area = self._areas(ends)
        near = (area == Place.POSTCODE) | (area == Place.AREA) | (area == Place.MISSING)
        street = columns.street.codes
        one, other = street[ends[0]], street[ends[1]]
        both = (one > 0) & (other > 0)
        level = area.copy()
        level[both & (area == Place.MISSING)] = Place.DIFFERENT
        same = both & (one == other)
        unit = columns.unit.codes
        units = (unit[ends[0]] > 0) & (unit[ends[1]] > 0) & (unit[ends[0]] != unit[ends[1]])
        level[same] = np.where(near[same] & ~units[same], Place.HOME, Place.CLOSE)
        open_ones = np.flatnonzero(both & (one != other) & near)
        streets = _distinct(columns.street, (ends[0][open_ones], ends[1][open_ones]), _streets, Place.HOME)
        level[open_ones[streets == Place.CLOSE]] = Place.CLOSE
        phone = _flat(columns.phone, ends, Place.PHONE, Place.MISSING)
        level[phone > 0] = np.where(level[phone > 0] == Place.HOME, Place.BOTH, Place.PHONE)
        return level

    def _areas(self, ends: Ends) -> LevelCodes:
        columns = self._columns
        postcode = _flat(columns.postcode, ends, Place.POSTCODE, Place.DIFFERENT)
        city = _flat(columns.city, ends, Place.AREA, Place.DIFFERENT)
        level = np.where(postcode == Place.POSTCODE, postcode, np.where(city == Place.AREA, city, np.maximum(postcode, city)))
        unsure = np.flatnonzero((postcode == Place.DIFFERENT) & (city != Place.AREA))
        slips = _distinct(columns.postcode, (ends[0][unsure], ends[1][unsure]), _postcodes, Place.POSTCODE)
        level[unsure[slips == Place.AREA]] = Place.AREA
        found: LevelCodes = level.astype(np.uint8)
        return found


class _Births:
    """Dates of birth as numbers: full dates are compared by arithmetic, the others by `comparison.birth_level`."""

    def __init__(self, column: Column) -> None:
        self._column = column
        full = [value if len(value) == 8 and not value.endswith("0101") else "0" * 8 for value in column.values]
        self._digits = np.frombuffer("".join(full).encode(), np.uint8).reshape(len(full), 8)
        self._numbers = np.fromiter(map(int, full), np.int32, len(full))

    def levels(self, ends: Ends) -> LevelCodes:
        one, other = self._column.codes[ends[0]], self._column.codes[ends[1]]
        x, y = self._numbers[one], self._numbers[other]
        level = _distinct(self._column, ends, comparison.birth_level, None, (x == 0) | (y == 0))
        full = np.flatnonzero((x > 0) & (y > 0))
        level[full] = self._full(one[full], other[full], x[full], y[full])
        return level

    def _full(self, one: Codes, other: Codes, x: Codes, y: Codes) -> LevelCodes:
        years, years_too = x // 10_000, y // 10_000
        months, months_too = x // 100 % 100, y // 100 % 100
        days, days_too = x % 100, y % 100
        apart = np.abs(years - years_too)
        level = np.where(apart == 0, Birth.YEAR, np.where(apart >= comparison.GENERATION_YEARS, Birth.GENERATION, Birth.DIFFERENT))
        agree = (years == years_too).astype(np.uint8) + (months == months_too) + (days == days_too)
        level[agree == 2] = Birth.NEAR
        level[self._is_one_edit(one, other)] = Birth.EDIT
        level[(apart == 0) & (months == days_too) & (days == months_too)] = Birth.SWAPPED
        level[x == y] = Birth.EXACT
        return level.astype(np.uint8)

    def _is_one_edit(self, one: Codes, other: Codes) -> Mask:
        a, b = self._digits[one], self._digits[other]
        wrong = a != b
        count = wrong.sum(axis=1)
        exchanged = (wrong[:, :-1] & wrong[:, 1:] & (a[:, :-1] == b[:, 1:]) & (a[:, 1:] == b[:, :-1])).any(axis=1)
        found: Mask = (count == 1) | ((count == 2) & exchanged)
        return found


def _identifier(one: str, other: str) -> int:
    return Identifier.EDIT if comparison.is_one_slip.__wrapped__(one, other) else Identifier.DIFFERENT


def _postcodes(one: str, other: str) -> int:
    return Place.AREA if comparison.is_one_slip(one, other) else Place.DIFFERENT


def _streets(one: str, other: str) -> int:
    number, _, street = one.partition("|")
    other_number, _, other_street = other.partition("|")
    return comparison.street_level.__wrapped__(street, number, other_street, other_number)


def _table(column: Column, code: Callable[[str], int]) -> npt.NDArray[np.uint32]:
    return np.fromiter((code(value) if value else 0 for value in column.values), np.uint32, len(column.values))


def _flat(column: Column, ends: Ends, equal: int, different: int) -> LevelCodes:
    """Equal, different or missing."""
    one, other = column.codes[ends[0]], column.codes[ends[1]]
    level = np.where(one == other, np.uint8(equal), np.uint8(different))
    level[(one == 0) | (other == 0)] = 0
    found: LevelCodes = level
    return found


def _distinct(
    column: Column,
    ends: Ends,
    compare: Callable[[str, str], int],
    equal: int | None,
    where: Mask | None = None,
    known: ValueLevels | None = None,
) -> LevelCodes:
    """Levels by a function of two values, called once per pair of distinct ones; `equal` is the level of equal ones if known."""
    one, other = column.codes[ends[0]], column.codes[ends[1]]
    level = np.zeros(len(one), np.uint8)
    both = (one > 0) & (other > 0)
    if where is not None:
        both &= where
    if equal is not None:
        level[both & (one == other)] = equal
        both &= one != other
    at = np.flatnonzero(both)
    if not len(at):
        return level
    low, high = np.minimum(one[at], other[at]).astype(np.int64), np.maximum(one[at], other[at])
    distinct, inverse = np.unique(low * len(column.values) + high, return_inverse=True)
    values, width = column.values, len(column.values)
    if known is not None:
        level[at] = known.of(distinct, lambda key: compare(values[key // width], values[key % width]))[inverse]
        return level
    found = np.fromiter((compare(values[k // width], values[k % width]) for k in distinct.tolist()), np.uint8, len(distinct))
    level[at] = found[inverse]
    return level


def level_table(patterns: npt.NDArray[np.int64]) -> LevelCodes:
    """The levels of each pattern, a row per pattern."""
    table: LevelCodes = np.array([levels_of(pattern) for pattern in patterns.tolist()], np.uint8).reshape(
        len(patterns), len(FIELDS)
    )
    return table


def codes_at(column: Column, pairs: Pairs, size: int) -> tuple[Codes, Codes]:
    """The places of the values of both ends of pairs."""
    return column.codes[pairs // size], column.codes[pairs % size]
