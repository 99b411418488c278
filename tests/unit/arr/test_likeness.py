"""What messages of one make have in common."""

from __future__ import annotations

import pytest

from arr.likeness import frame_of, pattern_of, summary_of
from atna.reader import read
from tests.support.audit import an_event

XML = an_event().to_xml()


def test_the_frame_of_a_message_says_which_values_vary() -> None:
    parts = XML.split(b'"')

    frame = frame_of(parts)

    assert frame is not None
    free = [parts[2 * place].split()[-1] for place in frame.free]
    assert parts[2 * frame.time].endswith(b"EventDateTime=")
    assert {b"UserID=", b"NetworkAccessPointID=", b"ParticipantObjectID=", b"AuditSourceID="} <= set(free)
    assert not {b"EventActionCode=", b"csd-code=", b"ParticipantObjectTypeCode="} & set(free)
    assert sorted([*frame.free, *frame.rest]) == list(range(len(parts) // 2))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"<ActiveParticipant ", b'<!-- <ActiveParticipant UserID="x"/> --><ActiveParticipant '),
        (b"<ActiveParticipant ", b'<Other><ActiveParticipant UserID="x"/></Other><ActiveParticipant '),
        (b"<AuditSourceIdentification ", b'<AuditSourceIdentification AuditSourceID="x"/><AuditSourceIdentification '),
        (b"</AuditMessage>", b'<EventIdentification EventDateTime="x"/></AuditMessage>'),
        (b'UserID="auditor"', b'UserID="mark0006"'),
        (b"<AuditMessage>", b"<AuditMessage><ParticipantObjectQuery></ParticipantObjectQuery>"),
    ],
)
def test_a_message_whose_values_are_not_where_they_seem_to_be_has_no_pattern(old: bytes, new: bytes) -> None:
    parts = XML.replace(old, new, 1).split(b'"')
    frame = frame_of(parts)

    assert frame is not None
    assert pattern_of(frame, parts) is None


def test_a_message_with_a_defect_has_no_pattern() -> None:
    parts = XML.replace(b'EventOutcomeIndicator="0"', b'EventOutcomeIndicator="7"').split(b'"')
    frame = frame_of(parts)

    assert frame is not None
    assert pattern_of(frame, parts) is None


def test_text_without_a_time_has_no_frame() -> None:
    assert frame_of([b"<AuditMessage><ActiveParticipant UserID=", b"x", b"/></AuditMessage>"]) is None


def test_the_summary_of_a_message_is_what_its_columns_hold() -> None:
    summary = summary_of(read(XML))

    assert (summary.event_code, summary.action, summary.outcome, summary.source_id) == ("110101", "R", 0, "mpi-1")
    assert summary.is_readable
