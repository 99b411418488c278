"""Content-Type with its parameters, and the headers of a MIME part (RFC 2045, RFC 2387): strict, bounded."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from kernel.errors import Condition, Unreadable, violation
from soap.exchange import PartHeaders

CONTENT_ID_LIMIT = 998
TRANSFER_ENCODINGS = ("binary", "8bit", "7bit", "base64", "quoted-printable")
SINGLE = ("content-id", "content-type", "content-transfer-encoding")

_TYPE = re.compile(r"\s*([\w!#$&.+-]+/[\w!#$&.+-]+)\s*(?=;|\Z)", re.ASCII)
# an unquoted value may hold what a token may not: many senders leave the quotes away around <ids> and boundaries
_PARAMETER = re.compile(r';\s*(?:([\w!#$&.+*-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;"\s]+)))?\s*(?=;|\Z)', re.ASCII | re.DOTALL)
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_CONTENT_ID = re.compile(r"[\x21-\x7e]+\Z")


@dataclass(frozen=True, slots=True)
class ContentType:
    """A media type in lower case and its parameters, names in lower case, values as sent."""

    media_type: str
    parameters: Mapping[str, str]

    @property
    def charset(self) -> str:
        """The charset parameter in lower case, empty without one."""
        return self.parameters.get("charset", "").lower()


def unreadable(where: str, detail: str, condition: Condition = Condition.MALFORMED) -> Unreadable:
    """Something wrong in the MIME packaging, to be raised."""
    return Unreadable(violation(condition, where, detail))


def parse_content_type(text: str) -> ContentType:
    """Media type and parameters. Raises `Unreadable` when it is none or when a parameter stands twice."""
    return _parsed_before(text) if len(text) <= _REMEMBERED else _parsed(text)


def _parsed(text: str) -> ContentType:
    kind = _TYPE.match(text)
    if kind is None:
        raise unreadable("Content-Type", "a media type was expected, as in application/soap+xml")
    parameters: dict[str, str] = {}
    at = kind.end()
    while at < len(text):
        found = _PARAMETER.match(text, at)
        if found is None:
            raise unreadable("Content-Type", 'a parameter is malformed; they look like ; name="value"')
        at = found.end()
        if found.group(1) is None:
            continue
        name = found.group(1).lower()
        if name in parameters:
            raise unreadable("Content-Type", f"the parameter {name} stands twice")
        quoted = found.group(2)
        parameters[name] = found.group(3) if quoted is None else re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL)
    return ContentType(kind.group(1).lower(), parameters)


_REMEMBERED = 200
"""Characters of the longest Content-Type that is remembered: senders have but a few without a boundary."""
_parsed_before = lru_cache(maxsize=128)(_parsed)


def content_id(text: str) -> str:
    """A Content-ID or `start` parameter without its angle brackets. Raises `Unreadable` for what cannot be one."""
    bare = text.strip()
    if bare.startswith("<") and bare.endswith(">"):
        bare = bare[1:-1].strip()
    if bare and (len(bare) > CONTENT_ID_LIMIT or not _CONTENT_ID.match(bare)):
        raise unreadable("Content-ID", f"a content id is at most {CONTENT_ID_LIMIT} printable ASCII characters without spaces")
    return bare


def parse_part_headers(block: bytes) -> PartHeaders:
    """The headers of a part from the bytes between its delimiter line and the empty line.

    Raises `Unreadable` for malformed lines, a header of ours that stands twice, or a transfer encoding not served here.
    """
    headers = _split(block)
    encoding = headers.get("content-transfer-encoding", "binary").lower()
    if encoding not in TRANSFER_ENCODINGS:
        raise unreadable("Content-Transfer-Encoding", f"unknown; served are {', '.join(TRANSFER_ENCODINGS)}")
    return PartHeaders(content_id(headers.get("content-id", "")), headers.get("content-type", ""), encoding)


def _split(block: bytes) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in re.sub(rb"\r\n[ \t]+", b" ", block).decode("latin-1").split("\r\n"):
        name, colon, value = line.partition(":")
        name = name.rstrip(" \t")
        if not line:
            continue
        if not colon or not _NAME.match(name) or any(c in value for c in "\r\n\0"):
            raise unreadable("MIME part", "a part header is malformed; lines look like Name: value and end in CRLF")
        name = name.lower()
        if name in headers and name in SINGLE:
            raise unreadable("MIME part", f"the header {name} stands twice in one part")
        headers[name] = value.strip(" \t")
    return headers
