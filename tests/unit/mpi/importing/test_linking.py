"""mpi.importing.linking"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from kernel.errors import Rejected
from mpi import review_store
from mpi.importing import linking
from mpi.linkage.rules import RULES_VERSION
from mpi.linkage.shipped import shipped_model
from mpi.linkage.weights import Explanation
from mpi.model import LinkKind, ReviewReason
from mpi.review_store import Question
from mpi.settings import MatchingSettings
from mpi.stewardship import Verdict
from mpi.tables import LINK
from tests.conftest import MakeDatabase
from tests.support.imports import JOHN, a_batch, a_file, a_population, a_row, link, load, models_of
from tests.support.patients import ADMINISTRATOR, CLINIC, LAB, PatientIndex, a_patient_index, an_affinity_domain, an_id

ELDER, YOUNGER = {"suffix": "SR"}, {"suffix": "JR"}
"""Of two who are alike in everything else, what makes a machine ask."""


def an_index(make_database: MakeDatabase, folder: Path, *rows: dict[str, str]) -> PatientIndex:
    """An index with these records."""
    index = a_patient_index(make_database, affinity=an_affinity_domain(accept_new_authorities=True))
    if rows:
        load(index, a_file(folder, rows))
    return index


def test_records_of_one_person_become_one_with_reason_weight_and_model(make_database: MakeDatabase, tmp_path: Path) -> None:
    index = an_index(make_database, tmp_path, a_row("1"), a_row("2", source="CLINIC_B"), a_row("3", JOHN))

    applied = link(index)

    assert (applied.persons, applied.joined, applied.questions, applied.passed_over) == (1, 1, 0, 0)
    assert index.clusters() == {frozenset("12"), frozenset("3")}
    with index.database.read() as connection:
        (row,) = connection.execute(sa.select(LINK)).mappings()
    one, two = index.record(an_id("1")), index.record(an_id("2", CLINIC))
    assert two.person == one.person == one.id
    assert (row["record"], row["kind"], row["model"], row["via"]) == (two.id, "automatic", shipped_model().version, one.id)
    assert Explanation.from_json(row["explanation"]).weight == pytest.approx(row["weight"], abs=0.01)


def test_a_second_batch_finds_nothing_to_do(make_database: MakeDatabase, tmp_path: Path) -> None:
    index = an_index(
        make_database, tmp_path, a_row("1", **ELDER), a_row("2", source="CLINIC_B", **ELDER), a_row("3", source="LAB", **YOUNGER)
    )
    first = link(index)

    again = link(index)

    assert (first.joined, first.questions) == (1, 1)
    assert (again.persons, again.joined, again.questions) == (0, 0, 0)


def test_each_person_that_others_join_is_an_act_that_can_be_taken_back(make_database: MakeDatabase, tmp_path: Path) -> None:
    rows = [a_row("1"), a_row("2", source="CLINIC_B"), a_row("3", source="LAB"), a_row("4", JOHN), a_row("5", JOHN, source="LAB")]
    index = an_index(make_database, tmp_path, *rows)
    before = index.clusters()
    link(index)
    together = index.clusters()
    acts = [act for act in index.viewing.acts() if act.comment == "batch"]

    index.stewardship.undo(acts[0].id, ADMINISTRATOR)
    index.stewardship.undo(acts[1].id, ADMINISTRATOR)

    assert together == {frozenset("123"), frozenset("45")}
    assert len(acts) == 2
    assert index.clusters() == before


def test_what_was_taken_back_stays_apart_in_the_next_batch(make_database: MakeDatabase, tmp_path: Path) -> None:
    index = an_index(make_database, tmp_path, a_row("1"), a_row("2", source="CLINIC_B"))
    link(index)
    index.stewardship.unlink(index.record(an_id("2", CLINIC)).id, ADMINISTRATOR)

    applied = link(index)

    assert (applied.joined, applied.questions) == (0, 0)
    assert index.clusters() == {frozenset("1"), frozenset("2")}


def test_persons_that_people_made_stay_whole(make_database: MakeDatabase, tmp_path: Path) -> None:
    index = an_index(make_database, tmp_path, a_row("1"), a_row("2", JOHN), a_row("3", JOHN, source="LAB"))
    index.stewardship.link(index.record(an_id("1")).id, index.record(an_id("2")).id, ADMINISTRATOR)

    link(index)

    assert frozenset("12") <= next(cluster for cluster in index.clusters() if "1" in cluster)
    with index.database.read() as connection:
        kinds = {row.record: row.kind for row in connection.execute(sa.select(LINK.c.record, LINK.c.kind))}
    assert kinds[index.record(an_id("2")).id] == LinkKind.MANUAL.value


def test_a_pair_between_is_asked_about_once(make_database: MakeDatabase, tmp_path: Path) -> None:
    rows = [a_row("1", **ELDER), a_row("2", source="CLINIC_B", **ELDER), a_row("3", source="LAB", **YOUNGER)]
    index = an_index(make_database, tmp_path, *rows)

    link(index)

    (summary,) = index.viewing.reviews()
    review = summary.review
    assert review.record == index.record(an_id("3", LAB)).id
    assert review.person == index.record(an_id("1")).person
    assert review.reason is ReviewReason.MAYBE_SAME
    assert Explanation.from_json(review.explanation).weight == pytest.approx(review.weight, abs=0.01)


def test_what_an_administrator_decided_is_not_asked_again(make_database: MakeDatabase, tmp_path: Path) -> None:
    index = an_index(make_database, tmp_path, a_row("1", **ELDER), a_row("3", source="LAB", **YOUNGER))
    link(index)
    (summary,) = index.viewing.reviews()
    index.stewardship.resolve_review(summary.review.id, Verdict.DIFFERENT, ADMINISTRATOR)

    assert link(index).questions == 0
    assert index.viewing.reviews() == ()


def test_a_question_is_withdrawn_when_the_two_become_one_and_stands_again_when_that_is_taken_back(
    make_database: MakeDatabase, tmp_path: Path
) -> None:
    index = an_index(make_database, tmp_path, a_row("1"), a_row("2", source="CLINIC_B"))
    one, two = index.record(an_id("1")).id, index.record(an_id("2", CLINIC)).id
    with index.database.begin() as work:
        review_store.ask(work.connection, Question(two, one, ReviewReason.MAYBE_SAME, "", 1.0, ""), 99, work.now)

    link(index)

    assert index.clusters() == {frozenset("12")}
    assert index.viewing.reviews() == ()
    (act,) = (act for act in index.viewing.acts() if act.comment == "batch")
    index.stewardship.undo(act.id, ADMINISTRATOR)
    assert index.clusters() == {frozenset("1"), frozenset("2")}


def test_a_proposal_changes_nothing_and_says_what_it_would_change(make_database: MakeDatabase, tmp_path: Path) -> None:
    rows = [a_row("1"), a_row("2", source="CLINIC_B"), a_row("4", JOHN)]
    index = an_index(make_database, tmp_path, *rows)
    wrong = (index.record(an_id("1")).id, index.record(an_id("4")).id)
    index.stewardship.link(*wrong, ADMINISTRATOR)
    before = index.clusters()
    batch = a_batch(index)

    foreseen = batch.changes(batch.propose(model=shipped_model()))

    assert index.clusters() == before
    assert foreseen.joined.lost_pairs == 0
    assert (foreseen.parted.lost_pairs, foreseen.parted.split) == (1, 1)
    assert foreseen.split_samples == (wrong,)


def test_persons_that_moved_since_they_were_read_are_left_alone(make_database: MakeDatabase, tmp_path: Path) -> None:
    index = an_index(
        make_database, tmp_path, a_row("1"), a_row("2", source="CLINIC_B"), a_row("4", JOHN), a_row("5", JOHN, source="LAB")
    )
    batch = a_batch(index)
    proposal = batch.propose()
    index.stewardship.link(index.record(an_id("2", CLINIC)).id, index.record(an_id("4")).id, ADMINISTRATOR)

    applied = batch.apply(proposal)

    assert applied.passed_over + applied.persons == 2
    assert frozenset("24") <= next(cluster for cluster in index.clusters() if "2" in cluster)


def test_a_decision_made_meanwhile_is_respected(make_database: MakeDatabase, tmp_path: Path) -> None:
    index = an_index(make_database, tmp_path, a_row("1"), a_row("2", source="CLINIC_B"))
    one, two = index.record(an_id("1")).id, index.record(an_id("2", CLINIC)).id
    batch = a_batch(index)
    proposal = batch.propose()
    index.stewardship.link(one, two, ADMINISTRATOR)
    index.stewardship.unlink(two, ADMINISTRATOR)

    applied = batch.apply(proposal)

    assert (applied.persons, applied.passed_over) == (0, 1)
    assert index.clusters() == {frozenset("1"), frozenset("2")}


def test_a_model_is_trained_kept_and_put_in_force_by_a_batch_of_many(make_database: MakeDatabase, tmp_path: Path) -> None:
    index = an_index(make_database, tmp_path)
    load(index, a_population(tmp_path, 1200)[0])

    applied = link(index)

    models = models_of(index)
    assert applied.model.startswith("batch-")
    assert models.in_force().version == applied.model
    assert models.in_force().population == 1200


def test_training_needs_enough_records_and_can_leave_the_model_in_force(make_database: MakeDatabase, tmp_path: Path) -> None:
    index = an_index(make_database, tmp_path, a_row("1"))
    with pytest.raises(Rejected):
        a_batch(index).train("anna")
    load(index, a_population(tmp_path, 1200)[0])

    trained = a_batch(index).train("anna", is_used=False)

    models = models_of(index)
    assert models.in_force() == shipped_model()
    assert models.model(trained.version) == trained


def test_an_empty_index_is_linked_at_once(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database)

    assert link(index).persons == 0


def test_a_batch_goes_by_the_rules_of_the_domain(make_database: MakeDatabase, tmp_path: Path) -> None:
    chosen = {"policy": "deterministic", "rules": [["given", "family", "birth"]], "ask_rules": [["family", "birth"]]}
    affinity = an_affinity_domain(accept_new_authorities=True)
    index = a_patient_index(make_database, affinity=affinity, matching=MatchingSettings.model_validate(chosen))
    rows = [a_row("1"), a_row("2", source="CLINIC_B", street="", phone=""), a_row("3", source="LAB", given="Maud")]
    load(index, a_file(tmp_path, rows))

    applied = link(index)

    with index.database.read() as connection:
        (row,) = connection.execute(sa.select(LINK)).mappings()
    assert index.clusters() == {frozenset("12"), frozenset("3")}
    assert (applied.joined, applied.questions, row["model"]) == (1, 1, RULES_VERSION)


def test_who_a_stricter_model_would_part_is_asked_about_and_not_parted(make_database: MakeDatabase, tmp_path: Path) -> None:
    rows = [a_row("1"), a_row("2", source="CLINIC_B"), a_row("4", JOHN), a_row("5", JOHN, source="LAB", phone="", street="")]
    index = an_index(make_database, tmp_path, *rows)
    link(index)
    index.stewardship.link(index.record(an_id("1")).id, index.record(an_id("4")).id, ADMINISTRATOR)
    together, batch = index.clusters(), a_batch(index)
    strict = replace(shipped_model(), thresholds=replace(shipped_model().thresholds, link=200.0), version="strict")

    proposal = batch.propose(model=strict)
    foreseen = batch.changes(proposal)
    asked = [batch.ask_about_splits(proposal, foreseen) for _ in range(2)]

    doubts = {w.review.record for w in index.viewing.reviews() if w.review.reason is ReviewReason.WEAKENED}
    assert asked == [2, 0]
    assert doubts == {index.record(an_id("2", CLINIC)).id, index.record(an_id("5", LAB)).id}
    assert index.clusters() == together == {frozenset("1245")}


def test_a_batch_that_was_cut_short_is_simply_begun_again(
    make_database: MakeDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [a_row("1"), a_row("2", source="CLINIC_B"), a_row("4", JOHN), a_row("5", JOHN, source="LAB")]
    index = an_index(make_database, tmp_path, *rows)
    batch = a_batch(index)
    monkeypatch.setattr(linking, "_JOINS_AT_ONCE", 1)

    def cut(step: str) -> None:
        if step.startswith("joining persons, 1"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        batch.apply(batch.propose(), tell=cut)
    half = index.clusters()
    rest = link(index)

    assert len(half) == 3
    assert index.clusters() == {frozenset("12"), frozenset("45")}
    assert rest.joined == 1
