"""Runs all methods on the same files, one after the other in processes of their own, and prints a table in Markdown.

`run.py FOLDER PEERS_PYTHON SEED [RECORDS ...]`; PEERS_PYTHON is the interpreter of an environment with splink, recordlinkage,
pseudopeople, rapidfuzz, anyascii and numpy. Public sets are made once; made-up files come from the seed.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np

from bench.linkage.judge import report

METHODS = ("ours", "splink-grouped", "splink", "fs")
_LIMIT = 3_600
Cells = dict[str, object]


def _run(*command: str) -> None:
    subprocess.run(command, check=True, timeout=_LIMIT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _link(method: str, peers: str, path: Path, out: Path) -> None:
    if method == "ours":
        _run(sys.executable, "-m", "bench.linkage.ours", str(path), str(out))
    else:
        _run(peers, "-m", "bench.linkage.peers", method, str(path), str(out))


def _rows(method: str, path: Path, out: Path) -> list[tuple[str, Cells]]:
    labels = np.loadtxt(out, delimiter=",", dtype=np.int64, ndmin=2)
    measured = json.loads(out.with_suffix(".json").read_text())
    if method != "ours":
        return [(method, report(path, labels[:, 0]) | measured)]
    return [(f"ours, {kind}", report(path, labels[:, at]) | measured) for at, kind in enumerate(("automatic", "probable"))]


def _line(name: str, method: str, cells: Cells) -> str:
    merged = f"{cells['twins']} / {cells['household']} / {cells['strangers']}" if "twins" in cells else str(cells["wrong"])
    shown = (name, method, cells["precision"], cells["recall"], cells["f1"], merged, cells["wall"], cells["cpu"], cells["peak_mb"])
    return "| " + " | ".join(map(str, shown)) + " |"


def main(folder: Path, peers: str, seed: int, sizes: list[int]) -> None:
    """Make the files, run every method, print the table."""
    if not (folder / "pseudo.csv").exists():
        _run(peers, "-m", "bench.linkage.public", str(folder))
    files = [folder / f"{name}.csv" for name in ("febrl3", "febrl4", "pseudo")]
    for size in sizes:
        path = folder / f"made-{seed}-{size}.csv"
        if not path.exists():
            _run(sys.executable, "-m", "bench.linkage.make", str(seed), str(size), str(path))
        files.append(path)
    print("| set | method | precision | recall | F1 | wrong (twins / household / strangers) | wall s | CPU s | peak MB |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for path in files:
        for method in METHODS:
            out = path.with_name(f"{path.stem}-{method}.out")
            try:
                _link(method, peers, path, out)
            except subprocess.SubprocessError as failure:
                print(f"| {path.stem} | {method} | failed: {type(failure).__name__} |", flush=True)
                continue
            for shown, cells in _rows(method, path, out):
                print(_line(path.stem, shown, cells), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), [int(size) for size in sys.argv[4:]])
