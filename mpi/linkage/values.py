"""Pairs of distinct values of a batch: which there are to compare, and their levels. Each is compared once, wherever it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from mpi.linkage import comparison
from mpi.linkage.candidates import Pairs
from mpi.linkage.columns import Column, Columns

_CHUNK: Final = 1_000_000
Numbers = npt.NDArray[np.int64]
Levels = npt.NDArray[np.uint8]


def families_of_texts(one: str, other: str) -> int:
    """The level of two fields of family names, each with its former names behind bars."""
    return comparison.families_level(one.split("|"), other.split("|"))


KINDS: Final[Mapping[str, Callable[[str, str], int]]] = {
    "given": comparison.given_level,
    "middle": comparison.middle_level,
    "families": families_of_texts,
}
"""The columns whose values take time to compare, and what compares them."""


@dataclass(frozen=True, slots=True)
class ValueLevels:
    """Levels of pairs of values of one column; `keys` are `smaller * values + larger` in order."""

    keys: Numbers
    levels: Levels

    def of(self, wanted: Numbers, compare: Callable[[int], int]) -> Levels:
        """The levels of these keys; `compare` gives those that are not known."""
        found = np.zeros(len(wanted), np.uint8)
        known = np.zeros(len(wanted), np.bool_)
        if len(self.keys):
            at = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
            known = self.keys[at] == wanted
            found[known] = self.levels[at[known]]
        for place in np.flatnonzero(~known).tolist():
            found[place] = compare(int(wanted[place]))
        return found


def column_of(columns: Columns, kind: str) -> Column:
    """The column of a kind."""
    return {"given": columns.given, "middle": columns.middle, "families": columns.families}[kind]


def value_pairs(columns: Columns, pairs: Pairs, kind: str) -> Numbers:
    """The keys of all pairs of different values that the pairs of records bring together, in order."""
    column, found = column_of(columns, kind), np.zeros(0, np.int64)
    for start in range(0, len(pairs), _CHUNK):
        part = pairs[start : start + _CHUNK]
        one, other = column.codes[part // columns.size], column.codes[part % columns.size]
        open_ones = (one > 0) & (other > 0) & (one != other)
        low = np.minimum(one, other)[open_ones].astype(np.int64)
        keys = low * len(column.values) + np.maximum(one, other)[open_ones]
        found = np.union1d(found, keys)
    return found


def texts_of(column: Column, keys: Numbers) -> tuple[list[str], list[str]]:
    """The values of both ends of pairs of values."""
    width, values = len(column.values), column.values
    return [values[key // width] for key in keys.tolist()], [values[key % width] for key in keys.tolist()]


def levels_of_values(kind: str, ones: Sequence[str], others: Sequence[str]) -> bytes:
    """A byte for each pair: its level."""
    compare = KINDS[kind]
    return bytes(compare(one, other) for one, other in zip(ones, others, strict=True))
