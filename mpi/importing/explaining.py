"""Explanations of many pairs in the compact form: what only depends on the levels of a pair is worked out once per pattern."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

from mpi.linkage.comparison import compare
from mpi.linkage.levels import Levels
from mpi.linkage.model import CLASSES, RIVALS, SAME, Model
from mpi.linkage.normalise import Prepared
from mpi.linkage.vetoes import vetoes_of
from mpi.linkage.weights import COMPACT_PLACES, frequency_parts


@dataclass(frozen=True, slots=True)
class Explained:
    """The match weight of a pair, its explanation as JSON (`Explanation.from_json` reads it), and what a veto says."""

    weight: float
    text: str
    vetoes: str


class Explainer:
    """Explains pairs by one model, as `weights.score` does."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._likelihoods: dict[Levels, tuple[float, ...]] = {}
        self._heads: dict[tuple[Levels, int], tuple[str, str]] = {}

    def explain(self, one: Prepared, other: Prepared) -> Explained:
        """Why the two were judged as they were."""
        levels = compare(one, other).levels
        base = self._likelihoods.get(levels)
        if base is None:
            base = self._likelihoods[levels] = self._model.likelihoods(levels)
        frequencies = frequency_parts(levels, self._model, one, other)
        totals = [known + sum(part[k] for part in frequencies) for k, known in enumerate(base)]
        rival = max(RIVALS, key=lambda k: (totals[k], -k))
        others = math.log2(sum(2.0 ** (totals[k] - totals[rival]) for k in RIVALS))
        head = self._heads.get((levels, rival))
        if head is None:
            head = self._heads[levels, rival] = self._head(levels, rival)
        text = f'{head[0]},{round(-others, COMPACT_PLACES)}],"frequencies":{_changed(frequencies, rival)}}}'
        return Explained(totals[SAME] - totals[rival] - others, text, head[1])

    def _head(self, levels: Levels, rival: int) -> tuple[str, str]:
        """The beginning of the text, up to the last weight, and the sentences of the vetoes."""
        model = self._model
        fields = (model.log_level(SAME, at, level) - model.log_level(rival, at, level) for at, level in enumerate(levels))
        document = {
            "model": model.version,
            "rival": CLASSES[rival],
            "thresholds": [model.thresholds.link, model.thresholds.review],
            "levels": levels,
            "weights": [round(w, COMPACT_PLACES) for w in (model.prior(SAME) - model.prior(rival), *fields)],
        }
        text = json.dumps(document, separators=(",", ":"))
        return text.removesuffix("]}"), " ".join(veto.sentence for veto in vetoes_of(levels))


def _changed(frequencies: Sequence[Sequence[float]], rival: int) -> str:
    found = ((at, round(part[SAME] - part[rival], COMPACT_PLACES)) for at, part in enumerate(frequencies))
    return "{" + ",".join(f'"{at}":{value}' for at, value in found if value) + "}"
