"""How well linkage serves groups of which less is known: estimates of precision and recall by group, without a truth.

The estimates come from match probabilities, and from what people decided where they were asked: of the records that are linked
the mean probability of the best link of each; of the pairs that should be linked those that are, against what the pairs between
different persons are still expected to hold. They say how groups compare with each other rather than how good linkage is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from mpi.linkage.columns import Column, Columns
from mpi.linkage.weighing import Mask, Weighed

Numbers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
EVERYBODY: Final = "everybody"
_FULL_DATE: Final = 8
_SEVERAL: Final = 3


@dataclass(frozen=True, slots=True)
class Served:
    """A group: its records, the share of them that is linked with another, estimates, and doubtful pairs per 1,000 records.

    `precision` and `recall` are None where nothing is linked or nothing could be.
    """

    group: str
    records: int
    linked: float
    precision: float | None
    recall: float | None
    doubtful: float


def groups_of(columns: Columns) -> Mapping[str, Mask]:
    """Which records are in which group; a record is in several."""
    birth = columns.birth
    precise = _where(birth, lambda value: len(value) >= _FULL_DATE)
    identified = np.zeros(columns.size, np.bool_)
    for authority, column in columns.identifiers.items():
        if not authority.startswith("="):
            identified |= column.present
    lacking = {
        "without an identifier of the person": ~identified,
        "without a full date of birth": ~precise,
        "without an address": ~columns.street.present,
        "without a telephone": ~columns.phone.present,
        "without a middle name": ~columns.middle.present,
        "without a sex": ~columns.sex.present,
        "without a given name": ~columns.given.present | columns.placeholder,
    }
    missing = np.sum([*lacking.values()], axis=0)
    by_sex = {name: _where(columns.sex, sex.__eq__) for name, sex in (("women", "F"), ("men", "M"))}
    return {
        EVERYBODY: np.ones(columns.size, np.bool_),
        "lacking at most one of these": missing <= 1,
        f"lacking {_SEVERAL} or more of these": missing >= _SEVERAL,
        **lacking,
        **by_sex,
    }


def _where(column: Column, is_wanted: Callable[[str], bool]) -> Mask:
    found: Mask = np.fromiter(map(is_wanted, column.values), np.bool_, len(column.values))[column.codes]
    return found


def served(
    columns: Columns, weighed: Weighed, persons: Numbers, same: Numbers, apart: Numbers, review: float
) -> tuple[Served, ...]:
    """Each group as it is served. `persons` names the person of each record; `same` and `apart` are pairs people decided."""
    size = max(columns.size, 1)
    one, other = weighed.pairs // size, weighed.pairs % size
    probabilities = _probabilities(weighed, same, apart)
    together = persons[one] == persons[other]
    best = np.zeros(columns.size)
    for end in (one, other):
        np.maximum.at(best, end[together], probabilities[together])
    linked = np.bincount(persons, minlength=int(persons.max(initial=0)) + 1)[persons] > 1 if len(persons) else np.zeros(0, np.bool_)
    doubtful = ~together & (weighed.weights >= review) & ~np.isin(weighed.pairs, apart)

    def of_group(name: str, group: Mask) -> Served:
        inside = group[one] | group[other]
        found = float((together & inside).sum())
        missed = float(probabilities[~together & inside].sum())
        sure = best[group & linked]
        sure = sure[sure > 0]  # others of the person speak for the rest
        count = int(group.sum())
        return Served(
            name,
            count,
            float(linked[group].mean()) if count else 0.0,
            float(sure.mean()) if len(sure) else None,
            found / (found + missed) if found + missed else None,
            1000 * float((doubtful & inside).sum()) / count if count else 0.0,
        )

    return tuple(of_group(name, group) for name, group in groups_of(columns).items())


def _probabilities(weighed: Weighed, same: Numbers, apart: Numbers) -> Floats:
    """The match probability of each pair; a person's word is certain, and who excludes each other is not one."""
    weights = np.clip(weighed.weights.astype(np.float64), -100, 100)
    found: Floats = 1 / (1 + np.exp2(-weights))
    found[weighed.apart | np.isin(weighed.pairs, apart)] = 0.0
    found[np.isin(weighed.pairs, same)] = 1.0
    return found
