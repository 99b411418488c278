"""hl7v2.answers"""

from __future__ import annotations

import pytest

from hl7v2.answers import pdq_answer, pix_answer, query_refused
from kernel.demographics import Demographics, HumanName
from kernel.demographics_query import DemographicsHit, DemographicsPage
from kernel.errors import Condition, Rejected, rejected, violation
from kernel.times import Dtm
from tests.support.hl7 import CX, LAB, adt, er7, lines, msh, patient_id, pdq, pix, read, segment, v2_exchange

LENA = Demographics(names=(HumanName("Rivera", ("Lena",), use="L"),), sex="F", birth=Dtm("19840317"))


def test_found_identifiers_stand_in_one_pid() -> None:
    answer = pix_answer(v2_exchange(pix(qpd4="^^^LAB&2.999.1.2&ISO")), [patient_id("L-09", LAB), patient_id("L-10", LAB)])

    assert lines(answer.to_bytes()) == [
        r"MSH|^~\&|MPI|HIE|EHR|HOSP|20261122101501+0000||RSP^K23^RSP_K23|A1|P|2.5",
        "MSA|AA|Q1",
        "QAK|TAG77|OK",
        f"QPD|IHE PIX Query|TAG77|{CX}|^^^LAB&2.999.1.2&ISO",
        "PID|||L-09^^^LAB&2.999.1.2&ISO~L-10^^^LAB&2.999.1.2&ISO||~^^^^^^S",
    ]


def test_no_identifier_is_an_answer_without_pid() -> None:
    answer = pix_answer(v2_exchange(pix()), []).to_bytes()

    assert segment(answer, "MSA") == "MSA|AA|Q1"
    assert segment(answer, "QAK") == "QAK|TAG77|NF"
    assert not [line for line in lines(answer) if line.startswith("PID")]


@pytest.mark.parametrize(
    ("where", "place"),
    [("QPD-3[1].1", "QPD^1^3^1^1"), ("QPD-3[1].4", "QPD^1^3^1^4"), ("QPD-4[2]", "QPD^1^4^2"), ("DSC-1", "DSC^1^1")],
)
def test_a_refused_query_is_answered_by_its_own_response(where: str, place: str) -> None:
    error = rejected(Condition.IDENTIFIER_UNKNOWN, where, "not known")

    answer = query_refused(v2_exchange(pix()), error).to_bytes()

    assert lines(answer)[0].split("|")[8] == "RSP^K23^RSP_K23"
    assert [line[:3] for line in lines(answer)] == ["MSH", "MSA", "ERR", "QAK", "QPD"]
    assert segment(answer, "ERR").split("|")[2] == place
    assert segment(answer, "ERR").split("|")[3].startswith("204^")
    assert segment(answer, "QAK") == "QAK|TAG77|AE"


def test_each_unknown_domain_has_an_error_of_its_own() -> None:
    error = Rejected(violation(Condition.AUTHORITY_UNKNOWN, f"QPD-8[{n}]", "not known") for n in (1, 3))

    answer = query_refused(v2_exchange(pdq("@PID.8^F", "^^^A~^^^B~^^^C")), error).to_bytes()

    assert [line.split("|")[2] for line in lines(answer) if line.startswith("ERR")] == ["QPD^1^8^1", "QPD^1^8^3"]
    assert lines(answer)[0].split("|")[8] == "RSP^K22^RSP_K21"


def test_a_rejected_query_says_so_in_qak_too() -> None:
    answer = query_refused(v2_exchange(pix()), rejected(Condition.BUSY, "", "later")).to_bytes()

    assert segment(answer, "MSA") == "MSA|AR|Q1"
    assert segment(answer, "QAK") == "QAK|TAG77|AR"


def test_a_query_without_qpd_is_still_answered() -> None:
    raw = er7(msh("QBP^Q23^QBP_Q21", "2.5", control_id="Q1"), "RCP|I")

    answer = query_refused(v2_exchange(raw), rejected(Condition.SEGMENT_MISSING, "QPD", "missing")).to_bytes()

    assert lines(answer)[-2:] == ["QAK||AE", "QPD"]


@pytest.mark.parametrize("raw", [er7(msh("QCN^J01^QCN_J01", "2.5")), adt(version="2.5")])
def test_what_is_no_query_is_refused_by_an_ack(raw: bytes) -> None:
    answer = query_refused(v2_exchange(raw), rejected(Condition.INTERNAL, "", "x")).to_bytes()

    assert lines(answer)[0].split("|")[8].startswith("ACK^")


def test_each_person_found_has_a_pid_and_a_confidence() -> None:
    page = DemographicsPage(
        (DemographicsHit((patient_id("1"), patient_id("L-1", LAB)), LENA, 95), DemographicsHit((patient_id("2"),), LENA)),
        14,
        12,
        "p-1",
    )

    answer = pdq_answer(v2_exchange(pdq("@PID.5.1.1^RIV*", rcp="RCP|I|2^RD")), page)

    assert lines(answer.to_bytes()) == [
        r"MSH|^~\&|MPI|HIE|EHR|HOSP|20261122101501+0000||RSP^K22^RSP_K21|A1|P|2.5",
        "MSA|AA|Q2",
        "QAK|TAG78|OK||14|2|12",
        "QPD|IHE PDQ Query|TAG78|@PID.5.1.1^RIV*",
        "PID|1||1^^^HOSP&2.999.1.1&ISO~L-1^^^LAB&2.999.1.2&ISO||Rivera^Lena^^^^^L||19840317|F",
        "QRI|95",
        "PID|2||2^^^HOSP&2.999.1.1&ISO||Rivera^Lena^^^^^L||19840317|F",
        "DSC|p-1|I",
    ]


def test_the_last_page_has_no_pointer() -> None:
    page = DemographicsPage((DemographicsHit((patient_id("1"),), LENA),), 1)

    assert not [line for line in lines(pdq_answer(v2_exchange(pdq("@PID.8^F")), page).to_bytes()) if line.startswith("DSC")]


def test_nobody_found_is_an_answer() -> None:
    answer = pdq_answer(v2_exchange(pdq("@PID.8^F")), DemographicsPage((), 0)).to_bytes()

    assert segment(answer, "MSA") == "MSA|AA|Q2"
    assert segment(answer, "QAK") == "QAK|TAG78|NF||0|0|0"


def test_a_visit_query_has_its_own_answer() -> None:
    raw = er7(msh("QBP^ZV1^QBP_Q21", "2.5"), "QPD|IHE PDVQ Query|T|@PID.8^F", "RCP|I")

    answer = pdq_answer(v2_exchange(raw), DemographicsPage((), 0)).to_bytes()

    assert lines(answer)[0].split("|")[8] == "RSP^ZV2^RSP_ZV2"


def test_a_patient_without_name_still_has_the_required_field() -> None:
    page = DemographicsPage((DemographicsHit((patient_id("1"),), Demographics()),), 1)

    answer = pdq_answer(v2_exchange(pdq("@PID.8^F")), page).to_bytes()

    assert segment(answer, "PID").split("|")[5] == "^^^^^^U"


def test_hostile_text_stays_within_its_field() -> None:
    evil = Demographics(names=(HumanName("a|b^c~d\\e&f\rPID|||X", ("<script>",)),))
    page = DemographicsPage((DemographicsHit((patient_id("1|2"),), evil),), 1)

    answer = pdq_answer(v2_exchange(pdq("@PID.8^F")), page).to_bytes()

    assert read(answer).get("PID-5") == "a|b^c~d\\e&f\rPID|||X"
    assert len(read(answer).all("PID")) == 1
    assert read(answer).get("PID-3") == "1|2"
