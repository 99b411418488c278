"""Import files, and an index that takes them."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from bench.linkage.population import COLUMNS, Population
from bench.linkage.scoring import Numbers
from mpi.importing.clusters import ClusterRow, Links, cluster_rows
from mpi.importing.linking import Applied, BatchLinking
from mpi.importing.loading import Loaded, Loader, LoadOptions
from mpi.models import Models
from tests.support.patients import PatientIndex

MARY: Mapping[str, str] = {
    "source": "HOSP_A",
    "given": "Mary",
    "middle": "Ann",
    "family": "Whitcombe",
    "sex": "F",
    "dob": "1961-07-19",
    "street": "48 Harbour Lane",
    "city": "Millport",
    "state": "MA",
    "postcode": "01922",
    "phone": "978-555-0143",
}
JOHN: Mapping[str, str] = {
    "source": "HOSP_A",
    "given": "John",
    "family": "Abernathy",
    "sex": "M",
    "dob": "1944-12-02",
    "street": "9 Quarry Road",
    "city": "Ashby",
    "state": "MA",
    "postcode": "01431",
    "phone": "351-555-0166",
}


def a_row(record_id: str, said: Mapping[str, str] = MARY, **changes: str) -> dict[str, str]:
    """A row about Mary unless somebody else is named."""
    return {"record_id": record_id, **said, **changes}


def a_file(folder: Path, rows: Iterable[Mapping[str, str]], name: str = "records.csv") -> Path:
    """A file with the columns that some row has."""
    found = list(rows)
    columns = list(dict.fromkeys(column for row in found for column in row))
    path = folder / name
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(found)
    return path


def a_population(folder: Path, records: int, seed: int = 7) -> tuple[Path, Numbers]:
    """A file of made-up people, and the true person of each row."""
    rows = list(Population(seed).records(records))
    path = a_file(folder, ({name: row[name] for name in COLUMNS} for _, row in rows), f"made-{records}.csv")
    return path, np.array([person for person, _ in rows], np.int64)


def load(index: PatientIndex, path: Path, **options: object) -> Loaded:
    """Loads a file; bad rows go to `errors.csv` beside it."""
    return Loader(index.index).load(path, errors_of(path), LoadOptions(**options))  # type: ignore[arg-type]


def errors_of(path: Path) -> Path:
    """Where the bad rows of a file are."""
    return path.with_name("errors.csv")


def bad_rows(path: Path) -> list[dict[str, str]]:
    """The bad rows of a file."""
    if not errors_of(path).exists():
        return []
    with errors_of(path).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def models_of(index: PatientIndex) -> Models:
    """The models of an index."""
    return Models(index.database)


def a_batch(index: PatientIndex) -> BatchLinking:
    """Batches over an index."""
    return BatchLinking(index.index, models_of(index), index.service.prepare_anew)


def link(index: PatientIndex) -> Applied:
    """Links the whole index."""
    batch = a_batch(index)
    return batch.apply(batch.propose())


def exported(index: PatientIndex, links: Links = Links.AUTO) -> list[ClusterRow]:
    """The rows of an export."""
    with index.database.read() as connection:
        return list(cluster_rows(connection, links))


def exported_clusters(index: PatientIndex, links: Links = Links.AUTO) -> set[frozenset[str]]:
    """Which records an export puts together."""
    found: dict[int, set[str]] = {}
    for row in exported(index, links):
        found.setdefault(row.cluster_id, set()).add(row.record_id)
    return {frozenset(members) for members in found.values()}


def labels(rows: Iterable[ClusterRow]) -> Numbers:
    """The clusters of rows as numbers."""
    return np.array([row.cluster_id for row in rows], np.int64)
