"""The same records one by one, each against what came before: does the order of arrival matter, and how long does one take?

`online.py FILE [MODEL]`; MODEL is a model as JSON, else the shipped one.
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
from mpi.linkage.blocking import blocking_keys
from mpi.linkage.decision import Candidate, Outcome, decide, judge_persons
from mpi.linkage.model import Model
from mpi.linkage.normalise import Prepared
from mpi.linkage.shipped import shipped_model

_FAT_KEY = 64


class Index:
    """Persons in memory, found by blocking keys."""

    def __init__(self, model: Model) -> None:
        self._base = model
        self._model = model.for_population(2)
        self._records: list[Prepared] = []
        self._owner: list[int] = []
        self._members: dict[int, list[int]] = {}
        self._keys: dict[int, list[int]] = defaultdict(list)
        self.seconds: list[float] = []

    def feed(self, record: Prepared) -> None:
        """Decide about one record and store it."""
        began = time.perf_counter()
        number = len(self._records)
        keys = blocking_keys(record)
        near = {self._owner[other] for key in keys if len(self._keys[key]) <= _FAT_KEY for other in self._keys[key]}
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
        self.seconds.append(time.perf_counter() - began)
        if number & (number - 1) == 0:
            self._model = self._base.for_population(2 * number + 2)

    def _of(self, person: int) -> Sequence[Prepared]:
        return [self._records[member] for member in self._members[person]]

    def _join(self, person: int, other: int) -> None:
        if judge_persons(self._of(person), self._of(other), self._model).outcome is Outcome.LINK:
            for member in self._members.pop(other):
                self._owner[member] = person
                self._members[person].append(member)

    def labels(self) -> list[int]:
        """The person of each record."""
        return self._owner


def main(path: Path, model: Model) -> None:
    """Feed a file and print quality and times."""
    columns = read(path)
    index = Index(model)
    for number in range(columns.size):
        index.feed(columns.prepared(number))
    times = np.array(index.seconds) * 1000
    print(
        json.dumps(
            {
                "model": model.version,
                **report(path, np.array(index.labels(), np.int64)),
                "ms p50": round(float(np.quantile(times, 0.5)), 3),
                "ms p95": round(float(np.quantile(times, 0.95)), 3),
                "ms p99": round(float(np.quantile(times, 0.99)), 3),
            }
        )
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Model.from_json(Path(sys.argv[2]).read_text()) if len(sys.argv) > 2 else shipped_model())
