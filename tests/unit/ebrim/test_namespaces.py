"""The namespaces are those of the official schemas."""

from lxml import etree

from ebrim import namespaces
from tests.support.shared import shared


def test_every_ebrim_namespace_is_the_target_of_an_official_schema() -> None:
    schemas = shared("schemas", "iti", "schema")

    targets = {
        etree.parse(path).getroot().get("targetNamespace")
        for folder in ("ebRS", "IHE")
        for path in (schemas / folder).glob("*.xsd")
    }

    ours = {namespaces.RIM, namespaces.RS, namespaces.LCM, namespaces.QUERY, namespaces.XDSB, namespaces.RMD}
    assert ours <= targets
