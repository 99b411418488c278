"""ITI-42 and ITI-18 a second, from outside, on PostgreSQL (fsync on, two processes) and SQLite; and where the time of each goes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path

from bench.load import Load, cpu_seconds, wrk
from bench.topology import database
from tests.support import messages as m
from tests.support.service import OPEN_DOMAIN, Service
from tests.support.wire import MllpWire, SoapWire, field

PATIENTS = 200
PER_PATIENT = 8
SECONDS = 10


def stranger(number: int) -> str:
    """A name like nobody else's, so that matching finds nobody for it."""
    digits = [int(digit, 16) for digit in sha256(b"%d" % number).hexdigest()[:8]]
    word = "".join("bcdfghjklmnprstv"[digit] + "aeiou"[digit % 5] for digit in digits)
    return f"{word[:8].title()}^{word[8:].title()}"


def patients(service: Service, count: int = PATIENTS) -> list[str]:
    """Announces patients and gives their affinity-domain identifiers as CX."""
    found = []
    with MllpWire(service.mllp_port) as wire:
        for number in range(count):
            wire.send(
                m.adt(f"B{number}", name=stranger(number), birth=f"19{number % 90 + 10}0{number % 9 + 1}{number % 28 + 1:02}")
            )
            found.append(m.cx(field(wire.send(m.pix_query(f"B{number}")), "PID", 3).split("^")[0]))
    return found


def fill(service: Service, ids: list[str], each: int = PER_PATIENT) -> int:
    """Registers so many entries for each patient; the size of one answer."""
    with SoapWire(service.http_port) as wire:
        for patient in ids:
            reply = wire.call(m.ACTION_42, m.submission(*(m.Entry(patient) for _ in range(each))))
            assert reply.status_urn == "Success", reply.errors
        return len(wire.call(m.ACTION_18, m.find_documents(ids[0])).data)


def submission_template() -> str:
    """ITI-42 of one entry for wrk: @SERIAL@ is fresh in every request, @VALUE@ a patient."""
    entry = m.Entry("@VALUE@", unique_id="2.999.9.1.@SERIAL@")
    body = m.submission(entry, set_unique_id="2.999.9.2.@SERIAL@")
    return m.envelope(m.ACTION_42, body, "urn:uuid:@UUID@").decode()


def query_template() -> str:
    """FindDocuments, LeafClass, for wrk."""
    return m.envelope(m.ACTION_18, m.find_documents("@VALUE@"), "urn:uuid:@UUID@").decode()


def escaped(ids: list[str]) -> list[str]:
    """CX as it stands in XML."""
    return [m.escape(patient) for patient in ids]


def measure(service: Service) -> Iterator[tuple[str, Load, float]]:
    """Rates and CPU milliseconds of the service for each request."""
    ids = patients(service)
    size = fill(service, ids)
    for name, template in (
        (f"ITI-18, {PER_PATIENT} entries, {size >> 10} KB", query_template()),
        ("ITI-42, 1 entry", submission_template()),
    ):
        wrk(service.url, "/xds/registry", template, escaped(ids), seconds=2)
        assert service.process is not None
        before = cpu_seconds(service.process.pid)
        load = wrk(service.url, "/xds/registry", template, escaped(ids), seconds=SECONDS)
        yield name, load, (cpu_seconds(service.process.pid) - before) / max(1.0, load.rate * SECONDS) * 1000


def run() -> Iterator[str]:
    """The table."""
    for name, processes, pinned in (
        ("PostgreSQL, 2 processes, pinned", 2, True),
        ("PostgreSQL, 2 processes", 2, False),
        ("PostgreSQL, 1 process, pinned", 1, True),
        ("SQLite, 1 process, pinned", 0, True),
        ("SQLite, 1 process", 0, False),
    ):
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "data"
            folder.mkdir()
            environment = {**OPEN_DOMAIN, "HIE_LOG__LEVEL": "WARNING", "HIE_HTTP__PINNED": str(pinned).lower()}
            if processes:
                environment["HIE_DATABASE__URL"] = stack.enter_context(database())
                environment["HIE_HTTP__PROCESSES"] = str(processes)
            service = Service(folder, environment=environment)
            service.start()
            stack.callback(service.kill)
            for what, load, cpu in measure(service):
                yield f"{name:<32} {what:<28} {load}  CPU of the first process {cpu:.2f} ms a request"
