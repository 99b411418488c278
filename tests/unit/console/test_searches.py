"""Searches that are kept."""

from __future__ import annotations

from datetime import timedelta

from tests.support.clocks import TickingClock
from tests.support.console import Desk


def test_a_search_is_found_by_its_id_which_tells_nothing_of_it(desk: Desk) -> None:
    fields = {"patient": "4711^^^&1.2.3&ISO"}

    name = desk.searches.keep("anna", fields)

    assert desk.searches.fields(name) == fields
    assert "4711" not in name


def test_a_search_that_never_was_is_none(desk: Desk) -> None:
    assert desk.searches.fields("nothing") is None


def test_a_search_is_forgotten_after_ninety_days(desk: Desk, clock: TickingClock) -> None:
    name = desk.searches.keep("anna", {"user": "bruno"})
    clock.present += timedelta(days=91)

    desk.searches.keep("anna", {"user": "carla"})

    assert desk.searches.fields(name) is None
