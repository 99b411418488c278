"""mpi.importing.learning"""

from __future__ import annotations

from pathlib import Path

import pytest

from mpi import store
from mpi.importing.learning import Learning
from mpi.linkage.shipped import shipped_model
from mpi.model import ReviewReason
from mpi.models import Models
from mpi.settings import MatchingSettings
from mpi.stewardship import Verdict
from tests.conftest import MakeDatabase
from tests.support.imports import a_batch, a_population, load
from tests.support.patients import ADMINISTRATOR, PatientIndex, a_patient_index, an_affinity_domain


def an_index(make_database: MakeDatabase, folder: Path, records: int, **settings: int) -> PatientIndex:
    """An index of made-up people that nobody has matched."""
    affinity = an_affinity_domain(accept_new_authorities=True)
    index = a_patient_index(make_database, affinity=affinity, matching=MatchingSettings.model_validate(settings))
    load(index, a_population(folder, records)[0])
    return index


def learning_of(index: PatientIndex) -> tuple[Learning, Models]:
    """What learns, and the models it learns."""
    models = Models(index.database, monotonic=iter(range(0, 10_000, 100)).__next__)
    return Learning(index.index, models, a_batch(index)), models


def test_a_young_index_learns_once_it_has_enough_and_again_when_it_has_doubled(make_database: MakeDatabase, tmp_path: Path) -> None:
    index = an_index(make_database, tmp_path, 900)
    learning, models = learning_of(index)

    too_few = learning.learn()
    load(index, a_population(tmp_path, 1200)[0])
    first, at_once = learning.learn(), learning.learn()
    load(index, a_population(tmp_path, 2400)[0])
    second = learning.learn()
    with index.database.read() as connection:
        records = store.record_count(connection)

    assert (too_few, at_once) == (None, None)
    assert first is not None
    assert second is not None
    assert (second.population, second.population >= 2 * first.population) == (records, True)
    assert models.in_force().version == second.version


def test_a_model_that_somebody_chose_stays(make_database: MakeDatabase, tmp_path: Path) -> None:
    index = an_index(make_database, tmp_path, 1100)
    learning, models = learning_of(index)
    assert learning.learn() is not None
    load(index, a_population(tmp_path, 2300)[0])

    with index.database.begin() as work:
        models.use(work, shipped_model().version)
    gone_back = learning.learn()
    trained = a_batch(index).train("anna")
    load(index, a_population(tmp_path, 4700)[0])

    assert gone_back is None
    assert learning.learn() is None
    assert models.in_force().version == trained.version


@pytest.mark.parametrize("most", [0, 1000])
def test_nothing_is_learnt_where_the_settings_forbid_it(make_database: MakeDatabase, tmp_path: Path, most: int) -> None:
    index = an_index(make_database, tmp_path, 1100, learn_records=most)

    assert learning_of(index)[0].learn() is None


def test_what_people_said_in_reviews_is_learnt_from(make_database: MakeDatabase, tmp_path: Path) -> None:
    index = an_index(make_database, tmp_path, 1100)
    batch = a_batch(index)
    before = batch.train("anna")
    batch.apply(batch.propose(model=before))
    doubts = [w.review for w in index.viewing.reviews(limit=100) if w.review.reason is ReviewReason.MAYBE_SAME]
    for review in doubts[:10]:
        index.stewardship.resolve_review(review.id, Verdict.SAME, ADMINISTRATOR)

    after = a_batch(index).train("anna")

    assert len(doubts) > 10
    assert after.per_record[0] > before.per_record[0]
