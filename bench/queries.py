"""Every stored query for patients with 10, 100 and 1,000 documents, among ten thousand and a million entries of others.

With BENCH_ENTRIES=10000,1000000,10000000 among as many as one likes; ten million take some 20 GB and a quarter of an hour.
"""

from __future__ import annotations

import itertools
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from bench import crowd
from bench.throughput import patients
from bench.topology import database
from registry.queries import answers
from registry.queries.catalogue import CATALOGUE, Definition
from registry.queries.conditions import Condition, selecting
from registry.queries.search import Found
from registry.tables import PATIENT
from tests.support import messages as m
from tests.support.checked import CheckedSoapWire
from tests.support.queries import ACTION_51, ASKED, REFERENCES, Known
from tests.support.service import OPEN_DOMAIN, Service
from tests.support.updates import ACTION_57, ACTION_62, APND, DEPRECATED, Desk, removal, status_change
from tests.support.wire import SoapWire

DOCUMENTS: Final = (10, 100, 1000)
TOTALS: Final = tuple(int(n) for n in os.environ.get("BENCH_ENTRIES", "10000,1000000").split(","))
SECONDS: Final = 1.0
"""Of each measurement, and at least so many requests:"""
LEAST: Final = 20
CLIENTS: Final = 4
CHANGES: Final = 400


def fill(desk: Desk, patient: str, count: int) -> Known:
    """Documents of one patient, ten in a submission, all in one folder, one of them found by its reference id."""
    set_id, folder_id = m.fresh_oid(), m.fresh_oid()
    _base, uuid_of_base = desk.entry(patient)
    first = m.Entry(patient, slots=dict(REFERENCES))
    folder, made = "Folder", 1
    while made < count:
        entries = [first] if made == 1 else [m.Entry(patient) for _ in range(min(10, count - made))]
        filed = [m.association(m.HAS_MEMBER, folder, e.id, id=f"Filed{n}") for n, e in enumerate(entries)]
        objects = [*map(m.entry_xml, entries), m.set_xml(patient, unique_id=set_id if made == 1 else ""), *filed]
        objects += [
            *(m.member(e.id) for e in entries),
            *(m.association(m.HAS_MEMBER, "Set", f"Filed{n}") for n in range(len(filed))),
        ]
        if made == 1:
            objects += [m.folder_xml(patient, unique_id=folder_id), m.association(m.HAS_MEMBER, "Set", "Folder")]
            objects.append(m.association(APND, first.id, uuid_of_base))
        desk.register(m.submit_objects(objects))
        made += len(entries)
        folder = str(desk.folders(folder_id)[0].get("id")) if folder == "Folder" else folder
    return Known(patient, first.unique_id, desk.uuid(first), set_id, folder_id, folder)


def timed(act: Callable[[], object], *, least: int = LEAST) -> tuple[float, float, int]:
    """p50 and p99 in milliseconds, warm, and how often it was done."""
    for _ in range(3):
        act()
    taken: list[float] = []
    end = time.perf_counter() + SECONDS
    while time.perf_counter() < end or len(taken) < least:
        began = time.perf_counter()
        act()
        taken.append((time.perf_counter() - began) * 1000)
    taken.sort()
    return statistics.median(taken), taken[int(len(taken) * 0.99)] if len(taken) > 99 else taken[-1], len(taken)


def ask(wire: SoapWire, definition: Definition, known: Known, return_type: str) -> Callable[[], None]:
    """A stored query, its answer read to the end."""
    body = m.stored_query(definition.id.value, *ASKED[definition.name](known), return_type=return_type)
    action = ACTION_51 if definition.is_multi_patient else m.ACTION_18

    def act() -> None:
        reply = wire.post(m.envelope(action, body))
        assert b"ResponseStatusType:Success" in reply.data[:2000], reply.errors

    return act


def every_query(wire: SoapWire, known: Sequence[Known], medians: dict[tuple[str, int], float]) -> Iterator[str]:
    """A line for each query: p50/p99 for each patient."""
    yield f"  {'milliseconds, p50 / p99':<58}" + "".join(f"{f'{n:,} documents':>22}" for n in DOCUMENTS)
    for definition in CATALOGUE.values():
        for return_type in ("LeafClass", "ObjectRef") if definition.name == "FindDocuments" else ("LeafClass",):
            cells = []
            for count, one in zip(DOCUMENTS, known, strict=True):
                p50, p99, _ = timed(ask(wire, definition, one, return_type))
                medians[f"{definition.name} {return_type}", count] = p50
                cells.append(f"{p50:>12.2f} / {p99:>7.2f}")
            yield f"  {definition.name + ' ' + return_type:<58}{''.join(cells)}"


def rendering(engine: Engine, patient: str) -> str:
    """What it takes to make the LeafClass answer of a hundred entries of their rows."""
    with engine.connect() as connection:
        number = connection.execute(sa.select(PATIENT.c.id).where(PATIENT.c.cx == patient)).scalar_one()
        statement = selecting("entry", (Condition("patient", "patients"),), whole=True)
        rows = list(statement.rows(connection, {"patients": [number], "limit": 100}))
    found, shown = Found(entries=rows), {number: patient}
    p50, _, _ = timed(lambda: b"".join(answers.whole(found, shown)), least=200)
    size = sum(map(len, answers.whole(found, shown)))
    return f"  {len(rows)} entries rendered as LeafClass ({size >> 10} KB): {p50:.2f} ms"


def _together(service: Service, acts: Sequence[tuple[str, str]]) -> float:
    """Requests a second over a few connections; each succeeds."""

    def run(some: Sequence[tuple[str, str]]) -> None:
        with SoapWire(service.http_port) as wire:
            for action, body in some:
                reply = wire.call(action, body)
                assert reply.status_urn == "Success", reply.errors

    began = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(run, [acts[n::CLIENTS] for n in range(CLIENTS)]))
    return len(acts) / (time.perf_counter() - began)


def changes(service: Service, desk: Desk, patient: str) -> Iterator[str]:
    """Updates and removals a second."""
    uuids: list[str] = []
    for _ in range(CHANGES // 10):
        entries = [m.Entry(patient) for _ in range(10)]
        desk.register(m.submission(*entries))
        uuids += [desk.uuid(entry) for entry in entries]
    rate = _together(service, [(ACTION_57, status_change(patient, uuid)) for uuid in uuids])
    yield f"  ITI-57, a status: {rate:.0f}/s over {CLIENTS} connections"
    rate = _together(service, [(ACTION_57, status_change(patient, uuid, DEPRECATED, m.APPROVED)) for uuid in uuids[: CHANGES // 2]])
    yield f"  ITI-57, a status back: {rate:.0f}/s"
    gone: list[tuple[str, str]] = []
    for _ in range(CHANGES // 2):
        _, uuid = desk.entry(patient)
        gone.append((ACTION_62, removal(uuid, *desk.sets(uuid), *(str(a.get("id")) for a in desk.associations(uuid)))))
    rate = _together(service, gone)
    yield f"  ITI-62, an entry with its set: {rate:.0f}/s"


def run() -> Iterator[str]:
    """The tables, and how the cost grew."""
    grown: dict[int, dict[tuple[str, int], float]] = {}
    settings = {"HIE_LOG__LEVEL": "WARNING", "HIE_REGISTRY__MAX_RESULTS": "100000"}
    with tempfile.TemporaryDirectory() as folder, database("-c shared_buffers=2GB", "-c max_wal_size=8GB") as url:
        service = Service(Path(folder) / "data", environment={**OPEN_DOMAIN, **settings, "HIE_DATABASE__URL": url})
        service.data.mkdir()
        service.start()
        engine = sa.create_engine(url)
        try:
            ids = patients(service, len(DOCUMENTS) + 1)
            with CheckedSoapWire(service.http_port) as checked:
                known = [fill(Desk(checked), patient, count) for patient, count in zip(ids, DOCUMENTS, strict=False)]
            held = 0
            for total in TOTALS:
                yield f"{total:,} submissions of others, an entry each"
                yield from crowd.grow(engine, held, total)
                held, grown[total] = total, {}
                with SoapWire(service.http_port, timeout=300) as wire:
                    yield from every_query(wire, known, grown[total])
                for name, heap, whole in crowd.bytes_each(engine):
                    yield f"  {name:<16} {heap:6.0f} bytes a row, {whole:6.0f} with its indexes"
                yield rendering(engine, ids[1])
                with CheckedSoapWire(service.http_port) as fresh:
                    yield from changes(service, Desk(fresh), ids[-1])
        finally:
            service.kill()
            engine.dispose()
    yield from ratios(grown)


def ratios(grown: dict[int, dict[tuple[str, int], float]]) -> Iterator[str]:
    """How much more the same query took among more entries."""
    for small, large in itertools.pairwise(TOTALS):
        for count in DOCUMENTS:
            each = [grown[large][key] / grown[small][key] for key in grown[large] if key[1] == count]
            find = grown[large]["FindDocuments LeafClass", count] / grown[small]["FindDocuments LeafClass", count]
            middle = statistics.median(each)
            yield f"{large:,} against {small:,}, {count} documents: FindDocuments {find:.2f}, median of all queries {middle:.2f}"
