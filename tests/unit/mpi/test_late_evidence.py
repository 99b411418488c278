"""mpi.late_evidence: a record that comes later contests what was linked before."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kernel.demographics import Address, Demographics, HumanName
from kernel.times import Dtm
from mpi.importing.clusters import Links
from mpi.late_evidence import CONTESTED
from mpi.model import ReviewReason, ReviewState
from mpi.stewardship import Verdict
from tests.conftest import MakeDatabase
from tests.support.imports import exported_clusters
from tests.support.patients import ADMINISTRATOR, CLINIC, HOSPITAL, LAB, PatientIndex, a_patient_index, an_id, an_update

UNDATED = Demographics(
    names=(HumanName("Abernathy", ("John", "Paul")),),
    sex="M",
    addresses=(Address(("9 Quarry Road",), "Ashby", postcode="01431"),),
)
FATHER = replace(UNDATED, birth=Dtm("19441202"))
SON = replace(UNDATED, names=(HumanName("Abernathy", ("John", "P")),), birth=Dtm("19700315"))
TOGETHER = {frozenset({"f", "u"}), frozenset({"s"})}


@pytest.fixture
def index(make_database: MakeDatabase) -> PatientIndex:
    """The father, and a record of the same name and address without a date of birth, which was linked to him."""
    index = a_patient_index(make_database)
    for patient_id, person in ((an_id("f", HOSPITAL), FATHER), (an_id("u", CLINIC), UNDATED)):
        index.feed(an_update(patient_id, demographics=person))
        index.work()
    assert index.clusters() == {frozenset({"f", "u"})}
    return index


def _son_arrives(index: PatientIndex) -> None:
    index.feed(an_update(an_id("s", LAB), demographics=SON))
    index.work()


def _doubts(index: PatientIndex) -> list[tuple[int, str]]:
    found = [w.review for w in index.viewing.reviews(ReviewState.OPEN)]
    return [(review.record, review.detail) for review in found if review.reason is ReviewReason.WEAKENED]


def test_a_contested_link_stands_and_a_person_is_asked_about_it(index: PatientIndex) -> None:
    _son_arrives(index)

    assert index.clusters() == TOGETHER
    assert _doubts(index) == [(index.record(an_id("u", CLINIC)).id, CONTESTED)]


def test_a_link_in_doubt_is_no_automatic_link_of_an_export(index: PatientIndex) -> None:
    _son_arrives(index)

    assert exported_clusters(index, Links.AUTO) == {frozenset("f"), frozenset("u"), frozenset("s")}
    assert exported_clusters(index, Links.ALL) == TOGETHER


def test_the_question_is_asked_once_however_often_the_records_are_matched(index: PatientIndex) -> None:
    _son_arrives(index)
    before = (_doubts(index), index.viewing.open_reviews(), index.viewing.acts())

    for patient_id in (an_id("f", HOSPITAL), an_id("u", CLINIC), an_id("s", LAB)):
        with index.database.begin() as work:
            index.service.matcher.match(work, index.record(patient_id).id)

    assert (_doubts(index), index.viewing.open_reviews(), index.viewing.acts()) == before


def test_who_confirms_the_link_is_not_asked_again(index: PatientIndex) -> None:
    _son_arrives(index)
    (doubt,) = [w.review for w in index.viewing.reviews() if w.review.reason is ReviewReason.WEAKENED]

    index.stewardship.resolve_review(doubt.id, Verdict.SAME, ADMINISTRATOR)
    with index.database.begin() as work:
        index.service.matcher.match(work, index.record(an_id("s", LAB)).id)

    assert _doubts(index) == []
    assert exported_clusters(index, Links.ALL) == TOGETHER


def test_who_takes_the_record_out_has_it_apart_from_the_father(index: PatientIndex) -> None:
    _son_arrives(index)
    (doubt,) = [w.review for w in index.viewing.reviews() if w.review.reason is ReviewReason.WEAKENED]

    index.stewardship.resolve_review(doubt.id, Verdict.DIFFERENT, ADMINISTRATOR)

    assert index.clusters() == {frozenset("f"), frozenset("u"), frozenset("s")}


def test_the_doubt_ends_when_the_record_says_whose_it_is(index: PatientIndex) -> None:
    _son_arrives(index)

    index.feed(an_update(an_id("u", CLINIC), demographics=FATHER))
    index.work()

    assert _doubts(index) == []
    assert exported_clusters(index, Links.AUTO) == TOGETHER


def test_what_a_person_linked_is_not_contested(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database)
    index.feed(an_update(an_id("f", HOSPITAL), demographics=FATHER))
    index.feed(an_update(an_id("u", CLINIC), demographics=UNDATED))
    index.stewardship.link(index.record(an_id("f", HOSPITAL)).id, index.record(an_id("u", CLINIC)).id, ADMINISTRATOR)

    _son_arrives(index)

    assert _doubts(index) == []
