"""Resources off the wire: JSON that is bounded, says nothing twice and nests no deeper than it must.

A resource that is kept as it came is cut out of its Bundle by its bytes; nothing is written anew.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NoReturn

from fhir_r4.json import Json, Resource
from kernel.errors import Condition, Unreadable, violation

DEPTH: Final = 40
"""Objects and arrays within each other at the most."""
_BOM: Final = "\ufeff"
_STEPS: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[{]|[\]}]', re.DOTALL)
_SPACE: Final = re.compile(r"[ \t\r\n]*")


@dataclass(frozen=True, slots=True)
class Cut:
    """An entry of a Bundle, and the text of its resource as it came; empty where the entry has none."""

    entry: Resource
    text: str


def read_resource(data: bytes, *, limit: int) -> Resource:
    """The resource in the bytes. Raises `Unreadable` for no JSON object, one too large or deep, or a name said twice."""
    found = _parsed(_text(data, limit))
    if not isinstance(found, dict):
        raise _malformed("a resource is a JSON object")
    return found


def entries_of(data: bytes, *, limit: int, entries: int) -> tuple[Resource, tuple[Cut, ...]]:
    """A Bundle and its entries, `entries` at the most. Raises `Unreadable` as `read_resource` does."""
    bundle = read_resource(data, limit=limit)
    listed = bundle.get("entry", [])
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise _malformed("Bundle.entry is an array of objects")
    if len(listed) > entries:
        raise Unreadable(violation(Condition.TOO_LARGE, "Bundle.entry", f"more than {entries} entries; send several Bundles"))
    text = _text(data, limit)
    texts = [_member(text, start, "resource") for start in _items(text, _member_at(text, 0, "entry"))]
    return bundle, tuple(Cut(entry, cut) for entry, cut in zip(listed, texts, strict=True))


def _text(data: bytes, limit: int) -> str:
    if len(data) > limit:
        raise Unreadable(violation(Condition.TOO_LARGE, "body", f"more than {limit} bytes"))
    try:
        return data.decode("utf-8").removeprefix(_BOM)
    except UnicodeDecodeError:
        raise _malformed("the body is not UTF-8") from None


def _parsed(text: str) -> Json:
    depth = 0
    for step in _STEPS.finditer(text):
        mark = step[0]
        depth += (mark in "[{") - (mark in "]}")
        if depth > DEPTH:
            raise Unreadable(violation(Condition.TOO_LARGE, "body", f"nested deeper than {DEPTH}"))
    try:
        found: Json = json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    except ValueError as problem:
        where = f" at line {problem.lineno} column {problem.colno}" if isinstance(problem, json.JSONDecodeError) else ""
        raise _malformed(f"the body is not JSON{where}") from None
    return found


def _once(pairs: list[tuple[str, Json]]) -> Resource:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _malformed("an object names a member twice")
    return found


def _no_constant(_name: str) -> NoReturn:
    raise _malformed("NaN and Infinity are no JSON")


def _malformed(why: str) -> Unreadable:
    return Unreadable(violation(Condition.MALFORMED, "body", why))


# Where values begin and end in a text that is known to be JSON.

_DECODER: Final = json.JSONDecoder()


def _past(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _end_of(text: str, at: int) -> int:
    return _DECODER.raw_decode(text, at)[1]


def _members(text: str, start: int) -> Iterator[tuple[str, int]]:
    """The names of an object's members, and where their values begin."""
    at = _past(text, _past(text, start) + 1)
    while text[at] != "}":
        name, at = _DECODER.raw_decode(text, at)
        at = _past(text, _past(text, at) + 1)
        yield name, at
        at = _past(text, _end_of(text, at))
        at = _past(text, at + 1) if text[at] == "," else at


def _items(text: str, start: int | None) -> Iterator[int]:
    """Where the items of an array begin."""
    if start is None:
        return
    at = _past(text, start + 1)
    while text[at] != "]":
        yield at
        at = _past(text, _end_of(text, at))
        at = _past(text, at + 1) if text[at] == "," else at


def _member_at(text: str, start: int, name: str) -> int | None:
    return next((at for found, at in _members(text, start) if found == name), None)


def _member(text: str, start: int, name: str) -> str:
    at = _member_at(text, start, name)
    return "" if at is None else text[at : _end_of(text, at)]
