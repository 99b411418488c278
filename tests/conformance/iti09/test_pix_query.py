"""ITI-9: every case of the answer table (ITI TF-2 3.9.4.2), and a recorded query."""

from __future__ import annotations

import pytest

from tests.conformance.conftest import NewPatient, Patient
from tests.support import messages as m
from tests.support.checked import CheckedMllpWire
from tests.support.shared import sample
from tests.support.v2 import AUTHORITY, Error, admission, code, errors, identifiers, pid, pix, query_status
from tests.support.wire import field

XAD = f"^^^XAD&{m.XAD_OID}&ISO"
LAB = "LAB&2.999.1.9&ISO"


@pytest.fixture
def linked(mllp: CheckedMllpWire, patient: Patient) -> Patient:
    """A patient who is known to a second authority by an identifier in the same feed."""
    both = f"{patient.local_id}^^^{AUTHORITY}~LAB-{patient.local_id}^^^{LAB}~LAB2-{patient.local_id}^^^{LAB}"
    fed = mllp.send(admission(f"PID|||{both}||{patient.family}^{patient.given}||{patient.birth}|F", "A08"))
    assert code(fed) == "AA", fed
    return patient


def ask(mllp: CheckedMllpWire, patient: Patient, wanted: str = "") -> str:
    """Asks for what corresponds to the patient's identifier at the hospital."""
    return mllp.send(pix(f"{patient.local_id}^^^{AUTHORITY}", wanted))


def test_every_other_identifier_is_given_with_its_whole_authority(mllp: CheckedMllpWire, linked: Patient) -> None:
    answer = ask(mllp, linked)

    assert (code(answer), query_status(answer), errors(answer)) == ("AA", "OK", [])
    assert field(answer, "MSH", 9) == "RSP^K23^RSP_K23"
    assert set(identifiers(answer)) == {
        f"{linked.affinity_id}^{m.XAD_OID}",
        f"LAB-{linked.local_id}^2.999.1.9",
        f"LAB2-{linked.local_id}^2.999.1.9",
    }
    assert all(len(cx.split("^")[3].split("&")) == 3 for cx in field(answer, "PID", 3).split("~"))
    assert field(answer, "PID", 5) == "~^^^^^^S"
    assert answer.count("\rPID|") == 1


def test_only_what_is_wanted_is_given(mllp: CheckedMllpWire, linked: Patient) -> None:
    answer = ask(mllp, linked, f"^^^{LAB}")

    assert set(identifiers(answer)) == {f"LAB-{linked.local_id}^2.999.1.9", f"LAB2-{linked.local_id}^2.999.1.9"}


def test_the_query_is_given_back_as_it_was_asked(mllp: CheckedMllpWire, linked: Patient) -> None:
    answer = ask(mllp, linked, f"^^^{LAB}")

    assert field(answer, "QAK", 1) == "TAG1"
    assert field(answer, "QPD", 3) == f"{linked.local_id}^^^{AUTHORITY}"
    assert field(answer, "QPD", 4) == f"^^^{LAB}"


def test_a_patient_without_identifier_in_what_is_wanted_is_not_found(
    mllp: CheckedMllpWire, linked: Patient, patient: Patient
) -> None:
    mllp.send(admission(pid("ELSE-1", authority="ELSE&2.999.1.10&ISO", name="Someone^Else")))

    answer = ask(mllp, patient, "^^^ELSE&2.999.1.10&ISO")

    assert (code(answer), query_status(answer), errors(answer), identifiers(answer)) == ("AA", "NF", [], [])


@pytest.mark.parametrize("authority", ["HOSP_A", "&2.999.1.1&ISO", AUTHORITY])
def test_an_authority_may_be_named_by_any_of_its_forms(mllp: CheckedMllpWire, patient: Patient, authority: str) -> None:
    answer = mllp.send(pix(f"{patient.local_id}^^^{authority}", XAD))

    assert identifiers(answer) == [f"{patient.affinity_id}^{m.XAD_OID}"]


def test_the_affinity_domains_identifier_leads_to_the_others(mllp: CheckedMllpWire, patient: Patient) -> None:
    answer = mllp.send(pix(f"{patient.affinity_id}{XAD}"))

    assert identifiers(answer) == [f"{patient.local_id}^2.999.1.1"]


@pytest.mark.parametrize(
    ("identifier", "wanted", "expected"),
    [
        (f"NOBODY^^^{AUTHORITY}", "", [Error("QPD^1^3^1^1", "204")]),
        ("1^^^NOWHERE&2.999.66&ISO", "", [Error("QPD^1^3^1^4", "204")]),
        ("", "^^^NOWHERE&2.999.66&ISO", [Error("QPD^1^4^1", "204")]),
        ("", f"{XAD}~^^^NOWHERE&2.999.66&ISO~^^^NOPLACE&2.999.67&ISO", [Error("QPD^1^4^2", "204"), Error("QPD^1^4^3", "204")]),
        ("1^^^NOWHERE&2.999.66&ISO", "^^^NOPLACE&2.999.67&ISO", [Error("QPD^1^3^1^4", "204"), Error("QPD^1^4^1", "204")]),
    ],
    ids=["unknown id", "unknown authority", "unknown domain", "two of three domains", "both"],
)
def test_what_is_not_known_is_told_with_its_place(
    mllp: CheckedMllpWire, patient: Patient, identifier: str, wanted: str, expected: list[Error]
) -> None:
    answer = mllp.send(pix(identifier or f"{patient.local_id}^^^{AUTHORITY}", wanted))

    assert (code(answer), query_status(answer), errors(answer)) == ("AE", "AE", expected), answer
    assert field(answer, "QPD", 3) == (identifier or f"{patient.local_id}^^^{AUTHORITY}")
    assert identifiers(answer) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (pix(""), [Error("QPD^1^3", "101")]),
        (pix(f"^^^{AUTHORITY}"), [Error("QPD^1^3^1^1", "101")]),
        (pix("4711"), [Error("QPD^1^3^1^4", "101")]),
        (pix(f"1^^^{AUTHORITY}", rcp="RCP|D"), [Error("RCP^1^1", "103")]),
    ],
    ids=["no QPD-3", "no id", "no authority", "deferred"],
)
def test_a_broken_query_is_told_with_its_place(mllp: CheckedMllpWire, text: bytes, expected: list[Error]) -> None:
    answer = mllp.send(text)

    assert (code(answer), query_status(answer)) == ("AE", "AE"), answer
    assert errors(answer) == expected, answer


def test_a_refusal_of_a_query_is_a_response_too(mllp: CheckedMllpWire) -> None:
    answer = mllp.send(pix(f"1^^^{AUTHORITY}", version="2.2"))

    assert (field(answer, "MSH", 9), code(answer)) == ("RSP^K23^RSP_K23", "AR")
    assert query_status(answer) == "AR"


def test_a_recorded_query_for_a_patient_nobody_announced(mllp: CheckedMllpWire, new_patient: NewPatient) -> None:
    new_patient("HIMSS2005&1.3.6.1.4.1.21367.2005.1.1&ISO")

    answer = mllp.send(sample("iti-9", "qbp-q23-request.hl7"))

    assert (code(answer), errors(answer)) == ("AE", [Error("QPD^1^3^1^1", "204")])


def test_a_recorded_query_is_answered_once_the_patient_is_known(mllp: CheckedMllpWire) -> None:
    fed = mllp.send(admission(pid("ABC10501", authority="HIMSS2005&1.3.6.1.4.1.21367.2005.1.1&ISO", name="Mesa^Patient")))
    assert code(fed) == "AA", fed

    answer = mllp.send(sample("iti-9", "qbp-q23-request.hl7"))

    assert (code(answer), query_status(answer)) == ("AA", "OK")
    assert [i.rpartition("^")[2] for i in identifiers(answer)] == [m.XAD_OID]
