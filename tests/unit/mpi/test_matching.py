"""Matching one record with the index."""

from __future__ import annotations

import json
import threading
from dataclasses import replace

import pytest
import sqlalchemy as sa

from kernel.demographics import HumanName
from kernel.times import Dtm
from mpi import store
from mpi.index import NOTIFY
from mpi.keys import KeySource
from mpi.linkage.rules import RULES_VERSION
from mpi.linkage.shipped import shipped_model
from mpi.linkage.weights import Explanation
from mpi.matching import AUTHOR, Matcher
from mpi.model import ActKind, LinkKind, ReviewReason
from mpi.settings import MatchingSettings
from mpi.tables import BLOCKING_KEY, PATIENT_RECORD
from tests.conftest import MakeDatabase
from tests.support.patients import (
    ADMINISTRATOR,
    CLINIC,
    LAB,
    LENA,
    OTTO,
    PatientIndex,
    a_patient_index,
    an_id,
    an_update,
)

TWIN = replace(LENA, names=(HumanName("Rivera", ("Lia",)),), telecoms=())


@pytest.fixture
def index(make_database: MakeDatabase) -> PatientIndex:
    """An empty index."""
    return a_patient_index(make_database)


def test_a_link_is_kept_with_weight_reason_model_and_the_levels_that_made_it(index: PatientIndex) -> None:
    index.feed(an_update(an_id("1")))
    index.feed(an_update(an_id("9", CLINIC)))
    index.work()

    one, nine = index.record(an_id("1")), index.record(an_id("9", CLINIC))
    with index.database.read() as connection:
        link = store.links(connection, [nine.id])[nine.id]
    assert (link.kind, link.author, link.via) == (LinkKind.AUTOMATIC, AUTHOR, one.id)
    explanation = Explanation.from_json(link.explanation)
    assert link.weight == explanation.weight > shipped_model().thresholds.link
    assert link.model == explanation.model_version == shipped_model().version
    assert link.reason


def test_a_link_is_an_act_that_consumers_are_told_of(index: PatientIndex) -> None:
    index.feed(an_update(an_id("1")))
    index.feed(an_update(an_id("9", CLINIC)))

    done = index.work()

    (act,) = index.viewing.acts()
    assert (act.kind, act.author) == (ActKind.MATCH, AUTHOR)
    assert done.count(NOTIFY) == 2  # of the person that grew, and of the one that became a part of it


def test_matching_again_changes_nothing(index: PatientIndex) -> None:
    for patient_id, person in ((an_id("1"), LENA), (an_id("9", CLINIC), LENA), (an_id("L5", LAB), TWIN)):
        index.feed(an_update(patient_id, demographics=person))
    index.work()
    before = (index.clusters(), index.viewing.acts(), index.viewing.reviews())

    for patient_id in (an_id("1"), an_id("9", CLINIC), an_id("L5", LAB)):
        with index.database.begin() as work:
            index.service.matcher.match(work, index.record(patient_id).id)

    assert (index.clusters(), index.viewing.acts(), index.viewing.reviews()) == before


def test_a_record_that_is_gone_or_was_merged_away_is_passed_over(index: PatientIndex) -> None:
    index.feed(an_update(an_id("1")))
    index.feed(an_update(an_id("2")))
    index.merge(an_id("1"), an_id("2"))

    with index.database.begin() as work:
        index.service.matcher.match(work, 404)
        index.service.matcher.match(work, index.record(an_id("2")).id)

    assert index.viewing.open_reviews() == 0


def test_a_record_of_a_person_with_others_joins_another_person_only_above_a_higher_bar(index: PatientIndex) -> None:
    index.feed(an_update(an_id("1"), demographics=OTTO))
    index.feed(an_update(an_id("9", CLINIC), demographics=OTTO))
    index.work()
    index.feed(an_update(an_id("L5", LAB)))
    index.work()
    assert len(index.clusters()) == 2

    index.feed(an_update(an_id("9", CLINIC), demographics=LENA))
    index.work()

    assert frozenset({"1", "9"}) in index.clusters()
    reasons = {w.review.reason for w in index.viewing.reviews()}
    assert ReviewReason.WEAKENED in reasons
    assert ReviewReason.MAYBE_JOIN in reasons


def test_a_link_by_hand_is_not_doubted(index: PatientIndex) -> None:
    index.feed(an_update(an_id("1")))
    index.feed(an_update(an_id("2", CLINIC), demographics=OTTO))
    index.stewardship.link(index.record(an_id("1")).id, index.record(an_id("2", CLINIC)).id, ADMINISTRATOR)

    index.feed(an_update(an_id("2", CLINIC), demographics=replace(OTTO, birth=Dtm("19010101"))))
    index.work()

    assert index.viewing.open_reviews() == 0


def test_a_doubt_is_withdrawn_when_the_likeness_returns(index: PatientIndex) -> None:
    index.feed(an_update(an_id("1")))
    index.feed(an_update(an_id("9", CLINIC)))
    index.work()

    for person, waiting in ((OTTO, 1), (LENA, 0)):
        index.feed(an_update(an_id("1"), demographics=person))
        index.work()

        assert index.viewing.open_reviews() == waiting
    assert len(index.clusters()) == 1


def test_a_key_that_everybody_has_is_passed_over_while_another_finds_somebody(index: PatientIndex) -> None:
    for n in range(14):
        crowd = replace(OTTO, names=(HumanName(f"Crowd{chr(65 + n)}", (f"Given{chr(65 + n)}",)),), birth=Dtm(f"19{60 + n}0202"))
        index.feed(an_update(an_id(f"C{n}"), demographics=crowd))
    index.feed(an_update(an_id("1"), demographics=OTTO))
    index.feed(an_update(an_id("9", CLINIC), demographics=OTTO))
    matcher = Matcher(MatchingSettings(fat_key=10), KeySource(), index.service.prepare_anew)

    with index.database.read() as connection:
        found = matcher.neighbours(connection, index.record(an_id("1")).id)

    assert found is not None
    assert set(found.people) == {index.record(an_id("1")).id, index.record(an_id("9", CLINIC)).id}


def test_a_key_that_everybody_has_is_cut_short_when_it_is_all_there_is(index: PatientIndex) -> None:
    index.feed(an_update(an_id("1")))
    mine = index.record(an_id("1")).id
    with index.database.begin() as work:
        work.connection.execute(BLOCKING_KEY.delete())
    for n in range(14):
        index.feed(an_update(an_id(f"C{n}"), demographics=replace(OTTO, names=(HumanName(f"C{chr(65 + n)}"),))))
    with index.database.begin() as work:
        work.connection.execute(BLOCKING_KEY.delete())
        everybody = work.connection.scalars(sa.select(PATIENT_RECORD.c.id)).all()
        work.connection.execute(BLOCKING_KEY.insert(), [{"key": 1, "record": record} for record in everybody])
    matcher = Matcher(MatchingSettings(fat_key=10, candidates=10), KeySource(), index.service.prepare_anew)

    with index.database.read() as connection:
        found = matcher.neighbours(connection, mine)

    assert found is not None
    assert 10 <= len(found.people) <= 11


def test_a_record_cleaned_by_an_older_release_is_cleaned_anew(index: PatientIndex) -> None:
    index.feed(an_update(an_id("1")))
    with index.database.begin() as work:
        work.connection.execute(PATIENT_RECORD.update().values(prepared=json.dumps({"v": 0})))

    index.feed(an_update(an_id("9", CLINIC)))
    index.work()

    assert len(index.clusters()) == 1


def test_the_model_is_fitted_to_the_size_of_the_index_and_looked_at_again_after_a_while(index: PatientIndex) -> None:
    seconds = [0.0]
    models = [shipped_model(), replace(shipped_model(), version="next")]
    matcher = Matcher(
        MatchingSettings(), KeySource(), index.service.prepare_anew, model=lambda: models[0], monotonic=lambda: seconds[0]
    )

    with index.database.read() as connection:
        first, again = matcher.model(connection), matcher.model(connection)
        seconds[0] = 601
        later = matcher.model(connection)
        models.pop(0)
        swapped = matcher.model(connection)

    assert first is again
    assert later is not first
    assert (first.population, swapped.version) == (1000, "next")


def test_two_records_matched_with_each_other_at_one_moment_become_one_person(index: PatientIndex) -> None:
    index.feed(an_update(an_id("1")))
    index.feed(an_update(an_id("9", CLINIC)))
    index.feed(an_update(an_id("L5", LAB)))
    records = [index.record(i).id for i in (an_id("1"), an_id("9", CLINIC), an_id("L5", LAB))]
    together, failed = threading.Barrier(len(records)), list[BaseException]()

    def match(record: int) -> None:
        together.wait()
        try:
            index.index.unit(lambda work: index.service.matcher.match(work, record))
        except BaseException as problem:
            failed.append(problem)

    threads = [threading.Thread(target=match, args=(record,)) for record in records]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failed == []
    assert len(index.clusters()) == 1


def test_a_domain_may_choose_rules_instead_of_weights(make_database: MakeDatabase) -> None:
    chosen = {"policy": "deterministic", "rules": [["given", "family", "birth"]], "ask_rules": [["family", "birth"]]}
    index = a_patient_index(make_database, matching=MatchingSettings.model_validate(chosen))
    moved = replace(LENA, addresses=(), telecoms=())
    for patient_id, person in ((an_id("1"), LENA), (an_id("9", CLINIC), moved), (an_id("L5", LAB), TWIN)):
        index.feed(an_update(patient_id, demographics=person))
        index.work()

    nine = index.record(an_id("9", CLINIC))
    with index.database.read() as connection:
        link = store.links(connection, [nine.id])[nine.id]
    (asked,) = [w.review for w in index.viewing.reviews()]
    assert index.clusters() == {frozenset({"1", "9"}), frozenset({"L5"})}
    assert (link.kind, link.model) == (LinkKind.AUTOMATIC, RULES_VERSION)
    assert "given + family + birth" in link.reason
    assert (asked.reason, "family + birth" in asked.detail) == (ReviewReason.MAYBE_SAME, True)


def test_a_link_by_a_rule_that_holds_no_more_is_doubted(make_database: MakeDatabase) -> None:
    chosen = {"policy": "deterministic", "rules": [["given", "family", "birth"]], "ask_rules": [["family", "birth"]]}
    index = a_patient_index(make_database, matching=MatchingSettings.model_validate(chosen))
    for person in (LENA, OTTO):
        for patient_id in (an_id("1"), an_id("9", CLINIC)):
            index.feed(an_update(patient_id, demographics=LENA if patient_id == an_id("1") else person))
            index.work()

    assert index.clusters() == {frozenset({"1", "9"})}
    assert [w.review.reason for w in index.viewing.reviews()] == [ReviewReason.WEAKENED]
