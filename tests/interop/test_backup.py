"""The backup of docs/operations.md, taken while documents arrive, and restored elsewhere: everything the copy names is there."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
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
KEPT_BESIDE = ("audit-key.pem", "audit-witness.jsonl")
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


def copy_files(data: Path, copy: Path) -> None:
    """The documents and what lies beside them, after the database."""
    shutil.copytree(data / "documents", copy / "documents", ignore=shutil.ignore_patterns("staging"))
    for name in KEPT_BESIDE:
        if (data / name).exists():
            shutil.copy2(data / name, copy)


def check(copy: Path, environment: dict[str, str], patient: str, before: dict[str, str]) -> None:
    """What was taken before the backup is given out by the restored service, and nothing in it is amiss."""
    verified = hie("verify", "--data", str(copy), environment=environment)
    with running(copy, environment) as service, SoapWire(service.http_port) as wire:
        found = {unique_id(entry) for entry in wire.call(m.ACTION_18, m.find_documents(patient)).entries()}
        given = {name: wire.call(m.ACTION_43, m.retrieve((m.REPOSITORY, name)), REPOSITORY).parts()[1] for name in sorted(found)}

    assert verified.code == 0, verified.out
    assert before.keys() <= found
    assert {name: hashlib.sha1(given[name]).hexdigest() for name in before} == before


def test_a_copy_of_sqlite_and_the_documents_is_a_whole_store(tmp_path: Path) -> None:
    program = shutil.which("sqlite3")
    if program is None:
        pytest.skip("no sqlite3 on this machine")
    data, copy = tmp_path / "data", tmp_path / "copy"
    copy.mkdir()
    with running(data, OPEN_DOMAIN) as service:
        patient = a_patient(service)
        arrivals = Arrivals(service, patient)
        with arrivals.arriving():
            before = dict(arrivals.taken)
            subprocess.run([program, str(data / "affinity.db"), f".backup {copy / 'affinity.db'}"], check=True, timeout=60)
            copy_files(data, copy)

    check(copy, OPEN_DOMAIN, patient, before)


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_a_dump_of_postgresql_and_the_documents_is_a_whole_store(
    database_url: str, postgres_server: postgres.Server, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    data, copy, dump = tmp_path / "data", tmp_path / "copy", tmp_path / "hie.dump"
    copy.mkdir()
    environment = {**OPEN_DOMAIN, "HIE_DATABASE__URL": database_url}
    with running(data, environment) as service:
        patient = a_patient(service)
        arrivals = Arrivals(service, patient)
        with arrivals.arriving():
            before = dict(arrivals.taken)
            run(program("pg_dump"), "--format=custom", f"--file={dump}", plain(database_url))
            copy_files(data, copy)
    name = postgres_server.name()
    postgres_server.create(name)
    request.addfinalizer(lambda: postgres_server.drop(name))
    restored = f"{postgres_server.address}/{name}"
    run(program("pg_restore"), "--exit-on-error", f"--dbname={plain(restored)}", str(dump))

    check(copy, {**OPEN_DOMAIN, "HIE_DATABASE__URL": restored}, patient, before)


def program(name: str) -> str:
    """A program of PostgreSQL."""
    found = postgres.binary(name)
    assert found
    return found


def plain(url: str) -> str:
    """The address as PostgreSQL's own programs read it."""
    return url.replace("postgresql+psycopg:", "postgresql:")


def run(*command: str) -> None:
    """A program that must succeed."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
