"""ITI-22 at its door."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kernel.visit import Visit
from tests.conftest import MakeDatabase
from tests.support.audit import schema_faults
from tests.support.hl7 import er7, msh
from tests.support.patients import CLINIC, OTTO, Wires, an_affinity_domain, an_id, an_update, wires


def pdvq(parameters: str, control_id: str = "Z1") -> bytes:
    """A QBP^ZV1."""
    return er7(msh("QBP^ZV1^QBP_Q21", "2.5", control_id=control_id), f"QPD|IHE PDVQ Query|T|{parameters}", "RCP|I")


@pytest.fixture
def index(make_database: MakeDatabase) -> Wires:
    """Two people with visits at two sources, one of which the consumer EHR may not know of."""
    consumers = [{"application": "EHR", "facility": "HOSP", "authorities": ["HOSP_A", "XAD"]}]
    doors = wires(make_database, affinity=an_affinity_domain(consumers=consumers))
    for patient_id, ward, who in ((an_id("1"), "A", {}), (an_id("9", CLINIC), "B", {"demographics": OTTO})):
        visit = Visit({2: ((("I",),),), 3: (((ward,),),)})
        doors.index.feed(replace(an_update(patient_id, **who), visit=visit))  # type: ignore[arg-type]
    return doors


def test_a_patient_is_shown_with_the_visit_and_it_is_on_record(index: Wires) -> None:
    answer = index.v2(pdvq("@PV1.3.1^A"))

    assert [line for line in answer if line.startswith("PV1")] == ["PV1|1|I|A"]
    record = index.index.audited()[-1]
    assert b"ITI-22" in record
    assert schema_faults(record) == []


def test_a_visit_at_a_source_that_the_consumer_may_not_see_is_not_shown(index: Wires) -> None:
    answer = index.v2(pdvq("@PV1.3.1^B"))

    assert [line for line in answer if line.startswith("QAK")] == ["QAK|T|NF||0|0|0"]


def test_a_refusal_is_on_record(index: Wires) -> None:
    answer = index.v2(pdvq("@PV1.99^B"))

    assert answer[1].startswith("MSA|AE|")
    record = index.index.audited()[-1]
    assert b"ITI-22" in record
    assert b'EventOutcomeIndicator="8"' in record
