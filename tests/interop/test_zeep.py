"""zeep, a SOAP client of another make: it loads every contract, and every operation of ours answers it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from functools import partial
from pathlib import Path

import pytest
import requests
import zeep  # noqa: TID251 - a foreign client as judge
from lxml import etree

from app.client import Server, XdsClient
from app.client_metadata import DocumentFile, SubmissionMetadata
from app.client_patients import V2Client, V3Client, V3Server
from app.mllp_client import MllpAddress
from ebrim.uuids import QueryId
from kernel.demographics import Demographics, HumanName
from kernel.errors import Condition, Rejected
from kernel.identifiers import AssigningAuthority, PatientId, new_entry_uuid
from kernel.times import system_clock
from kernel.xml import Element, parse_xml
from soap.zeep_client import SoapClient
from tests.support import messages as m
from tests.support.service import Service, running
from tests.support.shared import faults, sample

PATHS = {"registry": "/xds/registry", "repository": "/xds/repository", "pix": "/pix", "pdq": "/pdq"}
WSDL = Path(__file__).resolve().parents[2] / "wsdl"
HOSP = AssigningAuthority("HOSP_A", "2.999.1.1", "ISO")
XAD = AssigningAuthority.of_oid(m.XAD_OID)
STABLE_QUERY = QueryId.FIND_DOCUMENTS.value
RS = "urn:oasis:names:tc:ebxml-regrep:xsd:rs:3.0"
V3 = "urn:hl7-org:v3"
SUCCESS = "urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Success"
CONTENT = b"\r\n<letter>Gr\xc3\xbc\xc3\x9fe</letter>\n\r\n"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A running service."""
    with running(tmp_path_factory.mktemp("zeep") / "data") as service:
        yield service


@pytest.fixture(scope="module")
def zeep_client(service: Service) -> Iterator[Callable[[str], zeep.Client]]:
    """A zeep client of a service by its contract's name, loaded over HTTP, with nothing of ours in it."""
    session = requests.Session()
    session.trust_env = False
    yield lambda name: zeep.Client(
        f"{service.url}{PATHS[name]}?wsdl", transport=zeep.Transport(session=session, operation_timeout=30)
    )
    session.close()


@pytest.fixture(scope="module")
def v2(service: Service) -> V2Client:
    """Our client of HL7 v2."""
    return V2Client(MllpAddress("127.0.0.1", service.mllp_port), clock=system_clock, new_uuid=new_entry_uuid)


@pytest.fixture(scope="module")
def patient_id(v2: V2Client) -> PatientId:
    """The affinity domain's identifier of a patient that was announced."""
    assert v2.feed(m.adt("ZEEP-1")).is_accepted
    (found,) = v2.pix(PatientId("ZEEP-1", HOSP), [XAD])
    return found


@pytest.fixture(scope="module")
def xds(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[XdsClient]:
    """Our client of XDS."""
    client = XdsClient(Server.at(service.url, tmp_path_factory.mktemp("spool")), clock=system_clock, new_uuid=new_entry_uuid)
    yield client
    client.close()


@pytest.fixture(scope="module")
def unique_id(xds: XdsClient, patient_id: PatientId, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The uniqueId of a document that was provided and registered."""
    file = tmp_path_factory.mktemp("documents") / "letter.xml"
    file.write_bytes(CONTENT)
    (document,) = xds.submit([DocumentFile(file)], patient_id, SubmissionMetadata()).documents
    return document.unique_id


# The contracts


@pytest.mark.parametrize("name", sorted(PATHS))
def test_a_contract_is_loaded_over_http_and_names_the_address_it_was_asked_at(
    service: Service, zeep_client: Callable[[str], zeep.Client], name: str
) -> None:
    client = zeep_client(name)

    ((port,),) = [list(s.ports.values()) for s in client.wsdl.services.values()]
    assert port.binding_options["address"] == service.url + PATHS[name]
    offered = {operation.soapaction for operation in port.binding._operations.values()}
    assert {o.soapaction for o in local_operations(name).values()} == offered


def local_operations(name: str) -> dict[str, object]:
    """The operations of the contract as it lies in the file."""
    (binding,) = zeep.Client(str(WSDL / f"{name}.wsdl")).wsdl.bindings.values()
    return dict(binding._operations)


# Every operation


def empty_submission() -> bytes:
    """Nothing at all, properly wrapped."""
    return f'<SubmitObjectsRequest xmlns="{m.LCM}"><RegistryObjectList xmlns="{m.RIM}"/></SubmitObjectsRequest>'.encode()


def soap_body(*path: str) -> bytes:
    """The body of a recorded message, or the message where it has no envelope."""
    root = parse_xml(sample(*path))
    body = root.find(f"{{{m.SOAP}}}Body")
    return etree.tostring(root if body is None else body[0])


REGISTRY_RESPONSE, QUERY_RESPONSE = f"{{{RS}}}RegistryResponse", f"{{{m.QUERY}}}AdhocQueryResponse"
RETRIEVE_RESPONSE = f"{{{m.XDSB}}}RetrieveDocumentSetResponse"
ACKNOWLEDGEMENT = f"{{{V3}}}MCCI_IN000002UV01"
FEEDS = {
    "PRPA_IN201301UV02": partial(soap_body, "iti-44", "01_PatientRegistryRecordAdded1_20110504.xml"),
    "PRPA_IN201302UV02": partial(soap_body, "iti-44", "04_PatientRegistryRecordRevised2_20110328.xml"),
    "PRPA_IN201304UV02": partial(soap_body, "iti-44", "05_PatientRegistryDuplicatesResolved_20110504.xml"),
}
CALLS: dict[str, dict[str, tuple[Callable[[], bytes], str]]] = {
    "registry": {
        "DocumentRegistry_RegistryStoredQuery": (partial(soap_body, "iti-18", "soap-sq-req.xml"), QUERY_RESPONSE),
        "DocumentRegistry_RegisterDocumentSet-b": (empty_submission, REGISTRY_RESPONSE),
        "DocumentRegistry_MultiPatientStoredQuery": (
            partial(soap_body, "iti-51", "FindDocumentsForMultiplePatients-request.xml"),
            QUERY_RESPONSE,
        ),
        "DocumentRegistry_UpdateDocumentSet": (empty_submission, REGISTRY_RESPONSE),
        "DocumentRegistry_RegisterOnDemandDocumentEntry": (empty_submission, REGISTRY_RESPONSE),
        "DocumentRegistry_DeleteDocumentSet": (partial(soap_body, "iti-62", "RemoveMetadataRequest_SOAP.xml"), REGISTRY_RESPONSE),
        "UpdateResponder_RestrictedUpdateDocumentSet": (empty_submission, REGISTRY_RESPONSE),
        **{f"DocumentRegistry_{name}": (body, ACKNOWLEDGEMENT) for name, body in FEEDS.items()},
    },
    "repository": {
        "DocumentRepository_ProvideAndRegisterDocumentSet-b": (
            partial(soap_body, "iti-41", "ProvideAndRegisterDocumentSet-bRequest_SOAP.xml"),
            REGISTRY_RESPONSE,
        ),
        "DocumentRepository_RetrieveDocumentSet": (partial(soap_body, "iti-43", "soap-ret-req.xml"), RETRIEVE_RESPONSE),
        "DocumentRepository_RemoveDocuments": (partial(soap_body, "iti-86", "RemoveDocumentsRequest.xml"), REGISTRY_RESPONSE),
    },
    "pix": {
        **{f"PIXManager_{name}": (body, ACKNOWLEDGEMENT) for name, body in FEEDS.items()},
        "PIXManager_PRPA_IN201309UV02": (partial(soap_body, "iti-45", "06_PIXQuery1_20110328.xml"), f"{{{V3}}}PRPA_IN201310UV02"),
    },
    "pdq": {
        "PDSupplier_PRPA_IN201305UV02": (partial(soap_body, "iti-47", "01_PDQQuery1_20110328.xml"), f"{{{V3}}}PRPA_IN201306UV02"),
        "PDSupplier_QUQI_IN000003UV01_Continue": (
            partial(soap_body, "iti-47", "03_PDQQuery1Continuation-1_20110328.xml"),
            f"{{{V3}}}PRPA_IN201306UV02",
        ),
        "PDSupplier_QUQI_IN000003UV01_Cancel": (partial(soap_body, "iti-47", "05_PDQQuery1Cancel_20110328.xml"), ACKNOWLEDGEMENT),
    },
}


@pytest.mark.parametrize("name", sorted(PATHS))
def test_every_operation_of_a_contract_is_called_below(name: str) -> None:
    assert set(CALLS[name]) == set(local_operations(name))


def operations() -> list[tuple[str, str]]:
    """Contract and operation."""
    return [(name, operation) for name, calls in CALLS.items() for operation in calls]


@pytest.mark.parametrize(("name", "operation"), operations())
def test_an_operation_answers_with_its_own_message(service: Service, tmp_path: Path, name: str, operation: str) -> None:
    body, answer = CALLS[name][operation]

    with client_of(service, name, tmp_path) as client:
        reply = client.call(operation, body(), mtom=name == "repository")

    assert reply.body.tag == answer
    assert reply.warnings == ()
    assert faults("hl7v3" if answer.startswith(f"{{{V3}}}") else "xds", without_includes(reply.body)) == []


def client_of(service: Service, name: str, spool: Path) -> AbstractContextManager[SoapClient]:
    """Our client of a service, with the contract the service gives."""
    address = service.url + PATHS[name]
    return closing(SoapClient(f"{address}?wsdl", address, timeout=30, spool=spool))


def without_includes(body: Element) -> Element:
    """The body as a schema sees it: what travels apart is base64 in place."""
    for include in list(body.iter("{http://www.w3.org/2004/08/xop/include}Include")):
        parent = include.getparent()
        assert parent is not None
        parent.remove(include)
        parent.text = "QUJD"
    return parse_xml(etree.tostring(body))


# zeep's own objects, where it has what the messages need


def test_documents_are_found_with_plain_zeep(
    zeep_client: Callable[[str], zeep.Client], patient_id: PatientId, unique_id: str
) -> None:
    slots = [
        {"name": "$XDSDocumentEntryPatientId", "ValueList": {"Value": [f"'{patient_id.cx}'"]}},
        {"name": "$XDSDocumentEntryStatus", "ValueList": {"Value": [f"('{m.APPROVED}')"]}},
    ]

    answer = zeep_client("registry").service.DocumentRegistry_RegistryStoredQuery(
        ResponseOption={"returnType": "LeafClass", "returnComposedObjects": True}, AdhocQuery={"id": STABLE_QUERY, "Slot": slots}
    )

    assert answer.status == SUCCESS
    entries = [found["ExtrinsicObject"] for found in answer.RegistryObjectList._value_1]
    assert unique_id in {i.value for entry in entries for i in entry.ExternalIdentifier}


def test_a_document_is_provided_inline_with_plain_zeep_and_retrieved_byte_for_byte(
    zeep_client: Callable[[str], zeep.Client], xds: XdsClient, patient_id: PatientId, tmp_path: Path
) -> None:
    repository = zeep_client("repository")
    entry = m.Entry(patient=patient_id.cx, hash=None, size=None, repository=None)
    request = parse_xml(m.submission(entry).encode())
    submit = repository.get_element(f"{{{m.LCM}}}SubmitObjectsRequest").parse(request, repository.wsdl.types)

    answer = repository.service["DocumentRepository_ProvideAndRegisterDocumentSet-b"](
        SubmitObjectsRequest=submit, Document=[{"id": entry.id, "_value_1": CONTENT}]
    )
    got = xds.retrieve(entry.unique_id, tmp_path / "got")

    assert answer.status == SUCCESS, answer
    assert got.path.read_bytes() == CONTENT


def test_a_refusal_is_read_with_plain_zeep(zeep_client: Callable[[str], zeep.Client]) -> None:
    answer = zeep_client("registry").service.DocumentRegistry_RegistryStoredQuery(
        ResponseOption={"returnType": "LeafClass"}, AdhocQuery={"id": "urn:uuid:00000000-0000-4000-8000-000000000000"}
    )

    assert answer.status.endswith(":Failure")
    assert [e.errorCode for e in answer.RegistryErrorList.RegistryError] == ["XDSUnknownStoredQuery"]


# Our own client, which is zeep with bodies and documents of its own


def test_a_document_is_submitted_found_and_retrieved_byte_for_byte(
    xds: XdsClient, patient_id: PatientId, unique_id: str, tmp_path: Path
) -> None:
    found = {document.unique_id: document for document in xds.find(patient_id)}
    got = xds.retrieve(unique_id, tmp_path / "got.xml")

    assert found[unique_id].sha1 == got.sha1
    assert found[unique_id].title == "letter.xml"
    assert got.path.read_bytes() == CONTENT
    assert got.mime_type == "text/xml"


def test_a_document_nobody_has_is_refused_by_its_name(xds: XdsClient, tmp_path: Path) -> None:
    with pytest.raises(Rejected) as raised:
        xds.retrieve("2.999.404", tmp_path / "got.xml", repository_unique_id=m.REPOSITORY)

    assert raised.value.condition is Condition.DOCUMENT_UNKNOWN


def test_the_index_gives_the_same_answer_in_both_languages(
    service: Service, v2: V2Client, patient_id: PatientId, tmp_path: Path
) -> None:
    v3 = V3Client(V3Server.at(service.url, tmp_path), clock=system_clock, new_uuid=new_entry_uuid)
    mine = PatientId("ZEEP-1", HOSP)

    ids = v3.pix(mine, [XAD])
    with pytest.raises(Rejected) as unknown:
        v3.pix(PatientId("ZEEP-404", HOSP), [XAD])
    pages = [client.pdq(Demographics(names=(HumanName("Rivera"),)), [mine]) for client in (v2, v3)]
    v3.close()

    assert [(i.id, i.authority.universal_id) for i in ids] == [(patient_id.id, m.XAD_OID)]
    assert unknown.value.condition is Condition.IDENTIFIER_UNKNOWN
    assert pages[0].total == pages[1].total
