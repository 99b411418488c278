"""ADT^A31 to consumers."""

from __future__ import annotations

from hl7v2.consumer import Envelope, Parties
from hl7v2.er7 import parse
from hl7v2.header import header_of
from hl7v2.notification import update_notification
from hl7v2.patient import read_update
from kernel.identifiers import PatientId
from tests.support.hl7 import LAB, NOW, patient_id

ENVELOPE = Envelope(Parties("HIE", "XAD", "PORTAL", "CITY"), NOW, "1f2e3d")


def test_every_identifier_is_told_with_its_whole_authority_and_the_name_is_a_blank() -> None:
    wire = update_notification((patient_id("4711"), PatientId("L~9", LAB)), ENVELOPE).to_bytes()

    message = parse(wire)
    assert list(read_update(message, lenient=True).patient_ids) == [patient_id("4711"), PatientId("L~9", LAB)]
    assert message.segment("PID").raw(5) == " "  # type: ignore[union-attr]  # it is there
    assert message.get("PV1-2") == "N"


def test_the_header_says_who_tells_whom_and_what() -> None:
    header = header_of(parse(update_notification((patient_id("1"),), ENVELOPE).to_bytes()))

    assert (header.source, header.receiver) == ("XAD|HIE", "CITY|PORTAL")
    assert (header.message_type, header.event, header.structure) == ("ADT", "A31", "ADT_A05")
    assert (header.version, header.control_id) == ("2.5", "1f2e3d")
