"""PV1 to a visit and back (HL7 2.5, 3.4.3)."""

from __future__ import annotations

from typing import Final

from hl7v2.er7 import Er7Text, Message, Repetition, Writer
from kernel.errors import Condition
from kernel.findings import Findings
from kernel.times import parse_dtm
from kernel.visit import FIELDS, Value, Visit

REPETITIONS: Final = 8
"""Doctors of one kind that are kept."""
COMPONENTS: Final = 23
TEXT: Final = 200
"""Characters of a value that are kept."""
_TIMES: Final = (44, 45)
_NULL: Final = '""'


def read_visit(message: Message, findings: Findings) -> Visit | None:
    """The visit of an ADT message; None where it tells of none."""
    segment = message.segment("PV1")
    if segment is None:
        return None
    found: dict[int, Value] = {}
    for number in FIELDS:
        if segment.is_null(number):
            found[number] = ()
            continue
        if not segment.raw(number):
            continue
        if number in _TIMES and parse_dtm(segment.value(number)) is None:
            findings.warn(Condition.FIELD_INVALID, f"PV1-{number}", "not a date or time; it is passed over")
            continue
        kept = tuple(_value(r) for r in segment.repetitions(number) if not r.is_empty)[:REPETITIONS]
        if kept:
            found[number] = kept
    visit = Visit(found)
    return visit if visit.is_one or any(n in found for n in FIELDS[1:]) else None


def _value(repetition: Repetition) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(_text(s) for s in component) for component in repetition.components[:COMPONENTS])


def _text(value: str) -> str:
    return "" if value == _NULL else value[:TEXT]


def write_pv1(writer: Writer, visit: Visit, *, set_id: int) -> Er7Text:
    """A PV1 segment; a class that nobody said is U, unknown."""
    fields: dict[int, str] = {n: writer.repeated(*(_written(writer, r) for r in v)) for n, v in visit.fields.items()}
    return writer.segment("PV1", {2: "U", **fields, 1: str(set_id)})


def _written(writer: Writer, components: tuple[tuple[str, ...], ...]) -> Er7Text:
    return writer.repetition(*(writer.component(*subcomponents) for subcomponents in components))
