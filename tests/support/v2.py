"""HL7 v2 messages of the conformance tests, segment by segment, and answers taken apart."""

from __future__ import annotations

import uuid
import zlib
from dataclasses import dataclass

from tests.support.wire import field

AUTHORITY = "HOSP_A&2.999.1.1&ISO"


def message(kind: str, *segments: str, version: str = "2.3.1", sender: str = "ADT|A", control_id: str = "", msh: str = "") -> bytes:
    """A message; `msh` stands after the version, as `|||||UNICODE UTF-8`."""
    control_id = control_id or f"T{uuid.uuid4().hex[:12]}"  # noqa: TID251 - a client's own
    head = f"MSH|^~\\&|{sender}|HIE|XAD|20261122101500||{kind}|{control_id}|P|{version}{msh}"
    return "\r".join((head, *segments, "")).encode()


def admission(pid: str, event: str = "A04", **header: str) -> bytes:
    """A feed with this PID segment."""
    return message(f"ADT^{event}", f"EVN|{event}|20261122101500", pid, "PV1||O", **header)


def pid(local_id: str, *, authority: str = AUTHORITY, name: str = "Rivera^Lena", birth: str = "", rest: str = "F") -> str:
    """A PID segment; `rest` begins at PID-8. The birth date follows from the identifier, so that strangers stay strangers."""
    return f"PID|||{local_id}^^^{authority}||{name}||{birth or birth_of(local_id)}|{rest}"


def birth_of(text: str) -> str:
    """Some date that belongs to a text."""
    number = zlib.crc32(text.encode())
    return f"{1920 + number % 90}{1 + number // 90 % 12:02}{1 + number // 1080 % 28:02}"


@dataclass(frozen=True)
class Error:
    """One error of an answer: where and which code of table 0357."""

    where: str
    code: str


def errors(answer: str) -> list[Error]:
    """The errors of an answer, of ERR segments of HL7 2.5 or of ERR-1 of 2.3.1; warnings left out."""
    found: list[Error] = []
    for line in answer.split("\r"):
        fields = line.split("|")
        if fields[0] != "ERR":
            continue
        if fields[1]:
            for repetition in fields[1].split("~"):
                *where, code = repetition.split("^")
                found.append(Error("^".join(where).rstrip("^"), code.split("&")[0]))
        elif fields[4] == "E":
            found += [Error(where, fields[3].split("^")[0]) for where in fields[2].split("~")]
    return found


def code(answer: str) -> str:
    """MSA-1."""
    return field(answer, "MSA", 1)


def query_status(answer: str) -> str:
    """QAK-2."""
    return field(answer, "QAK", 2)


def identifiers(answer: str, occurrence: int = 1) -> list[str]:
    """PID-3 of a patient in an answer as `id^oid`."""
    sent = field(answer, "PID", 3, occurrence)
    parts = [cx.split("^") for cx in sent.split("~") if cx]
    return [f"{p[0]}^{p[3].split('&')[1]}" for p in parts]


def pix(identifier: str, wanted: str = "", *, rcp: str = "RCP|I", tag: str = "TAG1", **header: str) -> bytes:
    """A QBP^Q23."""
    qpd = f"QPD|IHE PIX Query|{tag}|{identifier}|{wanted}".rstrip("|")
    return message("QBP^Q23^QBP_Q21", qpd, rcp, **{"version": "2.5", **header})


def pdq(parameters: str, domains: str = "", *, rcp: str = "RCP|I", dsc: str = "", tag: str = "TAG2", **header: str) -> bytes:
    """A QBP^Q22."""
    segments = [f"QPD|IHE PDQ Query|{tag}|{parameters}|||||{domains}".rstrip("|"), rcp, *([dsc] if dsc else [])]
    return message("QBP^Q22^QBP_Q21", *segments, **{"version": "2.5", **header})
