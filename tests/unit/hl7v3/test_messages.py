"""hl7v3.messages"""

from __future__ import annotations

from hl7v3.datatypes import InstanceId
from hl7v3.messages import CODES, accepted, is_reject, read_transmission, refused, v3_exchange
from kernel.errors import Condition, HieError, Rejected, Unavailable, Unreadable, rejected, violation, warning
from kernel.times import Dtm
from kernel.xml import parse_xml
from tests.support.hl7 import DEVICE, NOW, v3_feed, v3_request
from tests.support.shared import faults

HL7 = {"h": "urn:hl7-org:v3"}


def attributes(answer: bytes, path: str) -> list[str]:
    return [str(value) for value in parse_xml(answer).xpath(path, namespaces=HL7)]


def test_every_condition_has_a_code() -> None:
    assert set(CODES) == set(Condition)


def test_a_wrapper_is_read() -> None:
    transmission = read_transmission(v3_feed())

    assert transmission.interaction == "PRPA_IN201301UV02"
    assert transmission.message_id == InstanceId("2.999.7.1", "m-1")
    assert transmission.created == Dtm("20261122101500")
    assert transmission.processing_code == "P"
    assert transmission.sender == InstanceId("2.999.7")
    assert transmission.receiver == InstanceId("2.999.9")
    assert transmission.source == "2.999.7"


def test_a_wrapper_that_lacks_everything_is_read_all_the_same() -> None:
    transmission = read_transmission(parse_xml(b'<x xmlns="urn:hl7-org:v3"/>'))

    assert transmission.message_id == InstanceId()
    assert transmission.source == ""


def test_an_acceptance_names_the_message_and_swaps_sender_and_receiver() -> None:
    answer = accepted(v3_request(v3_feed()))

    assert attributes(answer, "h:acknowledgement/h:typeCode/@code") == ["CA"]
    assert attributes(answer, "h:acknowledgement/h:targetMessage/h:id/@*") == ["2.999.7.1", "m-1"]
    assert attributes(answer, "h:receiver/h:device/h:id/@root") == ["2.999.7"]
    assert attributes(answer, "h:sender/h:device/h:id/@root") == ["2.999.9"]
    assert attributes(answer, "h:id/@*") == ["2.999.9", "0b6f0b6f-0000-4000-8000-000000000000"]
    assert attributes(answer, "h:acceptAckCode/@code") == ["NE"]
    assert attributes(answer, "h:creationTime/@value") == ["20261122101501"]


def test_an_acceptance_with_warnings_tells_them() -> None:
    answer = accepted(v3_request(v3_feed()), [warning(Condition.FIELD_MISSING, "/x", "y")])

    assert attributes(answer, "h:acknowledgement/h:typeCode/@code") == ["CA"]
    assert attributes(answer, "//h:acknowledgementDetail/@typeCode") == ["W"]


def test_a_refusal_tells_each_violation_with_its_place() -> None:
    error = Rejected(
        (violation(Condition.AUTHORITY_UNKNOWN, "/x/id[1]", "a<b"), violation(Condition.FIELD_MISSING, "/x/id[2]", "c"))
    )

    answer = refused(v3_request(v3_feed()), error)

    assert attributes(answer, "h:acknowledgement/h:typeCode/@code") == ["CE"]
    assert attributes(answer, "//h:acknowledgementDetail/h:code/@code") == ["204", "SYN105"]
    assert attributes(answer, "//h:acknowledgementDetail/h:text/text()") == ["a<b", "c"]
    assert attributes(answer, "//h:acknowledgementDetail/h:location/text()") == ["/x/id[1]", "/x/id[2]"]


def test_a_message_that_may_be_sent_again_or_was_not_read_is_rejected() -> None:
    assert is_reject(Unavailable(violation(Condition.BUSY, "", "")))
    assert is_reject(Unreadable(violation(Condition.FIELD_MISSING, "", "")))
    assert not is_reject(HieError(violation(Condition.INTERNAL, "", "")))
    assert not is_reject(rejected(Condition.IDENTIFIER_UNKNOWN, "", ""))

    answer = refused(v3_request(v3_feed()), Unavailable(violation(Condition.BUSY, "", "later")))

    assert attributes(answer, "h:acknowledgement/h:typeCode/@code") == ["CR"]


def test_organizations_are_swapped_with_their_devices() -> None:
    body = v3_feed()
    for name, root in (("receiver", "2.999.9.1"), ("sender", "2.999.7.9")):
        agent = parse_xml(
            f'<asAgent xmlns="urn:hl7-org:v3" classCode="AGNT"><representedOrganization classCode="ORG" determinerCode="INSTANCE">'
            f'<id root="{root}"/></representedOrganization></asAgent>'.encode()
        )
        body.find(f"h:{name}/h:device", HL7).append(agent)

    answer = accepted(v3_request(body))

    assert attributes(answer, "h:receiver//h:representedOrganization/h:id/@root") == ["2.999.7.9"]
    assert attributes(answer, "h:sender//h:representedOrganization/h:id/@root") == ["2.999.9.1"]
    assert faults("hl7v3", parse_xml(answer)) == []


def test_answers_are_valid_under_the_official_schema() -> None:
    request = v3_request(v3_feed())

    assert faults("hl7v3", parse_xml(accepted(request))) == []
    assert faults("hl7v3", parse_xml(refused(request, rejected(Condition.AUTHORITY_UNKNOWN, "/x", "y")))) == []


def test_a_request_without_anything_gets_a_valid_refusal() -> None:
    exchange = v3_exchange(parse_xml(b'<x xmlns="urn:hl7-org:v3"/>'), now=NOW, answer_id="urn:uuid:1", device=DEVICE)

    answer = refused(exchange, rejected(Condition.FIELD_MISSING, "", "nothing"))

    assert faults("hl7v3", parse_xml(answer)) == []


def test_the_text_of_an_error_cannot_break_the_message() -> None:
    answer = refused(v3_request(v3_feed()), rejected(Condition.FIELD_MISSING, "</x>", "\x00]]>&"))

    assert attributes(answer, "//h:acknowledgementDetail/h:location/text()") == ["</x>"]
