"""The contracts: loadable by a common client library, with the names, actions and ports of the profiles."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
import zeep  # noqa: TID251 - a foreign client as judge
from lxml import etree

from kernel.xml import Element, load_schema, parse_xml
from tests.support.shared import shared

WSDL = Path(__file__).resolve().parents[3] / "wsdl"
PATIENT_FEED = ("PRPA_IN201301UV02", "PRPA_IN201302UV02", "PRPA_IN201304UV02")
ACTIONS = {
    "registry": {
        "DocumentRegistry_RegistryStoredQuery": "urn:ihe:iti:2007:RegistryStoredQuery",
        "DocumentRegistry_RegisterDocumentSet-b": "urn:ihe:iti:2007:RegisterDocumentSet-b",
        "DocumentRegistry_MultiPatientStoredQuery": "urn:ihe:iti:2009:MultiPatientStoredQuery",
        "DocumentRegistry_UpdateDocumentSet": "urn:ihe:iti:2010:UpdateDocumentSet",
        "DocumentRegistry_RegisterOnDemandDocumentEntry": "urn:ihe:iti:2010:RegisterOnDemandDocumentEntry",
        "DocumentRegistry_DeleteDocumentSet": "urn:ihe:iti:2010:DeleteDocumentSet",
        "UpdateResponder_RestrictedUpdateDocumentSet": "urn:ihe:iti:2018:RestrictedUpdateDocumentSet",
        **{f"DocumentRegistry_{name}": f"urn:hl7-org:v3:{name}" for name in PATIENT_FEED},
    },
    "repository": {
        "DocumentRepository_ProvideAndRegisterDocumentSet-b": "urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-b",
        "DocumentRepository_RetrieveDocumentSet": "urn:ihe:iti:2007:RetrieveDocumentSet",
        "DocumentRepository_RemoveDocuments": "urn:ihe:iti:2017:RemoveDocuments",
    },
    "pix": {
        **{f"PIXManager_{name}": f"urn:hl7-org:v3:{name}" for name in PATIENT_FEED},
        "PIXManager_PRPA_IN201309UV02": "urn:hl7-org:v3:PRPA_IN201309UV02",
    },
    "pix-consumer": {"PIXConsumer_PRPA_IN201302UV02": "urn:hl7-org:v3:PRPA_IN201302UV02"},
    "pdq": {
        "PDSupplier_PRPA_IN201305UV02": "urn:hl7-org:v3:PRPA_IN201305UV02",
        "PDSupplier_QUQI_IN000003UV01_Continue": "urn:hl7-org:v3:QUQI_IN000003UV01_Continue",
        "PDSupplier_QUQI_IN000003UV01_Cancel": "urn:hl7-org:v3:QUQI_IN000003UV01_Cancel",
    },
}
PORTS = {
    "registry": ("DocumentRegistry_Service", "DocumentRegistry_Port_Soap12"),
    "repository": ("DocumentRepository_Service", "DocumentRepository_Port_Soap12"),
    "pix": ("PIXManager_Service", "PIXManager_Port_Soap12"),
    "pix-consumer": ("PIXConsumer_Service", "PIXConsumer_Port_Soap12"),
    "pdq": ("PDSupplier_Service", "PDSupplier_Port_Soap12"),
}
SOAP = "{http://www.w3.org/2003/05/soap-envelope}"
DEFINITIONS = "{http://schemas.xmlsoap.org/wsdl/}"
WSAW = "{http://www.w3.org/2006/05/addressing/wsdl}"
WSAM = "{http://www.w3.org/2007/05/addressing/metadata}"
RIM = "{urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0}"


class ClosedNetwork(zeep.Transport):  # type: ignore[misc]  # zeep is untyped
    """Files only."""

    def _load_remote_data(self, url: str) -> bytes:
        raise AssertionError(f"{url} was asked for")


@cache
def client(name: str) -> zeep.Client:
    """A client of one of our contracts."""
    return zeep.Client(str(WSDL / f"{name}.wsdl"), transport=ClosedNetwork())


@pytest.mark.parametrize("name", sorted(ACTIONS))
def test_every_operation_is_offered_with_the_action_of_the_profile(name: str) -> None:
    (binding,) = client(name).wsdl.bindings.values()

    offered = {operation: found.abstract.wsa_action for operation, found in binding._operations.items()}

    assert offered == ACTIONS[name]
    assert {o: found.soapaction for o, found in binding._operations.items()} == ACTIONS[name]


@pytest.mark.parametrize("name", sorted(PORTS))
def test_service_and_port_bear_the_names_of_the_profile(name: str) -> None:
    service, port = PORTS[name]

    ((found, definition),) = client(name).wsdl.services.items()

    assert (found, list(definition.ports)) == (service, [port])


@pytest.mark.parametrize("path", sorted(WSDL.glob("*.wsdl")), ids=lambda p: p.name)
def test_each_message_names_its_action_in_both_namespaces_of_ws_addressing(path: Path) -> None:
    messages = [
        m for kind in ("input", "output") for m in etree.parse(path).iterfind(f"{DEFINITIONS}portType/*/{DEFINITIONS}{kind}")
    ]

    actions = [(m.get(f"{WSAW}Action"), m.get(f"{WSAM}Action")) for m in messages]

    assert actions
    assert all(old and old == new for old, new in actions)


@pytest.mark.parametrize("path", sorted(WSDL.glob("*.[wx]sd*")), ids=lambda p: p.name)
def test_a_contract_refers_to_files_beside_it_only(path: Path) -> None:
    references = re.findall(r'schemaLocation="([^"]+)"', path.read_text())

    assert [r for r in references if not (WSDL / r).is_file() or "/" in r] == []


@pytest.mark.parametrize("path", sorted(WSDL.glob("*.xsd")), ids=lambda p: p.name)
def test_a_schema_is_reached_from_a_contract_or_an_entry(path: Path) -> None:
    roots = [*WSDL.glob("*.wsdl"), WSDL / "xds.xsd", WSDL / "hl7v3.xsd"]
    waiting, seen = list(roots), set(roots)
    while waiting:
        for reference in re.findall(r'schemaLocation="([^"]+)"', waiting.pop().read_text()):
            found = WSDL / reference
            if found not in seen:
                seen.add(found)
                waiting.append(found)

    assert path in seen


def test_actions_of_the_official_contracts_are_ours() -> None:
    official = set()
    for path in shared("schemas", "iti", "wsdl").glob("*.wsdl"):
        official |= set(re.findall(r'wsaw:Action="([^"]+)"', path.read_text()))

    ours = {action for table in ACTIONS.values() for action in table.values()}

    # the two supplements are not among the official files under the same name
    assert {a for a in ours if a not in official} <= {
        "urn:ihe:iti:2010:UpdateDocumentSet",
        "urn:ihe:iti:2009:MultiPatientStoredQuery",
        "urn:ihe:iti:2010:RegisterOnDemandDocumentEntry",
    }


def test_a_common_client_writes_a_stored_query_from_plain_values() -> None:
    registry = client("registry")
    service = registry.bind("DocumentRegistry_Service", "DocumentRegistry_Port_Soap12")
    slot = {"name": "$XDSDocumentEntryPatientId", "ValueList": {"Value": ["'4711^^^&1.2.3&ISO'"]}}

    envelope = registry.create_message(
        service,
        "DocumentRegistry_RegistryStoredQuery",
        ResponseOption={"returnType": "LeafClass", "returnComposedObjects": True},
        AdhocQuery={"id": "urn:uuid:14d4debf-8f97-4251-9a74-a90016b0af0d", "Slot": [slot]},
    )

    body = parse_xml(etree.tostring(envelope.find(f"{SOAP}Body")[0]))
    assert load_schema(WSDL / "xds.xsd").validate(body)
    assert [v.text for v in body.iter(f"{RIM}Value")] == ["'4711^^^&1.2.3&ISO'"]


def test_a_common_client_writes_and_reads_a_list_of_different_objects() -> None:
    registry = client("registry")
    kind = registry.get_element(f"{RIM}RegistryObjectList")
    association = {"id": "a", "associationType": "urn:x", "sourceObject": "s", "targetObject": "t"}
    written = etree.Element("here")

    kind.render(written, kind(_value_1=[{"ExtrinsicObject": {"id": "d"}}, {"Association": association}]))
    read = kind.parse(written[0], registry.wsdl.types)

    assert [e.tag for e in written[0]] == [f"{RIM}ExtrinsicObject", f"{RIM}Association"]
    assert [next(iter(v)) for v in read._value_1] == ["ExtrinsicObject", "Association"]
    assert read._value_1[1]["Association"].targetObject == "t"


@pytest.mark.parametrize(
    ("folder", "file"),
    [
        ("iti-18", "RegistryStoredQueryResponse_SOAP.xml"),
        ("iti-42", "RegisterDocumentSet-bRequest_SOAP.xml"),
        ("iti-42", "SubmitObjectsRequest_ebrs30.xml"),
        ("iti-57", "update.xml"),
    ],
)
def test_a_common_client_reads_recorded_metadata_and_writes_them_again_unchanged(folder: str, file: str) -> None:
    registry = client("registry")
    kind = registry.get_element(f"{RIM}RegistryObjectList")
    (recorded,) = parse_xml(shared("samples", folder, file).read_bytes()).iter(f"{RIM}RegistryObjectList")
    written = etree.Element("here")

    kind.render(written, kind.parse(recorded, registry.wsdl.types))

    assert facts(written[0]) == facts(recorded)


def facts(element: Element) -> list[tuple[str, dict[str, str], str]]:
    """Names, attributes and texts in document order; an element that holds nothing at all is nothing to the client."""
    return [
        (str(e.tag), {str(k): str(v) for k, v in e.attrib.items()}, (e.text or "").strip())
        for e in element.iter()
        if len(e) or e.attrib or e.text
    ]
