"""Visits of records."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from kernel.visit import Value, Visit, VisitCriterion
from mpi import visits
from mpi.tables import VISIT, VISIT_KEY
from tests.conftest import MakeDatabase
from tests.support.patients import OTTO, PatientIndex, a_patient_index, an_id, an_update


@pytest.fixture
def index(make_database: MakeDatabase) -> PatientIndex:
    """Two patients."""
    index = a_patient_index(make_database)
    index.feed(an_update(an_id("1")))
    index.feed(an_update(an_id("2"), demographics=OTTO))
    return index


def of(value: str) -> Value:
    """A plain field."""
    return (((value,),),)


def say(index: PatientIndex, local_id: str, number: str = "", ward: str = "WARD", **more: str) -> None:
    """The hospital tells of a visit."""
    fields = {3: of(ward), **({19: of(number)} if number else {}), **{int(n[1:]): of(v) for n, v in more.items()}}
    demographics = index.record(an_id(local_id)).demographics
    index.feed(replace(an_update(an_id(local_id), demographics=demographics), visit=Visit(fields)))


def asking(number: int, text: str, component: int = 1, subcomponent: int = 1) -> VisitCriterion:
    """A question."""
    return VisitCriterion("QPD-3[1]", number, component, subcomponent, text)


def latest(index: PatientIndex, *criteria: VisitCriterion) -> dict[str, str]:
    """The ward of the latest visit that fits, by patient."""
    ids = {index.record(an_id(n)).id: n for n in "12"}
    with index.database.read() as connection:
        return {ids[record]: visit.value(3) for record, (_, visit) in visits.latest(connection, ids, criteria).items()}


def test_the_latest_visit_is_the_one_that_was_told_of_last(index: PatientIndex) -> None:
    for number, ward in (("V1", "A"), ("V2", "B"), ("V1", "C")):
        say(index, "1", number, ward)

    assert latest(index) == {"1": "C"}
    assert latest(index, asking(19, "v2")) == {"1": "B"}
    assert latest(index, asking(3, "A")) == {}


def test_all_that_is_asked_has_to_be_true_of_one_visit(index: PatientIndex) -> None:
    say(index, "1", "V1", "A", f10="SUR")
    say(index, "1", "V2", "B", f10="MED")

    assert latest(index, asking(3, "A"), asking(10, "MED")) == {}
    assert latest(index, asking(3, "A"), asking(10, "S*")) == {"1": "A"}


@pytest.mark.parametrize(
    ("criterion", "patients"),
    [
        (asking(3, "ward"), {"1", "2"}),
        (asking(3, "WAR*"), {"1", "2"}),
        (asking(3, "WAR"), set()),
        (asking(10, "SUR"), {"2"}),
        (asking(3, "x", 7), None),
        (asking(3, "x", 4, 2), None),
        (asking(3, "*"), None),
    ],
)
def test_a_value_leads_to_persons_or_nowhere_in_particular(
    index: PatientIndex, criterion: VisitCriterion, patients: set[str] | None
) -> None:
    say(index, "1")
    say(index, "2", f10="SUR")

    with index.database.read() as connection:
        found = visits.persons_by_visit(connection, criterion, 10)

    assert found == (None if patients is None else {index.record(an_id(n)).person for n in patients})


def test_so_many_persons_and_no_more(index: PatientIndex) -> None:
    say(index, "1")
    say(index, "2")

    with index.database.read() as connection:
        found = visits.persons_by_visit(connection, asking(3, "WARD"), 1)

    assert found is not None
    assert len(found) == 1


def test_the_oldest_visits_of_a_record_are_forgotten_with_all_they_are_found_by(
    index: PatientIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visits, "KEPT", 3)
    for n in range(5):
        say(index, "1", f"V{n}", f"W{n}")

    with index.database.read() as connection:
        assert sorted(connection.scalars(sa.select(VISIT.c.number))) == ["V2", "V3", "V4"]
        assert sorted(connection.scalars(sa.select(VISIT_KEY.c.value).where(VISIT_KEY.c.part == 31))) == ["W2", "W3", "W4"]


def test_the_same_again_writes_nothing(index: PatientIndex) -> None:
    say(index, "1", "V1")
    with index.database.read() as connection:
        before = connection.execute(sa.select(VISIT)).all()

    say(index, "1", "V1")

    with index.database.read() as connection:
        assert connection.execute(sa.select(VISIT)).all() == before
