"""Sets the thresholds of the model in force by answered reviews and by the match probabilities of all pairs of the index."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from kernel.errors import Condition, rejected
from mpi.importing.linking import NOTHING, BatchLinking, Surveyed
from mpi.index import Index
from mpi.linkage.batch import patterns_of_pairs
from mpi.linkage.calibration import TARGET_PRECISION, Calibration, Curve, Expected, calibrate, curve_of, expected
from mpi.linkage.model import Model, Thresholds
from mpi.linkage.rivalry import contested
from mpi.linkage.weighing import Weighed, Weigher
from mpi.models import Models, version_name

_LEAST_REVIEW = -3.0
_LIGHTEST = 0.0


@dataclass(frozen=True, slots=True)
class Calibrated:
    """What calibration found: the model with its thresholds, those before, the answers and what they alone bear out."""

    model: Model
    before: Thresholds
    answers: int
    curve: Curve
    alone: Calibration
    expected: Expected


class Calibrating:
    """Calibrates the model of one index."""

    def __init__(self, index: Index, models: Models, batch: BatchLinking) -> None:
        self._index = index
        self._models = models
        self._batch = batch

    def calibrate(self, author: str, *, target: float = TARGET_PRECISION, is_used: bool = True) -> Calibrated:
        """Keeps the model in force with other thresholds as a version of its own, and puts it in force.

        Raises `Rejected` when no threshold is borne out: nothing is kept then.
        """
        survey = self._batch.survey()
        before = self._models.in_force()
        weigher = Weigher(survey.columns, before.for_population(max(survey.columns.size, 2)))
        answers = _weigh(survey, weigher, survey.answered.pairs)
        counted = np.isfinite(answers.surplus) & ~answers.apart
        left = answers.weights - answers.surplus  # what vetoes leave of a weight is what a link goes by
        said = list(zip(left[counted].tolist(), survey.answered.same[counted].tolist(), strict=True))
        curve = curve_of(said)
        found = expected(self._linkable(survey, weigher, before), curve, target=target)
        if found is None:
            detail = f"no threshold is borne out for a precision of {target}; more records or more answered reviews are needed"
            raise rejected(Condition.UPDATE_INVALID, "threshold", detail)
        review = max(_LEAST_REVIEW, min(curve.at(0.0), found.link))
        with self._index.database.begin() as work:
            version = version_name("calibrated", work.now)
            model = replace(before, version=version, thresholds=replace(before.thresholds, link=found.link, review=review))
            self._models.keep(work, model, author)
            if is_used:
                self._models.use(work, version)
        return Calibrated(model, before.thresholds, len(said), curve, calibrate(said, target=target), found)

    def _linkable(self, survey: Surveyed, weigher: Weigher, model: Model) -> list[float]:
        """What vetoes leave of the weights of the pairs that a machine could link if they are heavy enough."""
        pairs = survey.pairs
        weighed = _weigh(survey, weigher, pairs)
        disputed = contested(survey.columns.size, weighed, lambda more: _weigh(survey, weigher, more), model)
        usable = ~weighed.apart & ~disputed & (weighed.weights - weighed.surplus >= _LIGHTEST)
        usable &= ~np.isin(pairs, np.concatenate((survey.apart, survey.answered.pairs if len(survey.answered.pairs) else NOTHING)))
        left: list[float] = (weighed.weights - weighed.surplus)[usable].tolist()
        return left


def _weigh(survey: Surveyed, weigher: Weigher, pairs: npt.NDArray[np.int64]) -> Weighed:
    return weigher.weigh(pairs, patterns_of_pairs(survey.columns, pairs))
