"""soap.exchange"""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from soap.exchange import ANONYMOUS, Addressing, Answer, Outcome, PartHeaders, SoapHooks, SoapResponse
from tests.support.soap import ASK_OPERATION


def test_values_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Answer(()).body = (b"x",)  # type: ignore[misc]  # that is the point


def test_an_answer_goes_back_where_nothing_else_is_said() -> None:
    assert Addressing("urn:a", "urn:m").reply_to == ANONYMOUS


def test_hooks_do_nothing_where_none_are_given() -> None:
    hooks = SoapHooks()

    assert hooks.before(ASK_OPERATION, None) is None  # type: ignore[arg-type,func-returns-value]
    assert hooks.after(SoapResponse(200, (), iter(())), None) is None  # type: ignore[func-returns-value]


def test_a_response_is_an_answer_unless_it_says_otherwise() -> None:
    assert SoapResponse(200, (), iter(())).outcome is Outcome.ANSWERED


def test_a_part_is_no_inline_document_unless_it_says_so() -> None:
    assert not PartHeaders("a@b").inline
