"""FindDocuments for patients with 10, 100 and 1,000 documents, among 10 thousand and a million entries of others."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from bench.throughput import patients
from bench.topology import database
from registry.tables import ENTRY
from tests.support import messages as m
from tests.support.service import OPEN_DOMAIN, Service
from tests.support.wire import SoapWire

DOCUMENTS = (10, 100, 1000)
TOTALS = (10_000, 1_000_000)
OTHERS = 50_000
"""Patients among whom the entries of others are spread."""
REPEATS = 60


def fill(connection: sa.Connection, count: int) -> None:
    """Copies one entry so often, under ids of its own and for other patients, as the loader of a real migration would."""
    columns = [c.name for c in ENTRY.columns]
    fresh = {
        "uuid": "uuid_send(gen_random_uuid())",
        "unique_id": "'2.999.8.' || floor(random() * 1e15)::bigint || '.' || n",
        "patient": f"1000000 + (random() * {OTHERS})::bigint",
        "creation_time": "20200101000000 + (random() * 60000000000)::bigint",
        "logical": "NULL",
    }
    chosen = ", ".join(fresh.get(name, f"e.{name}") for name in columns)
    quoted = ", ".join(columns)
    source = f"(SELECT * FROM {ENTRY.name} LIMIT 1) e, generate_series(1, {count}) n"
    connection.execute(sa.text(f"INSERT INTO {ENTRY.name} ({quoted}) SELECT {chosen} FROM {source}"))


def measure(wire: SoapWire, patient: str, return_type: str) -> tuple[float, float]:
    """p50 and p99 in milliseconds, warm."""
    body = m.find_documents(patient, return_type=return_type)
    taken = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        reply = wire.call(m.ACTION_18, body)
        taken.append((time.perf_counter() - began) * 1000)
        assert reply.status == 200
    taken.sort()
    return statistics.median(taken), taken[int(len(taken) * 0.99) - 1]


def run() -> Iterator[str]:
    """The table, and how the cost grew."""
    medians: dict[tuple[int, int, str], float] = {}
    with tempfile.TemporaryDirectory() as folder, database() as url:
        service = Service(Path(folder) / "data", environment={**OPEN_DOMAIN, "HIE_DATABASE__URL": url, "HIE_LOG__LEVEL": "WARNING"})
        service.data.mkdir()
        service.start()
        engine = sa.create_engine(url)
        try:
            ids = patients(service, len(DOCUMENTS))
            with SoapWire(service.http_port, timeout=120) as wire:
                for patient, count in zip(ids, DOCUMENTS, strict=True):
                    for _ in range(count // 10):
                        reply = wire.call(m.ACTION_42, m.submission(*(m.Entry(patient) for _ in range(10))))
                        assert reply.status_urn == "Success", reply.errors
                held = sum(DOCUMENTS)
                for total in TOTALS:
                    began = time.perf_counter()
                    with engine.begin() as connection:
                        fill(connection, total - held)
                    held = total
                    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                        connection.exec_driver_sql("VACUUM ANALYZE")
                    yield f"{total:>9} entries (loaded in {time.perf_counter() - began:.0f} s)"
                    for patient, count in zip(ids, DOCUMENTS, strict=True):
                        for kind in ("LeafClass", "ObjectRef"):
                            p50, p99 = measure(wire, patient, kind)
                            medians[total, count, kind] = p50
                            yield f"  {count:>5} documents, {kind:<9}  p50 {p50:7.2f} ms  p99 {p99:7.2f} ms"
        finally:
            service.kill()
            engine.dispose()
    small, large = TOTALS
    for count in DOCUMENTS:
        ratio = medians[large, count, "LeafClass"] / medians[small, count, "LeafClass"]
        yield f"{large} against {small} entries, {count} documents: {ratio:.2f} times the time"
