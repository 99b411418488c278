"""mpi.linkage.shipped"""

from __future__ import annotations

from mpi.linkage.comparison import compare
from mpi.linkage.shipped import shipped_model
from mpi.linkage.weights import score
from tests.support.people import a_record


def test_the_starting_model_links_a_plain_match_and_no_relative() -> None:
    model, here = shipped_model(), a_record()
    again = a_record(source_id="B:7", local_ids=())
    sister = a_record(source_id="B:8", local_ids=(), given="BETTY", middle="", birth="19730911", emails=())

    assert score(compare(here, again), model, here, again).is_linkable
    assert score(compare(here, sister), model, here, sister).weight < model.thresholds.review


def test_thresholds_are_in_order() -> None:
    thresholds = shipped_model().thresholds

    assert 0 <= thresholds.review < thresholds.link
    assert thresholds.margin > 0
