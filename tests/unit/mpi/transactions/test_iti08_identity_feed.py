"""ITI-8 at its door."""

from __future__ import annotations

import pytest

from tests.conftest import MakeDatabase
from tests.support.audit import schema_faults
from tests.support.hl7 import adt, er7, msh
from tests.support.patients import Wires, an_affinity_domain, an_id, wires

SOURCES = {
    "authorities": [{"namespace": "HOSP", "oid": "2.999.1.1"}, {"namespace": "LAB", "oid": "2.999.1.2"}],
    "sources": [{"application": "EHR", "facility": "HOSP", "authorities": ["HOSP"]}],
}
MERGE = er7(
    msh("ADT^A40^ADT_A39", control_id="M9"),
    "EVN|A40|20261122101500",
    "PID|||4711^^^HOSP&2.999.1.1&ISO||Rivera^Lena",
    "MRG|4699^^^HOSP&2.999.1.1&ISO",
)


@pytest.fixture
def hospital(make_database: MakeDatabase) -> Wires:
    """Doors that a hospital may feed."""
    return wires(make_database, affinity=an_affinity_domain(**SOURCES))


def code(answer: list[str]) -> str:
    """MSA-1."""
    return next(line for line in answer if line.startswith("MSA")).split("|")[1]


@pytest.mark.parametrize(
    ("event", "transaction", "action"),
    [
        ("A01", b"ITI-8", b'EventActionCode="C"'),
        ("A04", b"ITI-8", b'EventActionCode="C"'),
        ("A05", b"ITI-8", b'EventActionCode="C"'),
        ("A08", b"ITI-8", b'EventActionCode="U"'),
        ("A28", b"ITI-30", b'EventActionCode="C"'),
        ("A31", b"ITI-30", b'EventActionCode="U"'),
    ],
)
def test_each_event_is_taken_and_on_record_as_its_transaction(
    hospital: Wires, event: str, transaction: bytes, action: bytes
) -> None:
    answer = hospital.v2(adt(event, version="2.5"))

    (message,) = hospital.index.audited()
    assert code(answer) == "AA"
    assert hospital.index.clusters() == {frozenset({"4711"})}
    assert transaction in message
    assert action in message


def test_a_merge_is_refused_and_taken_with_two_audit_messages(hospital: Wires) -> None:
    refused = hospital.v2(MERGE)
    of_refusal = hospital.index.audited()
    hospital.v2(adt())
    hospital.v2(adt(pid="PID|||4699^^^HOSP&2.999.1.1&ISO||Rivera^L").replace(b"|M1|", b"|M2|"))

    taken = hospital.v2(MERGE)

    assert (code(refused), code(taken)) == ("AE", "AA")
    assert len(of_refusal) == 2
    assert b"4699^^^HOSP&amp;2.999.1.1&amp;ISO" in b"".join(of_refusal)
    assert [schema_faults(m) for m in of_refusal] == [[], []]
    assert hospital.index.clusters() == {frozenset({"4711", "4699"})}


@pytest.mark.parametrize(
    ("raw", "patient"),
    [
        (adt(pid="PID|||4711^^^NOBODY||Rivera^Lena"), b"4711^^^NOBODY&amp;&amp;"),
        (adt(pid="PID|||||Rivera^Lena"), b""),
        (er7(msh("ADT^A40^ADT_A39"), "EVN|A40|20261122101500"), b""),
    ],
)
def test_what_is_refused_is_on_record_as_far_as_it_could_be_read(hospital: Wires, raw: bytes, patient: bytes) -> None:
    answer = hospital.v2(raw)

    messages = hospital.index.audited()
    assert code(answer) == "AE"
    assert messages
    assert patient in b"".join(messages)
    assert b'EventOutcomeIndicator="0"' not in b"".join(messages)
    assert hospital.index.clusters() == set()


def test_the_same_bytes_again_get_the_same_answer(hospital: Wires) -> None:
    first, again = hospital.v2(adt()), hospital.v2(adt())

    assert first[1:] == again[1:]
    assert hospital.index.record(an_id("4711", hospital.index.affinity.domain().authorities[1].authority)).version == 1
