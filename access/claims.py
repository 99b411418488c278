"""Under what names a request speaks, whoever brings it: the sending device of HL7 v3, the sourceId of submission sets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ebrim.namespaces import RIM
from ebrim.uuids import SET_SOURCE_ID
from kernel.xml import Element

_V3: Final = "{urn:hl7-org:v3}"
_EXTERNAL_IDENTIFIER: Final = f"{{{RIM}}}ExternalIdentifier"


def claims_of(body: Element) -> Iterator[str]:
    """Every name in the body of a SOAP request; a body that was not checked against its schema yet is read all the same."""
    for device in body.iterfind(f"{_V3}sender/{_V3}device"):
        identifier = device.find(f"{_V3}id")
        yield identifier.get("root", "") if identifier is not None else ""
    for identifier in body.iter(_EXTERNAL_IDENTIFIER):
        if identifier.get("identificationScheme") == SET_SOURCE_ID:
            yield identifier.get("value", "")
