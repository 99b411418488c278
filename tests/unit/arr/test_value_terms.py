"""The terms of one value as it stands in the XML."""

from __future__ import annotations

import pytest

from arr.terms import Kind, term
from arr.value_terms import NotPlain, of_detail, of_name_words, of_patient, of_user_id, text_of


def test_the_five_entities_are_what_they_stand_for_and_only_once() -> None:
    assert text_of(b"&amp;lt; &lt;&gt;&quot;&apos;") == "&lt; <>\"'"


def test_a_patient_is_found_by_id_and_authority() -> None:
    assert of_patient(b"7^^^N&amp;1.2.3&amp;ISO") == (term(Kind.PATIENT, "7^^^&1.2.3&ISO"),)


def test_a_user_of_an_assertion_is_found_by_alias_and_id_too() -> None:
    assert of_user_id(b"Who&lt;who@example.org&gt;") == tuple(
        term(Kind.USER, text) for text in ("Who<who@example.org>", "Who", "who")
    )


def test_an_empty_value_has_no_terms() -> None:
    assert of_user_id(b"") == of_name_words(b"") == of_detail(b"") == ()


def test_a_detail_that_is_not_base64_is_not_plain() -> None:
    with pytest.raises(NotPlain):
        of_detail(b"VVRGL")


def test_a_long_value_has_the_same_terms_as_a_short_one_would() -> None:
    long = b"x" * 1_000

    assert of_user_id(long) == of_user_id(long) == (term(Kind.USER, "x" * 1_000),)
