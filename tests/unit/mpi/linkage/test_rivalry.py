"""mpi.linkage.rivalry"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from mpi.linkage.candidates import Pairs
from mpi.linkage.rivalry import TRUSTING_LINK, contested, trusted
from mpi.linkage.shipped import shipped_model
from mpi.linkage.weighing import Weighed

_MODEL = shipped_model()
_MARGIN = _MODEL.thresholds.margin


def _weighed(size: int, weights: dict[tuple[int, int], float], open_who: bool = False) -> Weighed:
    keys = sorted(weights)
    return Weighed(
        np.array([a * size + b for a, b in keys], np.int64),
        np.array([weights[key] for key in keys], np.float32),
        np.zeros(len(keys), np.float32),
        np.zeros(len(keys), np.bool_),
        np.full(len(keys), open_who),
    )


def _between(weight: float, apart: bool = False) -> Callable[[Pairs], Weighed]:
    def weigh(pairs: Pairs) -> Weighed:
        count = len(pairs)
        return Weighed(pairs, np.full(count, weight, np.float32), np.zeros(count, np.float32), np.full(count, apart))

    return weigh


def test_a_record_like_two_others_who_are_different_people_is_contested() -> None:
    weighed = _weighed(3, {(0, 1): 8.0, (0, 2): 6.0})

    found = contested(3, weighed, _between(-20.0), _MODEL)

    assert found.tolist() == [True, True]


def test_a_second_person_beyond_the_margin_contests_nothing_of_the_first() -> None:
    weighed = _weighed(3, {(0, 1): 8.0, (0, 2): 8.0 - _MARGIN - 0.5})

    found = contested(3, weighed, _between(-20.0), _MODEL)

    assert found.tolist() == [False, True]


def test_three_records_alike_all_round_do_not_contest_each_other() -> None:
    weighed = _weighed(3, {(0, 1): 8.0, (0, 2): 8.0})

    assert not contested(3, weighed, _between(1.0), _MODEL).any()
    assert contested(3, weighed, _between(1.0, apart=True), _MODEL).all()


def test_a_newborn_without_a_name_does_not_make_one_person_of_two_it_resembles() -> None:
    named = _weighed(3, {(0, 1): 8.0, (0, 2): 8.0})
    nameless = _weighed(3, {(0, 1): 8.0, (0, 2): 8.0}, open_who=True)

    assert not contested(3, named, _between(0.0), _MODEL).any()
    assert contested(3, nameless, _between(0.0), _MODEL).all()


def test_records_people_said_to_be_one_person_are_no_rivals() -> None:
    weighed = _weighed(3, {(0, 1): 8.0, (0, 2): 8.0})

    assert not contested(3, weighed, _between(-20.0), _MODEL, np.array([0, 1, 1])).any()


def _matched(couples: int, marginal: float) -> tuple[int, Weighed]:
    """So many pairs of records, a part of which weigh less than a link must."""
    return 2 * couples, _weighed(
        2 * couples, {(2 * n, 2 * n + 1): _MODEL.thresholds.link - 2.5 if n < couples * marginal else 20.0 for n in range(couples)}
    )


def test_many_links_of_which_none_is_contested_lower_the_threshold() -> None:
    size, weighed = _matched(5_000, 0.1)

    model = trusted(_MODEL, size, weighed, np.zeros(len(weighed.pairs), np.bool_))

    assert model.thresholds.link == TRUSTING_LINK
    assert model.thresholds.review == _MODEL.thresholds.review


@pytest.mark.parametrize(("couples", "every"), [(5_000, 5), (1_000, 0)], ids=["contested", "too few to tell"])
def test_contested_or_few_links_leave_the_threshold_where_it_was(couples: int, every: int) -> None:
    size, weighed = _matched(couples, 0.1)
    disputed = np.zeros(len(weighed.pairs), np.bool_)
    if every:
        disputed[: couples // 10 : every] = True

    assert trusted(_MODEL, size, weighed, disputed) == _MODEL


def test_where_most_records_have_no_partner_the_threshold_stays() -> None:
    _, weighed = _matched(5_000, 0.1)
    crowd = 100_000
    pairs = (weighed.pairs // 10_000) * crowd + weighed.pairs % 10_000
    weighed = Weighed(pairs, weighed.weights, weighed.surplus, weighed.apart)

    assert trusted(_MODEL, crowd, weighed, np.zeros(len(pairs), np.bool_)) == _MODEL
