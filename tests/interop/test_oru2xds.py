"""PyPI's oru2xds turns an ORU message into a document and provides it to our repository (ITI-41 as foreign software sends it)."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import foreign
from tests.support import messages as m
from tests.support.brokers import accepts, wait_for
from tests.support.ports import free_port
from tests.support.service import OPEN_DOMAIN, Service, running
from tests.support.wire import MllpWire, SoapWire, field, unique_id

BLUE = "1.3.6.1.4.1.21367.13.20.3000"
PATIENT = "IHEBLUE-2709"
REQUIREMENTS = ("aiorun", "hl7==0.4.5", "lxml", "requests", "requests-toolbelt", "striprtf", "setuptools", "sympy")

ORU = "\r".join(
    (
        "MSH|^~\\&|LIS|CEDAR|HIE|XAD|20261122101500||ORU^R01|ORU-1|P|2.5|||||||8859/1",
        f"PID|||{PATIENT}^^^&{BLUE}&ISO||Halvorsen^Greta||19610409|F",
        "PV1|1|I|Ward^Room^Bed|||||C002^Smith^Elizabeth^^^Dr",
        "ORC|RE|35298|24274||CM||||20261122101000",
        "OBR|1|35298|24274|UNSPECIFIED-CONTENT-TYPE^Unspecified Clinical Activity^1.3.6.1.4.1.21367.2017.3|||||||||CT abdomen"
        "|||||R2026001|Report-2|||20261122100500||DX|F|||||||reporting@cedar.example&Reporting Physician",
        "OBX|1|TX|||The liver has normal dimensions and a regular outline.",
        "ZEI|Exam-1",
        "",
    )
)


@pytest.fixture
def blue_domain(tmp_path: Path) -> Iterator[Service]:
    """A service whose affinity domain is the one that the program's sample patients belong to, fed by a source itself."""
    environment = {**OPEN_DOMAIN, "HIE_AFFINITY__AUTHORITY__NAMESPACE": "IHEBLUE", "HIE_AFFINITY__AUTHORITY__OID": BLUE}
    with running(tmp_path / "data", environment) as service:
        yield service


@pytest.fixture
def program(blue_domain: Service, tmp_path: Path) -> Iterator[int]:
    """The program, listening for HL7; gives its port."""
    python = foreign.environment("oru2xds", *REQUIREMENTS, without_dependencies=("oru2xds==2.0.25",))
    folder = next(python.parent.parent.glob("lib/python*/site-packages/oru2xds"))
    port = free_port()
    command = [
        str(python),
        str(foreign.RUNNERS / "run_oru2xds.py"),
        str(folder),
        f"{blue_domain.url}/xds/repository",
        str(port),
        BLUE,
    ]
    with (tmp_path / "oru2xds.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=tmp_path)
        try:
            wait_for(lambda: accepts(port) or process.poll() is not None)
            assert process.poll() is None, (tmp_path / "oru2xds.log").read_text()[-2000:]
            yield port
        finally:
            process.kill()
            process.wait(timeout=10)


def test_an_oru_becomes_a_document_that_is_found_and_retrieved(program: int, blue_domain: Service, tmp_path: Path) -> None:
    with MllpWire(blue_domain.mllp_port) as wire:
        fed = wire.send(m.adt(PATIENT, authority=f"&{BLUE}&ISO", name="Halvorsen^Greta", birth="19610409"))
    assert field(fed, "MSA", 1) == "AA", fed

    with MllpWire(program) as wire:
        acknowledged = wire.send(ORU.encode("latin-1"))

    log = (tmp_path / "oru2xds.log").read_text()
    assert field(acknowledged, "MSA", 1) == "AA", log[-3000:]
    with SoapWire(blue_domain.http_port) as soap:
        found = soap.call(m.ACTION_18, m.find_documents(m.cx(PATIENT, BLUE)))
        (entry,) = found.entries()
        document = soap.call(m.ACTION_43, m.retrieve((m.REPOSITORY, unique_id(entry))), "/xds/repository")
    assert b"The liver has normal dimensions" in document.parts()[1]


def test_a_refusal_reaches_the_sender_of_the_oru_as_a_nak(program: int, tmp_path: Path) -> None:
    with MllpWire(program) as wire:
        answer = wire.send(ORU.replace(PATIENT, "NOBODY-1").encode("latin-1"))

    assert field(answer, "MSA", 1) == "AE", (tmp_path / "oru2xds.log").read_text()[-3000:]
    assert "XDSUnknownPatientId" in (tmp_path / "oru2xds.log").read_text()
