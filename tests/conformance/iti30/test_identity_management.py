"""ITI-30: announcements and updates by A28 and A31, merges by A40 (ITI TF-2 3.30), as a source of patient identities sends them."""

from __future__ import annotations

import uuid

import pytest

from tests.conformance.conftest import NewPatient
from tests.support import messages as m
from tests.support.checked import CheckedMllpWire
from tests.support.v2 import AUTHORITY, admission, code, errors, identifiers, message, pdq, pid, query_status
from tests.support.wire import field


@pytest.mark.parametrize("event", ["A28", "A31"])
def test_a_patient_is_announced_and_updated(mllp: CheckedMllpWire, event: str) -> None:
    local_id = f"G{uuid.uuid4().hex[:10]}"  # noqa: TID251 - a client's own

    answer = mllp.send(admission(pid(local_id, name=f"Management^{event}"), event, version="2.5"))

    assert (code(answer), errors(answer)) == ("AA", [])
    assert query_status(mllp.send(m.pix_query(local_id))) == "OK"


def test_a_merge_in_the_version_of_this_transaction_is_taken(mllp: CheckedMllpWire, new_patient: NewPatient) -> None:
    stays, goes = new_patient(), new_patient()

    answer = mllp.send(m.merge(stays.local_id, goes.local_id).replace(b"|P|2.3.1", b"|P|2.5"))

    assert code(answer) == "AA"
    assert query_status(mllp.send(m.pix_query(goes.local_id))) == "AE"


def pair(event: str, one: str, other: str) -> bytes:
    """A link or an unlink of two patients of one source."""
    return message(f"ADT^{event}", "EVN||20261122101500", pid(one), "PV1||N", pid(other), "PV1||N", version="2.5")


def test_two_patients_are_linked_and_unlinked(mllp: CheckedMllpWire, new_patient: NewPatient) -> None:
    one, other = new_patient(), new_patient()

    linked = mllp.send(pair("A24", one.local_id, other.local_id))
    together = mllp.send(m.pix_query(one.local_id, wanted="^^^HOSP_A&2.999.1.1&ISO"))
    unlinked = mllp.send(pair("A37", one.local_id, other.local_id))
    apart = mllp.send(m.pix_query(one.local_id, wanted="^^^HOSP_A&2.999.1.1&ISO"))

    assert (code(linked), code(unlinked)) == ("AA", "AA")
    assert f"{other.local_id}^^^HOSP_A" in together
    assert query_status(apart) == "NF"


def test_a_link_of_an_unknown_patient_is_refused_at_its_place(mllp: CheckedMllpWire, new_patient: NewPatient) -> None:
    answer = mllp.send(pair("A24", new_patient().local_id, "NOBODY"))

    assert (code(answer), [(e.where, e.code) for e in errors(answer)]) == ("AE", [("PID^2^3^1^1", "204")])


def renaming(new: str, old: str) -> bytes:
    """An A47."""
    segments = ("EVN||20261122101500", pid(new), f"MRG|{old}^^^{AUTHORITY}")
    return message("ADT^A47^ADT_A30", *segments, version="2.5")


def test_a_patient_is_known_by_another_identifier(mllp: CheckedMllpWire, new_patient: NewPatient) -> None:
    patient = new_patient()
    new = f"{patient.local_id}N"

    answer = mllp.send(renaming(new, patient.local_id))
    found = mllp.send(m.pix_query(new))

    assert (code(answer), errors(answer)) == ("AA", [])
    assert field(found, "PID", 3).split("^")[0] == patient.affinity_id
    assert query_status(mllp.send(m.pix_query(patient.local_id))) == "AE"
    by_name = mllp.send(pdq(f"@PID.5.1.1^{patient.family}~@PID.5.2^{patient.given}~@PID.7^{patient.birth}"))
    assert set(identifiers(by_name)) == {f"{new}^2.999.1.1", f"{patient.affinity_id}^{m.XAD_OID}"}


@pytest.mark.parametrize(
    ("is_known", "is_taken", "expected"),
    [(False, False, ("MRG^1^1^1^1", "204")), (True, True, ("PID^1^3^1^1", "205"))],
)
def test_an_unknown_old_and_a_taken_new_identifier_are_refused(
    mllp: CheckedMllpWire, new_patient: NewPatient, is_known: bool, is_taken: bool, expected: tuple[str, str]
) -> None:
    patient = new_patient()
    new = new_patient().local_id if is_taken else f"{patient.local_id}N"

    answer = mllp.send(renaming(new, patient.local_id if is_known else "NOBODY"))

    assert (code(answer), [(e.where, e.code) for e in errors(answer)]) == ("AE", [expected])


@pytest.mark.parametrize("event", ["A34"])
def test_events_that_are_not_served_are_refused_by_name(mllp: CheckedMllpWire, event: str) -> None:
    answer = mllp.send(message(f"ADT^{event}", pid("X"), version="2.5"))

    assert (code(answer), [e.code for e in errors(answer)]) == ("AR", ["201"])
