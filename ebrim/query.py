"""Stored query requests (ITI-18, 38, 51): reading, the syntax of parameter values, writing (ITI TF-2 3.18.4.1.2)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lxml import etree

from ebrim.model import Slot
from ebrim.namespaces import QUERY, RIM
from ebrim.reader import read_slots
from ebrim.writer import attribute_of, encoded, write_slots
from kernel.errors import Condition, Unreadable, Violation, violation
from kernel.xml import Element

LEAF_CLASS = "LeafClass"
OBJECT_REF = "ObjectRef"
VALUES_LIMIT = 10_000
"""Literals in one slot."""

_RESPONSE_OPTION = f"{{{QUERY}}}ResponseOption"
_ADHOC_QUERY = f"{{{RIM}}}AdhocQuery"
_LITERAL = re.compile(r"\s*+(?:'((?:[^']++|'')*+)'|([+-]?[0-9]++(?:\.[0-9]++)?))\s*+")
_TRUE = frozenset({"true", "1"})


@dataclass(frozen=True, slots=True)
class QuerySlot:
    """A parameter as sent; the texts of its Value elements with quotes and brackets still on."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StoredQuery:
    """An AdhocQueryRequest. Slots of one name stay apart, for AND joins them; `raw` is the request for the audit record."""

    query_id: str
    return_type: str
    returns_composed: bool
    slots: tuple[QuerySlot, ...] = ()
    home: str = ""
    raw: bytes = b""

    def named(self, name: str) -> tuple[QuerySlot, ...]:
        """Every slot with that name."""
        return tuple(slot for slot in self.slots if slot.name == name)


@dataclass(frozen=True, slots=True)
class Literal:
    """One value of a parameter: `'text'` without its quotes, or a number's digits."""

    text: str
    is_quoted: bool


@dataclass(frozen=True, slots=True)
class ParsedSlot:
    """A parameter's values, joined with OR; `is_list` when any was written in brackets."""

    name: str
    values: tuple[Literal, ...]
    is_list: bool

    @property
    def texts(self) -> tuple[str, ...]:
        """The values without their kind."""
        return tuple(value.text for value in self.values)


def read_query(request: Element) -> StoredQuery:
    """A query:AdhocQueryRequest. Raises `Unreadable` when it holds no AdhocQuery."""
    query = request.find(_ADHOC_QUERY)
    if query is None:
        raise Unreadable(violation(Condition.MALFORMED, "AdhocQueryRequest", "there is no AdhocQuery"))
    option = request.find(_RESPONSE_OPTION)
    return StoredQuery(
        query_id=query.get("id", "").strip(),
        return_type=option.get("returnType", "") if option is not None else "",
        returns_composed=option is not None and option.get("returnComposedObjects", "") in _TRUE,
        slots=tuple(QuerySlot(slot.name, slot.values) for slot in read_slots(query)),
        home=query.get("home", "").strip(),
        raw=etree.tostring(request, encoding="UTF-8", with_tail=False),
    )


def parse_slot(slot: QuerySlot) -> tuple[ParsedSlot, tuple[Violation, ...]]:
    """The values of a parameter and what is wrong with them; a value that cannot be read is left out."""
    literals: list[Literal] = []
    problems: list[str] = []
    is_list = False
    for raw in slot.values:
        text = raw.strip()
        listed = text.startswith("(")
        is_list |= listed
        problem = _read_list(text, literals) if listed else _read_single(text, literals)
        if problem:
            problems.append(problem)
    if len(literals) > VALUES_LIMIT:
        problems.append(f"more than {VALUES_LIMIT} values")
        del literals[VALUES_LIMIT:]
    parsed = ParsedSlot(slot.name, tuple(literals), is_list)
    return parsed, tuple(violation(Condition.PARAMETER_INVALID, slot.name, p) for p in dict.fromkeys(problems))


def _literal(match: re.Match[str]) -> Literal:
    quoted = match.group(1)
    return Literal(match.group(2), is_quoted=False) if quoted is None else Literal(quoted.replace("''", "'"), is_quoted=True)


def _read_single(text: str, literals: list[Literal]) -> str:
    match = _LITERAL.fullmatch(text)
    if match is None:
        return "a value is neither a number nor text in single quotes"
    literals.append(_literal(match))
    return ""


def _read_list(text: str, literals: list[Literal]) -> str:
    """Adds the values of `('a','b')`; what is wrong with it, or nothing."""
    found: list[Literal] = []
    at = 1
    while True:
        match = _LITERAL.match(text, at)
        if match is None:
            return "a list holds something that is neither a number nor text in single quotes"
        found.append(_literal(match))
        at = match.end()
        if at >= len(text) or len(found) > VALUES_LIMIT:
            return "a list has no closing bracket" if at >= len(text) else f"more than {VALUES_LIMIT} values"
        if text[at] == ")":
            break
        if text[at] != ",":
            return "the values of a list are not separated by commas"
        at += 1
    if at + 1 != len(text):
        return "there is text after a list"
    literals += found
    return ""


def quoted(text: str) -> str:
    """A text value as a single-valued parameter takes it."""
    return "'" + text.replace("'", "''") + "'"


def quoted_list(texts: Iterable[str]) -> str:
    """Text values as a multi-valued parameter takes them."""
    return "(" + ",".join(map(quoted, texts)) + ")"


def adhoc_query_request(query_id: str, slots: Sequence[QuerySlot], *, return_type: str = LEAF_CLASS, home: str = "") -> bytes:
    """A query:AdhocQueryRequest for clients; values as `quoted` and `quoted_list` write them."""
    inside = write_slots(Slot(slot.name, slot.values) for slot in slots)
    home_attribute = f' home="{attribute_of(home)}"' if home else ""
    return encoded(
        f'<query:AdhocQueryRequest xmlns:query="{QUERY}" xmlns="{RIM}">'
        f'<query:ResponseOption returnComposedObjects="true" returnType="{attribute_of(return_type)}"/>'
        f'<AdhocQuery id="{attribute_of(query_id)}"{home_attribute}>{inside}</AdhocQuery></query:AdhocQueryRequest>',
        "AdhocQueryRequest",
    )
