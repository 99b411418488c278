"""Times and texts as metadata hold them."""

from __future__ import annotations

import pytest

from content.facts import component, in_utc


@pytest.mark.parametrize(
    ("sent", "held"),
    [
        ("20141015103026-0500", "20141015153026"),
        ("20050329224411+0500", "20050329174411"),
        ("201410151030", "201410151030"),
        ("201410151030+0130", "201410150900"),
        ("20141015", "20141015"),
        ("20141015103026.123-0500", "20141015153026"),
        ("2014", "2014"),
        ("20141399", ""),
        ("yesterday", ""),
        ("", ""),
    ],
)
def test_a_time_keeps_its_precision_and_loses_its_zone(sent: str, held: str) -> None:
    assert in_utc(sent) == held


@pytest.mark.parametrize(
    ("text", "held"), [("Smith", "Smith"), (" O'Neil ^ & Sons~|\\ ", "O'Neil Sons"), ("a\x00b\nc", "a b c"), ("", "")]
)
def test_a_delimiter_in_a_name_makes_no_second_component(text: str, held: str) -> None:
    assert component(text) == held
