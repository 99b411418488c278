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
from contextlib import ExitStack
from dataclasses import dataclass
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
from tests.support.queries import ACTION_51, ASKED, ENTRY, REFERENCES, Known
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


@dataclass
class Stand:
    """A service on a database with so many entries of others, and the patients that are asked for."""

    total: int
    service: Service
    engine: Engine
    ids: list[str]
    known: list[Known]


def timed(acts: Sequence[Callable[[], object]], *, least: int = LEAST) -> list[tuple[float, float]]:
    """p50 and p99 in milliseconds of each, warm. They take turns, so that what else the machine does falls upon all alike."""
    for act in (*acts, *acts, *acts):
        act()
    taken: list[list[float]] = [[] for _ in acts]
    end = time.perf_counter() + SECONDS * len(acts)
    while time.perf_counter() < end or len(taken[0]) < least:
        for act, found in zip(acts, taken, strict=True):
            began = time.perf_counter()
            act()
            found.append((time.perf_counter() - began) * 1000)
    return [(statistics.median(found), sorted(found)[min(int(len(found) * 0.99), len(found) - 1)]) for found in taken]


def ask(wire: SoapWire, definition: Definition, known: Known, return_type: str) -> Callable[[], None]:
    """A stored query, its answer read to the end."""
    body = m.stored_query(definition.id.value, *ASKED[definition.name](known), return_type=return_type)
    action = ACTION_51 if definition.is_multi_patient else m.ACTION_18

    def act() -> None:
        reply = wire.post(m.envelope(action, body))
        assert b"ResponseStatusType:Success" in reply.data[:2000], reply.errors

    return act


def every_query(stands: Sequence[Stand]) -> Iterator[str]:
    """A line for each query and stand: p50/p99 for each patient; and at the end how much more it takes among more entries."""
    yield f"{'milliseconds, p50 / p99':<46}{'entries':>12}" + "".join(f"{f'{n:,} documents':>20}" for n in DOCUMENTS)
    ratios: dict[tuple[int, int], list[float]] = {}
    kinds = [(d, "LeafClass") for d in CATALOGUE.values()]
    for definition, return_type in (*kinds, (kinds[0][0], "ObjectRef")):
        cells: dict[int, str] = dict.fromkeys(TOTALS, "")
        for number in range(len(DOCUMENTS)):
            wires = [SoapWire(stand.service.http_port, timeout=300) for stand in stands]
            found = timed([ask(w, definition, s.known[number], return_type) for w, s in zip(wires, stands, strict=True)])
            for wire in wires:
                wire.close()
            for stand, (p50, p99) in zip(stands, found, strict=True):
                cells[stand.total] += f"{p50:>11.2f} /{p99:>7.2f}"
            for (small, one), (large, other) in itertools.pairwise(zip(TOTALS, found, strict=True)):
                ratios.setdefault((small, large), []).append(other[0] / one[0])
        for stand in stands:
            yield f"{f'{definition.name} {return_type}':<46}{stand.total:>12,}{cells[stand.total]}"
    for (small, large), each in ratios.items():
        find = ", ".join(f"{ratio:.2f}" for ratio in each[: len(DOCUMENTS)])
        middle = f"{statistics.median(each):.2f} times the p50 (median of all queries and patients)"
        yield f"{large:,} against {small:,} entries: {middle}, FindDocuments {find}"


def over_all_patients(stands: Sequence[Stand]) -> Iterator[str]:
    """ITI-51 that names a class and no patient: ids of as many entries as are given out at once, and of none."""
    for name, code in (("a class that many have", "DISCHARGE"), ("a class that nobody has", "Outpatient")):
        slots = (m.slot("$XDSDocumentEntryClassCode", f"('{code}^^2.999.77.1')"), ENTRY)
        body = m.stored_query("urn:uuid:3d1bdb10-39a2-11de-89c2-2f44d94eaa9f", *slots, return_type="ObjectRef")
        for stand in stands:
            with SoapWire(stand.service.http_port, timeout=300) as wire:
                ((p50, p99),) = timed([lambda w=wire, b=body: w.post(m.envelope(ACTION_51, b))], least=5)  # type: ignore[misc]
            yield f"ITI-51 without patients, {name}, {stand.total:,} entries: {p50:.2f} / {p99:.2f} ms"


def rendering(engine: Engine, patient: str) -> str:
    """What it takes to make the LeafClass answer of a hundred entries of their rows."""
    with engine.connect() as connection:
        number = connection.execute(sa.select(PATIENT.c.id).where(PATIENT.c.cx == patient)).scalar_one()
        statement = selecting("entry", (Condition("patient", "patients"),), whole=True)
        rows = list(statement.rows(connection, {"patients": [number], "limit": 100}))
    found, shown = Found(entries=rows), {number: patient}
    ((p50, _),) = timed([lambda: b"".join(answers.whole(found, shown))], least=200)
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


def stand(stack: ExitStack, folder: Path, server: str, total: int) -> Stand:
    """A service on a database of its own, with the patients that are asked for, and nobody else yet."""
    admin = sa.create_engine(f"{server}/postgres", isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE hie_{total}")
    admin.dispose()
    url = f"{server}/hie_{total}"
    settings = {"HIE_LOG__LEVEL": "WARNING", "HIE_REGISTRY__MAX_RESULTS": "100000", "HIE_DATABASE__URL": url}
    service = Service(folder / str(total), environment={**OPEN_DOMAIN, **settings})
    service.data.mkdir()
    stack.callback(service.kill)
    service.start()
    engine = sa.create_engine(url)
    stack.callback(engine.dispose)
    ids = patients(service, len(DOCUMENTS) + 1)
    with CheckedSoapWire(service.http_port) as wire:
        known = [fill(Desk(wire), patient, count) for patient, count in zip(ids, DOCUMENTS, strict=False)]
    return Stand(total, service, engine, ids, known)


def run() -> Iterator[str]:
    """The tables, and how the cost grew."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = stack.enter_context(database("-c shared_buffers=2GB", "-c max_wal_size=8GB"))
        stands = []
        for total in TOTALS:
            made = stand(stack, folder, url.rpartition("/")[0], total)
            yield f"{total:,} submissions of others, an entry each"
            yield from crowd.grow(made.engine, 0, total)
            for name, heap, whole in crowd.bytes_each(made.engine):
                yield f"  {name:<16} {heap:6.0f} bytes a row, {whole:6.0f} with its indexes"
            stands.append(made)
        yield rendering(stands[-1].engine, stands[-1].ids[1])
        yield from every_query(stands)
        yield from over_all_patients(stands)
        for made in stands:
            yield f"{made.total:,} entries"
            with CheckedSoapWire(made.service.http_port) as wire:
                yield from changes(made.service, Desk(wire), made.ids[-1])
