"""hl7v2.query"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hl7v2.er7 import Message, parse
from hl7v2.query import read_cancel, read_pdq_query, read_pix_query
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
from kernel.errors import Condition, Rejected, Severity, Violation
from kernel.identifiers import AssigningAuthority, PatientId
from kernel.patient_update import SentIdentifier
from kernel.times import Dtm
from tests.support.hl7 import CX, LAB, er7, msh, patient_id, pdq, pix


def asked(qpd3: str, **more: str) -> DemographicsQuery:
    return read_pdq_query(parse(pdq(qpd3, **more)))


def refusal(read: Callable[[Message], object], raw: bytes) -> tuple[Violation, ...]:
    with pytest.raises(Rejected) as refused:
        read(parse(raw))
    return refused.value.violations


def test_a_pix_query_asks_for_the_identifiers_of_one() -> None:
    query = read_pix_query(parse(pix(qpd4="^^^LAB&2.999.1.2&ISO~^^^OTHER")))

    assert query.identifier == SentIdentifier(patient_id("4711"), "QPD-3[1].1", "QPD-3[1].4")
    assert query.wanted == (
        WantedAuthority(LAB, "QPD-4[1]"),
        WantedAuthority(AssigningAuthority("OTHER"), "QPD-4[2]"),
    )
    assert query.tag == "TAG77"
    assert query.warnings == ()


def test_a_pix_query_without_domains_asks_for_all() -> None:
    assert read_pix_query(parse(pix())).wanted == ()


@pytest.mark.parametrize(
    ("raw", "condition", "where"),
    [
        (pix(""), Condition.FIELD_MISSING, "QPD-3"),
        (pix("^^^HOSP"), Condition.FIELD_MISSING, "QPD-3[1].1"),
        (pix("4711"), Condition.FIELD_MISSING, "QPD-3[1].4"),
        (pix(f"{CX}~{CX}"), Condition.FIELD_INVALID, "QPD-3[2]"),
        (er7(msh("QBP^Q23^QBP_Q21", "2.5"), "RCP|I"), Condition.SEGMENT_MISSING, "QPD"),
        (pix(rcp=""), Condition.SEGMENT_MISSING, "RCP"),
        (pix(rcp="RCP|D"), Condition.VALUE_UNKNOWN, "RCP-1"),
        (pix(rcp="RCP|"), Condition.VALUE_UNKNOWN, "RCP-1"),
        (er7(msh("QBP^Q23^QBP_Q21", "2.5"), f"QPD||T|{CX}", "RCP|I"), Condition.FIELD_MISSING, "QPD-1"),
        (er7(msh("QBP^Q23^QBP_Q21", "2.5"), f"QPD|Q||{CX}", "RCP|I"), Condition.FIELD_MISSING, "QPD-2"),
    ],
)
def test_a_broken_pix_query_is_refused_with_the_place(raw: bytes, condition: Condition, where: str) -> None:
    assert (condition, where) in {(v.condition, v.where) for v in refusal(read_pix_query, raw)}


def test_a_lenient_source_may_leave_out_rcp_query_name_and_tag() -> None:
    query = read_pix_query(parse(er7(msh("QBP^Q23^QBP_Q21", "2.5"), f"QPD|||{CX}")), lenient=True)

    assert {v.where for v in query.warnings} == {"QPD-1", "QPD-2", "RCP"}


def test_a_pdq_query_may_ask_for_everything_the_profile_names() -> None:
    query = asked(
        "@PID.3.1^4711~@PID.3.4.1^HOSP~@PID.3.4.2^2.999.1.1~@PID.3.4.3^ISO~@PID.5.1.1^RIV*~@PID.5.2^Lena~@PID.5.3^M~@PID.5.5^Dr"
        "~@PID.6.1^Lopez~@PID.7.1^19840317~@PID.8^f~@PID.11.1.1^12 Elm~@PID.11.2^Apt 4~@PID.11.3^Town~@PID.11.4^ST~@PID.11.5^01101"
        "~@PID.11.6^US~@PID.11.9^County~@PID.13.1^555~@PID.18.1^ACC1~@PID.18.4.2^2.999.1.1",
        qpd8="^^^LAB&2.999.1.2&ISO",
        rcp="RCP|I|10^RD",
    )

    assert query == DemographicsQuery(
        identifiers=(SentIdentifier(patient_id("4711"), "QPD-3[1]", "QPD-3[2]"),),
        every_identifier=True,
        names=(NameCriterion("QPD-3[5]", "RIV*", ("Lena", "M"), "Dr"),),
        birth=(BirthCriterion("QPD-3[10]", Dtm("19840317"), Dtm("19840317")),),
        sex=(SexCriterion("QPD-3[11]", "F"),),
        addresses=(AddressCriterion("QPD-3[12]", Address(("12 Elm", "Apt 4"), "Town", "ST", "01101", "US", "County")),),
        telecoms=(TelecomCriterion("QPD-3[19]", "555"),),
        mothers=(NameCriterion("QPD-3[9]", "Lopez"),),
        accounts=(SentIdentifier(PatientId("ACC1", AssigningAuthority("", "2.999.1.1")), "QPD-3[20]", "QPD-3[21]"),),
        wanted=(WantedAuthority(LAB, "QPD-8[1]"),),
        limit=10,
        tag="TAG78",
    )


def test_a_part_that_comes_again_begins_another_identifier() -> None:
    query = asked("@PID.3.1^A~@PID.3.4.1^HOSP~@PID.3.1^B~@PID.3.4^LAB&2.999.1.2&ISO")

    assert [(i.patient_id.id, i.patient_id.authority) for i in query.identifiers] == [
        ("A", AssigningAuthority("HOSP")),
        ("B", LAB),
    ]


def test_the_authority_may_come_before_the_identifier() -> None:
    query = asked("@PID.3.4.2^2.999.1.2~@PID.3.1^A")

    assert query.identifiers[0].patient_id == PatientId("A", AssigningAuthority("", "2.999.1.2"))


@pytest.mark.parametrize(
    ("parts", "value"),
    [
        ("@PID.13^555", "555"),
        ("@PID.13.4^l@example.org", "l@example.org"),
        ("@PID.13.6^413~@PID.13.7^5550100", "4135550100"),
        ("@PID.14.1^556", "556"),
    ],
)
def test_a_telephone_number_may_be_asked_for_in_parts(parts: str, value: str) -> None:
    assert [t.value for t in asked(parts).telecoms] == [value]


def test_a_birth_date_with_a_wildcard_is_one_of_less_precision() -> None:
    assert asked("@PID.7^1984*").birth == (BirthCriterion("QPD-3[1]", Dtm("1984"), Dtm("1984")),)


def test_an_escaped_value_is_read() -> None:
    assert asked(r"@PID.5.1^O\T\Brien").names[0].family == "O&Brien"


@pytest.mark.parametrize(
    ("qpd3", "condition", "where"),
    [
        ("", Condition.FIELD_MISSING, "QPD-3"),
        ("@PID.5.1^", Condition.FIELD_MISSING, "QPD-3"),
        ("PID.5.1^RIV", Condition.PARAMETER_INVALID, "QPD-3[1].1"),
        ("@PV1.3^RIV", Condition.PARAMETER_INVALID, "QPD-3[1].1"),
        ("@PID.5.1^RIV~@PID.99^x", Condition.PARAMETER_INVALID, "QPD-3[2].1"),
        ("@PID.11.20^x", Condition.PARAMETER_INVALID, "QPD-3[1].1"),
        ("@PID.3.1^4711", Condition.PARAMETER_MISSING, "QPD-3[1]"),
        ("@PID.3.4.1^HOSP", Condition.PARAMETER_MISSING, "QPD-3[1]"),
        ("@PID.7^17.3.1984", Condition.PARAMETER_INVALID, "QPD-3[1]"),
        ("@PID.8^W", Condition.VALUE_UNKNOWN, "QPD-3[1]"),
        ("@PID.5.1^A~@PID.8^F~@PID.5.1^B", Condition.PARAMETER_COUNT, "QPD-3[3]"),
    ],
)
def test_a_broken_pdq_query_is_refused_with_the_place(qpd3: str, condition: Condition, where: str) -> None:
    assert [(v.condition, v.where) for v in refusal(read_pdq_query, pdq(qpd3))] == [(condition, where)]


@pytest.mark.parametrize(("rcp", "limit"), [("RCP|I", None), ("RCP|I|5", 5), ("RCP|I|5^RD", 5), ("RCP|I|^RD", None)])
def test_the_number_of_records_wanted_is_read(rcp: str, limit: int | None) -> None:
    assert asked("@PID.8^F", rcp=rcp).limit == limit


@pytest.mark.parametrize(
    ("rcp", "where"),
    [("RCP|I|0^RD", "RCP-2.1"), ("RCP|I|x^RD", "RCP-2.1"), ("RCP|I|5^CH", "RCP-2.2"), ("RCP|I|" + "9" * 30, "RCP-2.1")],
)
def test_an_unusable_number_of_records_is_refused_and_passed_over_for_a_lenient_source(rcp: str, where: str) -> None:
    raw = pdq("@PID.8^F", rcp=rcp)

    assert [v.where for v in refusal(read_pdq_query, raw)] == [where]
    assert read_pdq_query(parse(raw), lenient=True).limit is None


def test_a_continuation_pointer_is_read() -> None:
    assert read_pdq_query(parse(pdq("@PID.8^F", "", "RCP|I", "DSC|ptr-10|I"))).continuation == "ptr-10"


def test_another_query_name_is_a_warning() -> None:
    query = read_pdq_query(parse(pdq("@PID.8^F", name="Q22^Find Candidates^HL7")))

    assert [(v.where, v.severity) for v in query.warnings] == [("QPD-1", Severity.WARNING)]


def test_what_openmrs_sends_is_read_with_warnings() -> None:
    raw = er7(
        msh("QBP^Q22^QBP_Q21", "2.5", control_id="0b6f0b6f-0000-4000-8000-000000000000"),
        "QPD|Q22^Find Candidates^HL7|TAG|@PID.5.1^Rivera~@PID.5.2^Lena~@PID.3.1^4711~@PID.3.4^HOSP~@PID.7^1984|||||^^^LAB",
    )

    query = read_pdq_query(parse(raw), lenient=True)

    assert query.identifiers[0].patient_id == PatientId("4711", AssigningAuthority("HOSP"))
    assert query.wanted == (WantedAuthority(AssigningAuthority("LAB"), "QPD-8[1]"),)
    assert {v.where for v in query.warnings} == {"QPD-1", "RCP"}


def test_a_cancellation_names_the_query() -> None:
    assert read_cancel(parse(er7(msh("QCN^J01^QCN_J01", "2.5"), "QID|TAG78|IHE PDQ Query"))) == "TAG78"


def test_a_cancellation_of_nothing_is_refused() -> None:
    assert [v.where for v in refusal(read_cancel, er7(msh("QCN^J01^QCN_J01", "2.5"), "QID|"))] == ["QID-1"]


def compared(qpd4: str, qpd5: str) -> DemographicsQuery:
    """A question that says how names are to be compared."""
    raw = er7(msh("QBP^Q22^QBP_Q21", "2.5"), f"QPD|IHE PDQ Query|T|@PID.5.1^Rivera~@PID.6.1^Lopez|{qpd4}|{qpd5}", "RCP|I")
    return read_pdq_query(parse(raw))


@pytest.mark.parametrize(("algorithm", "is_fuzzy"), [("", False), ("EXACT", False), ("Phonetic", True), ("PROBABILISTIC", True)])
def test_an_algorithm_says_whether_names_that_are_alike_are_found_too(algorithm: str, is_fuzzy: bool) -> None:
    query = compared("80", algorithm)

    assert [n.fuzzy for n in (*query.names, *query.mothers)] == [is_fuzzy, is_fuzzy]
    assert (query.minimum_degree, query.warnings) == (80, ())


def test_a_wish_that_cannot_be_met_is_told_and_the_question_answered() -> None:
    query = compared("101", "LEVENSHTEIN")

    assert (query.minimum_degree, query.names[0].fuzzy) == (None, False)
    assert [(v.condition, v.where) for v in query.warnings] == [
        (Condition.FIELD_INVALID, "QPD-4"),
        (Condition.VALUE_UNKNOWN, "QPD-5"),
    ]
