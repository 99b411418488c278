"""Repositories in processes of their own, over mutual TLS to the registry of another process, which comes and goes."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support import messages as m
from tests.support.certificates import Authority
from tests.support.checked import CheckedSoapWire
from tests.support.ports import free_port
from tests.support.service import OPEN_DOMAIN, Service
from tests.support.wire import MllpWire, Reply, field, unique_id

NORTH, SOUTH = "2.999.60.1", "2.999.60.2"
PATH = "/xds/repository"


class Domain:
    """A registry, and two repositories that register with it."""

    def __init__(self, folder: Path) -> None:
        self.authority = Authority(folder)
        self.tls_port = free_port()
        self.registry = self._service(folder / "registry", HIE_HTTP__LISTEN_TLS=f"127.0.0.1:{self.tls_port}")
        away = {"HIE_STORAGE__REGISTRY_URL": f"https://localhost:{self.tls_port}/xds/registry"}
        self.repositories = {
            oid: self._service(folder / oid, HIE_AFFINITY__REPOSITORY_UNIQUE_ID=oid, **away) for oid in (NORTH, SOUTH)
        }

    def _service(self, data: Path, **settings: str) -> Service:
        data.mkdir()
        files = self.authority.issue(data.name)
        tls = {"CERTIFICATE": files.certificate, "KEY": files.key, "TRUST": files.trust}
        named = {f"HIE_TLS__{name}": str(file) for name, file in tls.items()} | {"HIE_SYSLOG__LISTEN_TLS": ""}
        return Service(data, environment={**OPEN_DOMAIN, **named, **settings})

    @property
    def services(self) -> tuple[Service, ...]:
        """All of them."""
        return (self.registry, *self.repositories.values())

    def provide(self, repository: str, message: tuple[str, bytes]) -> Reply:
        """ITI-41 at one of the repositories."""
        with CheckedSoapWire(self.repositories[repository].http_port) as soap:
            return soap.post(message[1], message[0], PATH)

    def retrieve(self, repository: str, unique: str) -> Reply:
        """ITI-43 at one of the repositories."""
        with CheckedSoapWire(self.repositories[repository].http_port) as soap:
            return soap.call(m.ACTION_43, m.retrieve((repository, unique)), PATH)

    def found(self, patient: str) -> dict[str, str]:
        """The repositoryUniqueIds of a patient's documents by their uniqueIds, as the registry has them."""
        with CheckedSoapWire(self.registry.http_port) as soap:
            entries = soap.call(m.ACTION_18, m.find_documents(patient)).entries()
        slots = f"{{{m.RIM}}}Slot[@name='repositoryUniqueId']//{{{m.RIM}}}Value"
        return {unique_id(entry): entry.findtext(slots) or "" for entry in entries}


@pytest.fixture(scope="module")
def domain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Domain]:
    """Three processes."""
    domain = Domain(tmp_path_factory.mktemp("apart"))
    try:
        with ThreadPoolExecutor() as pool:
            list(pool.map(Service.start, domain.services))
        yield domain
    finally:
        for service in domain.services:
            service.kill()


@pytest.fixture(scope="module")
def patient(domain: Domain) -> str:
    """The affinity domain's identifier of a patient that the registry knows."""
    with MllpWire(domain.registry.mllp_port) as mllp:
        mllp.send(m.adt("1"))
        return m.cx(field(mllp.send(m.pix_query("1")), "PID", 3).split("^")[0])


def a_message(patient: str, content: bytes) -> tuple[str, tuple[str, bytes]]:
    """A document's uniqueId, and the request that provides it."""
    entry = m.Entry(patient, hash=None, size=None, repository=None)
    return entry.unique_id, m.provide_and_register(entry, content)


def test_two_repositories_register_with_one_registry_and_each_gives_out_its_own(domain: Domain, patient: str) -> None:
    north, to_north = a_message(patient, b"in the north")
    south, to_south = a_message(patient, b"in the south")

    assert domain.provide(NORTH, to_north).status_urn == domain.provide(SOUTH, to_south).status_urn == "Success"

    found = domain.found(patient)
    assert (found[north], found[south]) == (NORTH, SOUTH)
    assert domain.retrieve(NORTH, north).parts()[1] == b"in the north"
    assert domain.retrieve(SOUTH, south).parts()[1] == b"in the south"
    assert domain.retrieve(SOUTH, north).codes == ["XDSDocumentUniqueIdError"]


def test_what_the_registry_refuses_is_told_in_its_words_and_not_given_out(domain: Domain) -> None:
    unique, message = a_message(m.cx("NOBODY"), b"whose is this")

    reply = domain.provide(NORTH, message)

    assert (reply.status_urn, set(reply.codes) & {"XDSUnknownPatientId"}) == ("Failure", {"XDSUnknownPatientId"})
    assert domain.retrieve(NORTH, unique).codes == ["XDSDocumentUniqueIdError"]


@pytest.mark.parametrize("ends", ["stopped", "killed"])
def test_while_the_registry_is_away_it_is_not_available_and_the_same_submission_goes_on_from_there(
    domain: Domain, patient: str, ends: str
) -> None:
    unique, message = a_message(patient, b"sent while nobody listened")
    if ends == "stopped":
        domain.registry.stop()
    else:
        domain.registry.kill()

    refused = [domain.provide(NORTH, message) for _ in range(2)]
    domain.registry.start()
    accepted = [domain.provide(NORTH, message) for _ in range(2)]

    assert [(r.status_urn, r.codes) for r in refused] == [("Failure", ["XDSRegistryNotAvailable"])] * 2
    assert [r.status_urn for r in accepted] == ["Success"] * 2
    assert list(domain.found(patient)).count(unique) == 1
    assert domain.retrieve(NORTH, unique).parts()[1] == b"sent while nobody listened"
