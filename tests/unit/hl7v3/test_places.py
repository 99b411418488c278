"""hl7v3.places"""

from __future__ import annotations

import pytest

from hl7v3.places import REPETITION_LIMIT, Node, root_of
from kernel.errors import Condition, Rejected
from kernel.xml import parse_xml


def root(inner: str) -> Node:
    return root_of(parse_xml(f'<env><m xmlns="urn:hl7-org:v3">{inner}</m></env>'.encode())[0])


def test_a_path_begins_at_the_message_and_counts_only_where_there_are_several() -> None:
    message = root('<a><b x="1"/><b/></a>')

    only = message.one("a")

    assert only is not None
    assert only.path == "/m/a"
    assert [n.path for n in only.each("b")] == ["/m/a/b[1]", "/m/a/b[2]"]
    assert [n.path for n in message.each("a")] == ["/m/a"]
    assert only.each("b")[0].at("x") == "/m/a/b[1]/@x"
    assert message.each("c") == ()


def test_a_path_that_ends_early_leads_nowhere() -> None:
    assert root("<a/>").one("a", "b") is None


def test_endless_repetitions_are_refused() -> None:
    with pytest.raises(Rejected) as refusal:
        root("<a/>" * (REPETITION_LIMIT + 1)).each("a")

    assert refusal.value.condition is Condition.TOO_LARGE
