"""access.claims"""

from __future__ import annotations

from access.claims import claims_of
from kernel.xml import parse_xml

RIM = 'xmlns:r="urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0"'
SOURCE_ID, UNIQUE_ID = "urn:uuid:554ac39e-e3fe-47fe-b233-965d2a147832", "urn:uuid:96fdda7c-d067-4183-912e-bf5ee74998a8"


def claims(xml: str) -> list[str]:
    return list(claims_of(parse_xml(xml.encode(), limit=10_000)))


def test_a_v3_message_speaks_for_the_first_id_of_its_device() -> None:
    ours = '<receiver><device><id root="2.999.1"/></device></receiver>'
    theirs = '<sender><device><id root="2.999.7"/><id root="2.999.8"/></device></sender>'
    message = f'<m xmlns="urn:hl7-org:v3">{ours}{theirs}</m>'

    assert claims(message) == ["2.999.7"]


def test_a_device_without_an_id_speaks_for_nobody() -> None:
    assert claims('<m xmlns="urn:hl7-org:v3"><sender><device/></sender></m>') == [""]


def test_a_submission_speaks_for_the_source_ids_of_its_sets() -> None:
    sets = "".join(
        f'<r:RegistryPackage><r:ExternalIdentifier identificationScheme="{scheme}" value="{value}"/></r:RegistryPackage>'
        for scheme, value in ((SOURCE_ID, "2.999.7"), (UNIQUE_ID, "2.999.8"), (SOURCE_ID, "2.999.9"))
    )

    assert claims(f"<s {RIM}><r:RegistryObjectList>{sets}</r:RegistryObjectList></s>") == ["2.999.7", "2.999.9"]


def test_a_query_speaks_under_no_name() -> None:
    assert claims(f"<q {RIM}><r:AdhocQuery/></q>") == []
