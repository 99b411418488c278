"""mpi.linkage.calibration"""

from __future__ import annotations

import pytest

from mpi.linkage.calibration import calibrate, lower_bound


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
