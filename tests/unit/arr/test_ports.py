"""arr.ports"""

from __future__ import annotations

from arr.ports import NoDirectory


def test_without_an_index_nobody_has_another_identifier() -> None:
    assert NoDirectory().identifiers("4711^^^&1.2.3&ISO") == ()
