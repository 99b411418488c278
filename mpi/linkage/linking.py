"""Links a whole batch: block, compare, train, weigh, cluster. One call for `import --match batch` and for `relink`."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mpi.linkage.batch import patterns_of_pairs
from mpi.linkage.candidates import Pairs, candidate_pairs
from mpi.linkage.clusters import Labels, cluster, components
from mpi.linkage.columns import Columns
from mpi.linkage.decision import support_of
from mpi.linkage.model import Model
from mpi.linkage.rivalry import contested, trusted
from mpi.linkage.rules import Rules
from mpi.linkage.shipped import shipped_model
from mpi.linkage.training import train
from mpi.linkage.weighing import Mask, Weighed, Weigher

ENOUGH_TO_TRAIN = 1_000
"""With fewer records the model they start with knows better."""
PROBABLE = 0.0
"""Match weight from which a pair counts as probably one person (even odds)."""

Progress = Callable[[str], None]
PatternsBy = Callable[[Columns, Pairs], npt.NDArray[np.int64]]
"""What compares pairs of records: the pattern of levels of each."""


@dataclass(frozen=True, slots=True)
class Link:
    """A pair of records, by their places in the batch: linked by the machine, or for a person to look at."""

    one: int
    other: int
    weight: float
    is_automatic: bool


_NO_PAIRS: Pairs = np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True)
class Decided:
    """Pairs people decided, as `smaller * size + larger`: one person, and not one person."""

    same: Pairs
    apart: Pairs

    def imposed_on(self, weighed: Weighed) -> Weighed:
        """The same pairs, those ruled out excluding each other."""
        weighed.apart |= np.isin(weighed.pairs, self.apart)
        return weighed


NOTHING_DECIDED = Decided(_NO_PAIRS, _NO_PAIRS)


@dataclass(slots=True)
class LinkedBatch:
    """Clusters of a batch. A cluster is named by the place of its first record.

    `automatic` holds what the machine links; `probable` also what it thinks likelier than not but leaves to a person.
    """

    model: Model
    automatic: Labels
    probable: Labels
    weighed: Weighed
    doubtful: Mask
    """Of `weighed` the pairs that are worth a person's look where they are not linked."""

    def links(self, *, least: float | None = None) -> Iterator[Link]:
        """Pairs within automatic clusters, and the others from the review threshold up, in order of place."""
        size = len(self.automatic)
        bar = self.model.thresholds.review if least is None else least
        one, other = self.weighed.pairs // size, self.weighed.pairs % size
        together = self.automatic[one] == self.automatic[other]
        shown = together | (self.weighed.weights >= bar)
        columns = (one[shown], other[shown], self.weighed.weights[shown], together[shown])
        for row in zip(*(column.tolist() for column in columns), strict=True):
            yield Link(*row)

    def best_weight(self) -> list[float | None]:
        """For each record the weight of its heaviest link within its automatic cluster."""
        size = len(self.automatic)
        best = np.full(size, -np.inf, np.float32)
        one, other = self.weighed.pairs // size, self.weighed.pairs % size
        together = self.automatic[one] == self.automatic[other]
        np.maximum.at(best, one[together], self.weighed.weights[together])
        np.maximum.at(best, other[together], self.weighed.weights[together])
        return [float(weight) if np.isfinite(weight) else None for weight in best]


def link_batch(
    columns: Columns,
    *,
    model: Model | None = None,
    version: str = "batch",
    decided: Decided = NOTHING_DECIDED,
    rules: Rules | None = None,
    tell: Progress = lambda _: None,
    patterns_by: PatternsBy = patterns_of_pairs,
) -> LinkedBatch:
    """Link all records of the columns with each other; without a `model` one is trained on them.

    With `rules` these decide, and weights only say in which order. `patterns_by` compares candidates, in other processes perhaps.

    What people decided stands: records said to be one person stay together, those said not to be are kept apart.

    The same columns and model give the same result. Memory: about 1.5 kB a record.
    """
    tell("blocking")
    pairs = candidate_pairs(columns)
    tell(f"comparing {len(pairs)} pairs")
    patterns = patterns_by(columns, pairs)
    is_trained = False
    if model is None:
        tell("training")
        begin = shipped_model()
        few = columns.size < ENOUGH_TO_TRAIN
        model = begin.for_population(columns.size) if few else train(columns, pairs, patterns, begin, version=version)
        is_trained = not few
    tell("weighing")
    weigher = Weigher(columns, model)
    weighed = decided.imposed_on(weigher.weigh(pairs, patterns))
    if rules is not None:
        return _by_rules(columns, rules, weighed, patterns, model, decided, weigher)
    del patterns
    tell("clustering")

    def weigh(more: Pairs) -> Weighed:
        return decided.imposed_on(weigher.weigh(more, patterns_of_pairs(columns, more)))

    one, other = decided.same // max(columns.size, 1), decided.same % max(columns.size, 1)
    together = components(columns.size, one, other)
    disputed = contested(columns.size, weighed, weigh, model, together)
    if is_trained:
        model = trusted(model, columns.size, weighed, disputed)
    usable: Mask = weighed.linkable(model) & ~disputed
    automatic = cluster(columns.size, weighed, usable, weigh, mean=support_of(model), start=together)
    likely: Mask = (weighed.weights >= PROBABLE) & ~weighed.apart
    probable = cluster(columns.size, weighed, likely, weigh, mean=PROBABLE, start=automatic)
    return LinkedBatch(model, automatic, probable, weighed, weighed.weights >= model.thresholds.review)


_ALWAYS = -math.inf
"""No average that pairs must reach: rules do not weigh."""


def _by_rules(
    columns: Columns,
    rules: Rules,
    weighed: Weighed,
    patterns: npt.NDArray[np.int64],
    model: Model,
    decided: Decided,
    weigher: Weigher,
) -> LinkedBatch:
    def weigh(more: Pairs) -> Weighed:
        more_patterns = patterns_of_pairs(columns, more)
        found = weigher.weigh(more, more_patterns)
        found.apart = rules.of_pairs(columns, more, more_patterns)[2]
        return decided.imposed_on(found)

    linked, asked, weighed.apart = rules.of_pairs(columns, weighed.pairs, patterns)
    decided.imposed_on(weighed)
    one, other = decided.same // max(columns.size, 1), decided.same % max(columns.size, 1)
    together = components(columns.size, one, other)
    automatic = cluster(columns.size, weighed, linked & ~weighed.apart, weigh, mean=_ALWAYS, start=together)
    return LinkedBatch(model, automatic, automatic, weighed, asked | linked)
