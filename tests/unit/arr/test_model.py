"""What the audit record repository takes and answers."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from arr.model import AuditRecord, AuditSearch, Channel, Cursor, Received, Summary
from atna.message import Indicator
from tests.support.audit import an_event

XML = an_event().to_xml()


@pytest.mark.parametrize("channel", list(Channel))
def test_a_message_comes_back_from_its_origin(channel: Channel) -> None:
    message = Received(b"data", channel, 5, "10.0.0.5", 'CN="ü"', ("NOT_COUNTED",))

    assert Received.of_origin(message.origin, b"data") == message


def test_the_origin_is_the_one_of_the_first_release() -> None:
    assert Received(b"", Channel.LOCAL, 5).origin == '[5,"local","","",[]]'


def test_a_readable_record_gives_its_message() -> None:
    record = AuditRecord(1, b"", Received(XML, Channel.LOCAL, 5), Summary(5, is_readable=True), XML)

    assert record.message == an_event()


def test_an_unreadable_record_has_no_message() -> None:
    record = AuditRecord(1, b"", Received(b"x", Channel.UDP, 5), Summary(5), b"")

    assert record.message is None


@pytest.mark.parametrize("text", ["", "5", "-5", "5-", "a-1", "1-b", "1" * 50 + "-1", "5-٣"])
def test_other_text_is_no_cursor(text: str) -> None:
    assert Cursor.parse(text) is None


def test_a_cursor_is_read_from_its_text() -> None:
    assert Cursor.parse(str(Cursor(1_795_343_001_125, 7))) == Cursor(1_795_343_001_125, 7)


def test_a_search_is_told_by_the_fields_that_count() -> None:
    at = datetime(2026, 11, 22, tzinfo=UTC)

    text = str(AuditSearch(patients=("a", "b"), outcomes=(Indicator.MINOR,), since=at, is_flawed=True))

    assert text == "patients=a,b&outcomes=4&since=2026-11-22T00:00:00+00:00&flawed"
    assert str(AuditSearch()) == ""
