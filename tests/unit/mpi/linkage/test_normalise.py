"""mpi.linkage.normalise"""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given

from kernel.demographics import Address, Demographics, HumanName, Telecom
from kernel.identifiers import AssigningAuthority, PatientId
from kernel.times import Dtm
from mpi.linkage.normalise import Prepared, prepare
from mpi.linkage.places import Home
from tests.support.people import RECORDS, a_patient_id, a_record, some_demographics


def test_a_record_is_cleaned_field_by_field() -> None:
    record = prepare(some_demographics(), [a_patient_id("1", "A")])

    assert (record.given, record.middle, record.family) == ("ANNA", "MARIA", "MULLER")
    assert record.homes == (Home("12", "MAIN ST", "4", "SPRINGFIELD", "12345"),)
    assert (record.phones, record.emails) == (("551234567",), ("anna@mail.example",))
    assert (record.birth, record.sex, record.source, record.source_id) == ("19700503", "F", "A", "A:1")


def test_former_names_and_aliases_follow_the_present_name() -> None:
    names = (HumanName("Smith", ("Bob",)), HumanName("Jones", ("Robert",), use="M"))

    record = prepare(Demographics(names=names))

    assert record.families == ("SMITH", "JONES")
    assert (record.given, record.other_givens) == ("BOB", ("ROBERT",))


def test_only_identifiers_of_a_person_may_contradict_each_other() -> None:
    insurance = PatientId("X-77123", AssigningAuthority("PLAN"), "HC")
    demographics = replace(some_demographics(), national_id="761-88-2795")

    record = prepare(demographics, [a_patient_id("1", "A"), insurance])

    assert record.person_ids == ("national:761882795", "PLAN:X77123")
    assert record.local_ids == ("A:1",)


def test_placeholders_are_missing_and_flagged() -> None:
    demographics = Demographics(
        names=(HumanName("Smith", ("Baby", "Girl", "B")),), birth=Dtm("19000101"), national_id="999-99-9999"
    )

    record = prepare(demographics)

    assert record.flags == ("given", "birth", "identifier")
    assert (record.given, record.birth, record.person_ids) == ("", "", ())
    assert record.has_placeholder_name
    assert record.order == 2


def test_history_is_bounded() -> None:
    demographics = Demographics(
        addresses=tuple(Address((f"{n} Main St",), postcode="12345") for n in range(1, 100)),
        telecoms=tuple(Telecom(f"5551230{n:03}") for n in range(100)),
    )

    record = prepare(demographics)

    assert len(record.homes) == len(record.phones) == 8


@given(record=RECORDS)
def test_a_row_brings_back_the_record_it_was_made_from(record: Prepared) -> None:
    row = json.loads(json.dumps(record.to_row()))

    assert Prepared.from_row(row) == record


def test_a_row_of_another_cleaning_is_refused() -> None:
    with pytest.raises(ValueError, match="another cleaning"):
        Prepared.from_row({**a_record().to_row(), "v": 0})
