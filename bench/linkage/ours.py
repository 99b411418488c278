"""Links a CSV file with the columns of an import and writes `record,cluster,probable` and what it took."""

from __future__ import annotations

import csv
import gc
import json
import os
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

from mpi.linkage.batch import patterns_of_pairs
from mpi.linkage.columns import Columns, RawColumns, clean
from mpi.linkage.linking import LinkedBatch, link_batch

_BLOCK = 4_000
_PROCESSES = 2


def read(path: Path) -> Columns:
    """The records of a file, cleaned."""
    gc.disable()  # rows come and go by the thousand; looking for cycles among them takes longer than reading them
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.reader(file)
            raw = RawColumns(next(reader))
            for block in _blocks(reader):
                raw.add(block)
    finally:
        gc.enable()
    return clean(raw)


def _blocks(reader: Iterator[list[str]]) -> Iterator[Sequence[list[str]]]:
    while block := list(islice(reader, _BLOCK)):
        yield block


def link(path: Path, out: Path) -> LinkedBatch:
    """Link a file; `out` gets the clusters, `out` with `.json` the measurements."""
    wall, used = time.perf_counter(), _cpu()
    columns = read(path)
    steps: dict[str, float] = {}
    linked = link_batch(
        columns,
        tell=lambda step: steps.__setitem__(step, round(_cpu() - used, 2)),
        patterns_by=partial(patterns_of_pairs, processes=_PROCESSES),
    )
    measured = {
        "wall": round(time.perf_counter() - wall, 2),
        "cpu": round(_cpu() - used, 2),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "cpu at start of": steps,
    }
    with out.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(zip(linked.automatic.tolist(), linked.probable.tolist(), strict=True))
    out.with_suffix(".json").write_text(json.dumps(measured))
    return linked


def _cpu() -> float:
    """Seconds of all cores, ended children included."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


if __name__ == "__main__":
    link(Path(sys.argv[1]), Path(sys.argv[2]))
