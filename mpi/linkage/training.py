"""Learns a model from the records themselves, without labels, by expectation and maximisation over patterns of levels.

Strangers are not learnt from candidates, for blocking chooses those that agree: their levels come from pairs drawn at random
and from how often values occur, and their number is that of all pairs. What other people of a household look like is learnt
from all pairs at one address. So the classes keep their absolute numbers, and the weights hold for an index of any size. Where
the records say little, the model started from prevails: it enters as so many pairs seen before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from mpi.linkage.batch import LevelCodes, level_table, patterns_of_pairs
from mpi.linkage.candidates import Pairs
from mpi.linkage.columns import Column, Columns
from mpi.linkage.levels import BIRTH, FAMILY, FIELDS, GIVEN, IDENTIFIER, PLACE, SEX, SUFFIX, Given, Place
from mpi.linkage.model import (
    CLASSES,
    HOUSEHOLD,
    NAMESAKE,
    SAME,
    STRANGER,
    TWIN,
    Frequencies,
    LevelProbabilities,
    Model,
    Thresholds,
    monotone,
)
from mpi.linkage.shipped import VERSION

Floats = npt.NDArray[np.float64]
TRAINED_LINK = 5.0
"""The link threshold of a model trained from the shipped one."""
_ROUNDS = 60
_ENOUGH = 1e-4
_SEEN_BEFORE = 400.0
"""Pairs of each class that the model started from counts for."""
_LABEL_COUNTS = 5.0
"""Pairs that a pair somebody decided counts for."""
_SAMPLE = 200_000
_STRANGERS_SEEN_BEFORE = 20_000.0
_HOME_PAIRS = 100_000
_NEIGHBOURS = 0.05
"""Of pairs that share an address or telephone by count, the part taken to be strangers."""
_FEWEST = 1e-9
_RELATED = (SAME, HOUSEHOLD, TWIN, NAMESAKE)
_DEFINED: Mapping[int, Mapping[int, tuple[int, ...]]] = {
    SAME: {SUFFIX: (1, 2)},
    TWIN: {GIVEN: (Given.EXACT, Given.VARIANT, Given.NICKNAME)},
    NAMESAKE: {GIVEN: tuple(range(1, 10)), BIRTH: tuple(range(1, 9)), SUFFIX: (1, 2)},
}
"""Levels that make a class what it is and are not learnt, lest it take in pairs of another: twins do not bear one name, namesakes
are of two generations, nobody is their own junior."""
_COMMON = 2
_MOST_TOGETHER = 64.0
_GROUPS: Mapping[int, tuple[tuple[int, ...], ...]] = {SEX: ((1, 4), (2, 3))}
"""Levels that compete with each other, where that is not all of a field: whether sex agrees depends on the given name."""


@dataclass(frozen=True, slots=True)
class Labels:
    """Pairs people decided: their patterns of levels, and whether they are one person."""

    patterns: npt.NDArray[np.int64]
    same: npt.NDArray[np.bool_]


@dataclass(slots=True)
class _Patterns:
    levels: LevelCodes
    counts: Floats
    known: npt.NDArray[np.int8]
    """1: one person, 0: not, -1: nobody said."""


def _group(patterns: npt.NDArray[np.int64]) -> _Patterns:
    distinct, counts = np.unique(patterns, return_counts=True)
    return _Patterns(level_table(distinct), counts.astype(np.float64), np.full(len(distinct), -1, np.int8))


def _with_labels(grouped: _Patterns, labels: Labels) -> _Patterns:
    return _Patterns(
        np.concatenate((grouped.levels, level_table(labels.patterns))),
        np.concatenate((grouped.counts, np.full(len(labels.patterns), _LABEL_COUNTS))),
        np.concatenate((grouped.known, labels.same.astype(np.int8))),
    )


def train(
    columns: Columns,
    pairs: Pairs,
    patterns: npt.NDArray[np.int64],
    start: Model,
    *,
    version: str,
    labels: Labels | None = None,
    seed: int = 1,
) -> Model:
    """A model for these records, from the patterns of their candidate pairs and, where there are, from what people decided.

    The same records, labels and seed give the same model.
    """
    if columns.size < 2 or not len(pairs):
        return replace(start.for_population(columns.size), version=version)
    levels = [_table(start, number) for number in range(len(CLASSES))]
    frequencies = {"given": _count(columns.given), "family": _count_families(columns), "birth": _count(columns.birth)}
    levels[STRANGER] = _strangers(columns, start, np.random.default_rng(seed))
    at_home = _home_pairs(columns)
    if len(at_home):
        levels[HOUSEHOLD] = _household(_group(patterns_of_pairs(columns, at_home)), levels, start)
    per_record = [*start.per_record]
    per_record[HOUSEHOLD] = _household_pairs(columns, levels, per_record)
    grouped = _group(patterns) if labels is None else _with_labels(_group(patterns), labels)
    _expectation_maximisation(grouped, levels, per_record, columns.size, start)
    probabilities = monotone(tuple(tuple(map(tuple, table)) for table in levels))
    together = _names_together(columns, levels, per_record)
    return Model(
        version,
        columns.size,
        tuple(per_record),
        _sane(probabilities, start),
        _thresholds(start),
        frequencies,
        names_together=together,
    )


def _thresholds(start: Model) -> Thresholds:
    """What was set stays; only the shipped model, which knows nothing of these records, asks for more than a trained one has to."""
    return replace(start.thresholds, link=TRAINED_LINK) if start.version == VERSION else start.thresholds


def _table(model: Model, number: int) -> list[list[float]]:
    return [list(levels) for levels in model.levels[number]]


def _sane(levels: tuple[LevelProbabilities, ...], start: Model) -> tuple[LevelProbabilities, ...]:
    """Fields in which the same person would agree less than strangers keep what they had."""
    bad = [at for at in range(len(FIELDS)) if levels[SAME][at][1] < levels[STRANGER][at][1]]
    return tuple(
        tuple(start.levels[number][at] if at in bad else levels[number][at] for at in range(len(FIELDS)))
        for number in range(len(CLASSES))
    )


def _count(column: Column) -> Frequencies:
    counts = np.bincount(column.codes, minlength=len(column.values))
    common = np.flatnonzero(counts >= _COMMON)
    values = {column.values[place]: int(counts[place]) for place in common.tolist() if place}
    return Frequencies(max(int(len(column.codes) - counts[0]), 1), values)


def _count_families(columns: Columns) -> Frequencies:
    counts: Counter[str] = Counter()
    column = columns.families
    for value, count in zip(column.values, np.bincount(column.codes, minlength=len(column.values)).tolist(), strict=True):
        counts[value.partition("|")[0]] += count
    records = max(columns.size - counts.pop("", 0), 1)
    return Frequencies(records, {value: count for value, count in counts.items() if count >= _COMMON})


def _mean_share(frequencies: Frequencies) -> float:
    """The chance that two strangers share a value."""
    rare = max(frequencies.records - sum(frequencies.counts.values()), 0)
    total = sum(count * frequencies.share(value) for value, count in frequencies.counts.items())
    return (total + rare * 0.5 / frequencies.records) / frequencies.records


def _strangers(columns: Columns, start: Model, random: np.random.Generator) -> list[list[float]]:
    one = random.integers(0, columns.size, _SAMPLE)
    other = random.integers(0, columns.size, _SAMPLE)
    pairs = np.minimum(one, other)[one != other] * columns.size + np.maximum(one, other)[one != other]
    grouped = _group(patterns_of_pairs(columns, pairs))
    table = _maximise(grouped, grouped.counts, start.levels[STRANGER], _STRANGERS_SEEN_BEFORE)
    shares = {
        GIVEN: _mean_share(_count(columns.given)),
        FAMILY: _mean_share(_count_families(columns)),
        BIRTH: _mean_share(_count(columns.birth)),
    }
    for at, share in shares.items():
        table[at][1] = max(share, _FEWEST)
    for level, column in ((Place.HOME, columns.street), (Place.PHONE, columns.phone)):
        table[PLACE][level] = max(_NEIGHBOURS * _mean_share(_count(column)), _FEWEST)
    table[PLACE][Place.BOTH] = max(table[PLACE][Place.HOME] * 0.1, _FEWEST)
    table[IDENTIFIER] = list(start.levels[STRANGER][IDENTIFIER])
    return table


def _home_pairs(columns: Columns) -> Pairs:
    """Pairs of records at one address, of as many addresses as give the wanted number."""
    width = len(columns.postcode.values)
    homes = columns.street.codes.astype(np.int64) * width + columns.postcode.codes
    present = np.flatnonzero((columns.street.codes > 0) & (columns.postcode.codes > 0))
    order = present[np.argsort(homes[present], kind="stable")]
    keys = homes[order]
    found: list[Pairs] = []
    total = 0
    for distance in range(1, 10):
        same = np.flatnonzero(keys[distance:] == keys[:-distance])
        one, other = order[same].astype(np.int64), order[same + distance].astype(np.int64)
        found.append(np.minimum(one, other) * columns.size + np.maximum(one, other))
        total += len(same)
    pairs = np.concatenate(found) if found else np.zeros(0, np.int64)
    step = max(1, total // _HOME_PAIRS)
    thinned: Pairs = pairs[::step]
    return thinned


def _household(grouped: _Patterns, levels: list[list[list[float]]], start: Model) -> list[list[float]]:
    """What pairs of other people at one address look like; the place itself is left as it was."""
    working = [[list(field) for field in table] for table in levels]
    for table in working:
        table[PLACE] = [1.0] * FIELDS[PLACE].size
    shares = np.array([start.per_record[number] for number in _RELATED])
    for _ in range(_ROUNDS // 2):
        parts = _responsibilities(grouped, working, np.log(shares), _RELATED)
        for row, number in enumerate(_RELATED):
            working[number] = _learn(grouped, grouped.counts * parts[row], start, number)
            working[number][PLACE] = [1.0] * FIELDS[PLACE].size
        shares = np.maximum((parts * grouped.counts).sum(axis=1), 1.0)
    found = working[HOUSEHOLD]
    found[PLACE] = levels[HOUSEHOLD][PLACE]
    return found


def _learn(grouped: _Patterns, weights: Floats, start: Model, number: int) -> list[list[float]]:
    """The levels of a class, but for what defines it: that is as it was at the start."""
    table = _maximise(grouped, weights, start.levels[number], _SEEN_BEFORE)
    for at, fixed in _DEFINED.get(number, {}).items():
        for level in fixed:
            table[at][level] = start.levels[number][at][level]
    return table


def _household_pairs(columns: Columns, levels: list[list[list[float]]], per_record: list[float]) -> float:
    """Pairs of other people of a household per record, from how many records share an address."""
    width = len(columns.postcode.values)
    homes = columns.street.codes.astype(np.int64) * width + columns.postcode.codes
    counts = np.unique(homes[columns.street.codes > 0], return_counts=True)[1].astype(np.float64)
    counts = counts[counts <= 40]
    shared = float((counts * (counts - 1) / 2).sum())
    known = float((columns.street.codes > 0).mean()) ** 2
    here = [levels[number][PLACE][Place.BOTH] + levels[number][PLACE][Place.HOME] for number in (SAME, HOUSEHOLD)]
    same = per_record[SAME] * columns.size * known * here[0]
    if known < 0.01:
        return per_record[HOUSEHOLD]
    return max((shared - same) / (columns.size * known * here[1]), 0.02)


def _expectation_maximisation(
    grouped: _Patterns, levels: list[list[list[float]]], per_record: list[float], size: int, start: Model
) -> None:
    every = range(len(CLASSES))
    previous = 0.0
    for _ in range(_ROUNDS):
        priors = np.log(
            np.array([per_record[SAME], per_record[HOUSEHOLD], per_record[TWIN], per_record[NAMESAKE], max(size - 1, 1) / 2])
        )
        parts = _responsibilities(grouped, levels, priors, tuple(every))
        for number in (SAME, TWIN, NAMESAKE):
            weights = grouped.counts * parts[number]
            levels[number] = _learn(grouped, weights, start, number)
            per_record[number] = max(float(weights.sum()) / size, 1e-4)
        home = _maximise(grouped, grouped.counts * parts[HOUSEHOLD], start.levels[HOUSEHOLD], _SEEN_BEFORE)
        levels[HOUSEHOLD][PLACE] = home[PLACE]
        if abs(per_record[SAME] - previous) < _ENOUGH * per_record[SAME]:
            break
        previous = per_record[SAME]


def _responsibilities(grouped: _Patterns, levels: list[list[list[float]]], priors: Floats, numbers: tuple[int, ...]) -> Floats:
    logs = np.empty((len(numbers), len(grouped.counts)))
    for row, number in enumerate(numbers):
        logs[row] = priors[row]
        for at in range(len(FIELDS)):
            table = np.log(np.array(levels[number][at]))
            table[0] = 0.0
            logs[row] += table[grouped.levels[:, at]]
    logs -= logs.max(axis=0)
    parts: Floats = np.exp(logs)
    if SAME in numbers:
        parts[numbers.index(SAME), grouped.known == 0] = 0.0
        for row, number in enumerate(numbers):
            if number != SAME:
                parts[row, grouped.known == 1] = 0.0
    parts /= np.maximum(parts.sum(axis=0), _FEWEST)
    return parts


def _maximise(grouped: _Patterns, weights: Floats, before: LevelProbabilities, strength: float) -> list[list[float]]:
    table = []
    for at, spec in enumerate(FIELDS):
        seen = np.bincount(grouped.levels[:, at], weights, spec.size)
        found = [1.0] * spec.size
        for group in _GROUPS.get(at, (tuple(range(1, spec.size)),)):
            if at == GIVEN:
                group = tuple(level for level in group if level != Given.PLACEHOLDER)
            mass = [float(seen[level]) + strength * before[at][level] for level in group]
            for level, part in zip(group, mass, strict=True):
                found[level] = max(part / sum(mass), _FEWEST)
        table.append(found)
    return table


def _names_together(columns: Columns, levels: list[list[list[float]]], per_record: list[float]) -> float:
    """How many times more pairs of strangers share both names than would if names were drawn apart."""
    both = columns.given.codes.astype(np.int64) * len(columns.families.values) + columns.families.codes
    counts = np.unique(both[(columns.given.codes > 0) & (columns.families.codes > 0)], return_counts=True)[1].astype(np.float64)
    shared = float((counts * (counts - 1) / 2).sum())
    same = per_record[SAME] * columns.size * levels[SAME][GIVEN][1] * levels[SAME][FAMILY][1]
    chance = columns.size**2 / 2 * levels[STRANGER][GIVEN][1] * levels[STRANGER][FAMILY][1]
    return float(np.clip((shared - same) / max(chance, 1e-9), 1.0, _MOST_TOGETHER))
