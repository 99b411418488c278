"""MLLP: messages in frames of 0x0B ... 0x1C 0x0D, bytes in, messages out (HL7 implementation guide, appendix C)."""

from __future__ import annotations

from dataclasses import dataclass

START = b"\x0b"
END = b"\x1c\r"
HEAD_LENGTH = 2_000
"""How much of a frame over the limit is kept: enough for its MSH, so that it can be answered."""

_RESTART = b"\x0bMSH"


@dataclass(frozen=True, slots=True)
class OverLimit:
    """A frame that was longer than the limit and was passed over; `head` is its beginning."""

    head: bytes


def frame(message: bytes) -> bytes:
    """A message in its frame."""
    return START + message + END


class MllpDecoder:
    """Takes bytes as they arrive and gives whole messages.

    Bytes outside frames are skipped and counted in `junk`. A frame over `limit` is passed over without being kept. A start byte
    followed by MSH within a frame begins the message anew: the sender gave up on the one before.
    """

    def __init__(self, limit: int) -> None:
        """`limit` is the most bytes of a message."""
        self.limit = limit
        self.junk = 0
        self._buffer = bytearray()
        self._in_frame = False
        self._searched = 0
        self._head: bytes | None = None
        self._events: list[bytes | OverLimit] = []

    @property
    def is_within_frame(self) -> bool:
        """Whether a frame has begun and not ended."""
        return self._in_frame

    @property
    def held(self) -> int:
        """The bytes kept of a frame that is not whole yet."""
        return len(self._buffer)

    def feed(self, data: bytes) -> None:
        """Takes the next bytes."""
        self._buffer += data
        while self._in_frame_step() if self._in_frame else self._between_frames():
            pass

    def messages(self) -> list[bytes]:
        """The messages that have become whole since the last call, in order; frames over the limit are left out."""
        return [event for event in self.events() if isinstance(event, bytes)]

    def events(self) -> list[bytes | OverLimit]:
        """The messages, and the frames over the limit, since the last call, in order."""
        found, self._events = self._events, []
        return found

    def _between_frames(self) -> bool:
        start = self._buffer.find(START)
        if start < 0:
            self.junk += len(self._buffer)
            self._buffer.clear()
            return False
        self.junk += start
        del self._buffer[: start + 1]
        self._in_frame, self._searched, self._head = True, 0, None
        return True

    def _in_frame_step(self) -> bool:
        end = self._buffer.find(END, self._searched)
        if end < 0:
            # the first byte of the end may be the last that has arrived
            self._searched = max(len(self._buffer) - 1, 0)
            self._pass_over_limit()
            return False
        self._complete(bytes(self._buffer[:end]))
        del self._buffer[: end + len(END)]
        self._in_frame = False
        return True

    def _pass_over_limit(self) -> None:
        if self._head is None and len(self._buffer) <= self.limit + 1:
            return
        if self._head is None:
            self._head = self._beginning(self._buffer)
        del self._buffer[: self._searched]
        self._searched = 0

    def _beginning(self, message: bytes | bytearray) -> bytes:
        return bytes(message[: min(HEAD_LENGTH, self.limit)])

    def _complete(self, message: bytes) -> None:
        if self._head is None and len(message) > self.limit:
            self._head = self._beginning(message)
        if self._head is not None:
            self._events.append(OverLimit(self._head))
            return
        restart = message.rfind(_RESTART)
        if restart >= 0:
            self.junk += restart
            message = message[restart + 1 :]
        self._events.append(message)
