"""Documents of 64 KB through ITI-41, one in a submission: on files, sealed files and an object store; then all of them read."""

from __future__ import annotations

import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from bench.load import reset_peak, resident_bytes
from bench.throughput import patients
from tests.support import messages as m
from tests.support import object_store
from tests.support.service import OPEN_DOMAIN, Service
from tests.support.wire import SoapWire

DOCUMENTS = int(os.environ.get("BENCH_DOCUMENTS", "10000"))
CONNECTIONS = 4
PATIENTS = 100
SIZE = 64 << 10


def provide(port: int, names: list[str], count: int, seed: int) -> list[float]:
    """So many submissions over one connection; the seconds of each."""
    chance, took = random.Random(seed), []
    with SoapWire(port, timeout=300) as soap:
        for _ in range(count):
            entry = m.Entry(chance.choice(names), hash=None, size=None)
            kind, data = m.provide_and_register(entry, chance.randbytes(SIZE))
            began = time.perf_counter()
            reply = soap.post(data, kind, "/xds/repository")
            took.append(time.perf_counter() - began)
            assert reply.status_urn == "Success", reply.data[:2000]
    return took


def settings_of(kind: str, folder: Path, stack: ExitStack) -> dict[str, str]:
    """What makes a service keep its documents there."""
    if kind == "sealed files":
        keys = folder / "keys.txt"
        subprocess.run([sys.executable, "-m", "app.cli", "storage", "new-key", str(keys)], check=True, capture_output=True)
        return {"HIE_STORAGE__KEY_FILE": str(keys)}
    if kind == "files":
        return {}
    address = stack.enter_context(object_store.object_store())
    object_store.make_bucket(address, "bench")
    for name in ("access", "secret"):
        (folder / name).write_text("test")
    return {
        "HIE_STORAGE__URL": "s3://bench/documents",
        "HIE_STORAGE__ENDPOINT": address,
        "HIE_STORAGE__ACCESS_KEY_FILE": str(folder / "access"),
        "HIE_STORAGE__SECRET_KEY_FILE": str(folder / "secret"),
    }


def measured(kind: str) -> Iterator[str]:
    """One row."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        environment = {**OPEN_DOMAIN, "HIE_LOG__LEVEL": "WARNING", **settings_of(kind, folder, stack)}
        service = Service(folder / "data", environment=environment)
        service.data.mkdir()
        service.start()
        try:
            assert service.process is not None
            names, pid = patients(service, PATIENTS), service.process.pid
            provide(service.http_port, names, 50, 0)
            reset_peak(pid)
            base, load, began = resident_bytes(pid), os.getloadavg()[0], time.perf_counter()
            with ThreadPoolExecutor(CONNECTIONS) as pool:
                each = DOCUMENTS // CONNECTIONS
                futures = [pool.submit(provide, service.http_port, names, each, seed) for seed in range(1, CONNECTIONS + 1)]
                took = sorted(one for future in futures for one in future.result())
            seconds = time.perf_counter() - began
            grown = resident_bytes(pid, "VmHWM") - base
            p50, p99 = statistics.median(took) * 1000, took[len(took) * 99 // 100] * 1000
            yield (
                f"{kind:13} {len(took)} documents: {len(took) / seconds:6.0f}/s  p50 {p50:6.1f} ms  p99 {p99:6.1f} ms"
                f"  peak {grown / (1 << 20):+.0f} MB  load {load:.0f} to {os.getloadavg()[0]:.0f}"
            )
            began = time.perf_counter()
            command = [sys.executable, "-m", "app.cli", "verify", "--data", str(service.data)]
            subprocess.run(command, check=True, capture_output=True, env={**os.environ, **environment})
            yield f"{kind:13} every one read and compared with its hash (hie verify): {time.perf_counter() - began:.0f} s"
        finally:
            service.stop()


def run() -> Iterator[str]:
    """The table."""
    for kind in ("files", "sealed files", "object store"):
        yield from measured(kind)
