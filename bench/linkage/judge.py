"""Scores clusters of a file against its truth: pairs, clusters, and who was merged with whom."""

from __future__ import annotations

import csv
import json
import sys
from collections import Counter
from pathlib import Path

import numpy as np

from bench.linkage.scoring import Numbers, of_clusters, wrong_pairs

People = list[tuple[int, list[int]]]


def truth_of(path: Path) -> Numbers:
    """The true person of each record, as a number."""
    with path.open(newline="", encoding="utf-8") as file:
        numbers: dict[str, int] = {}
        found = [numbers.setdefault(row["person"], len(numbers)) for row in csv.DictReader(file)]
    return np.array(found, np.int64)


def persons_of(path: Path) -> list[int]:
    """The number of the true person of each record as the population numbered them."""
    with path.open(newline="", encoding="utf-8") as file:
        return [int(row["person"]) for row in csv.DictReader(file)]


def kinds(wrong: list[tuple[int, int]], persons: list[int], people: People) -> Counter[str]:
    """Of wrong pairs, how many are twins, of one household, strangers."""
    found: Counter[str] = Counter(twins=0, household=0, strangers=0)
    for one, other in wrong:
        (born, homes), (born_too, other_homes) = people[persons[one]], people[persons[other]]
        together = not set(homes).isdisjoint(other_homes)
        found["strangers" if not together else "twins" if born == born_too else "household"] += 1
    return found


def report(path: Path, labels: Numbers) -> dict[str, object]:
    """Quality of clusters of a file."""
    truth = truth_of(path)
    quality = of_clusters(labels, truth)
    found: dict[str, object] = {
        "precision": round(quality.precision, 5),
        "recall": round(quality.recall, 4),
        "f1": round(quality.f1, 4),
        "wrong": quality.wrong,
    }
    people = path.with_suffix(".people.json")
    if people.exists():
        found |= kinds(wrong_pairs(labels, truth), persons_of(path), json.loads(people.read_text()))
    return found


def main(path: Path, labels: Path) -> None:
    """Print one line per column of labels."""
    with labels.open(newline="", encoding="utf-8") as file:
        columns = list(zip(*csv.reader(file), strict=True))
    for name, column in zip(("automatic", "probable"), columns, strict=False):
        print(labels.stem, name, json.dumps(report(path, np.array(column, np.int64))))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
