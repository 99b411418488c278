"""PRPA_IN201302UV02 to consumers."""

from __future__ import annotations

import pytest

from hl7v3.consumer import Envelope
from hl7v3.messages import read_transmission
from hl7v3.notification import require_taken, update_notification
from hl7v3.patient import read_update
from kernel.errors import Condition, Rejected
from kernel.identifiers import AssigningAuthority, Oid, PatientId
from kernel.xml import Element, parse_xml
from tests.support.hl7 import HOSP, LAB, NOW
from tests.support.shared import faults

ENVELOPE = Envelope(Oid("2.999.20"), Oid("2.999.21"), NOW, "1f2e3d")


def answer(code: str, detail: str = "") -> Element:
    return parse_xml(
        f'<MCCI_IN000002UV01 xmlns="urn:hl7-org:v3"><acknowledgement><typeCode code="{code}"/>{detail}</acknowledgement>'
        "</MCCI_IN000002UV01>".encode()
    )


def told(*identifiers: PatientId) -> Element:
    return parse_xml(update_notification(identifiers, ENVELOPE))


def test_a_notification_is_valid_by_the_official_schema() -> None:
    assert faults("hl7v3", told(PatientId("1", HOSP), PatientId("2", HOSP), PatientId("L-1", LAB))) == []


def test_every_identifier_is_told_whose_authority_has_an_oid() -> None:
    body = told(PatientId("1", HOSP), PatientId("L-1", LAB), PatientId("x", AssigningAuthority("NAME")))

    update = read_update(body, lenient=True)
    found = [i.patient_id for i in (*update.identifiers, *update.others)]
    assert [(i.id, i.authority.universal_id) for i in found] == [("1", HOSP.universal_id), ("L-1", LAB.universal_id)]
    assert read_transmission(body).message_id.extension == "1f2e3d"


@pytest.mark.parametrize(("code", "taken"), [("CA", True), ("AA", True), ("CR", False), ("AR", False)])
def test_accepted_is_taken_and_rejected_may_be_taken_later(code: str, taken: bool) -> None:
    assert require_taken(answer(code)) is taken


@pytest.mark.parametrize("code", ["CE", "AE", ""])
def test_an_error_will_never_be_taken(code: str) -> None:
    detail = '<acknowledgementDetail typeCode="E"><code code="204"/><text>who?</text></acknowledgementDetail>'

    with pytest.raises(Rejected) as raised:
        require_taken(answer(code, detail))

    assert raised.value.condition is Condition.IDENTIFIER_UNKNOWN
