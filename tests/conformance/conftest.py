"""One running service for every conformance test, clients that check each answer, patients of a test's own."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.support import messages as m
from tests.support.checked import CheckedMllpWire, CheckedSoapWire
from tests.support.service import Service, running
from tests.support.trail import Trail
from tests.support.wire import field


@dataclass(frozen=True)
class Patient:
    """A patient that a source announced: what the source calls her, her name, and her identifier in the affinity domain."""

    local_id: str
    family: str
    given: str
    birth: str
    cx: str

    @property
    def affinity_id(self) -> str:
        """The identifier alone."""
        return self.cx.partition("^")[0]


NewPatient = Callable[..., Patient]


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """`hie serve` on the embedded default; every test of this folder shares it."""
    with running(tmp_path_factory.mktemp("conformance") / "data") as service:
        yield service


@pytest.fixture
def soap(service: Service) -> Iterator[CheckedSoapWire]:
    """A SOAP client."""
    with CheckedSoapWire(service.http_port) as wire:
        yield wire


@pytest.fixture
def mllp(service: Service) -> Iterator[CheckedMllpWire]:
    """An HL7 v2 client."""
    with CheckedMllpWire(service.mllp_port) as wire:
        yield wire


@pytest.fixture
def trail(service: Service) -> Iterator[Trail]:
    """The audit trail."""
    trail = Trail(service)
    yield trail
    trail.close()


@pytest.fixture(scope="session")
def new_patient(service: Service) -> NewPatient:
    """Announces somebody whom nobody resembles."""

    def announce(authority: str = "HOSP_A&2.999.1.1&ISO") -> Patient:
        number = uuid.uuid4()  # noqa: TID251 - a client's own
        letters = "".join(chr(ord("a") + int(digit, 16)) for digit in number.hex[:12])
        birth = f"{1920 + number.int % 100}{1 + number.int % 12:02}{1 + number.int % 28:02}"
        local_id, family, given = f"L{number.hex[:12]}", letters[:7].title(), letters[7:].title()
        with CheckedMllpWire(service.mllp_port) as mllp:
            fed = mllp.send(
                m.adt(
                    local_id,
                    authority=authority,
                    name=f"{family}^{given}",
                    birth=birth,
                    address=f"{number.int % 900} {given} St^^{family}^^{number.int % 100000:05}^US",
                    phone=f"^PRN^PH^^^{number.int % 900:03}^{number.int % 10_000_000:07}",
                )
            )
            assert field(fed, "MSA", 1) == "AA", fed
            if m.XAD_OID in authority:  # a source that feeds the affinity domain's own identifiers
                return Patient(local_id, family, given, birth, m.cx(local_id))
            found = mllp.send(m.pix_query(local_id, authority=authority))
        return Patient(local_id, family, given, birth, m.cx(field(found, "PID", 3).split("^")[0]))

    return announce


@pytest.fixture
def patient(new_patient: NewPatient) -> Patient:
    """One such patient."""
    return new_patient()


NARROW = {
    "HIE_AFFINITY__ACCEPT_NEW_AUTHORITIES": "false",
    "HIE_AFFINITY__AUTHORITIES": '[{namespace = "HOSP_A", oid = "2.999.1.1"}, {namespace = "HOSP_B", oid = "2.999.1.2"}]',
    "HIE_AFFINITY__SOURCES": '[{application = "ADT", facility = "A", authorities = ["HOSP_A"]}]',
    "HIE_REGISTRY__MAX_RESULTS": "3",
    "HIE_REGISTRY__MAX_REFERENCES": "3",
    "HIE_REGISTRY__MAX_OBJECTS": "20",
    "HIE_REGISTRY__UNKNOWN_PATIENT_IS_ERROR": "true",
    "HIE_MPI__HITS": "3",
    "HIE_STORAGE__RETRIEVE_DOCUMENTS": "3",
    "HIE_STORAGE__LIMITED_METADATA": "true",
}
"""A domain that knows who may feed what, and whose limits are soon reached."""


@pytest.fixture(scope="session")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A second service, strict and small."""
    with running(tmp_path_factory.mktemp("narrow") / "data", NARROW) as service:
        yield service
