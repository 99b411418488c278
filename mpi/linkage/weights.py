"""From levels to a match weight, with every part of it shown.

The weight is log2 of the odds that two records are one person against all innocent explanations together:
prior + one part per field, both against the likeliest rival class + what the other rivals take off. It is the sum of its parts.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from mpi.linkage.comparison import Comparison
from mpi.linkage.levels import BIRTH, FAMILY, FIELDS, GIVEN, Birth, Family, Given, Levels
from mpi.linkage.model import CLASSES, RIVALS, SAME, STRANGER, TWIN, Model
from mpi.linkage.nicknames import is_known
from mpi.linkage.normalise import Prepared
from mpi.linkage.vetoes import Veto, vetoes_of

SLIP = -4.0
"""What a spelling nobody else has takes from the likelihood of twins with names alike (log2)."""
FREQUENCY_LIMIT = 6.0
"""No value counts more than 2^6 times more or less than the mean for being rare or common."""
_PRIOR = "prior"
_OTHERS = "other explanations"
_FIELD_NAMES = tuple(spec.name for spec in FIELDS)
_LEVEL_NAMES = tuple({level.value: spec.level_name(level) for level in spec.levels} for spec in FIELDS)
COMPACT_PLACES = 4
"""Decimals of weights in the compact form."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one field adds: the level, its weight and, for values rarer or commoner than the mean, a correction."""

    field: str
    level: str
    weight: float
    frequency: float = 0.0


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why two records were judged as they were. `weight` is the sum of all weights and frequencies of `parts`."""

    model_version: str
    rival: str
    """The likeliest innocent explanation: the parts compare the same person with it."""
    parts: tuple[Part, ...]
    weight: float
    vetoes: tuple[Veto, ...]
    link_threshold: float
    review_threshold: float

    @property
    def probability(self) -> float:
        """The match probability the weight stands for."""
        return probability_of(self.weight)

    @property
    def is_linkable(self) -> bool:
        """Whether the weight is enough for a machine, vetoes considered."""
        bar = self.link_threshold
        return self.weight >= bar and all(veto.is_overcome(self.weight, bar) for veto in self.vetoes)

    def to_json(self) -> str:
        """As JSON, for the store."""
        document = {
            "model_version": self.model_version,
            "rival": self.rival,
            "parts": [{"field": p.field, "level": p.level, "weight": p.weight, "frequency": p.frequency} for p in self.parts],
            "weight": self.weight,
            "vetoes": [asdict(veto) for veto in self.vetoes],
            "link_threshold": self.link_threshold,
            "review_threshold": self.review_threshold,
        }
        return json.dumps(document)

    def to_compact_json(self) -> str:
        """As JSON of a fifth of the size, for stores of millions: numbers of levels, weights to four places, no sentences."""
        fields = self.parts[1:-1]
        document = {
            "model": self.model_version,
            "rival": self.rival,
            "thresholds": [self.link_threshold, self.review_threshold],
            "levels": [spec.levels[part.level.upper()].value for spec, part in zip(FIELDS, fields, strict=True)],
            "weights": [round(part.weight, COMPACT_PLACES) for part in self.parts],
            "frequencies": {str(at): round(part.frequency, COMPACT_PLACES) for at, part in enumerate(fields) if part.frequency},
        }
        return json.dumps(document, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Explanation:
        """The inverse of `to_json`, and of `to_compact_json` but for rounding."""
        document = json.loads(text)
        if "levels" in document:
            levels = tuple(document["levels"])
            parts = _expanded(levels, document["weights"], document["frequencies"])
            return cls(
                document["model"],
                document["rival"],
                parts,
                math.fsum(x for part in parts for x in (part.weight, part.frequency)),
                vetoes_of(levels),
                *document["thresholds"],
            )
        document["parts"] = tuple(Part(**part) for part in document["parts"])
        document["vetoes"] = tuple(Veto(**veto) for veto in document["vetoes"])
        return cls(**document)


def _expanded(levels: Levels, weights: Sequence[float], frequencies: Mapping[str, float]) -> tuple[Part, ...]:
    fields = (
        Part(spec.name, spec.level_name(level), weight, frequencies.get(str(at), 0.0))
        for at, (spec, level, weight) in enumerate(zip(FIELDS, levels, weights[1:-1], strict=True))
    )
    return (Part(_PRIOR, "", weights[0]), *fields, Part(_OTHERS, "", weights[-1]))


def probability_of(weight: float) -> float:
    """The probability for a log2 of odds."""
    if weight > 0:
        return 1 / (1 + 2.0**-weight) if weight < 1000 else 1.0
    return 2.0**weight / (1 + 2.0**weight) if weight > -1000 else 0.0


def score(comparison: Comparison, model: Model, a: Prepared, b: Prepared) -> Explanation:
    """The match weight of a pair, explained. The order of the two does not matter."""
    levels = comparison.levels
    pattern = model.pattern(levels)
    given, family, birth = _frequencies(levels, model, a, b)
    totals = [base + math.fsum(more) for base, *more in zip(pattern.likelihoods, given, family, birth, strict=True)]
    rival = max(RIVALS, key=lambda k: (totals[k], -k))
    highest = totals[rival]
    others = math.log2(math.fsum([2.0 ** (totals[k] - highest) for k in RIVALS]))
    prior, *fields = pattern.against[rival]
    changes = {at: part[SAME] - part[rival] for at, part in ((GIVEN, given), (FAMILY, family), (BIRTH, birth))}
    named = zip(_FIELD_NAMES, _LEVEL_NAMES, levels, fields, strict=True)
    parts = [Part(name, names[level], weight, changes.get(at, 0.0)) for at, (name, names, level, weight) in enumerate(named)]
    return Explanation(
        model.version,
        CLASSES[rival],
        (Part(_PRIOR, "", prior), *parts, Part(_OTHERS, "", -others)),
        math.fsum((prior, *fields, *changes.values(), -others)),
        vetoes_of(levels),
        model.thresholds.link,
        model.thresholds.review,
    )


def frequency_parts(levels: Levels, model: Model, a: Prepared, b: Prepared) -> list[tuple[float, ...]]:
    """Per field and class what the frequency of the agreeing values adds to log2 of the likelihood."""
    parts: list[tuple[float, ...]] = [(0.0,) * len(CLASSES)] * len(FIELDS)
    parts[GIVEN], parts[FAMILY], parts[BIRTH] = _frequencies(levels, model, a, b)
    return parts


_ByClass = tuple[float, ...]


def _frequencies(levels: Levels, model: Model, a: Prepared, b: Prepared) -> tuple[_ByClass, _ByClass, _ByClass]:
    """`frequency_parts` of given name, family name and birth, which are all that have any."""
    given = _adjustment(model, "given", a.given, b.given, levels[GIVEN], Given.CLOSE)
    family = _adjustment(model, "family", a.family, b.family, levels[FAMILY], Family.CLOSE)
    birth = _adjustment(model, "birth", a.birth, b.birth, levels[BIRTH], Birth.EXACT)
    if levels[GIVEN] == Given.EXACT and levels[FAMILY] == Family.EXACT:
        family += math.log2(model.names_together)
    twin = (
        twin_adjustment(given, is_established(model, a.given) and is_established(model, b.given), slip_of(model))
        if levels[GIVEN] == Given.CLOSE
        else 0.0
    )
    return (
        _rivals(household=given, twin=twin, stranger=given),
        _rivals(stranger=family),
        _rivals(household=birth, namesake=birth, stranger=birth),
    )


def _rivals(*, household: float = 0.0, twin: float = 0.0, namesake: float = 0.0, stranger: float = 0.0) -> _ByClass:
    return 0.0, household, twin, namesake, stranger


def _adjustment(model: Model, field: str, one: str, other: str, level: int, last: int) -> float:
    """log2 of how much commoner than the mean the value is; of two spellings the commoner counts.

    For the rarer is most often a slip of the pen in the commoner, and whoever bears the commoner name could have been meant.
    """
    table = model.frequencies.get(field)
    if table is None or level not in (1, last):
        return 0.0
    share = max(table.share(one), table.share(other))
    at = {"given": GIVEN, "family": FAMILY, "birth": BIRTH}[field]
    return limited(math.log2(share / model.levels[STRANGER][at][1]))


def is_established(model: Model, given: str) -> bool:
    """Whether a given name is known as such: by how often it occurs, or by the table of names where nothing was counted."""
    table = model.frequencies.get("given")
    return is_known(given) if table is None else table.is_established(given)


def slip_of(model: Model) -> float:
    """What a slip takes from the likelihood of twins: `SLIP`, but not so much that it would weigh more than a nickname."""

    def against_twins(level: int) -> float:
        return model.log_level(SAME, GIVEN, level) - model.log_level(TWIN, GIVEN, level)

    return max(SLIP, against_twins(Given.CLOSE) - against_twins(Given.NICKNAME))


def twin_adjustment(adjustment: float, both_established: bool, slip: float) -> float:
    """Of close given names: two names of their own may be those of twins; a spelling nobody else has is rather a slip."""
    return max(adjustment, 0.0) if both_established else slip


def limited(adjustment: float) -> float:
    """A frequency adjustment within its limit."""
    return max(-FREQUENCY_LIMIT, min(FREQUENCY_LIMIT, adjustment))
