"""What a partner is told while something the service needs is away or short: the database, another registry, the disk."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.support import messages as m
from tests.support import postgres
from tests.support.checked import CheckedMllpWire, CheckedSoapWire
from tests.support.postgres import free_port
from tests.support.service import OPEN_DOMAIN, running
from tests.support.updates import ACTION_57, ACTION_62, ACTION_92, removal, status_change
from tests.support.wire import Reply, field

PATH = "/xds/repository"
ACTION_51 = "urn:ihe:iti:2009:MultiPatientStoredQuery"
FIND_SEVERAL = "urn:uuid:3d1bdb10-39a2-11de-89c2-2f44d94eaa9f"
SOMETHING = "urn:uuid:00000000-0000-4000-8000-000000000003"


class Server:
    """A database of a PostgreSQL server, which takes no more connections and takes them again."""

    def __init__(self, server: str, name: str) -> None:
        self.url, self.name = f"{server}/{name}", name
        self._admin = sa.create_engine(f"{server}/postgres", isolation_level="AUTOCOMMIT")
        self._run(f"CREATE DATABASE {name}")

    def _run(self, sql: str) -> None:
        with self._admin.connect() as connection:
            connection.exec_driver_sql(sql)

    def leave(self) -> None:
        """Ends every connection, and takes no new one."""
        self._run(f"ALTER DATABASE {self.name} ALLOW_CONNECTIONS false")
        self._run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{self.name}'")

    def come_back(self) -> None:
        """Takes connections again."""
        self._run(f"ALTER DATABASE {self.name} ALLOW_CONNECTIONS true")

    def drop(self) -> None:
        """Removes the database."""
        self._run(f"DROP DATABASE {self.name} WITH (FORCE)")
        self._admin.dispose()


@pytest.fixture
def server(postgres_server: postgres.Server) -> Iterator[Server]:
    """A database of the test's own."""
    found = Server(postgres_server.address, postgres_server.name())
    yield found
    found.drop()


def announced(port: int) -> str:
    """A patient of the affinity domain."""
    with CheckedMllpWire(port) as mllp:
        fed = mllp.send(m.adt("A-1", authority=f"XAD&{m.XAD_OID}&ISO"))
        assert field(fed, "MSA", 1) == "AA", fed
    return m.cx("A-1")


def provide(soap: CheckedSoapWire, patient: str, content: bytes, unique_id: str = "") -> Reply:
    """ITI-41."""
    entry = m.Entry(patient, unique_id=unique_id or m.fresh_oid(), hash=None, size=None)
    kind, body = m.provide_and_register(entry, content)
    return soap.post(body, kind, PATH)


def answers(soap: CheckedSoapWire, patient: str) -> dict[str, list[str]]:
    """The codes of one request of each transaction."""
    several = (m.slot("$XDSDocumentEntryPatientId", f"('{patient}')"), m.slot("$XDSDocumentEntryStatus", f"('{m.APPROVED}')"))
    on_demand = m.Entry(patient, object_type="urn:uuid:34268e47-fdf5-41a6-ba33-82133c465248", hash=None, size=None)
    bodies = {
        "ITI-42": (m.ACTION_42, m.submission(m.Entry(patient))),
        "ITI-61": (
            "urn:ihe:iti:2010:RegisterOnDemandDocumentEntry",
            m.submission(on_demand).replace(m.slot("creationTime", on_demand.creation_time), ""),
        ),
        "ITI-18": (m.ACTION_18, m.find_documents(patient)),
        "ITI-51": (ACTION_51, m.stored_query(FIND_SEVERAL, *several)),
        "ITI-57": (ACTION_57, status_change(patient, SOMETHING)),
        "ITI-92": (ACTION_92, status_change(patient, SOMETHING)),
        "ITI-62": (ACTION_62, removal(SOMETHING)),
    }
    found = {name: soap.call(action, body) for name, (action, body) in bodies.items()}
    found["ITI-41"] = provide(soap, patient, b"content")
    found["ITI-43"] = soap.call(m.ACTION_43, m.retrieve((m.REPOSITORY, "2.999.1")), PATH)
    found["ITI-86"] = soap.call("urn:ihe:iti:2017:RemoveDocuments", m.remove_documents((m.REPOSITORY, "2.999.1")), PATH)
    return {name: [code for code, _ in reply.refusals] for name, reply in found.items()}


@pytest.mark.postgres
def test_while_the_database_is_away_every_transaction_says_busy_and_goes_on_when_it_is_back(server: Server, tmp_path: Path) -> None:
    environment = {**OPEN_DOMAIN, "HIE_DATABASE__URL": server.url}
    with running(tmp_path / "data", environment) as service, CheckedSoapWire(service.http_port) as soap:
        patient = announced(service.mllp_port)
        assert soap.call(m.ACTION_42, m.submission(m.Entry(patient))).status_urn == "Success"

        server.leave()
        away = answers(soap, patient)
        server.come_back()
        back = answers(soap, patient)

    registry = ("ITI-42", "ITI-61", "ITI-18", "ITI-51", "ITI-57", "ITI-92", "ITI-62")
    repository = ("ITI-41", "ITI-43", "ITI-86")
    unresolved, unknown = ["UnresolvedReferenceException"], ["XDSDocumentUniqueIdError"]
    assert away == {name: ["XDSRegistryBusy"] for name in registry} | {name: ["XDSRepositoryBusy"] for name in repository}
    assert back == {name: [] for name in (*registry, *repository)} | {
        "ITI-57": unresolved,
        "ITI-92": unresolved,
        "ITI-62": unresolved,
        "ITI-43": unknown,
        "ITI-86": unknown,
    }


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("no right to mount a file system")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_a_registry_that_is_away_and_a_disk_that_is_full_are_told_apart(small_disk: Path, tmp_path: Path) -> None:
    environment = {
        **OPEN_DOMAIN,
        "HIE_STORAGE__URL": f"file:{small_disk}",
        "HIE_STORAGE__REGISTRY_URL": f"http://127.0.0.1:{free_port()}/xds/registry",
    }
    with running(tmp_path / "data", environment) as service, CheckedSoapWire(service.http_port) as soap:
        patient = announced(service.mllp_port)

        small, large, again = provide(soap, patient, b"small"), provide(soap, patient, bytes(2 << 20)), provide(soap, patient, b"x")

    assert (small.status_urn, small.codes) == ("Failure", ["XDSRegistryNotAvailable"])
    assert (large.status_urn, large.codes) == ("Failure", ["XDSRepositoryOutOfResources"])
    assert (again.status_urn, again.codes) == ("Failure", ["XDSRegistryNotAvailable"])


def test_a_document_that_was_changed_on_disk_is_not_given_out(tmp_path: Path) -> None:
    with running(tmp_path / "data") as service, CheckedSoapWire(service.http_port) as soap:
        patient, unique_id = announced(service.mllp_port), m.fresh_oid()
        assert provide(soap, patient, b"as it was", unique_id).status_urn == "Success"
        (file,) = (f for f in (service.data / "documents").rglob("*") if f.is_file() and f.read_bytes() == b"as it was")
        file.chmod(0o600)
        file.write_bytes(b"as it Was")

        reply = soap.call(m.ACTION_43, m.retrieve((m.REPOSITORY, unique_id)), PATH)

    assert (reply.status_urn, reply.codes) == ("Failure", ["XDSRepositoryError"])
    assert reply.parts()[1:] == []
