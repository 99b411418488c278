"""The model a new index starts with. It needs no data of the site; training replaces it."""

from __future__ import annotations

from functools import lru_cache

from mpi.linkage.model import LevelProbabilities, Model, Thresholds, monotone

VERSION = "shipped-1"
_POPULATION = 100_000
_PER_RECORD = (0.9, 3.0, 0.03, 1.0)

# Given: exact variant nickname close middle initial similar different swapped placeholder.
# Family: exact variant close former similar changed different.
# Birth: exact swapped edit partial near year different generation. Place: both home phone close postcode area different.
_SAME: LevelProbabilities = (
    (1, 0.79, 0.025, 0.035, 0.055, 0.013, 0.025, 0.008, 0.012, 0.014, 1),
    (1, 0.66, 0.04, 0.28, 0.02),
    (1, 0.83, 0.02, 0.05, 0.03, 0.008, 0.05, 0.012),
    (1, 0.985, 0.015),
    (1, 0.905, 0.012, 0.035, 0.022, 0.016, 0.005, 0.004, 0.001),
    (1, 0.985, 0.985, 0.015, 0.015),
    (1, 0.94, 0.035, 0.025),
    (1, 0.2, 0.38, 0.06, 0.08, 0.08, 0.08, 0.12),
    (1, 0.8, 0.2),
    (1, 0.9, 0.05, 0.05),
    (1, 0.98, 0.02),
    (1, 0.93, 0.07),
)
_HOUSEHOLD: LevelProbabilities = (
    (1, 0.02, 0.004, 0.006, 0.02, 0.01, 0.06, 0.07, 0.81, 0.0005, 1),
    (1, 0.02, 0.02, 0.09, 0.87),
    (1, 0.72, 0.02, 0.05, 0.05, 0.01, 0.08, 0.07),
    (1, 0.3, 0.7),
    (1, 0.0005, 0.0003, 0.0015, 0.002, 0.025, 0.025, 0.4, 0.5457),
    (1, 0.45, 0.97, 0.03, 0.55),
    (1, 0.01, 0.005, 0.985),
    (1, 0.3, 0.5, 0.05, 0.08, 0.03, 0.02, 0.02),
    (1, 0.05, 0.95),
    (1, 0.6, 0.05, 0.35),
    (1, 0.5, 0.5),
    (1, 0.7, 0.3),
)
_TWIN: LevelProbabilities = (
    (1, 0.0004, 0.0006, 0.001, 0.02, 0.01, 0.06, 0.08, 0.827, 0.0005, 1),
    (1, 0.02, 0.02, 0.09, 0.87),
    (1, 0.88, 0.02, 0.05, 0.02, 0.005, 0.015, 0.01),
    (1, 0.9, 0.1),
    (1, 0.93, 0.01, 0.03, 0.02, 0.008, 0.001, 0.0005, 0.0005),
    (1, 0.6, 0.97, 0.03, 0.4),
    (1, 0.04, 0.06, 0.9),
    (1, 0.3, 0.5, 0.05, 0.08, 0.03, 0.02, 0.02),
    (1, 0.3, 0.7),
    (1, 0.9, 0.05, 0.05),
    (1, 0.03, 0.97),
    (1, 0.6, 0.4),
)
_STRANGER: LevelProbabilities = (
    (1, 0.006, 0.0015, 0.002, 0.006, 0.004, 0.08, 0.06, 0.84, 0.00002, 1),
    (1, 0.012, 0.012, 0.08, 0.896),
    (1, 0.0016, 0.0004, 0.002, 0.002, 0.02, 0.3, 0.674),
    (1, 0.4, 0.6),
    (1, 0.00004, 0.00003, 0.0006, 0.0008, 0.006, 0.013, 0.28, 0.7),
    (1, 0.5, 0.97, 0.03, 0.5),
    (1, 0.0000002, 0.000002, 0.999),
    (1, 0.0000003, 0.000003, 0.00001, 0.00003, 0.002, 0.03, 0.96),
    (1, 0.00001, 0.99999),
    (1, 0.1, 0.05, 0.85),
    (1, 0.5, 0.5),
    (1, 0.9, 0.1),
)


@lru_cache(1)
def shipped_model() -> Model:
    """The starting model."""
    return Model(
        version=VERSION,
        population=_POPULATION,
        per_record=_PER_RECORD,
        levels=monotone((_SAME, _HOUSEHOLD, _TWIN, _STRANGER)),
        thresholds=Thresholds(link=9.0, review=0.0, margin=4.0),
        names_together=4.0,
    )
