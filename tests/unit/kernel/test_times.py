"""kernel.times"""

from __future__ import annotations

import pytest

from kernel.times import is_xds_dtm, parse_dtm


@pytest.mark.parametrize(
    ("text", "floor"),
    [
        ("1984", 19840101000000),
        ("198403", 19840301000000),
        ("20260229", None),
        ("20261122101500+0100", 20261122091500),
        ("20261122101500.1234-0530", 20261122154500),
        ("2026112210", 20261122100000),
        ("202611221015+0100", 20261122091500),
        ("19841317", None),
        ("84", None),
        ("20161231235960", 20161231235959),
    ],
)
def test_a_time_means_the_earliest_instant_it_may_and_no_other_day(text: str, floor: int | None) -> None:
    read = parse_dtm(text)

    assert (read.floor if read else None) == floor


@pytest.mark.parametrize("text", ["20261122101500+0100", "20261122101500.1", "", "19841399"])
def test_a_zone_or_a_fraction_is_no_xds_time(text: str) -> None:
    assert not is_xds_dtm(text)


def test_a_time_is_kept_as_it_was_sent() -> None:
    read = parse_dtm("20261122101500.1234-0530")

    assert read is not None
    assert (read.text, read.digits, read.zone) == ("20261122101500.1234-0530", "20261122101500", "-0530")
