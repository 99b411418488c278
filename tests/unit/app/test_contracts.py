"""app.contracts"""

from __future__ import annotations

import pytest
from lxml import etree

from app import contracts
from kernel.xml import parse_xml
from soap.exchange import BodySchema

WSDL_SOAP12 = "{http://schemas.xmlsoap.org/wsdl/soap12/}"


@pytest.mark.parametrize("path", contracts.OF_PATH)
def test_a_contract_names_the_address_it_was_asked_at(path: str) -> None:
    root = parse_xml(contracts.contract(path, 'https://hie.example.org/x?a="1"&b=2'))

    assert {a.get("location") for a in root.iter(f"{WSDL_SOAP12}address")} == {'https://hie.example.org/x?a="1"&b=2'}


@pytest.mark.parametrize("path", contracts.OF_PATH)
def test_every_schema_that_a_contract_names_is_served(path: str) -> None:
    root = parse_xml(contracts.contract(path, "http://hie.example.org"))
    named = {e.get("schemaLocation", "") for e in root.iter() if e.get("schemaLocation")}

    assert named
    assert all(name.startswith("/wsdl/") for name in named)
    assert all(contracts.schema_file(name.removeprefix("/wsdl/")) for name in named)


@pytest.mark.parametrize("name", ["", "..", "../app/http.py", "registry.wsdl", "/etc/passwd", "nothing.xsd"])
def test_nothing_but_our_schemas_is_given_out(name: str) -> None:
    assert contracts.schema_file(name) is None


def test_bodies_are_checked_by_a_schema_of_their_language() -> None:
    xds, hl7v3 = contracts.body_schema(BodySchema.XDS), contracts.body_schema(BodySchema.HL7V3)

    assert isinstance(xds, etree.XMLSchema)
    assert isinstance(hl7v3, etree.XMLSchema)
    assert not xds.validate(parse_xml(b"<AdhocQueryRequest xmlns='urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0'/>"))


def test_each_who_asks_gets_a_schema_with_a_log_of_its_own() -> None:
    assert contracts.body_schema(BodySchema.XDS) is not contracts.body_schema(BodySchema.XDS)


def test_a_body_of_no_language_is_not_checked() -> None:
    assert contracts.body_schema(BodySchema.NONE) is None
