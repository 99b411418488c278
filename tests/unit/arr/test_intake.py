"""From bytes received to a row."""

from __future__ import annotations

import pytest

from arr.chain import canonical, leaf_hash
from arr.intake import audit_xml, prepare
from arr.model import Channel
from arr.packing import unpacked
from arr.terms import FLAWED, Kind, term
from atna.message import Outcome
from atna.reader import read
from atna.syslog import Sender, encode
from tests.support.arr import AT, received
from tests.support.audit import PATIENT, WHEN, an_event
from tests.support.shared import sample, shared

XML = an_event().to_xml()
US = Sender("host", "app", "1")


def test_a_message_is_hashed_packed_and_read() -> None:
    message = received(XML)

    prepared = prepare(message)

    assert unpacked(prepared.packing, prepared.packed) == XML
    assert prepared.leaf == leaf_hash(canonical(message.origin, XML))
    summary = prepared.summary
    assert (summary.event_at, summary.event_code, summary.action, summary.outcome) == (
        int(WHEN.timestamp() * 1000),
        "110101",
        "R",
        0,
    )
    assert (summary.source_id, summary.site, summary.is_readable, summary.flaws) == ("mpi-1", "HIE", True, "")
    assert term(Kind.PATIENT, PATIENT) in prepared.terms


@pytest.mark.parametrize(
    "frame",
    [
        encode(XML, US, WHEN),
        encode(b"\xef\xbb\xbf<?xml version='1.0'?>\n" + XML + b"\n", US, WHEN),
        b"<85>Nov 22 10:00:00 host app[1]: " + XML,
        b"<85>Nov 22 10:00:00 host app[1]: @cee: " + XML + b" trailing",
        XML,
    ],
)
def test_the_message_is_found_within_a_syslog_frame(frame: bytes) -> None:
    message = received(frame, Channel.UDP)

    assert prepare(message).summary.is_readable
    assert read(audit_xml(message)) == an_event()


def test_what_a_relay_did_to_line_ends_is_undone() -> None:
    relayed = encode(XML.replace(b"><", b">#012 #011<").replace(b' UserID="', b'#012UserID="', 1), US, WHEN)

    message = received(relayed, Channel.TCP)

    assert prepare(message).summary.is_readable
    assert read(audit_xml(message)) == an_event()


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"<85>1 - - - - - - hello", encode(XML[:-20], US, WHEN), b"\xff\xfe\x00", b"<?xml"]
)
@pytest.mark.parametrize("channel", [Channel.LOCAL, Channel.UDP])
def test_what_cannot_be_read_is_kept_as_it_came_and_marked(data: bytes, channel: Channel) -> None:
    prepared = prepare(received(data, channel))

    assert unpacked(prepared.packing, prepared.packed) == data
    assert (prepared.summary.is_readable, prepared.summary.event_at, prepared.summary.outcome) == (False, AT, None)
    assert prepared.terms == (term(Kind.FLAW, FLAWED),)


@pytest.mark.parametrize("lost", range(1, 14))
def test_a_datagram_cut_within_its_last_tag_is_read_and_told(lost: int) -> None:
    message = received(encode(XML, US, WHEN)[:-lost], Channel.UDP)

    prepared = prepare(message)

    assert (prepared.summary.is_readable, prepared.summary.flaws) == (True, "INCOMPLETE")
    assert read(audit_xml(message)) == an_event()
    assert unpacked(prepared.packing, prepared.packed) == message.data


@pytest.mark.parametrize("lost", [14, 15, 20, 200])
def test_a_datagram_cut_before_is_kept_as_it_came(lost: int) -> None:
    prepared = prepare(received(encode(XML, US, WHEN)[:-lost], Channel.UDP))

    assert (prepared.summary.is_readable, prepared.summary.flaws) == (False, "INCOMPLETE")


def test_a_flaw_is_told_once() -> None:
    message = received(encode(XML, US, WHEN)[:-20], Channel.TCP, flaws=("INCOMPLETE",))

    assert prepare(message).summary.flaws == "INCOMPLETE"


def test_an_entity_is_never_expanded() -> None:
    bomb = b'<!DOCTYPE a [<!ENTITY x "y">]>' + XML

    assert not prepare(received(bomb)).summary.is_readable


def test_flaws_of_frame_header_and_message_are_told_together() -> None:
    body = b"\xef\xbb\xbf" + XML.replace(b'EventOutcomeIndicator="0"', b'EventOutcomeIndicator=""')

    prepared = prepare(received(encode(body, US, WHEN), Channel.TLS, flaws=("LENGTH_TOO_SMALL",)))

    assert prepared.summary.flaws == "LENGTH_TOO_SMALL BYTE_ORDER_MARK OUTCOME_EMPTY"
    assert term(Kind.FLAW, FLAWED) in prepared.terms


@pytest.mark.parametrize("when", [b"yesterday", b"1950-01-01T00:00:00Z"])
def test_an_event_without_a_time_is_at_the_time_of_its_arrival(when: bytes) -> None:
    data = XML.replace(b"2026-11-22T10:20:01.125Z", when)

    assert prepare(received(data)).summary.event_at == AT


def test_a_failure_is_summed_up_as_such() -> None:
    xml = an_event(outcome=Outcome.MAJOR.because("BUSY")).to_xml()

    assert prepare(received(xml)).summary.outcome == 12


def test_the_xml_of_a_record_is_what_was_sent() -> None:
    assert audit_xml(received(encode(XML, US, WHEN) + b"\n", Channel.TLS)) == XML


def test_the_published_samples_are_readable() -> None:
    for path in sorted(shared("samples", "iti-20").glob("*.xml")):
        xml = sample("iti-20", path.name)

        assert prepare(received(encode(xml, US, WHEN), Channel.TLS)).summary.is_readable, path.name
