"""Messages recorded from the software of others are read; what the profile refuses is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from hl7v2.ack import read_acknowledgement
from hl7v2.er7 import Message, parse
from hl7v2.mllp import MllpDecoder
from hl7v2.patient import read_demographics, read_link_change, read_merge, read_update
from hl7v2.query import read_pdq_query, read_pix_query
from hl7v3.answers import pdq_answer, pix_answer
from hl7v3.messages import accepted, read_transmission
from hl7v3.patient import read_merge as read_v3_merge
from hl7v3.patient import read_update as read_v3_update
from hl7v3.query import read_continuation
from hl7v3.query import read_pdq_query as read_v3_pdq_query
from hl7v3.query import read_pix_query as read_v3_pix_query
from kernel.demographics_query import DemographicsPage
from kernel.errors import Condition, Rejected
from kernel.findings import Findings
from kernel.xml import Element, parse_xml
from tests.support.hl7 import v3_request
from tests.support.shared import faults, sample, shared


def v2(*parts: str) -> Message:
    return parse(sample(*parts))


def v3(*parts: str) -> Element:
    return parse_xml(sample(*parts))


def test_a_german_admission_without_authority_is_read() -> None:
    update = read_update(v2("iti-8", "a01-de.hl7"))

    assert [i.id for i in update.patient_ids] == ["72001173A"]
    assert update.demographics.birth_place == "Testort"
    assert [t.value for t in update.demographics.telecoms] == ["012-0001", "eisner@t-online.de"]


def test_a_null_identifier_is_passed_over() -> None:
    assert [i.id for i in read_update(v2("iti-8", "a01.hl7")).patient_ids] == ["306563", "30753"]


def test_a_merge_is_read() -> None:
    merge = read_merge(v2("iti-8", "a40.hl7"))

    assert (merge.survivor.patient_id.id, merge.subsumed.patient_id.id) == ("142025", "704686")


def test_an_admission_without_pid_is_refused() -> None:
    with pytest.raises(Rejected) as refusal:
        read_update(v2("iti-8", "a01-no-pid-NEGATIVE.hl7"))

    assert [(v.condition, v.where) for v in refusal.value.violations] == [(Condition.SEGMENT_MISSING, "PID")]


def test_a_frame_of_a_nist_tool_is_read() -> None:
    decoder = MllpDecoder(limit=10_000)

    decoder.feed(sample("iti-8", "a01-mllp-framed.bin"))

    (message,) = decoder.messages()
    assert read_update(parse(message)).demographics.telecoms[0].value == "(540)2084880"


def test_an_update_notification_is_read() -> None:
    update = read_update(v2("iti-10", "adt-a31-update-notification.hl7"))

    assert [i.authority.namespace for i in update.patient_ids] == ["HIMSS2005", "XREF2005", "HZLN"]


def test_a_link_change_is_read() -> None:
    change = read_link_change(v2("iti-64", "adt-a43-xad-pid-link-change.hl7"))

    assert (change.current.patient_id.id, change.previous.patient_id.id) == ("new", "old")


def test_a_pix_query_is_read() -> None:
    query = read_pix_query(v2("iti-9", "qbp-q23-request.hl7"))

    assert query.identifier.patient_id.id == "ABC10501"
    assert query.tag == "QRY10501110"


@pytest.mark.parametrize(("name", "code", "status"), [("ok", "AA", "OK"), ("nf", "AA", "NF"), ("ae-unknown-id", "AE", "AE")])
def test_pix_answers_of_others_are_read(name: str, code: str, status: str) -> None:
    message = v2("iti-9", f"rsp-k23-{name}.hl7")

    assert read_acknowledgement(message).code == code
    assert message.get("QAK-2") == status


def test_the_place_and_code_of_an_error_of_others_are_read() -> None:
    (error,) = read_acknowledgement(v2("iti-9", "rsp-k23-ae-unknown-id.hl7")).errors

    # IPF leaves out ERR-5: what is a severity here is a text there
    assert (error.place, error.code) == ("QPD^1^3^1^1", "204")


def test_pdq_queries_are_read() -> None:
    by_name = read_pdq_query(v2("iti-21", "qbp-q22-name.hl7"))
    by_birth = read_pdq_query(v2("iti-21", "qbp-q22-dob-domain.hl7"))
    by_id = read_pdq_query(v2("iti-21", "qbp-q22-id.hl7"))

    assert (by_name.names[0].family, by_name.names[0].given, by_name.limit) == ("Mayer", ("Hans",), 10)
    assert by_birth.wanted[0].authority.namespace == "HIMSS2005"
    assert [i.patient_id.id for i in by_id.identifiers] == ["PDQ113XX03", "PDQ113XX04"]
    assert by_id.accounts[0].patient_id.id == "ACC001"


def test_the_persons_of_a_pdq_answer_are_read() -> None:
    message = v2("iti-21", "rsp-k22-many-phones.hl7")

    found = [read_demographics(message, pid, Findings(lenient=False))[0] for pid in message.all("PID")]

    assert [d.name.family for d in found if d.name][:3] == ["Beckenbauer", "Mayer", "Meier"]
    assert max(len(d.telecoms) for d in found) == 3


@pytest.mark.parametrize("number", ["01", "04"])
def test_v3_feeds_are_read(number: str) -> None:
    (path,) = shared("samples", "iti-44").glob(f"{number}_*.xml")

    update = read_v3_update(parse_xml(path.read_bytes()))

    assert update.identifiers[0].patient_id.authority.universal_id == "1.2.840.114350.1.13.99998.8734"
    assert [i.patient_id.id for i in update.others] == ["38273N237"]


def test_a_v3_feed_that_says_everything_is_read() -> None:
    update = read_v3_update(v3("iti-44", "PIX_FEED_REG_Maximal_Request.xml"))

    assert [n.family for n in update.demographics.names] == ["WASHINGTON", "DEAN"]
    assert [t.kind for t in update.demographics.telecoms] == ["PH", "PH", "CP", "FX", "Internet"]
    assert update.demographics.national_id == "100-09-1234"


def test_a_v3_merge_is_read() -> None:
    merge = read_v3_merge(v3("iti-44", "05_PatientRegistryDuplicatesResolved_20110504.xml"))

    assert (merge.survivor.patient_id.id, merge.subsumed.patient_id.id) == ("34827G409", "34827G234")


@pytest.mark.parametrize("name", ["06_PIXQuery1_20110328.xml", "PIXQuery-unknown-id.xml"])
def test_v3_pix_queries_are_read_and_their_answers_are_valid(name: str) -> None:
    body = v3("iti-45", name)

    query = read_v3_pix_query(body)

    answer = pix_answer(v3_request(body), [query.identifier.patient_id])
    assert faults("hl7v3", parse_xml(answer)) == []


def test_a_v3_pdq_query_is_read_and_its_answer_is_valid() -> None:
    body = v3("iti-47", "01_PDQQuery1_20110328.xml")

    query = read_v3_pdq_query(body)

    assert (query.names[0].family, query.limit, query.minimum_degree, len(query.wanted)) == ("Jones", 2, 75, 3)
    assert faults("hl7v3", parse_xml(pdq_answer(v3_request(body), DemographicsPage((), 0)))) == []


@pytest.mark.parametrize(
    ("name", "is_cancel"), [("03_PDQQuery1Continuation-1_20110328.xml", False), ("05_PDQQuery1Cancel_20110328.xml", True)]
)
def test_v3_continuations_are_read(name: str, is_cancel: bool) -> None:
    body = v3("iti-47", name)

    found = read_continuation(body)

    assert (found.tag, found.is_cancel) == ("1.2.840.114350.1.13.28.1.18.5.999^18204", is_cancel)
    assert faults("hl7v3", parse_xml(accepted(v3_request(body)))) == []


@pytest.mark.parametrize("folder", ["iti-44", "iti-45", "iti-47"])
def test_the_wrapper_of_every_v3_sample_is_read(folder: str) -> None:
    for path in sorted(Path(shared("samples", folder)).glob("*.xml")):
        transmission = read_transmission(parse_xml(path.read_bytes()))

        assert transmission.message_id.root, path.name
        assert transmission.source, path.name
