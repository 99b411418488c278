"""mpi.linkage.calibration"""

from __future__ import annotations

import pytest

from mpi.linkage.calibration import Curve, calibrate, curve_of, expected, lower_bound
from mpi.linkage.weights import probability_of


def test_without_evidence_nothing_is_sure() -> None:
    assert lower_bound(0, 0) == 0.0
    assert calibrate([]).link is None


def test_a_thousand_right_links_do_not_bear_out_999_in_1000_but_three_thousand_do() -> None:
    few = calibrate([(9.0, True)] * 1000)
    many = calibrate([(9.0, True)] * 3000)

    assert (few.link, few.reviewed) == (None, 1000)
    assert (many.link, many.wrong) == (9.0, 0)
    assert many.lower_bound >= 0.999


def test_the_threshold_stands_above_the_errors() -> None:
    reviewed = [(12.0, True)] * 3000 + [(8.0, True)] * 500 + [(6.0, False)] * 40 + [(5.0, True)] * 100

    assert calibrate(reviewed).link == 8.0


def test_pairs_of_one_weight_stand_or_fall_together() -> None:
    reviewed = [(8.0, True)] * 3000 + [(8.0, False)] * 100

    assert calibrate(reviewed).link is None


def test_the_bound_is_that_of_wilson() -> None:
    assert lower_bound(90, 10) == pytest.approx(0.83964, abs=1e-4)


def answers(odds: dict[float, float], each: int = 400) -> list[tuple[float, bool]]:
    """Answered pairs of some weights, of which a share was one person."""
    return [(weight, n < share * each) for weight, share in odds.items() for n in range(each)]


def test_without_answers_a_weight_means_what_it_says() -> None:
    assert curve_of([]) == Curve(0.0, 1.0)


def test_answers_that_bear_the_weights_out_leave_the_curve_where_it_is() -> None:
    found = curve_of(answers({weight: probability_of(weight) for weight in (-2.0, 0.0, 2.0, 4.0)}))

    assert found.shift == pytest.approx(0.0, abs=0.15)
    assert found.slope == pytest.approx(1.0, abs=0.1)


def test_answers_that_deny_the_weights_move_the_curve_and_few_of_them_hardly() -> None:
    denying = {0.0: probability_of(-2.0), 2.0: probability_of(0.0), 4.0: probability_of(2.0)}

    many, few = curve_of(answers(denying)), curve_of([(0.0, False)])

    assert many.weight(4.0) == pytest.approx(2.0, abs=0.3)
    assert many.weight(0.0) < few.weight(0.0) < 0.0
    assert many.at(many.weight(3.0)) == pytest.approx(3.0)


def test_the_curve_is_found_where_every_answer_is_the_same() -> None:
    always = curve_of([(1.0, True)] * 500)

    assert always.weight(1.0) > 3.0


def test_the_threshold_is_the_lowest_at_which_few_enough_links_are_wrong() -> None:
    pairs = [20.0] * 20_000 + [7.0] * 1_000 + [5.0] * 1_000 + [3.0] * 1_000

    found = expected(pairs, Curve())
    doubted = expected(pairs, Curve(shift=-3.0))

    assert found is not None
    assert doubted is not None
    assert (found.link, found.pairs) == (5.25, 21_000)
    assert found.wrong <= 21.0
    assert doubted.link > 7.0


def test_no_threshold_is_found_where_no_link_is_sure_enough() -> None:
    assert expected([], Curve()) is None
    assert expected([6.0] * 100, Curve()) is None
