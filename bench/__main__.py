"""`make bench`: runs the benchmarks named (all without a name) and prints what docs/benchmarks.md records."""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
from collections.abc import Callable, Iterator

from bench import audit, audit_large, documents, feeds, identities, imports, provisions, queries, throughput

BENCHES: dict[str, Callable[[], Iterator[str]]] = {
    "throughput": throughput.run,
    "documents": documents.run,
    "provisions": provisions.run,
    "queries": queries.run,
    "feeds": feeds.run,
    "identities": identities.run,
    "imports": imports.run,
    "audit": audit.run,
}
BY_NAME_ONLY: dict[str, Callable[[], Iterator[str]]] = {"audit-large": audit_large.run}
"""Those that take an hour and 20 GB of disk."""


def machine() -> str:
    """What the figures were taken on."""
    with open("/proc/cpuinfo") as file:
        model = next((line.partition(":")[2].strip() for line in file if line.startswith("model name")), platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 30
    load = ", ".join(f"{v:.1f}" for v in os.getloadavg())
    version = subprocess.run(["postgres", "--version"], capture_output=True, text=True, check=False).stdout.strip()
    return f"{os.cpu_count()} cores of {model}, {memory} GiB, Python {platform.python_version()}, {version}, load {load}"


def main() -> None:
    """Runs what was asked for."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=")
    parser.add_argument("names", nargs="*", choices=[*BENCHES, *BY_NAME_ONLY, []], help="which; without a name all but the largest")
    names = parser.parse_args().names or list(BENCHES)
    print(machine())
    for name in names:
        print(f"\n## {name}")
        for line in {**BENCHES, **BY_NAME_ONLY}[name]():
            print(line, flush=True)


main()
