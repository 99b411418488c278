"""Lines to consumers: MLLP and SOAP, plain and with TLS, and the thread that sends."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme

from affinity.model import Consumer
from app.notifying import Messenger, Ourselves, messengers, telling
from hl7v2.consumer import Parties
from kernel.errors import Rejected, Unavailable
from kernel.identifiers import Oid
from tests.conftest import MakeDatabase
from tests.support.brokers import wait_for
from tests.support.hl7 import patient_id
from tests.support.mllp_stub import framed, mllp_stub
from tests.support.patients import CLINIC, LENA, a_patient_index, an_affinity_domain, an_id, an_update
from tests.support.soap_stub import PLAIN, Scripted, enveloped, soap_stub

WHEN = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
OURS = Parties("AFFINITY", "HIE")
DEVICE = Oid("2.999.5")
ACTION = "urn:hl7-org:v3:MCCI_IN000002UV01"


def acknowledging(message: bytes) -> bytes:
    """The answer of a consumer that takes everything."""
    control_id = message.split(b"|")[9].decode()
    return framed(f"MSH|^~\\&|PORTAL|CITY|AFFINITY|HIE|20261122||ACK^A31^ACK|1|P|2.5\rMSA|AA|{control_id}\r".encode())


@pytest.fixture
def us(tmp_path: Path) -> Ourselves:
    return Ourselves(OURS, DEVICE, 5.0, tmp_path)


def test_a_consumer_is_told_over_mllp_by_its_own_name(us: Ourselves) -> None:
    with mllp_stub() as stub:
        stub.script = acknowledging
        consumer = Consumer("PORTAL", "CITY", None, f"mllp://localhost:{stub.port}")

        telling(consumer, us, None).tell([patient_id("47")], "n1", WHEN)

    assert stub.received[0].startswith(b"MSH|^~\\&|AFFINITY|HIE|PORTAL|CITY|")


def test_a_consumer_is_told_over_mllp_with_tls(us: Ourselves) -> None:
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    with mllp_stub(server) as stub:
        stub.script = acknowledging
        consumer = Consumer("PORTAL", "CITY", None, f"mllps://localhost:{stub.port}")

        telling(consumer, us, client).tell([patient_id("47")], "n1", WHEN)
        with pytest.raises(Unavailable):
            telling(consumer, us, ssl.create_default_context()).tell([patient_id("47")], "n2", WHEN)

    assert len(stub.received) == 1


def test_a_consumer_is_told_over_soap(us: Ourselves) -> None:
    body = '<MCCI_IN000002UV01 xmlns="urn:hl7-org:v3"><acknowledgement><typeCode code="CA"/></acknowledgement></MCCI_IN000002UV01>'
    with soap_stub() as stub:
        stub.script = lambda r: Scripted(enveloped(body, relates_to=r.header("MessageID"), action=ACTION))

        telling(Consumer("2.999.7", "", None, stub.url), us, None).tell([patient_id("47")], "n1", WHEN)

    (received,) = stub.received
    assert received.header("Action") == "urn:hl7-org:v3:PRPA_IN201302UV02"
    assert received.content.tag == "{urn:hl7-org:v3}PRPA_IN201302UV02"


@pytest.mark.parametrize(("code", "expected"), [("Receiver", Unavailable), ("Sender", Rejected)])
def test_a_fault_of_the_consumer_is_its_own_trouble_or_ours(us: Ourselves, code: str, expected: type[Exception]) -> None:
    fault = (
        f'<s:Fault xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Code><s:Value>s:{code}</s:Value></s:Code>'
        '<s:Reason><s:Text xml:lang="en">no</s:Text></s:Reason></s:Fault>'
    )
    with soap_stub() as stub:
        stub.script = lambda r: Scripted(enveloped(fault, relates_to=r.header("MessageID")), PLAIN, 500)

        with pytest.raises(expected):
            telling(Consumer("2.999.7", "", None, stub.url), us, None).tell([patient_id("47")], "n1", WHEN)


@pytest.fixture
def stub_of_two() -> Iterator[tuple[int, list[bytes]]]:
    with mllp_stub() as stub:
        stub.script = acknowledging
        yield stub.port, stub.received


def test_a_consumer_that_hangs_holds_no_other(
    make_database: MakeDatabase, stub_of_two: tuple[int, list[bytes]], us: Ourselves
) -> None:
    port, received = stub_of_two
    hanging = threading.Event()
    consumers = [
        {"application": "SLOW", "notify": "mllp://localhost:1"},
        {"application": "PORTAL", "notify": f"mllp://localhost:{port}"},
    ]
    index = a_patient_index(make_database, affinity=an_affinity_domain(consumers=consumers))
    index.feed(an_update(an_id("1"), an_id("9", CLINIC), demographics=LENA))
    index.work()
    slow, portal = index.affinity.domain().consumers
    told = telling(portal, us, None)

    class Hanging:
        audited = told.audited

        def tell(self, *_: object) -> None:
            hanging.wait(30)

    messengers = [Messenger(index.notices, c, t, pause=0.01) for c, t in ((slow, Hanging()), (portal, told))]
    for messenger in messengers:
        messenger.start()
    wait_for(lambda: len(received) == 1)
    hanging.set()
    wait_for(lambda: all(not queue.waiting for queue in index.notices.queues()))
    for messenger in messengers:
        messenger.stop()

    assert b"|n" not in received[0]
    assert not [t for t in threading.enumerate() if t.name.startswith("to-")]


def test_only_who_is_told_gets_a_messenger_and_tls_is_made_where_it_is_needed(make_database: MakeDatabase, us: Ourselves) -> None:
    notices = a_patient_index(make_database).notices
    asks, plain, secure = (Consumer("P", "C", None, notify) for notify in ("", "mllp://there:1", "mllps://there:2"))

    assert len(messengers(notices, [asks, plain], us, lambda: pytest.fail("nobody needs it"))) == 1
    assert len(messengers(notices, [plain, secure], us, ssl.create_default_context)) == 2
