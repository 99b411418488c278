"""ITI-46: a consumer on the wire hears of changes over SOAP; what it says is valid by the official schemas."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.support.audit import schema_faults
from tests.support.brokers import wait_for
from tests.support.service import Service, running
from tests.support.shared import faults
from tests.support.soap_stub import Received, Scripted, SoapStub, enveloped, soap_stub
from tests.support.trail import Trail
from tests.support.v2 import admission, code, pid
from tests.support.wire import MllpWire

CONSUMER = "2.999.7.1"
ACTION = "urn:hl7-org:v3:MCCI_IN000002UV01"
NS = {"v": "urn:hl7-org:v3"}


def taking(received: Received) -> Scripted:
    """CA from the consumer."""
    body = '<MCCI_IN000002UV01 xmlns="urn:hl7-org:v3"><acknowledgement><typeCode code="CA"/></acknowledgement></MCCI_IN000002UV01>'
    return Scripted(enveloped(body, relates_to=received.header("MessageID"), action=ACTION))


@pytest.fixture(scope="module")
def consumer() -> Iterator[SoapStub]:
    """A consumer that takes what it is told."""
    with soap_stub() as stub:
        stub.script = taking
        yield stub


@pytest.fixture(scope="module")
def telling(consumer: SoapStub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that tells the consumer of everything."""
    listed = f'[{{application = "{CONSUMER}", notify = "{consumer.url}"}}]'
    environment = {"HIE_AFFINITY__ACCEPT_NEW_AUTHORITIES": "true", "HIE_AFFINITY__CONSUMERS": listed}
    with running(tmp_path_factory.mktemp("telling") / "data", environment) as service:
        yield service


def feed(service: Service, local_id: str) -> None:
    with MllpWire(service.mllp_port) as wire:
        answer = wire.send(admission(pid(local_id, name=f"Person{local_id}^Lena")))
    assert code(answer) == "AA", answer


def told_of(consumer: SoapStub, local_id: str) -> list[Received]:
    return [r for r in consumer.received if f'extension="{local_id}"'.encode() in r.body]


def test_a_consumer_is_told_the_identifier_and_that_of_the_affinity_domain(telling: Service, consumer: SoapStub) -> None:
    feed(telling, "41")

    wait_for(lambda: bool(told_of(consumer, "41")))

    (received,) = told_of(consumer, "41")
    body = received.content
    assert received.header("Action") == "urn:hl7-org:v3:PRPA_IN201302UV02"
    assert body.xpath("string(v:receiver/v:device/v:id/@root)", namespaces=NS) == CONSUMER
    patient = body.find(".//v:patient", NS)
    assert patient is not None
    others = patient.xpath("v:patientPerson/v:asOtherIDs/v:id/@extension", namespaces=NS)
    assert len(patient.findall("v:id", NS)) == len(others) == 1
    assert patient.xpath("v:patientPerson/v:name/@nullFlavor", namespaces=NS) == ["NA"]
    assert b"Person41" not in received.body


def test_what_it_is_told_is_valid_by_the_official_schemas(telling: Service, consumer: SoapStub) -> None:
    feed(telling, "42")

    wait_for(lambda: bool(told_of(consumer, "42")))

    (received,) = told_of(consumer, "42")
    assert faults("hl7v3", received.content) == []
    assert faults("soap", received.envelope) == []


def test_that_a_consumer_was_told_is_on_record(telling: Service, consumer: SoapStub) -> None:
    with closing(Trail(telling)) as trail:
        feed(telling, "44")
        (record,) = trail.expect(0, "ITI-46", lambda r: any(i.startswith("44^^^") for i in r.object_ids))

    assert (record.event_id, record.action, record.outcome) == ("110110", "R", "0")
    assert record.roles["110152"] == consumer.url
    assert schema_faults(record.xml) == []


def test_a_consumer_that_has_trouble_is_told_again(telling: Service, consumer: SoapStub) -> None:
    tries: list[str] = []

    def troubled(received: Received) -> Scripted:
        tries.append(received.content.xpath("string(v:id/@extension)", namespaces=NS))
        return taking(received) if len(tries) > 1 else Scripted(b"", "text/plain", 503)

    consumer.script = troubled
    feed(telling, "43")
    wait_for(lambda: len(tries) == 2)
    consumer.script = taking

    assert tries[0] == tries[1]
