"""What guards a page."""

from __future__ import annotations

from console.guard import page, roles_of
from console.store import Role


def test_a_guarded_page_knows_whose_it_is() -> None:
    view = page(Role.AUDITOR)(lambda: "")

    assert roles_of(view) == (Role.AUDITOR,)


def test_a_page_for_no_role_in_particular_is_for_all_roles() -> None:
    view = page()(lambda: "")

    assert roles_of(view) == tuple(Role)


def test_a_page_without_a_guard_is_known_as_such() -> None:
    assert roles_of(lambda: "") is None
