"""An index that takes a file in ends where the library does: all at once, and one record after the other."""

from __future__ import annotations

from pathlib import Path

from bench.linkage.population import COLUMNS, Population
from bench.linkage.scoring import of_clusters
from mpi.importing.clusters import Links
from mpi.linkage.columns import from_raw
from mpi.linkage.linking import link_batch
from mpi.model import ReviewState
from tests.conftest import MakeDatabase
from tests.support.imports import a_population, exported, labels, link, load
from tests.support.patients import a_patient_index, an_affinity_domain

_RECORDS = 1_200
_FED = 700
_SEED = 4242
_ENOUGH = 0.005
"""By so much F1 of one record after the other may differ from that of a batch."""


def test_a_batch_over_the_index_puts_together_what_the_library_does(make_database: MakeDatabase, tmp_path: Path) -> None:
    index = a_patient_index(make_database, affinity=an_affinity_domain(accept_new_authorities=True))
    path, _ = a_population(tmp_path, _RECORDS, _SEED)
    rows = [row for _, row in Population(_SEED).records(_RECORDS)]
    expected = link_batch(from_raw({name: [row[name] for row in rows] for name in COLUMNS}))

    load(index, path, block=700)
    applied = link(index)

    found = of_clusters(labels(exported(index, Links.AUTO)), expected.automatic)
    assert (found.precision, found.recall) == (1.0, 1.0)
    assert applied.questions == len(index.viewing.reviews(ReviewState.OPEN, limit=_RECORDS)) > 0


def test_one_record_after_the_other_the_index_ends_where_a_batch_does(make_database: MakeDatabase, tmp_path: Path) -> None:
    index = a_patient_index(make_database, affinity=an_affinity_domain(accept_new_authorities=True))
    if not index.database.is_sqlite:
        return
    path, truth = a_population(tmp_path, _FED, _SEED)
    rows = [row for _, row in Population(_SEED).records(_FED)]
    columns = from_raw({name: [row[name] for row in rows] for name in COLUMNS})

    load(index, path, is_queued=True)
    index.work()

    one_by_one = of_clusters(labels(exported(index, Links.AUTO)), truth)
    at_once = of_clusters(link_batch(columns).automatic, truth)
    assert abs(one_by_one.f1 - at_once.f1) < _ENOUGH
