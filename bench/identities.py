"""Patient identities on the wire: messages a second over one, a hundred and ten thousand connections, memory while they are open,
and how long PIX and PDQ take with ten thousand and a million records (`HIE_TEST_RECORDS=10000,1000000` says otherwise)."""

from __future__ import annotations

import asyncio
import csv
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bench.linkage.population import COLUMNS, Population
from bench.topology import ROOT, database
from tests.support.service import OPEN_DOMAIN, Service
from tests.support.v2 import AUTHORITY, admission, pdq, pid, pix
from tests.support.wire import MllpWire, field

SIZES = tuple(map(int, os.environ.get("HIE_TEST_RECORDS", "10000,1000000").split(",")))
CONNECTIONS = tuple(map(int, os.environ.get("HIE_TEST_CONNECTIONS", "1,100,10000").split(",")))
MESSAGES = 20_000
"""Of one measurement over connections; over one connection a tenth of it."""
QUESTIONS = 1_000
_END = b"\x1c\r"


def memory(process: int) -> float:
    """Resident memory of a process in MiB."""
    with open(f"/proc/{process}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS")) / 1024


async def _ask(port: int, questions: int, message: bytes, everybody: asyncio.Barrier) -> list[float]:
    """One connection: waits until all are open, then asks one question after the other; the seconds of each."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 16)
    await everybody.wait()
    took = []
    for _ in range(questions):
        began = time.perf_counter()
        writer.write(message)
        answer = await reader.readuntil(_END)
        took.append(time.perf_counter() - began)
        assert b"MSA|AA" in answer, answer
    await everybody.wait()
    writer.close()
    return took


async def _crowd(
    port: int, connections: int, messages: int, message: bytes, look: Callable[[], float]
) -> tuple[float, float, float]:
    """Messages a second, p99 in milliseconds, and the memory of the service while all connections are open."""
    everybody = asyncio.Barrier(connections + 1)
    tasks = []
    for n in range(connections):
        tasks.append(asyncio.create_task(_ask(port, max(messages // connections, 1), message, everybody)))
        if n % 500 == 499:
            await asyncio.sleep(0.2)
    await everybody.wait()
    began = time.perf_counter()
    await everybody.wait()
    seconds = time.perf_counter() - began
    size = look()
    times = sorted(t for took in await asyncio.gather(*tasks) for t in took)
    return len(times) / seconds, times[int(len(times) * 0.99)] * 1000, size


def crowds(service: Service) -> Iterator[str]:
    """The same PIX query over so many open connections."""
    assert service.process is not None
    process = service.process.pid
    with MllpWire(service.mllp_port) as wire:
        wire.send(admission(pid("B-1")))
    message = b"\x0b" + pix(f"B-1^^^{AUTHORITY}") + _END
    for connections in CONNECTIONS:
        messages = MESSAGES // 10 if connections == 1 else MESSAGES
        rate, p99, size = asyncio.run(_crowd(service.mllp_port, connections, messages, message, lambda: memory(process)))
        yield f"{connections:>6} connections: {rate:6.0f} PIX queries/s, p99 {p99:7.1f} ms, all answered; {size:4.0f} MiB resident"


def people(path: Path, records: int) -> list[dict[str, str]]:
    """Writes a file of invented people for `hie mpi import`; gives some of them."""
    chance = random.Random(11)
    some: list[dict[str, str]] = []
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        for _, row in Population(11).records(records):
            writer.writerow({name: row[name] for name in COLUMNS})
            if all(row[name] for name in ("family", "given", "sex", "dob")) and chance.random() < 2 * QUESTIONS / records:
                some.append({**row, "dob": row["dob"].replace("-", "")})
    return some


def _percentiles(wire: MllpWire, messages: Sequence[bytes]) -> str:
    took = []
    for message in messages:
        began = time.perf_counter()
        answer = wire.send(message)
        took.append((time.perf_counter() - began) * 1000)
        assert field(answer, "MSA", 1) == "AA", answer
    took.sort()
    return f"p50 {took[len(took) // 2]:6.2f} ms, p99 {took[int(len(took) * 0.99)]:6.2f} ms"


def questions(service: Service, some: Sequence[dict[str, str]]) -> Iterator[str]:
    """PIX by identifier; PDQ by name and birth date, by the beginning of a name, and by identifier."""
    chance = random.Random(3)
    asked = [chance.choice(some) for _ in range(QUESTIONS)]
    kinds = {
        "PIX by identifier": [pix(f"{p['record_id']}^^^{p['source']}") for p in asked],
        "PDQ by name and birth date": [
            pdq(f"@PID.5.1.1^{p['family']}~@PID.5.2^{p['given']}~@PID.7^{p['dob']}", rcp="RCP|I|10^RD") for p in asked
        ],
        "PDQ by family name, sex and birth date": [
            pdq(f"@PID.5.1.1^{p['family']}~@PID.8^{p['sex']}~@PID.7^{p['dob']}", rcp="RCP|I|10^RD") for p in asked
        ],
        "PDQ by identifier": [pdq(f"@PID.3.1^{p['record_id']}~@PID.3.4.1^{p['source']}") for p in asked],
    }
    with MllpWire(service.mllp_port) as wire:
        for name, messages in kinds.items():
            _percentiles(wire, messages[:50])
            yield f"    {name:<40} {_percentiles(wire, messages)}"


def sizes(folder: Path) -> Iterator[str]:
    """How long questions take with more and more records, over one connection, PostgreSQL, one process."""
    for records in SIZES:
        with database("-c shared_buffers=1GB", "-c effective_cache_size=4GB") as url:
            environment = {**OPEN_DOMAIN, "HIE_DATABASE__URL": url, "HIE_LOG__LEVEL": "WARNING"}
            data = folder / f"of-{records}"
            data.mkdir()
            path = folder / f"people-{records}.csv"
            some = people(path, records)
            began = time.monotonic()
            command = [sys.executable, "-m", "app.cli", "mpi", "import", str(path), "--match", "none", "--data", str(data)]
            subprocess.run(command, env={**os.environ, **environment}, cwd=ROOT, check=True, capture_output=True)
            yield f"{records:>9} records, imported in {time.monotonic() - began:.0f} s"
            service = Service(data, environment=environment)
            service.start()
            try:
                yield from questions(service, some)
            finally:
                service.kill()


def run() -> Iterator[str]:
    """The tables."""
    with tempfile.TemporaryDirectory() as folder:
        with database() as url:
            environment = {**OPEN_DOMAIN, "HIE_DATABASE__URL": url, "HIE_LOG__LEVEL": "WARNING"}
            service = Service(Path(folder) / "crowds", environment=environment)
            service.data.mkdir()
            service.start()
            try:
                yield from crowds(service)
            finally:
                service.kill()
        yield from sizes(Path(folder))
