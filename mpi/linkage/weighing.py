"""The match weights of the pairs of a batch: `weights.score` on columns, once per pattern where values do not matter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mpi.linkage.batch import LevelCodes, level_table
from mpi.linkage.candidates import Pairs
from mpi.linkage.columns import Column, Columns
from mpi.linkage.decision import APART_WEIGHT
from mpi.linkage.levels import BIRTH, FAMILY, FIELDS, GIVEN, Birth, Family, Given
from mpi.linkage.model import CLASSES, HOUSEHOLD, NAMESAKE, RIVALS, SAME, STRANGER, TWIN, Model
from mpi.linkage.vetoes import contradicts, leaves_open_who, surplus_of, vetoes_of
from mpi.linkage.weights import FREQUENCY_LIMIT, is_established, slip_of

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(slots=True)
class Weighed:
    """Pairs with their match weight, the surplus that overcomes what vetoes them, and whether they exclude each other."""

    pairs: Pairs
    weights: npt.NDArray[np.float32]
    surplus: npt.NDArray[np.float32]
    apart: Mask
    open_who: Mask | None = None
    """Pairs that may as well be of two siblings (`vetoes.leaves_open_who`); None: not asked."""

    def linkable(self, model: Model) -> Mask:
        """Which pairs a machine may link."""
        found: Mask = (self.weights >= model.thresholds.link + self.surplus) & ~self.apart
        return found


class Weigher:
    """Weighs pairs of one set of columns by one model."""

    def __init__(self, columns: Columns, model: Model) -> None:
        self._columns = columns
        self._model = model
        self._shares = {
            GIVEN: self._share("given", columns.given),
            FAMILY: self._share("family", columns.families),
            BIRTH: self._share("birth", columns.birth),
        }
        names = columns.given.values
        self._established = np.fromiter((is_established(model, name) for name in names), np.bool_, len(names))

    def _share(self, field: str, column: Column) -> Floats | None:
        """log2 of the share of each value."""
        table = self._model.frequencies.get(field)
        if table is None:
            return None
        return np.log2(
            np.fromiter((table.share(value.partition("|")[0]) for value in column.values), np.float64, len(column.values))
        )

    def weigh(self, pairs: Pairs, patterns: npt.NDArray[np.int64]) -> Weighed:
        """Weights, vetoes and contradictions of pairs with their patterns of levels."""
        distinct, inverse = np.unique(patterns, return_inverse=True)
        levels = level_table(distinct)
        weights = self._weights(pairs, levels, inverse)
        rows = [tuple(row) for row in levels.tolist()]
        surplus = np.fromiter(map(surplus_of, rows), np.float32, len(rows))
        contradicting = np.fromiter((contradicts(row) for row in rows), np.bool_, len(rows))
        apart = contradicting[inverse] | (weights < APART_WEIGHT)
        siblings = np.fromiter((leaves_open_who(vetoes_of(row)) for row in rows), np.bool_, len(rows))
        return Weighed(pairs, weights.astype(np.float32), surplus[inverse], apart, siblings[inverse])

    def _weights(self, pairs: Pairs, levels: LevelCodes, inverse: npt.NDArray[np.intp]) -> Floats:
        likelihoods = self._likelihoods(levels)
        given = self._adjustment(GIVEN, pairs, levels, inverse, Given.CLOSE)
        family = self._adjustment(FAMILY, pairs, levels, inverse, Family.CLOSE)
        birth = self._adjustment(BIRTH, pairs, levels, inverse, Birth.EXACT)
        both = (levels[:, GIVEN] == Given.EXACT) & (levels[:, FAMILY] == Family.EXACT)
        family += np.where(both, np.log2(self._model.names_together), 0.0)[inverse]
        twin = self._twins(pairs, given, (levels[:, GIVEN] == Given.CLOSE)[inverse])
        added = {HOUSEHOLD: given + birth, TWIN: twin, NAMESAKE: birth, STRANGER: given + family + birth}
        rivals = np.logaddexp2.reduce([likelihoods[inverse, number] + added[number] for number in RIVALS])
        found: Floats = likelihoods[inverse, SAME] - rivals
        return found

    def _twins(self, pairs: Pairs, given: Floats, close: Mask) -> Floats:
        column, size = self._columns.given, self._columns.size
        established = self._established[column.codes[pairs // size]] & self._established[column.codes[pairs % size]]
        return np.where(close, np.where(established, np.maximum(given, 0.0), slip_of(self._model)), 0.0)

    def _likelihoods(self, levels: LevelCodes) -> Floats:
        found = np.empty((len(levels), len(CLASSES)))
        for number in range(len(CLASSES)):
            found[:, number] = self._model.prior(number)
            for at, spec in enumerate(FIELDS):
                table = np.array([self._model.log_level(number, at, level) for level in range(spec.size)])
                found[:, number] += table[levels[:, at]]
        return found

    def _adjustment(self, at: int, pairs: Pairs, levels: LevelCodes, inverse: npt.NDArray[np.intp], last: int) -> Floats:
        shares = self._shares[at]
        found = np.zeros(len(pairs))
        if shares is None:
            return found
        column = {GIVEN: self._columns.given, FAMILY: self._columns.families, BIRTH: self._columns.birth}[at]
        agree = ((levels[:, at] == 1) | (levels[:, at] == last))[inverse]
        one, other = column.codes[pairs[agree] // self._columns.size], column.codes[pairs[agree] % self._columns.size]
        mean = np.log2(self._model.levels[STRANGER][at][1])
        found[agree] = np.clip(np.maximum(shares[one], shares[other]) - mean, -FREQUENCY_LIMIT, FREQUENCY_LIMIT)
        return found
