"""registry.enforcing"""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from kernel.peer import Peer
from registry.enforcing import CodeRule, Enforcement, enforcing, strict
from tests.support.metadata import a_submission

PEER = Peer("10.0.0.7", "x")
WARN, OFF = CodeRule(enforce=Enforcement.WARN), CodeRule(enforce=Enforcement.OFF)


def test_without_rules_a_code_is_refused() -> None:
    assert enforcing(PEER, a_submission(), []) is strict
    assert strict("typeCode") is Enforcement.REFUSE


def test_of_several_rules_that_fit_the_first_counts() -> None:
    first = CodeRule(attributes=("eventCodeList",), enforce=Enforcement.OFF)

    judge = enforcing(PEER, a_submission(), [first, WARN, OFF])

    assert (judge("eventCodeList"), judge("typeCode")) == (Enforcement.OFF, Enforcement.WARN)


def test_what_no_rule_speaks_of_is_refused() -> None:
    judge = enforcing(PEER, a_submission(), [CodeRule(attributes=("eventCodeList",), enforce=Enforcement.OFF)])

    assert judge("typeCode") is Enforcement.REFUSE


def test_a_rule_is_for_its_source_alone() -> None:
    rules = [CodeRule(address="10.0.0.8", enforce=Enforcement.OFF), CodeRule(source_id="2.999.9.1", enforce=Enforcement.WARN)]

    assert enforcing(PEER, a_submission(), rules)("typeCode") is Enforcement.WARN


def test_a_misspelt_attribute_stops_the_start() -> None:
    with pytest.raises(ValidationError):
        CodeRule.model_validate({"attributes": ["typecode"], "enforce": "off"})
