"""Whether an element has the shape its resource asks for: names, cardinalities, data types (FHIR R4, 2.6 and 2.24)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from fhir_r4.json import Json, Resource
from kernel.errors import Condition, Violation, violation

Shape = Mapping[str, str]
"""Names of elements and what they hold: a type, with `!` behind it where it is required, `*` where it repeats, `+` for both."""


def shape_of(text: str) -> Shape:
    """A shape written as `name:type` parted by blanks."""
    return dict(told.split(":", 1) for told in text.split())


_ELEMENT: Final = shape_of("id:string extension:anything*")
_TYPES: Final = {
    "Coding": shape_of("system:uri version:string code:code display:string userSelected:boolean"),
    "CodeableConcept": shape_of("coding:Coding* text:string"),
    "Period": shape_of("start:dateTime end:dateTime"),
    "Identifier": shape_of("use:code type:CodeableConcept system:uri value:string period:Period assigner:Reference"),
    "Reference": shape_of("reference:string type:uri identifier:Identifier display:string"),
}
_ZONE: Final = r"(Z|[+-]\d\d:\d\d)"
_TIME: Final = r"T\d\d:\d\d:\d\d(\.\d+)?" + _ZONE
_TEXTS: Final = {
    "string": re.compile(r"\s*+\S.*", re.DOTALL),
    "uri": re.compile(r"\S+"),
    "code": re.compile(r"\S+( \S+)*"),
    "dateTime": re.compile(rf"\d{{4}}(-\d\d(-\d\d({_TIME})?)?)?"),
    "instant": re.compile(rf"\d{{4}}-\d\d-\d\d{_TIME}"),
    "base64Binary": re.compile(r"[0-9A-Za-z+/\s]*+={0,2}\s*+"),
}
_SAYS: Final = {
    "string": "a text that is not empty",
    "uri": "a URI without blanks",
    "code": "a code without blanks around it",
    "dateTime": "a date, or a time with its zone",
    "instant": "a time with seconds and zone, as 2026-11-22T10:20:01.125Z",
    "base64Binary": "base64",
    "boolean": "true or false",
}


def shape_faults(element: Json, shape: Shape, where: str, types: Mapping[str, Shape]) -> Iterator[Violation]:
    """What is wrong with an element; `types` are shapes of the resource's own, by their names."""
    if not isinstance(element, dict) or not element:
        yield violation(Condition.FIELD_INVALID, where, "it is an object, and not an empty one")
        return
    known = {**shape, **_ELEMENT}
    for name in element:
        if name not in known and not (name[:1] == "_" and name[1:] in known):
            yield violation(Condition.MALFORMED, where, f"an R4 resource has no element {name[:40]!a} here")
    for name, told in known.items():
        kind, bound = (told[:-1], told[-1]) if told[-1] in "!*+" else (told, "")
        yield from _value_faults(element, name, kind, bound, where, types)


def _value_faults(
    element: Resource, name: str, kind: str, bound: str, where: str, types: Mapping[str, Shape]
) -> Iterator[Violation]:
    path = f"{where}.{name}"
    if name not in element:
        if bound in ("!", "+") and f"_{name}" not in element:
            yield violation(Condition.FIELD_MISSING, path, "this element is required")
        return
    value = element[name]
    if bound not in ("*", "+"):
        yield from _one_fault(value, kind, path, types)
    elif not isinstance(value, list) or not value:
        yield violation(Condition.FIELD_INVALID, path, "it repeats: an array that is not empty")
    else:
        for number, one in enumerate(value):
            yield from _one_fault(one, kind, f"{path}[{number}]", types)


def _one_fault(value: Json, kind: str, path: str, types: Mapping[str, Shape]) -> Iterator[Violation]:
    shape = types.get(kind) or _TYPES.get(kind)
    if shape is not None:
        yield from shape_faults(value, shape, path, types)
    elif kind == "boolean":
        if not isinstance(value, bool):
            yield violation(Condition.FIELD_INVALID, path, f"it is {_SAYS[kind]}")
    elif kind in _TEXTS and not (isinstance(value, str) and _TEXTS[kind].fullmatch(value)):
        yield violation(Condition.FIELD_INVALID, path, f"it is {_SAYS[kind]}")
