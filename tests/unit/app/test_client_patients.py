"""A source and consumer of patient identities against servers that answer by script."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.client_patients import V2Client, V3Client, V3Server, parse_authority, parse_patient
from app.mllp_client import MllpAddress
from hl7v2 import answers as v2_answers
from hl7v2.ack import acknowledged, refused
from hl7v2.header import header_of
from hl7v3 import answers as v3_answers
from kernel.demographics import Demographics, HumanName
from kernel.demographics_query import DemographicsHit, DemographicsPage
from kernel.errors import Condition, Rejected, Unavailable, Unreadable, rejected
from kernel.identifiers import AssigningAuthority, PatientId
from tests.support.clocks import TickingClock, counted_uuids
from tests.support.hl7 import HOSP, LAB, adt, patient_id, v2_exchange, v3_request
from tests.support.mllp_stub import MllpStub, framed, mllp_stub
from tests.support.soap_stub import Scripted, SoapStub, enveloped, soap_stub

LENA = Demographics(names=(HumanName("Rivera", ("Lena",)),))
PAGE = DemographicsPage((DemographicsHit((patient_id("4711"),), LENA, 90),), 1)


@pytest.fixture
def listener() -> Iterator[MllpStub]:
    with mllp_stub() as running:
        yield running


@pytest.fixture
def v2(listener: MllpStub) -> V2Client:
    address = MllpAddress("127.0.0.1", listener.port, timeout=5)
    return V2Client(address, clock=TickingClock(), new_uuid=counted_uuids())


@pytest.fixture
def server() -> Iterator[SoapStub]:
    with soap_stub() as running:
        yield running


@pytest.fixture
def v3(server: SoapStub, tmp_path: Path) -> Iterator[V3Client]:
    made = V3Client(V3Server(server.url, server.url, tmp_path, timeout=5), clock=TickingClock(), new_uuid=counted_uuids())
    yield made
    made.close()


# Feed


@pytest.mark.parametrize("spoil", [
    lambda m: m,
    lambda m: m.replace(b"\r", b"\n"),
    lambda m: m.replace(b"\r", b"\r\n"),
    lambda m: b"\r\n" + framed(m),
    lambda m: m.rstrip(b"\r"),
], ids=["as it is", "LF", "CRLF", "framed", "last CR missing"])  # fmt: skip
def test_a_message_from_a_file_goes_out_with_segments_ended_by_cr(listener: MllpStub, v2: V2Client, spoil) -> None:  # type: ignore[no-untyped-def]
    listener.script = lambda m: framed(acknowledged(v2_exchange(m)).to_bytes())

    done = v2.feed(spoil(adt()))

    assert listener.received == [adt()]
    assert (done.is_accepted, done.code, done.control_id, done.errors) == (True, "AA", "M1", ())


def test_a_message_that_is_refused_is_told_with_its_errors(listener: MllpStub, v2: V2Client) -> None:
    error = rejected(Condition.FIELD_MISSING, "PID-3", "no identifier")
    listener.script = lambda m: framed(refused(v2_exchange(m), error).to_bytes())

    done = v2.feed(adt(version="2.5"))

    assert not done.is_accepted
    assert [(e.code, e.text) for e in done.errors] == [("101", "no identifier")]


def test_an_answer_that_is_no_message_is_unreadable(listener: MllpStub, v2: V2Client) -> None:
    listener.script = lambda _: framed(b"<html/>")

    with pytest.raises(Unreadable):
        v2.feed(adt())


# Queries over MLLP


def test_identifiers_are_asked_for_over_mllp(listener: MllpStub, v2: V2Client) -> None:
    told = (patient_id("L-1", LAB),)
    listener.script = lambda m: framed(v2_answers.pix_answer(v2_exchange(m), told).to_bytes())

    assert v2.pix(patient_id("4711"), [LAB]) == told


def test_every_query_has_a_control_id_of_its_own_that_fits(listener: MllpStub, v2: V2Client) -> None:
    listener.script = lambda m: framed(v2_answers.pix_answer(v2_exchange(m), ()).to_bytes())

    v2.pix(patient_id("4711"))
    v2.pix(patient_id("4711"))

    ids = {header_of(v2_exchange(m).message).control_id for m in listener.received}
    assert len(ids) == 2
    assert {len(i) for i in ids} == {20}


def test_patients_are_asked_for_over_mllp(listener: MllpStub, v2: V2Client) -> None:
    listener.script = lambda m: framed(v2_answers.pdq_answer(v2_exchange(m), PAGE).to_bytes())

    page = v2.pdq(LENA)

    assert [h.identifiers for h in page.hits] == [(patient_id("4711"),)]


def test_a_question_about_nothing_is_not_sent(listener: MllpStub, v2: V2Client, v3: V3Client) -> None:
    for client in (v2, v3):
        with pytest.raises(Rejected) as raised:
            client.pdq(Demographics())

        assert raised.value.condition is Condition.PARAMETER_MISSING
    assert listener.received == []


# Queries over SOAP


def test_identifiers_are_asked_for_over_soap(server: SoapStub, v3: V3Client) -> None:
    told = (patient_id("L-1", LAB),)
    server.script = lambda r: Scripted(enveloped(v3_answers.pix_answer(v3_request(r.content), told).decode()))

    assert v3.pix(patient_id("4711"), [LAB]) == told
    assert server.received[0].header("Action") == "urn:hl7-org:v3:PRPA_IN201309UV02"


def test_patients_are_asked_for_over_soap(server: SoapStub, v3: V3Client) -> None:
    server.script = lambda r: Scripted(enveloped(v3_answers.pdq_answer(v3_request(r.content), PAGE).decode()))

    page = v3.pdq(LENA, [patient_id("4711")])

    assert [(h.identifiers, h.demographics.name, h.confidence) for h in page.hits] == [((patient_id("4711"),), LENA.name, 90)]


def test_a_refusal_over_soap_is_raised(server: SoapStub, v3: V3Client) -> None:
    error = rejected(Condition.IDENTIFIER_UNKNOWN, "x", "not known")
    server.script = lambda r: Scripted(enveloped(v3_answers.query_refused(v3_request(r.content), error).decode()))

    with pytest.raises(Rejected) as raised:
        v3.pix(patient_id("4711"))

    assert raised.value.condition is Condition.IDENTIFIER_UNKNOWN


def test_an_authority_without_an_oid_cannot_be_asked_for_in_v3(server: SoapStub, v3: V3Client) -> None:
    with pytest.raises(Rejected) as raised:
        v3.pix(PatientId("4711", AssigningAuthority("HOSP")))

    assert raised.value.condition is Condition.PARAMETER_INVALID
    assert server.received == []


def test_an_index_that_is_away_is_named_as_such(tmp_path: Path) -> None:
    with soap_stub() as gone:
        client = V3Client(V3Server.at(gone.url, tmp_path, timeout=5), clock=TickingClock(), new_uuid=counted_uuids())

    with pytest.raises(Unavailable) as raised:
        client.pix(patient_id("4711"))

    assert raised.value.condition is Condition.PEER_UNAVAILABLE


# Identifiers as people write them


@pytest.mark.parametrize(("text", "expected"), [
    ("4711^^^&2.999.1.1&ISO", PatientId("4711", AssigningAuthority("", "2.999.1.1", "ISO"))),
    ("4711^^^HOSP&2.999.1.1&ISO", PatientId("4711", HOSP)),
    ("4711^^^HOSP&2.999.1.1", PatientId("4711", HOSP)),
    ("4711^^^HOSP", PatientId("4711", AssigningAuthority("HOSP"))),
    ("4711^^^2.999.1.1", PatientId("4711", AssigningAuthority("", "2.999.1.1", "ISO"))),
    ("4711^^^HOSP&2.999.1.1&ISO^PI", PatientId("4711", HOSP)),
])  # fmt: skip
def test_identifiers_are_read_as_people_write_them(text: str, expected: PatientId) -> None:
    assert parse_patient(text) == expected


@pytest.mark.parametrize("text", ["", "4711", "4711^^^", "^^^HOSP", "4711^^^&&", "4711^^^a&b&c&d"])
def test_what_is_no_identifier_is_refused(text: str) -> None:
    with pytest.raises(Rejected):
        parse_patient(text)


def test_an_authority_is_an_oid_a_name_or_both() -> None:
    assert parse_authority("2.999.1.1") == AssigningAuthority("", "2.999.1.1", "ISO")
    assert parse_authority("HOSP") == AssigningAuthority("HOSP")
    assert parse_authority("HOSP&2.999.1.1&ISO") == HOSP
    assert parse_authority("&&") is None
