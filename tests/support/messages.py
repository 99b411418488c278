"""Messages as a client of another make writes them: plain text, apart from the product's own writers."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import count

XAD_OID = "1.3.6.1.4.1.21367.2005.13.20.1000"
REPOSITORY = "1.3.6.1.4.1.21367.2011.2.3.7"
RIM = "urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0"
LCM = "urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0"
QUERY = "urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0"
XDSB = "urn:ihe:iti:xds-b:2007"
SOAP = "http://www.w3.org/2003/05/soap-envelope"
WSA = "http://www.w3.org/2005/08/addressing"
APPROVED = "urn:oasis:names:tc:ebxml-regrep:StatusType:Approved"
HAS_MEMBER = "urn:oasis:names:tc:ebxml-regrep:AssociationType:HasMember"
RPLC = "urn:ihe:iti:2007:AssociationType:RPLC"
FIND_DOCUMENTS = "urn:uuid:14d4debf-8f97-4251-9a74-a90016b0af0d"
GET_DOCUMENTS = "urn:uuid:5c4f972b-d56b-40ac-a5fc-c8ca9b40b9d4"
ACTION_41 = "urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-b"
ACTION_42 = "urn:ihe:iti:2007:RegisterDocumentSet-b"
ACTION_18 = "urn:ihe:iti:2007:RegistryStoredQuery"
ACTION_43 = "urn:ihe:iti:2007:RetrieveDocumentSet"
EMPTY_SHA1 = "da39a3ee5e6b4b0d3255bfef95601890afd80709"

_numbers = count(1)


def escape(text: str) -> str:
    """For XML text and attributes."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")


def fresh_oid() -> str:
    """An OID that no other object has."""
    return f"2.25.{uuid.uuid4().int}"  # noqa: TID251 - a client's own


def cx(local_id: str, oid: str = XAD_OID) -> str:
    """A patient id as metadata hold it."""
    return f"{local_id}^^^&{oid}&ISO"


@dataclass
class Entry:
    """A DocumentEntry to be sent; change the one thing a test is about."""

    patient: str
    unique_id: str = field(default_factory=fresh_oid)
    id: str = ""
    mime_type: str = "text/plain"
    hash: str | None = EMPTY_SHA1
    size: str | None = "0"
    repository: str | None = REPOSITORY
    creation_time: str = "20260114103000"
    title: str = "Discharge letter"
    type_code: str = "34133-9"
    class_code: str = "DISCHARGE"
    object_type: str = "urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1"
    slots: dict[str, Sequence[str]] = field(default_factory=dict)
    extra: str = ""

    def __post_init__(self) -> None:
        self.id = self.id or f"Document{next(_numbers)}"


def slot(name: str, *values: str) -> str:
    """A rim:Slot."""
    inner = "".join(f"<rim:Value>{escape(v)}</rim:Value>" for v in values)
    return f'<rim:Slot name="{escape(name)}"><rim:ValueList>{inner}</rim:ValueList></rim:Slot>'


def classification(of: str, scheme: str, code: str, coding_scheme: str = "2.999.77.1", display: str = "") -> str:
    """A code."""
    return (
        f'<rim:Classification id="c{next(_numbers)}" classifiedObject="{of}" classificationScheme="urn:uuid:{scheme}" '
        f'nodeRepresentation="{escape(code)}">{slot("codingScheme", coding_scheme)}'
        f'<rim:Name><rim:LocalizedString value="{escape(display or code)}"/></rim:Name></rim:Classification>'
    )


def external_identifier(of: str, scheme: str, value: str, name: str) -> str:
    """A patientId, uniqueId or sourceId."""
    return (
        f'<rim:ExternalIdentifier id="e{next(_numbers)}" registryObject="{of}" identificationScheme="urn:uuid:{scheme}" '
        f'value="{escape(value)}"><rim:Name><rim:LocalizedString value="{name}"/></rim:Name></rim:ExternalIdentifier>'
    )


def entry_xml(entry: Entry) -> str:
    """An ExtrinsicObject."""
    slots = {
        "creationTime": (entry.creation_time,),
        "languageCode": ("en-us",),
        "sourcePatientId": (cx("SRC-1", "2.999.5.1"),),
        "sourcePatientInfo": ("PID-3|SRC-1^^^&2.999.5.1&ISO", "PID-8|F"),
        **({"hash": (entry.hash,)} if entry.hash is not None else {}),
        **({"size": (entry.size,)} if entry.size is not None else {}),
        **({"repositoryUniqueId": (entry.repository,)} if entry.repository is not None else {}),
        **entry.slots,
    }
    author = (
        f'<rim:Classification id="a{next(_numbers)}" classifiedObject="{entry.id}" nodeRepresentation="" '
        'classificationScheme="urn:uuid:93606bcf-9494-43ec-9b4e-a7748d1a838d">'
        f"{slot('authorPerson', '^Welby^Marcus^^^Dr')}{slot('authorInstitution', 'Cedar Clinic')}</rim:Classification>"
    )
    codes = (
        ("41a5887f-8865-4c09-adf7-e362475b143a", entry.class_code),
        ("f0306f51-975f-434e-a61c-c59651d33983", entry.type_code),
        ("a09d5840-386c-46f2-b5ad-9c3699a4309d", "urn:ihe:pcc:xphr:2007"),
        ("f33fb8ac-18af-42cc-ae0e-ed0b0bdb91e1", "Outpatient"),
        ("cccf5598-8b07-4b77-a05e-ae952c785ead", "General Medicine"),
        ("f4f85eac-e6cb-4883-b524-f2705394840f", "N"),
        ("2c6b8cb7-8b2a-4051-b291-b1ae6a575ef4", "T-D4909"),
    )
    return (
        f'<rim:ExtrinsicObject id="{entry.id}" mimeType="{entry.mime_type}" objectType="{entry.object_type}">'
        + "".join(slot(name, *values) for name, values in slots.items())
        + f'<rim:Name><rim:LocalizedString value="{escape(entry.title)}"/></rim:Name>'
        + author
        + "".join(classification(entry.id, scheme, code) for scheme, code in codes)
        + external_identifier(entry.id, "58a6f841-87b3-4a3e-92fd-a8ffeff98427", entry.patient, "XDSDocumentEntry.patientId")
        + external_identifier(entry.id, "2e82c1f6-a085-4c72-9da3-8640a32e42ab", entry.unique_id, "XDSDocumentEntry.uniqueId")
        + entry.extra
        + "</rim:ExtrinsicObject>"
    )


def set_xml(patient: str, *, unique_id: str = "", source: str = "2.999.5", id: str = "Set") -> str:
    """A RegistryPackage that is a submission set."""
    return (
        f'<rim:RegistryPackage id="{id}">{slot("submissionTime", "20260114104500")}'
        '<rim:Name><rim:LocalizedString value="Visit"/></rim:Name>'
        f'<rim:Classification id="n{next(_numbers)}" classifiedObject="{id}" '
        'classificationNode="urn:uuid:a54d6aa5-d40d-43f9-88c5-b4633d873bdd"/>'
        + classification(id, "aa543740-bdda-424e-8c96-df4873be8500", "Visit")
        + external_identifier(id, "6b5aea1a-874d-4603-a4bc-96a0a7b38446", patient, "XDSSubmissionSet.patientId")
        + external_identifier(id, "554ac39e-e3fe-47fe-b233-965d2a147832", source, "XDSSubmissionSet.sourceId")
        + external_identifier(id, "96fdda7c-d067-4183-912e-bf5ee74998a8", unique_id or fresh_oid(), "XDSSubmissionSet.uniqueId")
        + "</rim:RegistryPackage>"
    )


def folder_xml(patient: str, *, unique_id: str = "", id: str = "Folder", title: str = "Knee") -> str:
    """A RegistryPackage that is a folder."""
    return (
        f'<rim:RegistryPackage id="{id}"><rim:Name><rim:LocalizedString value="{escape(title)}"/></rim:Name>'
        f'<rim:Classification id="n{next(_numbers)}" classifiedObject="{id}" '
        'classificationNode="urn:uuid:d9d542f3-6cc4-48b6-8870-ea235fbc94c2"/>'
        + classification(id, "1ba97051-7806-41a8-a48b-8fce7af683c5", "FolderCode")
        + external_identifier(id, "f64ffdf0-4b97-4e06-b79f-a52b38ec2f8a", patient, "XDSFolder.patientId")
        + external_identifier(id, "75df8f67-9973-4fbe-a900-df66cefecc5a", unique_id or fresh_oid(), "XDSFolder.uniqueId")
        + "</rim:RegistryPackage>"
    )


def association(kind: str, source: str, target: str, *slots: str, id: str = "") -> str:
    """An Association."""
    return (
        f'<rim:Association id="{id or f"as{next(_numbers)}"}" associationType="{kind}" '
        f'sourceObject="{source}" targetObject="{target}">'
        f"{''.join(slots)}</rim:Association>"
    )


def member(entry_id: str, status: str = "Original") -> str:
    """The association from the set to an entry."""
    return association(HAS_MEMBER, "Set", entry_id, slot("SubmissionSetStatus", status))


def submit_objects(objects: Iterable[str]) -> str:
    """An lcm:SubmitObjectsRequest."""
    inner = "".join(objects)
    return (
        f'<lcm:SubmitObjectsRequest xmlns:lcm="{LCM}" xmlns:rim="{RIM}">'
        f"<rim:RegistryObjectList>{inner}</rim:RegistryObjectList></lcm:SubmitObjectsRequest>"
    )


def submission(*entries: Entry, replaces: str = "", set_unique_id: str = "") -> str:
    """Entries in one set; `replaces` is the entryUUID that the first entry takes the place of."""
    objects = [entry_xml(e) for e in entries]
    objects += [set_xml(entries[0].patient, unique_id=set_unique_id)]
    objects += [member(e.id) for e in entries]
    if replaces:
        objects.append(association(RPLC, entries[0].id, replaces))
    return submit_objects(objects)


def envelope(action: str, body: str, message_id: str = "") -> bytes:
    """A SOAP 1.2 envelope with WS-Addressing."""
    message_id = message_id or f"urn:uuid:{uuid.uuid4()}"  # noqa: TID251 - a client's own
    return (
        f'<soap:Envelope xmlns:soap="{SOAP}" xmlns:wsa="{WSA}"><soap:Header>'
        f'<wsa:Action soap:mustUnderstand="1">{action}</wsa:Action><wsa:MessageID>{message_id}</wsa:MessageID>'
        f"<wsa:ReplyTo><wsa:Address>{WSA}/anonymous</wsa:Address></wsa:ReplyTo>"
        f"</soap:Header><soap:Body>{body}</soap:Body></soap:Envelope>"
    ).encode()


def stored_query(query_id: str, *slots: str, return_type: str = "LeafClass") -> str:
    """An AdhocQueryRequest."""
    return (
        f'<query:AdhocQueryRequest xmlns:query="{QUERY}" xmlns:rim="{RIM}">'
        f'<query:ResponseOption returnComposedObjects="true" returnType="{return_type}"/>'
        f'<rim:AdhocQuery id="{query_id}">{"".join(slots)}</rim:AdhocQuery></query:AdhocQueryRequest>'
    )


def find_documents(patient: str, *slots: str, return_type: str = "LeafClass") -> str:
    """FindDocuments for approved entries."""
    given = (slot("$XDSDocumentEntryPatientId", f"'{patient}'"), slot("$XDSDocumentEntryStatus", f"('{APPROVED}')"), *slots)
    return stored_query(FIND_DOCUMENTS, *given, return_type=return_type)


def provide(metadata: str, documents: dict[str, str]) -> str:
    """A ProvideAndRegisterDocumentSetRequest; `documents` are the contents (XML) of each Document by entry id."""
    inner = "".join(f'<xdsb:Document id="{id}">{content}</xdsb:Document>' for id, content in documents.items())
    name = "xdsb:ProvideAndRegisterDocumentSetRequest"
    return f'<{name} xmlns:xdsb="{XDSB}">{metadata}{inner}</{name}>'


def include(content_id: str) -> str:
    """An xop:Include."""
    return f'<xop:Include xmlns:xop="http://www.w3.org/2004/08/xop/include" href="cid:{content_id}"/>'


def multipart(root: bytes, parts: dict[str, bytes], boundary: str = "part-of-a-test") -> tuple[str, bytes]:
    """An MTOM body: its content type and its bytes."""
    pieces = [
        f'--{boundary}\r\nContent-Type: application/xop+xml; charset=UTF-8; type="application/soap+xml"\r\n'
        f"Content-Transfer-Encoding: binary\r\nContent-ID: <root@test>\r\n\r\n".encode(),
        root,
    ]
    for content_id, content in parts.items():
        pieces.append(
            f"\r\n--{boundary}\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n"
            f"Content-ID: <{content_id}>\r\n\r\n".encode()
        )
        pieces.append(content)
    pieces.append(f"\r\n--{boundary}--\r\n".encode())
    kind = (
        f'multipart/related; boundary="{boundary}"; type="application/xop+xml"; start="<root@test>"; '
        'start-info="application/soap+xml"'
    )
    return kind, b"".join(pieces)


def provide_and_register(entry: Entry, content: bytes, message_id: str = "", set_unique_id: str = "") -> tuple[str, bytes]:
    """ITI-41 of one document as MTOM: content type and body."""
    entry.repository = None
    metadata = submission(entry, set_unique_id=set_unique_id)
    body = provide(metadata, {entry.id: include("document@test")})
    return multipart(envelope(ACTION_41, body, message_id), {"document@test": content})


def _wanted(documents: Iterable[tuple[str, str]]) -> str:
    return "".join(
        f"<xdsb:DocumentRequest><xdsb:RepositoryUniqueId>{r}</xdsb:RepositoryUniqueId>"
        f"<xdsb:DocumentUniqueId>{d}</xdsb:DocumentUniqueId></xdsb:DocumentRequest>"
        for r, d in documents
    )


def retrieve(*documents: tuple[str, str]) -> str:
    """A RetrieveDocumentSetRequest for pairs of repositoryUniqueId and documentUniqueId."""
    return f'<xdsb:RetrieveDocumentSetRequest xmlns:xdsb="{XDSB}">{_wanted(documents)}</xdsb:RetrieveDocumentSetRequest>'


def remove_documents(*documents: tuple[str, str]) -> str:
    """A RemoveDocumentsRequest for pairs of repositoryUniqueId and documentUniqueId."""
    name = "rmd:RemoveDocumentsRequest"
    return f'<{name} xmlns:rmd="urn:ihe:iti:rmd:2017" xmlns:xdsb="{XDSB}">{_wanted(documents)}</{name}>'


def adt(
    local_id: str,
    *,
    event: str = "A04",
    authority: str = "HOSP_A&2.999.1.1&ISO",
    control_id: str = "",
    name: str = "Rivera^Lena^M",
    birth: str = "19840317",
    sex: str = "F",
    address: str = "12 Elm St^^Springfield^^01101^US",
    phone: str = "^PRN^PH^^^413^5550100",
    sender: str = "ADT|A",
    version: str = "2.5",
) -> bytes:
    """An ADT message, unframed."""
    control_id = control_id or f"M{next(_numbers)}-{uuid.uuid4().hex[:8]}"  # noqa: TID251 - a client's own
    return "\r".join(
        (
            f"MSH|^~\\&|{sender}|HIE|XAD|20261122101500||ADT^{event}^ADT_A01|{control_id}|P|{version}|||||||UNICODE UTF-8",
            f"EVN|{event}|20261122101500",
            f"PID|||{local_id}^^^{authority}||{name}||{birth}|{sex}|||{address}||{phone}",
            "PV1||O",
            "",
        )
    ).encode()


def pix_query(local_id: str, *, authority: str = "HOSP_A&2.999.1.1&ISO", wanted: str = f"^^^&{XAD_OID}&ISO") -> bytes:
    """A QBP^Q23, unframed."""
    number = next(_numbers)
    return "\r".join(
        (
            f"MSH|^~\\&|APP|FAC|HIE|XAD|20261122102000||QBP^Q23^QBP_Q21|Q{number}-{uuid.uuid4().hex[:6]}|P|2.5",  # noqa: TID251
            f"QPD|IHE PIX Query|TAG{number}|{local_id}^^^{authority}|{wanted}",
            "RCP|I",
            "",
        )
    ).encode()


def merge(survivor: str, subsumed: str, *, authority: str = "HOSP_A&2.999.1.1&ISO", sender: str = "ADT|A") -> bytes:
    """An ADT^A40, unframed: `subsumed` (MRG-1) becomes one with `survivor` (PID-3)."""
    control_id = f"M{next(_numbers)}-{uuid.uuid4().hex[:8]}"  # noqa: TID251 - a client's own
    return "\r".join(
        (
            f"MSH|^~\\&|{sender}|HIE|XAD|20261122101500||ADT^A40^ADT_A39|{control_id}|P|2.3.1",
            "EVN|A40|20261122101500",
            f"PID|||{survivor}^^^{authority}||Known^Already",
            f"MRG|{subsumed}^^^{authority}",
            "",
        )
    ).encode()
