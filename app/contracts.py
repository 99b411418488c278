"""The service contracts in `wsdl/`: served on `?wsdl`, and compiled to check what comes in."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Final

from lxml import etree

from kernel.xml import escape
from soap.exchange import BodySchema

FOLDER: Final = Path(__file__).resolve().parent.parent / "wsdl"
OF_PATH: Final = {
    "/xds/registry": "registry.wsdl",
    "/xds/repository": "repository.wsdl",
    "/pix": "pix.wsdl",
    "/pdq": "pdq.wsdl",
}
_SCHEMAS: Final = {BodySchema.XDS: "xds.xsd", BodySchema.HL7V3: "hl7v3.xsd"}
_ADDRESS: Final = re.compile(r'(<soap12:address location=")[^"]*(")')
_LOCATION: Final = re.compile(r'schemaLocation="(?!/)([^"]+)"')


def body_schema(kind: BodySchema) -> etree.XMLSchema | None:
    """A freshly compiled schema that bodies are checked against; its log of faults belongs to whoever asked for it."""
    file = _SCHEMAS.get(kind)
    return etree.XMLSchema(etree.parse(FOLDER / file)) if file else None


@cache
def _text(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def contract(path: str, address: str) -> bytes:
    """The WSDL of one of our paths, with the address it was asked at and its schemas below `/wsdl/`."""
    text = _ADDRESS.sub(lambda m: f"{m[1]}{escape(address)}{m[2]}", _text(OF_PATH[path]))
    return _LOCATION.sub(r'schemaLocation="/wsdl/\1"', text).encode()


def schema_file(name: str) -> bytes | None:
    """A schema that a contract names; None when there is none of that name."""
    known = {file.name for file in FOLDER.glob("*.xsd")}
    return _text(name).encode() if name in known else None
