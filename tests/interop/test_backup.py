"""A backup taken while documents arrive, and restored elsewhere: everything the copy names is there."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support import messages as m
from tests.support import postgres
from tests.support.brokers import wait_for
from tests.support.command import hie
from tests.support.service import OPEN_DOMAIN, Service, running
from tests.support.wire import MllpWire, SoapWire, field, unique_id

REPOSITORY = "/xds/repository"
BEFORE = 10
pytestmark = pytest.mark.slow


def a_patient(service: Service) -> str:
    """Somebody's identifier in the affinity domain."""
    with MllpWire(service.mllp_port) as wire:
        assert field(wire.send(m.adt("BACK-1")), "MSA", 1) == "AA"
        return m.cx(field(wire.send(m.pix_query("BACK-1")), "PID", 3).split("^")[0])


class Arrivals:
    """Documents that are provided one after the other; the SHA-1 of each that was taken, by its uniqueId."""

    def __init__(self, service: Service, patient: str) -> None:
        self._service, self._patient = service, patient
        self.taken: dict[str, str] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        with SoapWire(self._service.http_port) as wire:
            while not self._stop.is_set():
                entry, content = m.Entry(self._patient, hash=None, size=None), f"letter {len(self.taken)}".encode() * 50
                kind, data = m.provide_and_register(entry, content)
                if wire.post(data, kind, REPOSITORY).status_urn == "Success":
                    self.taken[entry.unique_id] = hashlib.sha1(content).hexdigest()

    @contextmanager
    def arriving(self) -> Iterator[None]:
        """They arrive while one is inside, and the first of them have."""
        self._thread.start()
        try:
            wait_for(lambda: len(self.taken) >= BEFORE)
            yield
        finally:
            self._stop.set()
            self._thread.join(timeout=30)


def check(copy: Path, environment: dict[str, str], patient: str, before: dict[str, str]) -> None:
    """What was taken before the backup is given out by the restored service, and nothing in it is amiss."""
    with running(copy, environment) as service, SoapWire(service.http_port) as wire:
        found = {unique_id(entry) for entry in wire.call(m.ACTION_18, m.find_documents(patient)).entries()}
        given = {name: wire.call(m.ACTION_43, m.retrieve((m.REPOSITORY, name)), REPOSITORY).parts()[1] for name in sorted(found)}

    assert before.keys() <= found
    assert {name: hashlib.sha1(given[name]).hexdigest() for name in before} == before


def taken_and_restored(data: Path, folder: Path, copy: Path, environment: dict[str, str], restored: dict[str, str]) -> None:
    """`hie backup create` on a service that runs, `hie backup restore` elsewhere."""
    created = hie("backup", "create", str(folder), "--data", str(data), environment=environment)
    assert created.code == 0, created.err
    put_back = hie("backup", "restore", str(folder), "--data", str(copy), environment=restored)
    assert put_back.code == 0, put_back.out + put_back.err


def test_a_copy_of_sqlite_and_the_documents_is_a_whole_store(tmp_path: Path) -> None:
    data, folder, copy = tmp_path / "data", tmp_path / "backup", tmp_path / "copy"
    with running(data, OPEN_DOMAIN) as service:
        patient = a_patient(service)
        arrivals = Arrivals(service, patient)
        with arrivals.arriving():
            before = dict(arrivals.taken)
            taken_and_restored(data, folder, copy, OPEN_DOMAIN, OPEN_DOMAIN)

    check(copy, OPEN_DOMAIN, patient, before)


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_a_dump_of_postgresql_and_the_documents_is_a_whole_store(
    database_url: str,
    postgres_server: postgres.Server,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pg_dump = postgres.binary("pg_dump")
    assert pg_dump
    monkeypatch.setenv("PATH", f"{Path(pg_dump).parent}:{os.environ['PATH']}")
    data, folder, copy = tmp_path / "data", tmp_path / "backup", tmp_path / "copy"
    name = postgres_server.name()
    postgres_server.create(name)
    request.addfinalizer(lambda: postgres_server.drop(name))
    environment = {**OPEN_DOMAIN, "HIE_DATABASE__URL": database_url}
    restored = {**OPEN_DOMAIN, "HIE_DATABASE__URL": f"{postgres_server.address}/{name}"}
    with running(data, environment) as service:
        patient = a_patient(service)
        arrivals = Arrivals(service, patient)
        with arrivals.arriving():
            before = dict(arrivals.taken)
            taken_and_restored(data, folder, copy, environment, restored)

    check(copy, restored, patient, before)
