"""kernel.codes"""

from __future__ import annotations

from kernel.codes import Code


def test_a_code_is_the_same_whatever_it_is_shown_as() -> None:
    assert Code("A", "2.999", "Letter").key == Code("A", "2.999", "Brief").key


def test_a_code_of_another_scheme_is_another_code() -> None:
    assert Code("A", "2.999").key != Code("A", "2.998").key
