"""ITI-45 at its door."""

from __future__ import annotations

import pytest
from lxml import etree

from tests.conftest import MakeDatabase
from tests.support.audit import schema_faults
from tests.support.hl7 import v3_pix
from tests.support.patients import CLINIC, Wires, an_id, an_update, wires


@pytest.fixture
def index(make_database: MakeDatabase) -> Wires:
    """One person in two sources."""
    doors = wires(make_database)
    doors.index.feed(an_update(an_id("1")))
    doors.index.feed(an_update(an_id("9", CLINIC)))
    doors.index.work()
    return doors


def asked(extension: str, *sources: str) -> etree._Element:
    """A question for the hospital's identifier."""
    return v3_pix(f'<value root="2.999.1.1" extension="{extension}"/>', sources)


@pytest.mark.parametrize(
    ("body", "response", "ids"),
    [
        (asked("1", "2.999.1.2"), "OK", ["9"]),
        (asked("1", "2.999.1.3"), "NF", []),
        (asked("404"), "AE", []),
        (asked("1", "2.999.404"), "AE", []),
    ],
)
def test_a_question_gets_the_prescribed_answer_and_is_on_record(
    index: Wires, body: etree._Element, response: str, ids: list[str]
) -> None:
    answer = index.v3(body)

    message = index.index.audited()[-1]
    assert answer.find(".//{*}queryResponseCode").get("code") == response  # type: ignore[union-attr]
    assert [e.get("extension") for e in answer.iterfind(".//{*}patient/{*}id")] == ids
    assert b"ITI-45" in message
    assert (b'EventOutcomeIndicator="0"' in message) is (response != "AE")
    assert schema_faults(message) == []


def test_a_question_that_cannot_be_read_is_on_record(index: Wires) -> None:
    answer = index.v3(v3_pix('<value root="2.999.1.1"/>'))

    assert answer.find(".//{*}queryResponseCode").get("code") == "AE"  # type: ignore[union-attr]
    assert b"ITI-45" in index.index.audited()[-1]
