"""hl7v3.answers"""

from __future__ import annotations

import pytest

from hl7v3.answers import pdq_answer, pix_answer, query_refused
from hl7v3.query import query_element
from kernel.demographics import Demographics, HumanName
from kernel.demographics_query import DemographicsHit, DemographicsPage
from kernel.errors import Condition, HieError, Rejected, Unavailable, rejected, violation
from kernel.identifiers import AssigningAuthority, PatientId
from kernel.xml import Element, canonical, parse_xml
from tests.support.hl7 import v3, v3_pdq, v3_pix, v3_request
from tests.support.shared import faults

OID_1 = AssigningAuthority.of_oid("2.999.1.1")
OID_2 = AssigningAuthority.of_oid("2.999.1.2")
HL7 = {"h": "urn:hl7-org:v3"}
ACT = "h:controlActProcess"
LENA = Demographics(names=(HumanName("Rivera", ("Lena",)),), sex="F")
PAGE = DemographicsPage(
    (DemographicsHit((PatientId("1", OID_1),), LENA, 95, (OID_2,)), DemographicsHit((PatientId("2", OID_1),), Demographics())),
    14,
    12,
)


def values(answer: bytes, path: str) -> list[str]:
    return [str(value) for value in parse_xml(answer).xpath(path, namespaces=HL7)]


def continuation() -> Element:
    return v3(
        "QUQI_IN000003UV01",
        '<queryContinuation><queryId root="2.999.7.2" extension="q-1"/>'
        '<statusCode code="waitContinuedQueryResponse"/></queryContinuation>',
    )


def test_found_identifiers_stand_in_one_registration_event() -> None:
    answer = pix_answer(v3_request(v3_pix()), [PatientId("L-1", OID_2), PatientId("L-2", OID_2), PatientId("9", OID_1)])

    assert values(answer, "h:acknowledgement/h:typeCode/@code") == ["AA"]
    assert values(answer, f"{ACT}/h:code/@code") == ["PRPA_TE201310UV02"]
    assert values(answer, "//h:patient/h:id/@extension") == ["L-1", "L-2"]
    assert values(answer, "//h:asOtherIDs/h:id/@extension") == ["9"]
    assert values(answer, "//h:patientPerson/h:name/@nullFlavor") == ["NA"]
    assert values(answer, "//h:custodian//h:id/@root") == ["2.999.9"]
    assert values(answer, f"{ACT}/h:queryAck/h:queryResponseCode/@code") == ["OK"]
    assert values(answer, f"{ACT}/h:queryAck/h:statusCode/@code") == ["deliveredResponse"]
    assert values(answer, f"{ACT}/h:queryAck/h:queryId/@extension") == ["q-1"]


def test_no_identifier_is_an_answer_without_patient() -> None:
    answer = pix_answer(v3_request(v3_pix()), [PatientId("1", AssigningAuthority("ONLY-A-NAME"))])

    assert values(answer, f"{ACT}/h:queryAck/h:queryResponseCode/@code") == ["NF"]
    assert values(answer, "//h:registrationEvent/@classCode") == []


def test_an_answer_repeats_the_query() -> None:
    body = v3_pix()
    asked = query_element(body)

    answered = query_element(parse_xml(pix_answer(v3_request(body), [])))

    assert asked is not None
    assert answered is not None
    assert canonical(answered) == canonical(asked)


def test_a_page_of_persons_has_confidence_and_quantities() -> None:
    answer = pdq_answer(v3_request(v3_pdq()), PAGE)

    assert values(answer, "//h:patient/h:id/@extension") == ["1", "2"]
    assert values(answer, "//h:queryMatchObservation/h:value/@*[local-name()!='type']") == ["95", "UNK"]
    assert values(answer, "//h:asOtherIDs/h:id/@nullFlavor") == ["NA"]
    quantities = [f"{ACT}/h:queryAck/h:result{name}Quantity/@value" for name in ("Total", "Current", "Remaining")]
    assert [values(answer, q) for q in quantities] == [["14"], ["2"], ["12"]]


def test_nobody_found_is_an_answer() -> None:
    answer = pdq_answer(v3_request(v3_pdq()), DemographicsPage((), 0))

    assert values(answer, "h:acknowledgement/h:typeCode/@code") == ["AA"]
    assert values(answer, f"{ACT}/h:queryAck/h:queryResponseCode/@code") == ["NF"]
    assert values(answer, f"{ACT}/h:queryAck/h:resultTotalQuantity/@value") == ["0"]


def test_a_following_page_repeats_the_first_query() -> None:
    asked = query_element(v3_pdq())

    answer = pdq_answer(v3_request(continuation()), PAGE, query=asked)

    assert values(answer, f"{ACT}/h:queryByParameter/h:queryId/@extension") == ["q-1"]
    assert faults("hl7v3", parse_xml(answer)) == []


@pytest.mark.parametrize(
    ("body", "interaction"),
    [(v3_pix(), "PRPA_IN201310UV02"), (v3_pdq(), "PRPA_IN201306UV02"), (continuation(), "PRPA_IN201306UV02")],
)
def test_a_refused_query_is_answered_by_its_own_response(body: Element, interaction: str) -> None:
    error = Rejected((violation(Condition.AUTHORITY_UNKNOWN, "/x[1]", "a"), violation(Condition.AUTHORITY_UNKNOWN, "/x[2]", "b")))

    answer = query_refused(v3_request(body), error)

    assert parse_xml(answer).tag == f"{{urn:hl7-org:v3}}{interaction}"
    assert values(answer, "h:acknowledgement/h:typeCode/@code") == ["AE"]
    assert values(answer, "//h:acknowledgementDetail/h:location/text()") == ["/x[1]", "/x[2]"]
    assert set(values(answer, "//h:acknowledgementDetail/h:code/@codeSystem")) == {"2.16.840.1.113883.12.357"}
    assert values(answer, f"{ACT}/h:queryAck/h:queryResponseCode/@code") == ["AE"]
    assert values(answer, f"{ACT}/h:queryAck/h:queryId/@extension") == ["q-1"]
    assert faults("hl7v3", parse_xml(answer)) == []


def test_a_query_that_may_be_sent_again_is_rejected() -> None:
    answer = query_refused(v3_request(v3_pix()), Unavailable(violation(Condition.BUSY, "", "later")))

    assert values(answer, "h:acknowledgement/h:typeCode/@code") == ["AR"]


@pytest.mark.parametrize("error", [rejected(Condition.INTERNAL, "", "x"), HieError(())])
def test_a_query_that_holds_nothing_is_still_answered(error: HieError) -> None:
    answer = query_refused(v3_request(v3("PRPA_IN201309UV02", "")), error)

    assert faults("hl7v3", parse_xml(answer)) == []


@pytest.mark.parametrize(
    "answer",
    [
        pix_answer(v3_request(v3_pix()), [PatientId("L-1", OID_2), PatientId("9", OID_1)]),
        pix_answer(v3_request(v3_pix()), []),
        pdq_answer(v3_request(v3_pdq()), PAGE),
        pdq_answer(v3_request(v3_pdq()), DemographicsPage((), 0)),
    ],
)
def test_answers_are_valid_under_the_official_schema(answer: bytes) -> None:
    assert faults("hl7v3", parse_xml(answer)) == []


def test_hostile_text_stays_within_its_element() -> None:
    evil = Demographics(names=(HumanName('</name>&"<x>\x00', ("=cmd()",)),), birth_place="<b>", language="a b", telecoms=())
    page = DemographicsPage((DemographicsHit((PatientId('"><', OID_1),), evil, 1),), 1)

    answer = pdq_answer(v3_request(v3_pdq()), page)

    assert values(answer, "//h:patientPerson/h:name/h:family/text()") == ['</name>&"<x>\ufffd']
    assert values(answer, "//h:patient/h:id/@extension") == ['"><']
    assert faults("hl7v3", parse_xml(answer)) == []
