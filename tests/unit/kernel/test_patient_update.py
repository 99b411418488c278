"""kernel.patient_update"""

from __future__ import annotations

from dataclasses import fields

from kernel.demographics import Demographics, HumanName, Telecom
from kernel.identifiers import AssigningAuthority, PatientId
from kernel.patient_update import ALL_FIELDS, HOME_TELECOMS, WORK_TELECOMS, PatientUpdate, SentIdentifier

HOME, WORK = Telecom("1", "PH", "PRN"), Telecom("2", "PH", "WPN")
STORED = Demographics(names=(HumanName("Old"),), sex="M", telecoms=(HOME, WORK), race="x")


def test_what_is_spoken_of_replaces_and_the_rest_stays() -> None:
    update = PatientUpdate((), Demographics(names=(HumanName("New"),)), frozenset({"names", "sex"}))

    assert update.applied_to(STORED) == Demographics(names=(HumanName("New"),), telecoms=(HOME, WORK), race="x")


def test_home_and_business_numbers_are_replaced_apart() -> None:
    new = Telecom("3", "CP", "PRN")

    home = PatientUpdate((), Demographics(telecoms=(new,)), frozenset({HOME_TELECOMS})).applied_to(STORED)
    work = PatientUpdate((), Demographics(), frozenset({WORK_TELECOMS})).applied_to(STORED)

    assert home.telecoms == (new, WORK)
    assert work.telecoms == (HOME,)


def test_an_update_that_speaks_of_all_replaces_all() -> None:
    update = PatientUpdate((), Demographics(sex="F"), ALL_FIELDS)

    assert update.applied_to(STORED) == Demographics(sex="F")


def test_all_fields_are_those_of_demographics() -> None:
    assert ALL_FIELDS - {HOME_TELECOMS, WORK_TELECOMS} == {f.name for f in fields(Demographics)} - {"telecoms"}


def test_identifiers_can_be_had_without_their_places() -> None:
    patient_id = PatientId("1", AssigningAuthority("A"))

    assert PatientUpdate((SentIdentifier(patient_id, "x", "y"),), Demographics()).patient_ids == (patient_id,)
