"""The model of linkage: how likely each level of agreement is for a pair of each class, how many pairs there are, thresholds.

Classes: `same` (one person) and its innocent rivals `household` (another person of the same home), `twin`, `namesake` (a
relative of another generation who bears the same name) and `stranger`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import getitem

from mpi.linkage.levels import FIELDS, Levels

CLASSES: tuple[str, ...] = ("same", "household", "twin", "namesake", "stranger")
SAME, HOUSEHOLD, TWIN, NAMESAKE, STRANGER = range(len(CLASSES))
RIVALS: tuple[int, ...] = (HOUSEHOLD, TWIN, NAMESAKE, STRANGER)

_ESTABLISHED_SHARE = 1e-5

LevelProbabilities = tuple[tuple[float, ...], ...]
"""Per field, per level, the probability of the level when it is not missing. Index 0 (missing) is 1."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Match weights (log2 of the odds) from which a pair is linked or shown to a person, and the lead over the second person."""

    link: float
    review: float
    margin: float


@dataclass(frozen=True, slots=True)
class Frequencies:
    """How often the values of one field occur: counts of the common ones, and how many records were counted."""

    records: int
    counts: Mapping[str, int]

    def share(self, value: str) -> float:
        """The chance that a record of somebody else has this value. Never less than that of half a record."""
        return max(self.counts.get(value, 1) - 1.0, 0.5) / self.records

    def is_established(self, value: str) -> bool:
        """Whether so many records have the value that it is a name of its own rather than a slip of the pen."""
        return self.counts.get(value, 1) >= max(2, _ESTABLISHED_SHARE * self.records)


_MOST_PATTERNS = 20_000


@dataclass(frozen=True, slots=True)
class Pattern:
    """What a model says to the levels of a pair, frequencies aside: log2 of the likelihood of each class, and for each class as
    the rival of *same* the weights of the prior and of every field."""

    likelihoods: tuple[float, ...]
    against: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class Model:
    """A version of the model. `per_record[k]` is the expected number of pairs of class k per record of the index."""

    version: str
    population: int
    per_record: tuple[float, ...]
    levels: tuple[LevelProbabilities, ...]
    thresholds: Thresholds
    frequencies: Mapping[str, Frequencies] = field(default_factory=dict)
    names_together: float = 1.0
    """How many times more often two strangers share both names than chance says (given and family names of one culture)."""
    _logs: tuple[LevelProbabilities, ...] = field(default=(), init=False, repr=False, compare=False)
    """log2 of `levels`, missing 0: every pair asks for them."""
    _patterns: dict[Levels, Pattern] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse what is no probability, and a `same` class that is not likelier to agree than strangers."""
        for probabilities in self.levels:
            for spec, levels in zip(FIELDS, probabilities, strict=True):
                if len(levels) != spec.size or not all(0 < p <= 1 for p in levels):
                    raise ValueError(f"{spec.name}: a probability per level is needed")
        for spec, m, u in zip(FIELDS, self.levels[SAME], self.levels[STRANGER], strict=True):
            if m[1] < u[1]:
                raise ValueError(f"{spec.name}: strangers may not agree more often than the same person")
        logs = tuple(tuple((0.0, *map(math.log2, levels[1:])) for levels in probabilities) for probabilities in self.levels)
        object.__setattr__(self, "_logs", logs)

    def prior(self, number: int) -> float:
        """log2 of the expected number of pairs of a class per record; that of strangers grows with the index."""
        return math.log2(self.per_record[number] if number != STRANGER else max(self.population - 1, 1) / 2)

    def log_level(self, number: int, position: int, level: int) -> float:
        """log2 of the probability of a level of a field for a class; missing is 0."""
        return self._logs[number][position][level]

    def for_population(self, records: int) -> Model:
        """The same model for an index of another size: strangers become likelier as it grows."""
        return replace(self, population=max(records, 2))

    def likelihoods(self, levels: Levels) -> tuple[float, ...]:
        """log2 of prior times likelihood of each class, frequencies aside."""
        return tuple(self.prior(number) + math.fsum(map(getitem, self._logs[number], levels)) for number in range(len(CLASSES)))

    def pattern(self, levels: Levels) -> Pattern:
        """What follows from the levels alone; worked out once, since pairs with the same levels come again and again."""
        known = self._patterns.get(levels)
        if known is None:
            if len(self._patterns) >= _MOST_PATTERNS:
                self._patterns.clear()
            likelihoods = self.likelihoods(levels)
            against = tuple(self._against(rival, levels) for rival in range(len(CLASSES)))
            known = self._patterns[levels] = Pattern(likelihoods, against)
        return known

    def _against(self, rival: int, levels: Levels) -> tuple[float, ...]:
        logs, theirs = self._logs[SAME], self._logs[rival]
        fields = (logs[at][level] - theirs[at][level] for at, level in enumerate(levels))
        return (self.prior(SAME) - self.prior(rival), *fields)

    def to_json(self) -> str:
        """As JSON, levels by name."""
        document = {
            "version": self.version,
            "population": self.population,
            "thresholds": {
                "link": self.thresholds.link,
                "review": self.thresholds.review,
                "margin": self.thresholds.margin,
            },
            "names_together": self.names_together,
            "classes": {
                name: {"per_record": self.per_record[number], "levels": _named(self.levels[number])}
                for number, name in enumerate(CLASSES)
            },
            "frequencies": {name: {"records": f.records, "counts": dict(f.counts)} for name, f in self.frequencies.items()},
        }
        return json.dumps(document)

    @classmethod
    def from_json(cls, text: str) -> Model:
        """The inverse of `to_json`. Raises ValueError or KeyError for what is no model."""
        document = json.loads(text)
        classes = [document["classes"][name] for name in CLASSES]
        return cls(
            version=str(document["version"]),
            population=int(document["population"]),
            per_record=tuple(float(c["per_record"]) for c in classes),
            levels=tuple(_numbered(c["levels"]) for c in classes),
            thresholds=Thresholds(**{name: float(value) for name, value in document["thresholds"].items()}),
            frequencies={
                name: Frequencies(int(f["records"]), {value: int(n) for value, n in f["counts"].items()})
                for name, f in document.get("frequencies", {}).items()
            },
            names_together=float(document.get("names_together", 1.0)),
        )


def _named(levels: LevelProbabilities) -> dict[str, dict[str, float]]:
    return {
        spec.name: {spec.level_name(level): probabilities[level] for level in range(1, spec.size)}
        for spec, probabilities in zip(FIELDS, levels, strict=True)
    }


def _numbered(named: Mapping[str, Mapping[str, float]]) -> LevelProbabilities:
    return tuple((1.0, *(float(named[spec.name][spec.level_name(level)]) for level in range(1, spec.size))) for spec in FIELDS)


def monotone(
    levels: Sequence[LevelProbabilities], *, weights: Sequence[Sequence[float]] | None = None
) -> tuple[LevelProbabilities, ...]:
    """The same probabilities with those of the rivals bent so that more agreement never speaks against the same person.

    For each rival and field the ratio same : rival may not rise from one ordered level to the next worse; where it does, the
    levels are pooled (isotonic regression, weighted by `weights` per field and level, else by the probability of `same`).
    """
    bent = [list(map(list, rival)) for rival in levels]
    for at, spec in enumerate(FIELDS):
        same = levels[SAME][at]
        mass = weights[at] if weights is not None else same
        for rival in RIVALS:
            ratios = [math.log(same[level] / levels[rival][at][level]) for level in range(1, spec.ordered + 1)]
            fitted = _falling(ratios, [mass[level] for level in range(1, spec.ordered + 1)])
            for level, ratio in enumerate(fitted, start=1):
                bent[rival][at][level] = min(1.0, same[level] / math.exp(ratio))
    return tuple(tuple(map(tuple, rival)) for rival in bent)


def _falling(values: Sequence[float], weights: Sequence[float]) -> list[float]:
    """The closest sequence that never rises (pool adjacent violators)."""
    blocks: list[tuple[float, float, int]] = []
    for value, weight in zip(values, weights, strict=True):
        blocks.append((value, max(weight, 1e-9), 1))
        while len(blocks) > 1 and blocks[-2][0] < blocks[-1][0]:
            (v1, w1, n1), (v2, w2, n2) = blocks[-2:]
            blocks[-2:] = [((v1 * w1 + v2 * w2) / (w1 + w2), w1 + w2, n1 + n2)]
    return [value for value, _, count in blocks for _ in range(count)]
