"""ITI-10: a consumer on the wire hears of every change, also of those that happened while it or we were away."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import hl7
import pytest
from hl7apy.parser import parse_message
from hl7apy.validation import Validator

from tests.support.audit import schema_faults
from tests.support.brokers import wait_for
from tests.support.mllp_stub import MllpStub, framed, mllp_stub
from tests.support.service import Service, running
from tests.support.shared import sample
from tests.support.trail import Trail
from tests.support.v2 import admission, code, message, pid
from tests.support.wire import MllpWire, field

LAB = "LAB&2.999.1.9&ISO"
HOSPITAL = "HOSP_A&2.999.1.1&ISO"
DOMAIN = {
    "HIE_AFFINITY__ACCEPT_NEW_AUTHORITIES": "true",
    "HIE_AFFINITY__AUTHORITIES": '[{namespace = "HOSP_A", oid = "2.999.1.1"}, {namespace = "LAB", oid = "2.999.1.9"}]',
}


def taking(message: bytes) -> bytes:
    """AA from the consumer."""
    control_id = message.split(b"|")[9].decode()
    return framed(f"MSH|^~\\&|PORTAL|CITY|AFFINITY|HIE|20261122||ACK^A31^ACK|1|P|2.5\rMSA|AA|{control_id}\r".encode())


@pytest.fixture(scope="module")
def consumer() -> Iterator[MllpStub]:
    """A consumer that takes what it is told."""
    with mllp_stub() as stub:
        stub.script = taking
        yield stub


@pytest.fixture(scope="module")
def telling(consumer: MllpStub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that tells the consumer of the hospital's and the laboratory's identifiers."""
    seen = 'authorities = ["HOSP_A", "LAB"]'
    listed = f'[{{application = "PORTAL", facility = "CITY", {seen}, notify = "mllp://127.0.0.1:{consumer.port}"}}]'
    with running(tmp_path_factory.mktemp("telling") / "data", {**DOMAIN, "HIE_AFFINITY__CONSUMERS": listed}) as service:
        yield service


def feed(service: Service, *messages: bytes) -> None:
    with MllpWire(service.mllp_port) as wire:
        for message in messages:
            answer = wire.send(message)
            assert code(answer) == "AA", answer


def both(number: str) -> bytes:
    """Somebody with an identifier of the hospital and one of the laboratory."""
    segment = pid(number, name=f"Person{number}^Lena").replace(HOSPITAL, f"{HOSPITAL}~L{number}^^^{LAB}")
    return admission(segment)


def told_of(consumer: MllpStub, number: str) -> list[str]:
    """The notifications about one patient."""
    return [r.decode() for r in consumer.received if f"|{number}^^^".encode() in r]


def test_a_consumer_is_told_every_identifier_it_may_see(telling: Service, consumer: MllpStub, tmp_path: Path) -> None:
    feed(telling, both("11"))

    wait_for(lambda: bool(told_of(consumer, "11")))

    (told,) = told_of(consumer, "11")
    assert field(told, "MSH", 9) == "ADT^A31^ADT_A05"
    assert field(told, "PID", 3) == f"11^^^{HOSPITAL}~L11^^^{LAB}"
    assert (field(told, "PID", 5), field(told, "PV1", 2)) == (" ", "N")
    assert "Person11" not in told
    assert str(hl7.parse(told).segment("PID")[3][1][0]) == "L11"
    report = tmp_path / "report.txt"
    visible = told.replace("|| \r", "||-\r")  # hl7apy takes the blank of PID-5 for nothing
    assert Validator.validate(parse_message(visible), report_file=str(report)), report.read_text()


def test_that_a_consumer_was_told_is_on_record(telling: Service, consumer: MllpStub) -> None:
    with closing(Trail(telling)) as trail:
        feed(telling, both("13"))
        (record,) = trail.expect(0, "ITI-10", lambda r: any(i.startswith("13^^^") for i in r.object_ids))

    assert (record.event_id, record.action, record.outcome) == ("110110", "R", "0")
    assert record.roles == {"110153": "HIE|AFFINITY", "110152": "CITY|PORTAL"}
    assert schema_faults(record.xml) == []


def test_it_has_the_shape_of_a_recorded_notification(telling: Service, consumer: MllpStub) -> None:
    recorded = sample("iti-10", "adt-a31-update-notification.hl7").decode().replace("\r\n", "\r")
    feed(telling, both("12"))
    wait_for(lambda: bool(told_of(consumer, "12")))
    (told,) = told_of(consumer, "12")

    segments = [[line[:3] for line in text.strip().split("\r")] for text in (recorded, told)]
    assert segments[0] == segments[1]
    assert field(recorded, "MSH", 9) == field(told, "MSH", 9)
    assert field(recorded, "PV1", 2) == field(told, "PV1", 2)


def test_a_merge_is_told(telling: Service, consumer: MllpStub) -> None:
    feed(telling, both("21"), both("22"))
    wait_for(lambda: bool(told_of(consumer, "21") and told_of(consumer, "22")))

    feed(telling, message("ADT^A40", "EVN|A40|20261122", pid("21"), f"MRG|22^^^{HOSPITAL}"))
    wait_for(lambda: len(told_of(consumer, "21")) == 2)

    assert set(field(told_of(consumer, "21")[-1], "PID", 3).split("~")) == {f"21^^^{HOSPITAL}", f"L21^^^{LAB}", f"L22^^^{LAB}"}


def test_what_happened_while_the_consumer_and_we_were_away_is_told_in_order(tmp_path: Path) -> None:
    with mllp_stub() as stub:
        stub.script = lambda _: b""  # it takes the message and dies
        listed = f'[{{application = "PORTAL", facility = "CITY", notify = "mllp://127.0.0.1:{stub.port}"}}]'
        environment = {**DOMAIN, "HIE_AFFINITY__CONSUMERS": listed}
        with running(tmp_path, environment) as service:
            feed(service, both("31"), both("32"))
            wait_for(lambda: bool(stub.received))
            service.kill()
        stub.script = taking
        before = len(stub.received)
        with running(tmp_path, environment):
            wait_for(lambda: len(stub.received) >= before + 2)

    ids = [field(r.decode(), "MSH", 10) for r in stub.received]
    assert len(set(ids[: before + 1])) == 1
    firsts = list(dict.fromkeys(field(r.decode(), "PID", 3).split("~")[1].split("^")[0] for r in stub.received))
    assert firsts == ["31", "32"]


def test_queue_age_and_refusals_are_metrics(telling: Service) -> None:
    with urllib.request.urlopen(f"{telling.url}/metrics") as answer:
        text = answer.read().decode()

    assert 'hie_outbox_rows{box="notices"}' in text
    assert "hie_notices_refused " in text
