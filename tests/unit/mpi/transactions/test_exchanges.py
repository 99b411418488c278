"""What every door does with a request."""

from __future__ import annotations

from kernel.errors import Condition, Unavailable, violation
from kernel.identifiers import Oid
from mpi.transactions.exchanges import (
    V3Context,
    on_record,
    receipt_of_v2,
    receipt_of_v3,
    subject_of_v2,
    subject_of_v3,
)
from soap.exchange import Addressing, Exchange
from tests.support.clocks import TickingClock, counted_uuids
from tests.support.hl7 import adt, v2_exchange, v3_feed, v3_request
from tests.support.patients import PEER


def test_a_v2_sender_is_facility_and_application() -> None:
    subject = subject_of_v2(v2_exchange(adt()))

    assert (subject.source, subject.receiver, subject.message_id) == ("HOSP|EHR", "HIE|MPI", "M1")


def test_a_v2_message_is_the_same_when_its_bytes_are() -> None:
    one, same, other = (receipt_of_v2(v2_exchange(raw)) for raw in (adt(), adt(), adt("A08")))

    assert one == same
    assert (one.sender, one.message_id, one.where) == (other.sender, other.message_id, "MSH-10")
    assert one.digest != other.digest


def test_a_v3_sender_is_its_device_and_a_message_the_same_when_its_canonical_xml_is() -> None:
    context = V3Context(Oid("2.999.9"), TickingClock(), counted_uuids())
    exchange = Exchange(PEER, Addressing("urn:a", "urn:uuid:1"), v3_feed())
    request = context.request(exchange)

    subject, receipt = subject_of_v3(exchange, request), receipt_of_v3(request)

    assert (subject.source, subject.receiver, subject.message_id) == ("2.999.7", PEER.endpoint, "2.999.7.1^m-1")
    assert receipt == receipt_of_v3(v3_request(v3_feed()))
    assert receipt.where == "/PRPA_IN201301UV02/id"
    assert receipt.digest != receipt_of_v3(v3_request(v3_feed(person="<name/>"))).digest


def test_a_refusal_is_given_even_where_it_cannot_be_put_on_record() -> None:
    def fail() -> None:
        raise Unavailable(violation(Condition.BUSY, "database", "away"))

    on_record(fail)
