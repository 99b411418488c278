"""Heads of HTTP/1.1 messages (RFC 9112): the usual head of a request read at once, and the head of an answer written.

Only what nearly every client sends is read here. Whatever looks otherwise is not refused but left to cheroot's reader, which takes
it line by line and knows how to refuse it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.utils import formatdate
from functools import lru_cache
from typing import Final

Headers = Sequence[tuple[str, str]]

_FIRST_LINE: Final = re.compile(rb"(GET|HEAD|POST|PUT|DELETE) (/(?!/)[A-Za-z0-9._~/-]*)(?:\?([!-\"$-~]*))? HTTP/1\.1")
_FIELD: Final = re.compile(rb"([A-Za-z0-9-]+):[ \t]*([^\r\n\0]*)")
_LEFT_ALONE: Final = frozenset((b"Transfer-Encoding", b"Expect", b"Upgrade"))
_END: Final = b"\r\n\r\n"
_EMPTY: Final = frozenset((204, 205, 304))
"""Answers without a body (RFC 9110, 15)."""
_TOO_LARGE: Final = 413


@dataclass(frozen=True, slots=True)
class UsualHead:
    """The head of a request: `size` bytes of it, and what they say. `fields` have names as `Content-Length`, each once."""

    size: int
    method: bytes
    path: bytes
    query: bytes
    fields: Mapping[bytes, bytes]


@lru_cache(maxsize=512)
def _name(raw: bytes) -> bytes:
    return raw.title()


def usual_head(data: bytes, limit: int) -> UsualHead | None:
    """Reads the head at the beginning of `data`. None when it is not all there, has more than `limit` bytes, or is unusual."""
    end = data.find(_END, 0, limit)
    if end < 0:
        return None
    lines = data[:end].split(b"\r\n")
    first = _FIRST_LINE.fullmatch(lines[0])
    if first is None:
        return None
    fields: dict[bytes, bytes] = {}
    for line in lines[1:]:
        found = _FIELD.fullmatch(line)
        if found is None:
            return None
        fields[_name(found[1])] = found[2].rstrip()
    if len(fields) != len(lines) - 1 or not _LEFT_ALONE.isdisjoint(fields):
        return None
    method, path, query = first.groups(b"")
    return UsualHead(end + len(_END), method, path, query, fields)


@dataclass(frozen=True, slots=True)
class AnswerHead:
    """The head of an answer as bytes; whether its body goes in chunks, and whether the connection ends with it."""

    data: bytes
    is_chunked: bool
    is_last: bool


def answer_head(status: str, headers: Headers, *, software: str, is_old: bool, is_head: bool, is_last: bool) -> AnswerHead:
    """Writes it. `is_old` for a client of HTTP/1.0, `is_head` for an answer to HEAD, `is_last` where the connection shall end.

    Raises `ValueError` for a header that would begin another line.
    """
    code = int(status[:3])
    names = {name.lower() for name, _ in headers}
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers)]
    is_chunked = False
    is_last = is_last or code == _TOO_LARGE
    if "content-length" not in names and code not in _EMPTY and not is_head:
        if is_old:
            is_last = True  # its end is the end of the connection
        else:
            is_chunked = True
            lines.append("Transfer-Encoding: chunked")
    if "connection" not in names:
        if is_last and not is_old:
            lines.append("Connection: close")
        elif is_old and not is_last:
            lines.append("Connection: Keep-Alive")
    lines += (_date(int(time.time())), f"Server: {software}")
    text = "\r\n".join(lines)
    if text.count("\r") != len(lines) - 1 or text.count("\n") != len(lines) - 1:
        raise ValueError("a header of the answer holds the end of a line")
    return AnswerHead(f"{text}\r\n\r\n".encode("latin-1"), is_chunked, is_last)


@lru_cache(maxsize=4)
def _date(second: int) -> str:
    return f"Date: {formatdate(second, usegmt=True)}"
