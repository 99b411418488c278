"""hl7v2.places"""

from __future__ import annotations

import pytest

from hl7v2.places import Place, parse_place


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("PID", Place("PID")),
        ("PID[2]", Place("PID", 2)),
        ("PID-3", Place("PID", 1, 3)),
        ("PID-3[2].4.2", Place("PID", 1, 3, 2, 4, 2)),
        ("NK1[3]-33[1].1", Place("NK1", 3, 33, 1, 1)),
    ],
)
def test_a_place_is_read(text: str, place: Place) -> None:
    assert parse_place(text) == place


@pytest.mark.parametrize("text", ["", "pid-3", "PID-", "PID-3.", "PID-3[x]", "/a/b[2]", "PID-3.1.1.1", "PIDX-3"])
def test_what_is_not_a_place_gives_none(text: str) -> None:
    assert parse_place(text) is None


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("PID", ("PID", "1")),
        ("PID-5", ("PID", "1", "5")),
        ("QPD-3[1].4", ("QPD", "1", "3", "1", "4")),
        ("QPD-4[2]", ("QPD", "1", "4", "2")),
        ("MSH-9.2", ("MSH", "1", "9", "1", "2")),
        ("PID-3[2].4.2", ("PID", "1", "3", "2", "4", "2")),
        ("PID[2]-3", ("PID", "2", "3")),
    ],
)
def test_a_place_is_written_as_err_2_asks(text: str, parts: tuple[str, ...]) -> None:
    place = parse_place(text)

    assert place is not None
    assert place.parts == parts
