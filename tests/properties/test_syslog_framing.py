"""Syslog frames survive any chunking, and no stream breaks the decoder."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from atna.syslog import Flaw, Sender, SyslogDecoder, encode, frame, parse

US = Sender("host", "app", "1")
WHEN = datetime(2026, 11, 22, tzinfo=UTC)
bodies = st.one_of(
    # not what looks like the beginning of XML: of that a length is doubted
    st.text(st.characters(codec="utf-8", exclude_characters="<"), max_size=60).map(str.encode),
    st.text(st.characters(codec="utf-8", exclude_characters="<>&"), max_size=60).map(
        lambda text: f"<?xml version='1.0'?>\n<AuditMessage>{text}</AuditMessage>".encode()
    ),
)
messages = bodies.map(lambda body: encode(body, US, WHEN))
LIMIT = 10_000


def received(wire: bytes, size: int, *, limit: int = LIMIT) -> tuple[list[bytes], list[tuple[Flaw, ...]]]:
    decoder = SyslogDecoder(limit=limit)
    frames = []
    for start in range(0, len(wire), size):
        decoder.feed(wire[start : start + size])
        frames += decoder.messages()
    frames += decoder.close()
    return [f.data for f in frames], [f.flaws for f in frames]


@given(sent=st.lists(messages, max_size=6), size=st.integers(min_value=1, max_value=40))
def test_counted_messages_survive_any_chunking(sent: list[bytes], size: int) -> None:
    data, flaws = received(b"".join(map(frame, sent)), size)

    assert data == sent
    assert not any(flaws)


@given(text=st.text(st.characters(codec="utf-8", exclude_characters="<>&\0\r\n"), max_size=60), size=st.integers(1, 40))
def test_a_length_in_characters_never_merges_or_splits_audit_messages(text: str, size: int) -> None:
    message = encode(f"<AuditMessage>{text}</AuditMessage>".encode(), US, WHEN)
    wrong = b"%d %s" % (len(message.decode()), message)

    data, _ = received(wrong + frame(message) + wrong, size)

    assert data == [message] * 3


@given(sent=st.lists(messages.filter(lambda m: b"\0" not in m), max_size=5), excess=st.integers(0, 20), size=st.integers(1, 40))
def test_a_length_too_large_never_merges_audit_messages(sent: list[bytes], excess: int, size: int) -> None:
    audits = [m for m in sent if m.endswith(b"</AuditMessage>")]
    wire = b"".join(b"%d %s" % (len(m) + excess, m) for m in audits)

    data, _ = received(wire, size)

    assert data == audits


@settings(max_examples=300)
@given(wire=st.lists(st.one_of(st.binary(max_size=30), messages, messages.map(frame), st.sampled_from(
    [b"0 ", b"5 <", b"99999 <", b"\n", b"<AuditMessage ", b"</AuditMessage>", b"<?xml", b"<85>1 ", b"\xef\xbb\xbf", b"12 "]
)), max_size=12).map(b"".join), size=st.integers(1, 50), limit=st.integers(1, 200))  # fmt: skip
def test_any_stream_gives_bounded_messages_and_an_empty_decoder(wire: bytes, size: int, limit: int) -> None:
    decoder = SyslogDecoder(limit=limit)

    for start in range(0, len(wire), size):
        decoder.feed(wire[start : start + size])
        for one in decoder.messages():
            assert len(one.data) <= limit
            parse(one.data)
    decoder.close()

    assert not decoder._buffer


@given(wire=st.lists(st.one_of(st.binary(max_size=30), messages.map(frame)), max_size=8).map(b"".join), size=st.integers(1, 50))
def test_the_chunking_never_changes_what_is_received(wire: bytes, size: int) -> None:
    assert received(wire, size) == received(wire, max(1, len(wire)))


@given(st.binary(max_size=200))
def test_any_datagram_has_a_body(data: bytes) -> None:
    parse(data)
