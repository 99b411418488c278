"""The same records one by one, each against what came before: does the order of arrival matter, and how long does one take?

`online.py FILE [MODEL]`; MODEL is a model as JSON; without one the index starts with the shipped model and learns each time it has
doubled, as the product does. Clusters leave out links that a later record contests.
"""

from __future__ import annotations

import json
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bench.linkage.judge import report
from bench.linkage.ours import read
from mpi.linkage.batch import patterns_of_pairs
from mpi.linkage.blocking import blocking_keys
from mpi.linkage.candidates import candidate_pairs
from mpi.linkage.columns import from_prepared
from mpi.linkage.contests import loosened
from mpi.linkage.decision import Candidate, Outcome, decide, judge_persons
from mpi.linkage.linking import ENOUGH_TO_TRAIN, link_batch
from mpi.linkage.model import Model
from mpi.linkage.normalise import Prepared
from mpi.linkage.shipped import shipped_model
from mpi.linkage.training import train

_FAT_KEY = 64


class Index:
    """Persons in memory, found by blocking keys."""

    def __init__(self, model: Model, *, learns: bool = False) -> None:
        self._base = model
        self._learns = learns
        self._loose: set[int] = set()
        self._model = model.for_population(2)
        self._records: list[Prepared] = []
        self._owner: list[int] = []
        self._members: dict[int, list[int]] = {}
        self._keys: dict[int, list[int]] = defaultdict(list)
        self.seconds: list[float] = []

    def feed(self, record: Prepared) -> None:
        """Decide about one record and store it."""
        began = time.thread_time()
        number = len(self._records)
        keys = blocking_keys(record)
        near = {self._owner[other] for key in keys if len(self._keys[key]) <= _FAT_KEY for other in self._keys[key]}
        before = {person: list(self._members[person]) for person in near if len(self._members[person]) > 1}
        candidates = [Candidate(str(person), self._of(person)) for person in sorted(near)]
        decision = decide(record, candidates, self._model)
        person = int(decision.person) if decision.outcome is Outcome.LINK and decision.person else number
        self._records.append(record)
        self._owner.append(person)
        self._members.setdefault(person, []).append(number)
        for key in keys:
            self._keys[key].append(number)
        for other in decision.joins:
            self._join(person, int(other))
        for members in before.values():
            self._contest(members, number)
        self.seconds.append(time.thread_time() - began)
        if number & (number - 1) == 0:
            if self._learns and number >= ENOUGH_TO_TRAIN:
                self._base = self._learnt()
            self._model = self._base.for_population(2 * number + 2)

    def _contest(self, members: Sequence[int], arrived: int) -> None:
        is_inside = self._owner[members[0]] == self._owner[arrived]
        records = [self._records[member] for member in members]
        for found in loosened(records, self._records[arrived], self._model, joined=is_inside):
            self._loose.add(members[found.place])

    def _learnt(self) -> Model:
        columns = from_prepared(self._records)
        pairs = candidate_pairs(columns)
        return train(columns, pairs, patterns_of_pairs(columns, pairs), shipped_model(), version=f"learnt-{columns.size}")

    def _of(self, person: int) -> Sequence[Prepared]:
        return [self._records[member] for member in self._members[person]]

    def _join(self, person: int, other: int) -> None:
        if judge_persons(self._of(person), self._of(other), self._model).outcome is Outcome.LINK:
            for member in self._members.pop(other):
                self._owner[member] = person
                self._members[person].append(member)

    def labels(self) -> list[int]:
        """The person of each record; one whose link is contested stands alone."""
        return [-number if number in self._loose else owner for number, owner in enumerate(self._owner)]


def main(path: Path, model: Model | None) -> None:
    """Feed a file and print quality and times, and what a batch makes of it."""
    columns = read(path)
    index = Index(model or shipped_model(), learns=model is None)
    for number in range(columns.size):
        index.feed(columns.prepared(number))
    times = np.array(index.seconds) * 1000
    print(
        json.dumps(
            {
                "model": model.version if model else "learns",
                **report(path, np.array(index.labels(), np.int64)),
                "ms p50": round(float(np.quantile(times, 0.5)), 3),
                "ms p95": round(float(np.quantile(times, 0.95)), 3),
                "ms p99": round(float(np.quantile(times, 0.99)), 3),
            }
        )
    )
    print(json.dumps({"as a batch": report(path, link_batch(columns, model=model).automatic)}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Model.from_json(Path(sys.argv[2]).read_text()) if len(sys.argv) > 2 else None)
