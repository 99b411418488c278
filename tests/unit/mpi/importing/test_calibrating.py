"""mpi.importing.calibrating"""

from __future__ import annotations

from pathlib import Path

import pytest

from kernel.errors import Rejected
from mpi.importing.calibrating import Calibrating
from mpi.linkage.shipped import shipped_model
from mpi.stewardship import Verdict
from tests.conftest import MakeDatabase
from tests.support.imports import a_batch, a_file, a_population, a_row, link, load, models_of
from tests.support.patients import ADMINISTRATOR, PatientIndex, a_patient_index, an_affinity_domain


def an_index(make_database: MakeDatabase) -> PatientIndex:
    """An index that takes any source."""
    return a_patient_index(make_database, affinity=an_affinity_domain(accept_new_authorities=True))


def calibrating(index: PatientIndex) -> Calibrating:
    """Calibration of an index."""
    return Calibrating(index.index, models_of(index), a_batch(index))


def test_thresholds_are_set_as_a_model_of_their_own_which_one_command_takes_back(
    make_database: MakeDatabase, tmp_path: Path
) -> None:
    index = an_index(make_database)
    load(index, a_population(tmp_path, 2000)[0])
    link(index)
    trained = models_of(index).in_force()

    kept = calibrating(index).calibrate("ann", target=0.98, is_used=False)
    in_force = models_of(index).in_force()
    used = calibrating(index).calibrate("ann", target=0.98)

    assert in_force == trained
    assert models_of(index).in_force() == used.model
    assert used.model.version.startswith("calibrated-")
    assert used.model.version != kept.model.version
    assert used.model.levels == trained.levels
    assert used.before == trained.thresholds
    assert 0 < used.expected.wrong <= 0.02 * used.expected.pairs
    assert used.model.thresholds.link == used.expected.link
    with index.database.begin() as work:
        models_of(index).use(work, trained.version)
    assert models_of(index).in_force() == trained


def test_answered_reviews_that_deny_the_weights_raise_the_thresholds(make_database: MakeDatabase, tmp_path: Path) -> None:
    index = an_index(make_database)
    load(index, a_population(tmp_path, 2000)[0])
    link(index)
    before = calibrating(index).calibrate("ann", target=0.98, is_used=False)
    for summary in index.viewing.reviews(limit=12):
        index.stewardship.resolve_review(summary.review.id, Verdict.DIFFERENT, ADMINISTRATOR)

    after = calibrating(index).calibrate("ann", target=0.98)

    assert before.answers == 0
    assert after.answers == 12
    assert after.curve.weight(2.0) < 1.5
    assert after.model.thresholds.link >= before.model.thresholds.link
    assert after.model.thresholds.review > before.model.thresholds.review


def test_nothing_is_kept_where_no_threshold_is_borne_out(make_database: MakeDatabase, tmp_path: Path) -> None:
    index = an_index(make_database)
    load(index, a_file(tmp_path, [a_row("1"), a_row("2", source="B")]))

    with pytest.raises(Rejected):
        calibrating(index).calibrate("ann")

    assert [model.version for model in models_of(index).versions()] == [shipped_model().version]
