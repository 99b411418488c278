"""hl7v3.query"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hl7v3.datatypes import InstanceId
from hl7v3.query import Continuation, query_element, query_tag, read_continuation, read_pdq_query, read_pix_query
from kernel.demographics import Address
from kernel.demographics_query import (
    AddressCriterion,
    BirthCriterion,
    DemographicsQuery,
    NameCriterion,
    SexCriterion,
    TelecomCriterion,
    WantedAuthority,
)
from kernel.errors import Condition, Rejected, Violation
from kernel.identifiers import AssigningAuthority, PatientId
from kernel.patient_update import SentIdentifier
from kernel.times import Dtm
from kernel.xml import Element, parse_xml
from tests.support.hl7 import NAME_ASKED, v3, v3_parameter, v3_pdq, v3_pix, v3_query
from tests.support.shared import faults

OID_1 = AssigningAuthority.of_oid("2.999.1.1")
OID_2 = AssigningAuthority.of_oid("2.999.1.2")
PIX = "/PRPA_IN201309UV02/controlActProcess/queryByParameter/parameterList"
PDQ = "/PRPA_IN201305UV02/controlActProcess/queryByParameter/parameterList"


def refusal(read: Callable[[Element], object], body: Element) -> tuple[Violation, ...]:
    with pytest.raises(Rejected) as refused:
        read(body)
    return refused.value.violations


def test_a_pix_query_asks_for_the_identifiers_of_one() -> None:
    body = v3_pix(sources=("2.999.1.2", "2.999.1.3"))

    query = read_pix_query(body)

    assert faults("hl7v3", body) == []
    place = f"{PIX}/patientIdentifier/value"
    assert query.identifier == SentIdentifier(PatientId("4711", OID_1), place, place)
    assert query.wanted == (
        WantedAuthority(OID_2, f"{PIX}/dataSource[1]/value"),
        WantedAuthority(AssigningAuthority.of_oid("2.999.1.3"), f"{PIX}/dataSource[2]/value"),
    )
    assert query.tag == "2.999.7.2^q-1"


@pytest.mark.parametrize(
    ("body", "condition", "where"),
    [
        (v3_pix(""), Condition.PARAMETER_MISSING, f"{PIX}/patientIdentifier/value"),
        (v3_pix('<value root="2.999.1.1"/>'), Condition.PARAMETER_INVALID, f"{PIX}/patientIdentifier/value"),
        (v3_pix('<value extension="1"/>'), Condition.PARAMETER_INVALID, f"{PIX}/patientIdentifier/value"),
        (v3_pix('<value root="2.9" extension="1"/>' * 2), Condition.PARAMETER_COUNT, f"{PIX}/patientIdentifier/value"),
        (v3_pix(sources=("2.9", "")), Condition.PARAMETER_INVALID, f"{PIX}/dataSource[2]/value"),
        (v3("PRPA_IN201309UV02", ""), Condition.PARAMETER_MISSING, PIX),
    ],
)
def test_a_broken_pix_query_is_refused_with_the_place(body: Element, condition: Condition, where: str) -> None:
    assert (condition, where) in {(v.condition, v.where) for v in refusal(read_pix_query, body)}


def test_a_pdq_query_may_ask_for_everything_the_profile_names() -> None:
    body = v3_pdq(
        v3_parameter("livingSubjectAdministrativeGender", '<value code="F"/>')
        + v3_parameter("livingSubjectBirthTime", '<value value="19840317"/>')
        + v3_parameter("livingSubjectId", '<value root="2.999.1.1" extension="1"/>', '<value root="2.999.1.2" extension="2"/>')
        + v3_parameter(
            "livingSubjectName",
            '<value xsi:type="PN" use="SRCH"><family>Riv</family></value>',
            '<value xsi:type="PN"><given>Lena</given><family>Lopez</family></value>',
        )
        + v3_parameter("mothersMaidenName", "<value><family>Lopez</family></value>")
        + v3_parameter("otherIDsScopingOrganization", '<value root="2.999.1.2"/>')
        + v3_parameter("patientAddress", "<value><city>Town</city></value>")
        + v3_parameter("patientTelecom", '<value value="tel:555"/>'),
        """<responsePriorityCode code="I"/><initialQuantity value="10"/><matchCriterionList><minimumDegreeMatch>
        <value xsi:type="INT" value="75"/><semanticsText/></minimumDegreeMatch></matchCriterionList>""",
    )

    query = read_pdq_query(body)

    assert faults("hl7v3", body) == []
    ids = (f"{PDQ}/livingSubjectId/value[1]", f"{PDQ}/livingSubjectId/value[2]")
    assert query == DemographicsQuery(
        identifiers=(
            SentIdentifier(PatientId("1", OID_1), ids[0], ids[0]),
            SentIdentifier(PatientId("2", OID_2), ids[1], ids[1]),
        ),
        names=(
            NameCriterion(f"{PDQ}/livingSubjectName/value[1]", "Riv", fuzzy=True),
            NameCriterion(f"{PDQ}/livingSubjectName/value[2]", "Lopez", ("Lena",)),
        ),
        birth=(BirthCriterion(f"{PDQ}/livingSubjectBirthTime/value", Dtm("19840317"), Dtm("19840317")),),
        sex=(SexCriterion(f"{PDQ}/livingSubjectAdministrativeGender/value", "F"),),
        addresses=(AddressCriterion(f"{PDQ}/patientAddress/value", Address(city="Town")),),
        telecoms=(TelecomCriterion(f"{PDQ}/patientTelecom/value", "555"),),
        mothers=(NameCriterion(f"{PDQ}/mothersMaidenName/value", "Lopez"),),
        wanted=(WantedAuthority(OID_2, f"{PDQ}/otherIDsScopingOrganization/value"),),
        minimum_degree=75,
        limit=10,
        tag="2.999.7.2^q-1",
    )


def test_a_birth_time_may_be_an_interval() -> None:
    body = v3_pdq(
        v3_parameter(
            "livingSubjectBirthTime",
            '<value><low value="1980"/><high value="198912"/></value>',
            '<value><low value="1990"/></value>',
        )
    )

    where = f"{PDQ}/livingSubjectBirthTime/value"
    assert read_pdq_query(body).birth == (
        BirthCriterion(f"{where}[1]", Dtm("1980"), Dtm("198912")),
        BirthCriterion(f"{where}[2]", Dtm("1990"), None),
    )


def test_several_parameters_of_one_name_are_alternatives_too() -> None:
    names = (v3_parameter("livingSubjectName", f"<value><family>{n}</family></value>") for n in ("A", "B"))

    query = read_pdq_query(v3_pdq("".join(names)))

    assert [(n.family, n.where) for n in query.names] == [
        ("A", f"{PDQ}/livingSubjectName[1]/value"),
        ("B", f"{PDQ}/livingSubjectName[2]/value"),
    ]


@pytest.mark.parametrize(
    ("parameters", "condition", "where"),
    [
        ("", Condition.PARAMETER_MISSING, PDQ),
        (v3_parameter("livingSubjectName", '<value nullFlavor="NA"/>'), Condition.PARAMETER_MISSING, PDQ),
        (v3_parameter("otherIDsScopingOrganization", '<value root="2.9"/>'), Condition.PARAMETER_MISSING, PDQ),
        (v3_parameter("livingSubjectId", '<value root="2.9"/>'), Condition.PARAMETER_INVALID, f"{PDQ}/livingSubjectId/value"),
        (v3_parameter("livingSubjectBirthTime", "<value/>"), Condition.PARAMETER_INVALID, f"{PDQ}/livingSubjectBirthTime/value"),
        (
            v3_parameter("livingSubjectBirthTime", '<value><low value="x"/><high value="1990"/></value>'),
            Condition.PARAMETER_INVALID,
            f"{PDQ}/livingSubjectBirthTime/value",
        ),
        (
            v3_parameter("livingSubjectAdministrativeGender", '<value code="W"/>'),
            Condition.VALUE_UNKNOWN,
            f"{PDQ}/livingSubjectAdministrativeGender/value/@code",
        ),
        (
            NAME_ASKED + v3_parameter("principalCareProviderId", '<value root="2.9" extension="1"/>'),
            Condition.PARAMETER_INVALID,
            f"{PDQ}/principalCareProviderId",
        ),
    ],
)
def test_a_broken_pdq_query_is_refused_with_the_place(parameters: str, condition: Condition, where: str) -> None:
    assert (condition, where) in {(v.condition, v.where) for v in refusal(read_pdq_query, v3_pdq(parameters))}


@pytest.mark.parametrize(
    ("before", "where"),
    [
        ('<responsePriorityCode code="D"/>', "responsePriorityCode/@code"),
        ('<initialQuantity value="0"/>', "initialQuantity/@value"),
        ('<initialQuantity value="x"/>', "initialQuantity/@value"),
        (
            '<matchCriterionList><minimumDegreeMatch><value value="101"/></minimumDegreeMatch></matchCriterionList>',
            "matchCriterionList/minimumDegreeMatch/value/@value",
        ),
    ],
)
def test_a_bad_control_value_is_refused_with_the_place(before: str, where: str) -> None:
    found = refusal(read_pdq_query, v3_pdq(before=before))

    assert [v.where for v in found] == [f"/PRPA_IN201305UV02/controlActProcess/queryByParameter/{where}"]


def test_a_query_without_id_is_refused_but_of_a_lenient_source() -> None:
    body = v3_query("PRPA_IN201305UV02", NAME_ASKED)
    query = query_element(body)
    assert query is not None
    query.remove(query[0])

    assert refusal(read_pdq_query, body)[0].where.endswith("/queryId")
    assert len(read_pdq_query(body, lenient=True).warnings) == 1


def continuation(inner: str, query_id: str = '<queryId root="2.999.7.2" extension="q-1"/>') -> Element:
    return v3("QUQI_IN000003UV01", f"<queryContinuation>{query_id}{inner}</queryContinuation>")


def test_a_continuation_asks_for_the_next_page() -> None:
    body = continuation(
        '<startResultNumber value="11"/><continuationQuantity value="10"/><statusCode code="waitContinuedQueryResponse"/>'
    )

    assert faults("hl7v3", body) == []
    assert read_continuation(body) == Continuation(
        "2.999.7.2^q-1", InstanceId("2.999.7.2", "q-1"), InstanceId(), 11, 10, is_cancel=False
    )


@pytest.mark.parametrize("inner", ['<continuationQuantity value="0"/><statusCode code="x"/>', '<statusCode code="aborted"/>'])
def test_a_continuation_may_end_the_query(inner: str) -> None:
    assert read_continuation(continuation(inner)).is_cancel


@pytest.mark.parametrize(
    "body",
    [
        v3("QUQI_IN000003UV01", ""),
        continuation("", ""),
        continuation('<startResultNumber value="0"/>'),
        continuation('<continuationQuantity value="-1"/>'),
    ],
)
def test_a_broken_continuation_is_refused(body: Element) -> None:
    assert refusal(read_continuation, body)


def test_a_continuation_names_the_answer_it_goes_on_from() -> None:
    body = continuation('<statusCode code="waitContinuedQueryResponse"/>')
    acknowledgement = b"""<acknowledgement xmlns="urn:hl7-org:v3"><typeCode code="AA"/>
        <targetMessage><id root="2.999.9" extension="a-1"/></targetMessage></acknowledgement>"""
    body.insert(len(body) - 1, parse_xml(acknowledgement))

    assert read_continuation(body).answered == InstanceId("2.999.9", "a-1")


def test_the_id_of_a_query_is_read_from_its_question_and_from_what_goes_on_with_it() -> None:
    asked = v3_query("PRPA_IN201305UV02", NAME_ASKED)

    assert query_tag(asked) == read_pdq_query(asked).tag
    assert query_tag(continuation('<continuationQuantity value="-1"/>')) == "2.999.7.2^q-1"
    assert query_tag(v3("QUQI_IN000003UV01", "")) == ""
