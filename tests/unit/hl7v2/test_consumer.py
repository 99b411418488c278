"""Our own queries as a manager reads them, and its answers as we do."""

from __future__ import annotations

import pytest

from hl7v2.answers import pdq_answer, pix_answer, query_refused
from hl7v2.consumer import Envelope, Parties, pdq_query, pix_query, read_pdq_answer, read_pix_answer, require_accepted
from hl7v2.er7 import parse
from hl7v2.header import OutgoingMessage, header_of
from hl7v2.query import read_pdq_query, read_pix_query
from kernel.demographics import Address, Demographics, HumanName, Telecom
from kernel.demographics_query import DemographicsHit, DemographicsPage
from kernel.errors import Condition, Rejected, rejected
from kernel.times import Dtm
from tests.support.hl7 import HOSP, LAB, NOW, er7, msh, patient_id, pdq, pix, v2_exchange

ENVELOPE = Envelope(Parties("HIE", "CLIENT", "MPI", "REGION"), NOW, "Q-20261122")
LENA = Demographics(
    names=(HumanName("Rivera", ("Lena",)),),
    sex="F",
    birth=Dtm("19840317"),
    addresses=(Address(("1 Long Lane",), "Springfield", "IL", "62701"),),
    telecoms=(Telecom("+1 555 0100"),),
    mother_name=HumanName("O'Neil & Sons"),
)


def sent(message: OutgoingMessage) -> bytes:
    """What goes over the wire."""
    return message.to_bytes()


def test_a_pix_query_reads_as_what_was_asked() -> None:
    message = parse(sent(pix_query(patient_id("47^11"), [LAB, HOSP], ENVELOPE)))

    query = read_pix_query(message)

    assert query.identifier.patient_id == patient_id("47^11")
    assert [w.authority for w in query.wanted] == [LAB, HOSP]
    assert (query.tag, query.warnings) == ("Q-20261122", ())


def test_the_header_says_who_asks_whom_and_what() -> None:
    header = header_of(parse(sent(pix_query(patient_id("1"), [], ENVELOPE))))

    assert (header.source, header.receiver) == ("CLIENT|HIE", "REGION|MPI")
    assert (header.message_type, header.event, header.structure) == ("QBP", "Q23", "QBP_Q21")
    assert (header.version, header.control_id, header.processing_id) == ("2.5", "Q-20261122", "P")


def test_a_demographics_query_reads_as_what_was_asked() -> None:
    query = read_pdq_query(parse(sent(pdq_query(LENA, [patient_id("4711")], [LAB], ENVELOPE))))

    assert [i.patient_id for i in query.identifiers] == [patient_id("4711")]
    assert [(n.family, n.given) for n in query.names] == [("Rivera", ("Lena",))]
    assert [(b.low, b.high) for b in query.birth] == [(LENA.birth, LENA.birth)]
    assert [s.sex for s in query.sex] == ["F"]
    assert [a.address for a in query.addresses] == [Address(("1 Long Lane",), "Springfield", "IL", "62701")]
    assert [t.value for t in query.telecoms] == ["+1 555 0100"]
    assert [m.family for m in query.mothers] == ["O'Neil & Sons"]
    assert [w.authority for w in query.wanted] == [LAB]
    assert query.warnings == ()


def test_what_is_not_known_is_not_asked_for() -> None:
    message = parse(sent(pdq_query(Demographics(sex="F"), [], [], ENVELOPE)))

    assert message.raw("QPD-3") == "@PID.8^F"
    assert message.raw("QPD-8") == ""


def test_the_identifiers_of_an_answer_are_read() -> None:
    answer = sent(pix_answer(v2_exchange(pix()), [patient_id("L-1", LAB), patient_id("L-2", LAB)]))

    assert read_pix_answer(parse(answer)) == (patient_id("L-1", LAB), patient_id("L-2", LAB))


def test_not_found_is_no_error() -> None:
    assert read_pix_answer(parse(sent(pix_answer(v2_exchange(pix()), [])))) == ()


def test_each_patient_of_an_answer_keeps_what_belongs_to_it() -> None:
    hits = (
        DemographicsHit((patient_id("1"), patient_id("L-1", LAB)), Demographics(names=(HumanName("Rivera", ("Lena",)),)), 97),
        DemographicsHit((patient_id("2"),), Demographics(names=(HumanName("Riviera"),))),
    )
    answer = sent(pdq_answer(v2_exchange(pdq("@PID.5.1^R*")), DemographicsPage(hits, 7, 5, "P-2")))

    page = read_pdq_answer(parse(answer))

    assert [h.identifiers for h in page.hits] == [h.identifiers for h in hits]
    assert [h.demographics.name for h in page.hits] == [HumanName("Rivera", ("Lena",)), HumanName("Riviera")]
    assert [h.confidence for h in page.hits] == [97, None]
    assert (page.total, page.remaining, page.pointer) == (7, 5, "P-2")


def test_a_refusal_is_raised_with_its_reason_and_place() -> None:
    error = rejected(Condition.IDENTIFIER_UNKNOWN, "QPD-3[1].1", "not known here")
    answer = parse(sent(query_refused(v2_exchange(pix()), error)))

    with pytest.raises(Rejected) as raised:
        read_pix_answer(answer)

    (found,) = raised.value.violations
    assert found.condition is Condition.IDENTIFIER_UNKNOWN
    assert found.where == "QPD^1^3^1^1"
    assert found.detail == "204 not known here"


@pytest.mark.parametrize("msa", ["MSA|AE|Q1", "MSA|AR|Q1", "MSA||Q1", "PV1||O"])
def test_a_refusal_without_a_reason_is_a_refusal(msa: str) -> None:
    with pytest.raises(Rejected) as raised:
        require_accepted(parse(er7(msh("RSP^K23^RSP_K23", "2.5"), msa)))

    assert raised.value.condition is Condition.INTERNAL


def test_an_acceptance_whose_query_status_is_an_error_is_a_refusal() -> None:
    with pytest.raises(Rejected):
        require_accepted(parse(er7(msh("RSP^K22^RSP_K21", "2.5"), "MSA|AA|Q1", "QAK|TAG|AE")))


def test_a_warning_beside_an_acceptance_is_no_refusal() -> None:
    require_accepted(parse(er7(msh("ACK^A04^ACK", "2.5"), "MSA|AA|Q1", "ERR||PID^1^8|103^Table value not found^HL70357|W")))
