"""The head of the pages."""

from __future__ import annotations

from console.navigation import ENTRIES, entries
from console.store import Role
from tests.support.console import Desk


def test_every_entry_leads_to_a_page_that_its_role_may_open(desk: Desk) -> None:
    known = {rule.endpoint for rule in desk.app.url_map.iter_rules()}

    assert {name for entry in ENTRIES for name in (entry.endpoint, *entry.below)} <= known


def test_every_role_has_somewhere_to_begin() -> None:
    assert all(entries(role) for role in Role)


def test_a_page_shows_where_it_is(desk: Desk) -> None:
    browser = desk.signed_in(Role.ADMINISTRATOR)

    browser.open("/identities/decisions")

    assert [a.text for a in browser.all("//nav//a[@aria-current='page']")] == ["Decisions"]
