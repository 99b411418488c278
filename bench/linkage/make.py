"""Writes a made-up file: `make.py SEED RECORDS FILE`; its first column is the true person."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

from bench.linkage.population import COLUMNS, Population


def main(seed: int, records: int, path: Path) -> None:
    """Write the records, and beside them what the people are to each other."""
    population = Population(seed)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ("person", *COLUMNS))
        writer.writeheader()
        for person, row in population.records(records):
            writer.writerow({"person": person, **row})
    homes: dict[int, int] = {}
    people = [
        (human.born.toordinal(), sorted(homes.setdefault(id(home), len(homes)) for home in human.homes))
        for human in population.people
    ]
    path.with_suffix(".people.json").write_text(json.dumps(people))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
