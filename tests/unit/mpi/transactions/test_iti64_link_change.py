"""ITI-64 at its door."""

from __future__ import annotations

from base64 import b64encode

import pytest

from tests.conftest import MakeDatabase
from tests.support.audit import schema_faults
from tests.support.hl7 import er7, msh
from tests.support.patients import OTTO, Wires, an_id, an_update, wires


@pytest.fixture
def domain(make_database: MakeDatabase) -> Wires:
    """Two patients of a hospital."""
    doors = wires(make_database)
    doors.index.feed(an_update(an_id("1")))
    doors.index.feed(an_update(an_id("2"), demographics=OTTO))
    return doors


def change(local: str, current: str, previous: str, sender: bytes = b"|REGISTRY||") -> bytes:
    """An A43 of the affinity domain."""
    pid = f"PID|||{current}^^^XAD~{local}^^^HOSP_A|| "
    raw = er7(msh("ADT^A43^ADT_A43", "2.5"), "EVN||20261122105000", pid, f"MRG|{previous}^^^XAD")
    return raw.replace(b"|EHR|HOSP|", sender)


def test_it_is_done_acknowledged_and_on_record_with_what_each_identifier_is(domain: Wires) -> None:
    old, new = (domain.index.affinity_id(an_id(n)) for n in "21")

    answer = domain.v2(change("2", new.id, old.id))

    assert answer[1].startswith("MSA|AA|")
    record = domain.index.audited()[-1]
    assert domain.index.affinity_id(an_id("2")) == new
    assert schema_faults(record) == []
    assert b'csd-code="ITI-64"' in record
    for kind in (b"localPatientId", b"newPatientId", b"previousPatientId"):
        assert kind in record or b64encode(kind) in record


@pytest.mark.parametrize("local", ["404", ""])
def test_a_refusal_is_on_record_whether_it_can_be_read_or_not(domain: Wires, local: str) -> None:
    old, new = (domain.index.affinity_id(an_id(n)) for n in "21")
    raw = change(local, new.id, old.id) if local else change("2", new.id, old.id).replace(b"\rMRG|", b"\rZZZ|")

    answer = domain.v2(raw)

    assert answer[1].startswith("MSA|AE|")
    record = domain.index.audited()[-1]
    assert schema_faults(record) == []
    assert b'EventOutcomeIndicator="8"' in record
    assert b'csd-code="ITI-64"' in record


def test_a_source_that_may_not_feed_the_domain_is_refused(domain: Wires) -> None:
    old, new = (domain.index.affinity_id(an_id(n)) for n in "21")

    answer = domain.v2(change("2", new.id, old.id, sender=b"|ADT|A|"))

    assert answer[1].startswith("MSA|AE|")
    assert domain.index.affinity_id(an_id("2")) == old
