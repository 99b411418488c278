"""The model of the audit message and its XML."""

from __future__ import annotations

from base64 import b64decode
from datetime import datetime, timedelta, timezone

import pytest
from lxml import etree

from atna.message import AuditMessage, AuditSource, Indicator, Outcome, Participant, ParticipantObject
from atna.reader import read
from atna.vocabulary import PATIENT_NUMBER, QUERY, SOURCE, Action, NetworkType, ObjectRole, ObjectType
from kernel.codes import Code
from tests.support.audit import WHEN, an_event, schema_faults


def a_full_message(text: str = "x") -> AuditMessage:
    return AuditMessage(
        event=QUERY,
        action=Action.EXECUTE,
        when=WHEN,
        outcome=Outcome.SERIOUS.because(f"why {text}"),
        participants=(
            Participant(f"FAC|{text}", True, (SOURCE,), "4711", f"name {text}", "10.0.0.5", NetworkType.ADDRESS),
            Participant(f"nobody {text}", False),
        ),
        source=AuditSource(f"site {text}", f"id {text}", (Code("4", "DCM", "Application Server"),)),
        types=(Code("ITI-9", "IHE Transactions", "PIX Query"),),
        purposes=(Code("TREAT", "2.16.840.1.113883.1.11.20448", "treatment"),),
        objects=(
            ParticipantObject(f"p{text}", PATIENT_NUMBER, ObjectType.PERSON, ObjectRole.PATIENT, details=(("MSH-10", b"1"),)),
            ParticipantObject("q", QUERY, ObjectType.SYSTEM, ObjectRole.QUERY, query=b"MSH|^~\\&|"),
            ParticipantObject("l", QUERY, ObjectType.SYSTEM, 13, 6, "secret", name=f"log {text}"),
        ),
    )


def test_a_message_with_every_field_is_valid_by_the_schema() -> None:
    xml = a_full_message().to_xml()

    assert schema_faults(xml) == []


def test_reading_what_was_written_gives_the_message_back() -> None:
    message = a_full_message()

    assert read(message.to_xml()) == message


@pytest.mark.parametrize("text", ["\"<&>'", "tab\tline\nreturn\r.", "Zoë 漢字 😀", "]]>", "--><script>"])
def test_text_that_means_something_in_xml_survives(text: str) -> None:
    message = a_full_message(text)

    assert read(message.to_xml()) == message


@pytest.mark.parametrize("text", ["\x00", "\x1b[31m", "\ud800", "\uffff"])
def test_characters_xml_cannot_hold_are_replaced_and_the_message_is_still_xml(text: str) -> None:
    xml = a_full_message(text).to_xml()

    assert "�" in str(etree.XML(xml).find("ActiveParticipant").get("UserID"))  # type: ignore[union-attr]
    assert schema_faults(xml) == []


def test_the_time_is_written_in_utc_with_milliseconds() -> None:
    when = datetime(2026, 11, 22, 12, 20, 1, 125999, timezone(timedelta(hours=2)))

    root = etree.XML(an_event(when=when).to_xml())

    assert root[0].get("EventDateTime") == "2026-11-22T10:20:01.125Z"


def test_a_query_is_base64_and_a_name_never_stands_beside_it() -> None:
    both = ParticipantObject("q", QUERY, name="name", query=b"\x00\xff")
    message = AuditMessage(
        QUERY, Action.READ, WHEN, Outcome.SUCCESS, (Participant("u", True),), AuditSource("", "s"), objects=(both,)
    )

    root = etree.XML(message.to_xml())

    assert b64decode(root.findtext(".//ParticipantObjectQuery") or "") == b"\x00\xff"
    assert root.find(".//ParticipantObjectName") is None


def test_a_code_without_a_display_name_shows_its_code() -> None:
    message = AuditMessage(Code("X", "S"), Action.READ, WHEN, Outcome.SUCCESS, (Participant("u", True),), AuditSource("", "s"))

    assert etree.XML(message.to_xml()).find(".//EventID").get("originalText") == "X"  # type: ignore[union-attr]


def test_an_outcome_keeps_its_indicator_when_a_reason_is_given() -> None:
    outcome = Outcome.MAJOR.because("BUSY")

    assert (outcome.indicator, outcome.description, outcome.is_success) == (Indicator.MAJOR, "BUSY", False)
    assert Outcome.SUCCESS.is_success
