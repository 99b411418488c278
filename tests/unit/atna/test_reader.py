"""Audit messages of others."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from atna.message import Defect, Indicator
from atna.reader import read
from atna.vocabulary import Action
from kernel.codes import Code
from kernel.errors import Unreadable
from tests.support.shared import shared

RFC3881 = b"""<?xml version="1.0"?>
<AuditMessage>
 <EventIdentification EventActionCode="R" EventDateTime="2010-01-02T03:04:05+02:00" EventOutcomeIndicator="4">
  <EventID code="110106" codeSystemName="DCM" displayName="Export"/>
  <EventTypeCode code="ITI-15" codeSystemName="IHE Transactions" displayName="Provide and Register"/>
 </EventIdentification>
 <ActiveParticipant UserID="me"><RoleIDCode code="110153" codeSystemName="DCM" displayName="Source"/></ActiveParticipant>
 <AuditSourceIdentification AuditSourceID="old"><AuditSourceTypeCode code="4"/></AuditSourceIdentification>
 <ParticipantObjectIdentification ParticipantObjectID="1^^^&amp;1.2.3&amp;ISO"
   ParticipantObjectTypeCode="1" ParticipantObjectTypeCodeRole="1">
  <ParticipantObjectIDTypeCode code="2"/>
  <ParticipantObjectName>Somebody</ParticipantObjectName>
 </ParticipantObjectIdentification>
</AuditMessage>"""

PLAIN = (
    '<AuditMessage><EventIdentification EventActionCode="{action}" EventDateTime="{when}" EventOutcomeIndicator="{outcome}">'
    '<EventID csd-code="110100" codeSystemName="DCM" originalText="x"/></EventIdentification>'
    '<ActiveParticipant UserID="u" UserIsRequestor="true"/><AuditSourceIdentification AuditSourceID="s">{kind}'
    "</AuditSourceIdentification>{more}</AuditMessage>"
)


def plain(action: str = "E", when: str = "2026-01-02T03:04:05Z", outcome: str = "0", kind: str = "", more: str = "") -> bytes:
    return PLAIN.format(action=action, when=when, outcome=outcome, kind=kind, more=more).encode()


def test_the_dialect_of_rfc_3881_is_read() -> None:
    message = read(RFC3881)

    assert message.event == Code("110106", "DCM", "Export")
    assert message.types == (Code("ITI-15", "IHE Transactions", "Provide and Register"),)
    assert message.when == datetime(2010, 1, 2, 1, 4, 5, tzinfo=UTC)
    assert message.outcome.indicator is Indicator.MINOR
    assert message.participants[0].is_requestor  # the default of RFC 3881
    assert message.source.types == (Code("4", ""),)
    assert (message.objects[0].id, message.objects[0].name) == ("1^^^&1.2.3&ISO", "Somebody")
    assert message.defects == ()


@pytest.mark.parametrize(
    ("outcome", "indicator", "defects"),
    [
        ("0", Indicator.SUCCESS, ()),
        ("12", Indicator.MAJOR, ()),
        ("", Indicator.SUCCESS, (Defect.OUTCOME_EMPTY,)),
        ("1", Indicator.SERIOUS, (Defect.OUTCOME_UNKNOWN,)),
        ("ok", Indicator.SERIOUS, (Defect.OUTCOME_UNKNOWN,)),
    ],
)
def test_an_outcome_is_read_and_its_defects_are_told(outcome: str, indicator: Indicator, defects: tuple[Defect, ...]) -> None:
    message = read(plain(outcome=outcome))

    assert (message.outcome.indicator, message.defects) == (indicator, defects)


@pytest.mark.parametrize(
    ("when", "instant", "defects"),
    [
        ("2026-01-02T03:04:05.1Z", datetime(2026, 1, 2, 3, 4, 5, 100000, UTC), ()),
        ("2026-01-02T03:04:05.123456789-05:00", datetime(2026, 1, 2, 8, 4, 5, 123456, UTC), ()),
        ("2026-01-02T03:04:05", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), (Defect.TIME_WITHOUT_ZONE,)),
        ("yesterday", datetime(1970, 1, 1, tzinfo=UTC), (Defect.TIME_UNREADABLE,)),
        ("0001-01-01T00:00:00+14:00", datetime(1970, 1, 1, tzinfo=UTC), (Defect.TIME_UNREADABLE,)),
    ],
)
def test_a_time_is_read_to_utc(when: str, instant: datetime, defects: tuple[Defect, ...]) -> None:
    message = read(plain(when=when))

    assert (message.when, message.defects) == (instant, defects)


def test_an_unknown_action_is_an_execution_with_a_defect() -> None:
    message = read(plain(action="X"))

    assert (message.action, message.defects) == (Action.EXECUTE, (Defect.ACTION_UNKNOWN,))


@pytest.mark.parametrize(
    "kind",
    ["<AuditSourceTypeCode>4</AuditSourceTypeCode>", '<AuditSourceTypeCode code="4"/>', '<AuditSourceTypeCode csd-code="4"/>'],
)
def test_the_type_of_the_source_is_read_in_its_three_forms(kind: str) -> None:
    assert read(plain(kind=kind)).source.types == (Code("4", ""),)


def test_the_type_of_the_source_may_stand_in_the_attributes_of_the_source_itself() -> None:
    data = plain().replace(b'AuditSourceID="s"', b'AuditSourceID="s" csd-code="4" codeSystemName="DCM" originalText="Server"')

    assert read(data).source.types == (Code("4", "DCM", "Server"),)


def test_missing_parts_are_defects_and_not_errors() -> None:
    message = read(
        b"<AuditMessage><EventIdentification EventOutcomeIndicator='0' EventDateTime='2026-01-01T00:00:00Z'/></AuditMessage>"
    )

    assert message.defects == (Defect.EVENT_MISSING, Defect.PARTICIPANT_MISSING, Defect.SOURCE_MISSING)


def test_a_query_that_is_not_base64_is_kept_as_it_stands() -> None:
    more = (
        "<ParticipantObjectIdentification><ParticipantObjectQuery>a&lt;b</ParticipantObjectQuery></ParticipantObjectIdentification>"
    )

    message = read(plain(more=more))

    assert (message.objects[0].query, message.defects) == (b"a<b", (Defect.NOT_BASE64,))


def test_a_byte_order_mark_and_white_space_around_are_taken() -> None:
    message = read(b'\xef\xbb\xbf \n<?xml version="1.0" encoding="UTF-8"?>' + plain() + b"\r\n\x00")

    assert message.event.code == "110100"


def test_a_message_in_a_namespace_is_read() -> None:
    message = read(plain().replace(b"<AuditMessage>", b"<AuditMessage xmlns='urn:whatever'>"))

    assert message.event.code == "110100"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        b"<AuditMessage>",
        b"<AuditMessage/>",
        b"<Other><EventIdentification/></Other>",
        b"<!DOCTYPE AuditMessage [<!ENTITY a 'b'>]>" + plain(),
        plain(more="<x>" * 300 + "</x>" * 300),
    ],
)
def test_what_is_no_audit_message_is_unreadable(data: bytes) -> None:
    with pytest.raises(Unreadable):
        read(data)


def test_a_message_over_the_limit_is_unreadable() -> None:
    with pytest.raises(Unreadable):
        read(plain(), limit=100)


def test_the_published_samples_are_read_without_defects() -> None:
    for path in sorted(Path(shared("samples", "iti-20")).glob("*.xml")):
        message = read(path.read_bytes())

        assert message.defects == (), path.name
        assert message.participants, path.name
