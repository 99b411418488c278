"""A whole `hie mpi import --match batch`, read, clean, store, link, write: into SQLite and into PostgreSQL.

`BENCH_RECORDS` (1,000,000) made-up records of the held-out seed. CPU seconds are those of the command with its processes; beside
them those of every PostgreSQL process of the machine, so there should be no other server at work.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import sqlalchemy as sa

from bench.linkage import make
from bench.topology import ROOT, database
from tests.support.service import OPEN_DOMAIN

RECORDS = int(os.environ.get("BENCH_RECORDS", "1000000"))
SEED = 40_087
_TICKS = os.sysconf("SC_CLK_TCK")


def run() -> Iterator[str]:
    """A line for each database."""
    with tempfile.TemporaryDirectory(prefix="hie-import-") as folder:
        path = Path(folder) / "records.csv"
        make.main(SEED, RECORDS, path)
        for kind in ("SQLite", "PostgreSQL"):
            data = Path(folder) / kind
            data.mkdir()
            with database() if kind == "PostgreSQL" else nullcontext("") as url:
                yield f"{kind}: {_imported(path, data, url)}"


def _imported(path: Path, data: Path, url: str) -> str:
    environment = {**os.environ, **OPEN_DOMAIN, **({"HIE_DATABASE__URL": url} if url else {})}
    served, began = _server_cpu(), time.perf_counter()
    command = [sys.executable, "-m", "app.cli", "mpi", "import", str(path), "--match", "batch", "--data", str(data), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.read())
        used = os.wait4(process.pid, 0)[2]
        process.returncode = 0
    server = f" and {_server_cpu() - served:.0f} s in the server" if url else ""
    return (
        f"{told['added']} records, {told['joined']} joined, {told['questions']} questions in {time.perf_counter() - began:.0f} s,"
        f" {used.ru_utime + used.ru_stime:.0f} s of CPU{server}, {used.ru_maxrss / 1024:.0f} MB at the most in one process,"
        f" database of {_size(data, url) / 1e6:.0f} MB, load {os.getloadavg()[0]:.1f}"
    )


def _server_cpu() -> float:
    """CPU seconds of every PostgreSQL process there is, those that have ended among them as far as their parents know."""
    found = 0.0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = stat.read_text()
        except OSError:  # it has ended
            continue
        if "(postgres)" in text:
            fields = text.rpartition(")")[2].split()
            found += sum(map(int, fields[11:15])) / _TICKS
    return found


def _size(data: Path, url: str) -> int:
    if not url:
        return sum(file.stat().st_size for file in data.rglob("*") if file.is_file())
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        size = connection.execute(sa.text("SELECT pg_database_size(current_database())")).scalar_one()
    engine.dispose()
    return int(size)
