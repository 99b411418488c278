"""Resources as JSON values, built without what is empty: FHIR has no empty strings, arrays or objects (JSON representation)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final

MEDIA_TYPE: Final = "application/fhir+json"
Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]
Resource = dict[str, Json]


def made(**elements: Json) -> Resource:
    """An element or resource of what is there; a name that Python keeps for itself is written with an underscore behind."""
    return {name.rstrip("_"): value for name, value in elements.items() if not _is_empty(value)}


def coding(system: str, code: str, display: str = "") -> Resource:
    """A Coding."""
    return made(system=system, code=code, display=display)


def concept(system: str, code: str, display: str = "") -> Resource:
    """A CodeableConcept of one Coding; text alone where there is no code."""
    return made(coding=[coding(system, code, display)]) if code else made(text=display)


def written(resource: Json) -> bytes:
    """As it goes over the wire."""
    return json.dumps(resource, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _is_empty(value: Json) -> bool:
    return value is None or (isinstance(value, (str, Sequence, Mapping)) and not value)
