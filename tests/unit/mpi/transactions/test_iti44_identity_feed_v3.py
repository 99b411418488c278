"""ITI-44 at its doors."""

from __future__ import annotations

import pytest

from mpi.transactions.iti44_identity_feed_v3 import IdentityFeedV3, IdentityMergeV3, identity_feed_v3
from tests.conftest import MakeDatabase
from tests.support.audit import schema_faults
from tests.support.hl7 import v3_feed, v3_merge
from tests.support.patients import Wires, an_affinity_domain, wires

SOURCES = {
    "authorities": [{"namespace": "HOSP", "oid": "2.999.1.1"}],
    "sources": [{"application": "2.999.7", "authorities": ["HOSP"]}],
}
OTHER = '<id root="2.999.1.1" extension="4699"/>'


@pytest.fixture
def hospital(make_database: MakeDatabase) -> Wires:
    """Doors that a device may feed."""
    return wires(make_database, affinity=an_affinity_domain(**SOURCES))


def kind(answer: object) -> str:
    """The code of the acknowledgement."""
    return answer.findtext("{*}acknowledgement/{*}typeCode") or answer.find(".//{*}typeCode").get("code")  # type: ignore[attr-defined]


def test_there_is_a_door_for_each_interaction() -> None:
    doors = identity_feed_v3(None, None)  # type: ignore[arg-type]  # nothing is asked of them

    assert [d.operation.action.rpartition(":")[2] for d in doors] == [f"PRPA_IN20130{n}UV02" for n in (1, 2, 4)]
    assert [type(d) for d in doors] == [IdentityFeedV3, IdentityFeedV3, IdentityMergeV3]


@pytest.mark.parametrize(
    ("interaction", "action"),
    [("PRPA_IN201301UV02", b'EventActionCode="C"'), ("PRPA_IN201302UV02", b'EventActionCode="U"')],
)
def test_a_patient_is_taken_and_on_record(hospital: Wires, interaction: str, action: bytes) -> None:
    answer = hospital.v3(v3_feed(interaction=interaction))

    (message,) = hospital.index.audited()
    assert kind(answer) == "CA"
    assert hospital.index.clusters() == {frozenset({"4711"})}
    assert b"ITI-44" in message
    assert action in message
    assert schema_faults(message) == []


def test_the_same_message_again_changes_nothing_and_another_with_its_id_is_refused(hospital: Wires) -> None:
    hospital.v3(v3_feed())

    again, other = hospital.v3(v3_feed()), hospital.v3(v3_feed(ids=OTHER))

    assert (kind(again), kind(other)) == ("CA", "CE")
    assert hospital.index.clusters() == {frozenset({"4711"})}


def test_a_merge_is_refused_and_taken_with_two_audit_messages(hospital: Wires) -> None:
    refused = hospital.v3(v3_merge())
    of_refusal = hospital.index.audited()
    for ids in ('<id root="2.999.1.1" extension="4711"/>', OTHER):
        body = v3_feed(ids=ids)
        body.find("{*}id").set("extension", ids)  # type: ignore[union-attr]  # there is one
        hospital.v3(body)

    taken = hospital.v3(v3_merge())

    assert (kind(refused), kind(taken)) == ("CE", "CA")
    assert len(of_refusal) == 2
    assert [schema_faults(m) for m in of_refusal] == [[], []]
    assert hospital.index.clusters() == {frozenset({"4711", "4699"})}


def test_what_is_refused_is_on_record_as_far_as_it_could_be_read(hospital: Wires) -> None:
    for body in (v3_feed(ids='<id root="2.999.404" extension="1"/>'), v3_feed(ids='<id nullFlavor="UNK"/>'), v3_merge("")):
        answer = hospital.v3(body)

        assert kind(answer) == "CE"
        assert b"ITI-44" in hospital.index.audited()[-1]
    assert hospital.index.clusters() == set()
