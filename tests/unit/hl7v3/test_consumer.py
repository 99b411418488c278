"""Our own queries as a manager reads them, and its answers as we do."""

from __future__ import annotations

import pytest

from hl7v3.answers import pdq_answer, pix_answer, query_refused
from hl7v3.consumer import Envelope, pdq_query, pix_query, read_pdq_answer, read_pix_answer
from hl7v3.messages import read_transmission
from hl7v3.query import read_pdq_query, read_pix_query
from kernel.demographics import Address, Demographics, HumanName, Telecom
from kernel.demographics_query import DemographicsHit, DemographicsPage
from kernel.errors import Condition, Rejected, rejected
from kernel.identifiers import Oid
from kernel.times import Dtm
from kernel.xml import Element, parse_xml
from tests.support.hl7 import HOSP, LAB, NOW, patient_id, v3_pdq, v3_pix, v3_request
from tests.support.shared import faults

ENVELOPE = Envelope(Oid("2.999.20"), Oid("2.999.21"), NOW, "7d6f0a8e")
LENA = Demographics(
    names=(HumanName("Rivera", ("Lena",)),),
    sex="F",
    birth=Dtm("19840317"),
    addresses=(Address(("1 Long Lane",), "Springfield", "IL", "62701"),),
    telecoms=(Telecom("+15550100"),),
    mother_name=HumanName("O'Neil & Sons"),
)


def asked_for_identifiers() -> Element:
    """A PIX query of ours."""
    return parse_xml(pix_query(patient_id("4711"), [LAB], ENVELOPE))


def asked_for_patients(known: Demographics = LENA) -> Element:
    """A demographics query of ours."""
    return parse_xml(pdq_query(known, [patient_id("4711")], [LAB], ENVELOPE))


def test_our_queries_are_valid_by_the_official_schema() -> None:
    assert faults("hl7v3", asked_for_identifiers()) == []
    assert faults("hl7v3", asked_for_patients()) == []
    assert faults("hl7v3", asked_for_patients(Demographics())) == []


def test_a_pix_query_reads_as_what_was_asked() -> None:
    query = read_pix_query(asked_for_identifiers())

    assert query.identifier.patient_id.cx == patient_id("4711").cx
    assert [w.authority.universal_id for w in query.wanted] == [LAB.universal_id]
    assert (query.tag, query.warnings) == ("2.999.20^7d6f0a8e", ())


def test_a_query_says_who_asks_whom() -> None:
    sent = read_transmission(asked_for_identifiers())

    assert (sent.interaction, sent.sender.root, sent.receiver.root) == ("PRPA_IN201309UV02", "2.999.20", "2.999.21")
    assert str(sent.message_id) == "2.999.20^7d6f0a8e"


def test_a_demographics_query_reads_as_what_was_asked() -> None:
    query = read_pdq_query(asked_for_patients())

    assert [i.patient_id.cx for i in query.identifiers] == [patient_id("4711").cx]
    assert [(n.family, n.given) for n in query.names] == [("Rivera", ("Lena",))]
    assert [(b.low, b.high) for b in query.birth] == [(LENA.birth, LENA.birth)]
    assert [s.sex for s in query.sex] == ["F"]
    assert [a.address for a in query.addresses] == [Address(("1 Long Lane",), "Springfield", "IL", "62701")]
    assert [t.value for t in query.telecoms] == ["+15550100"]
    assert [m.family for m in query.mothers] == ["O'Neil & Sons"]
    assert [w.authority.universal_id for w in query.wanted] == [LAB.universal_id]
    assert query.warnings == ()


def test_the_identifiers_of_an_answer_are_read_wherever_they_stand() -> None:
    told = [patient_id("1"), patient_id("L-1", LAB)]

    answer = parse_xml(pix_answer(v3_request(v3_pix()), told))

    assert read_pix_answer(answer) == (patient_id("1"), patient_id("L-1", LAB))


def test_not_found_is_no_error() -> None:
    assert read_pix_answer(parse_xml(pix_answer(v3_request(v3_pix()), []))) == ()


def test_each_patient_of_an_answer_keeps_what_belongs_to_it() -> None:
    riviera = Demographics(names=(HumanName("Riviera", use="L"),))
    hits = (DemographicsHit((patient_id("1"),), LENA, 97, lacking=(LAB,)), DemographicsHit((patient_id("2"),), riviera))

    page = read_pdq_answer(parse_xml(pdq_answer(v3_request(v3_pdq()), DemographicsPage(hits, 7, 5))))

    first, second = page.hits
    assert first.identifiers == (patient_id("1", HOSP),)
    assert (first.demographics.name, first.demographics.sex, first.demographics.birth) == (LENA.name, "F", LENA.birth)
    assert first.demographics.addresses == LENA.addresses
    assert [t.value for t in first.demographics.telecoms] == ["+15550100"]
    assert (first.confidence, second.confidence) == (97, None)
    assert second.demographics.name == HumanName("Riviera", use="L")
    assert (page.total, page.remaining) == (7, 5)


def test_a_refusal_is_raised_with_its_reason_and_place() -> None:
    error = rejected(Condition.IDENTIFIER_UNKNOWN, "/PRPA_IN201309UV02/x", "not known here")

    with pytest.raises(Rejected) as raised:
        read_pix_answer(parse_xml(query_refused(v3_request(v3_pix()), error)))

    (found,) = raised.value.violations
    assert (found.condition, found.where, found.detail) == (
        Condition.IDENTIFIER_UNKNOWN,
        "/PRPA_IN201309UV02/x",
        "204 not known here",
    )


def test_an_answer_without_acknowledgement_is_a_refusal() -> None:
    with pytest.raises(Rejected) as raised:
        read_pdq_answer(parse_xml(b'<PRPA_IN201306UV02 xmlns="urn:hl7-org:v3" ITSVersion="XML_1.0"/>'))

    assert raised.value.condition is Condition.INTERNAL
