"""Metadata updates and removals as a client of another make writes them (ITI-57, ITI-92, ITI-62)."""

from __future__ import annotations

from dataclasses import dataclass

from lxml import etree

from tests.support import messages as m
from tests.support.checked import CheckedSoapWire
from tests.support.edits import ENTRY, FOLDER, Edit, edited, put
from tests.support.wire import Reply

ACTION_57 = "urn:ihe:iti:2010:UpdateDocumentSet"
ACTION_62 = "urn:ihe:iti:2010:DeleteDocumentSet"
ACTION_92 = "urn:ihe:iti:2018:RestrictedUpdateDocumentSet"
ACTION_61 = "urn:ihe:iti:2010:RegisterOnDemandDocumentEntry"
DEPRECATED = "urn:oasis:names:tc:ebxml-regrep:StatusType:Deprecated"
UPDATE_STATUS = "urn:ihe:iti:2010:AssociationType:UpdateAvailabilityStatus"
SUBMIT = "urn:ihe:iti:2010:AssociationType:SubmitAssociation"
APND = "urn:ihe:iti:2007:AssociationType:APND"
ON_DEMAND = "urn:uuid:34268e47-fdf5-41a6-ba33-82133c465248"
GET_FOLDERS = "urn:uuid:5737b14c-8a1a-4539-b659-e03a34a5e1e4"
GET_FOLDER_AND_CONTENTS = "urn:uuid:b909a503-523d-4517-8acf-8e5834dfc4c7"
GET_ASSOCIATIONS = "urn:uuid:a7ae438b-4bc2-4642-93e9-be891f7bb155"
GET_SUBMISSION_SETS = "urn:uuid:51224314-5390-4169-9b91-b1980040715a"
_FOLDER_UNIQUE_ID = "urn:uuid:75df8f67-9973-4fbe-a900-df66cefecc5a"


@dataclass(frozen=True)
class Filed:
    """An entry in a folder, as they lie in the registry."""

    entry: m.Entry
    uuid: str
    folder: str
    folder_unique_id: str


def version(entry: m.Entry, logical_id: str, *, previous: str = "1", propagation: str = "", **slots: str) -> str:
    """A new version of an entry."""
    told = {"SubmissionSetStatus": "Original", "PreviousVersion": previous, **slots}
    if propagation:
        told["AssociationPropagation"] = propagation
    membership = m.association(m.HAS_MEMBER, "Set", entry.id, *(m.slot(name, value) for name, value in told.items()))
    whole = m.submit_objects([m.entry_xml(entry), m.set_xml(entry.patient), membership])
    return edited(whole, put(ENTRY, "lid", logical_id))


def folder_version(patient: str, unique_id: str, logical_id: str, *, title: str, previous: str = "1") -> str:
    """A new version of a folder."""
    membership = m.association(m.HAS_MEMBER, "Set", "Folder", m.slot("PreviousVersion", previous))
    whole = m.submit_objects([m.folder_xml(patient, unique_id=unique_id, title=title), m.set_xml(patient), membership])
    return edited(whole, put(FOLDER, "lid", logical_id))


def status_change(patient: str, target: str, original: str = m.APPROVED, new: str = DEPRECATED) -> str:
    """UpdateAvailabilityStatus."""
    slots = (m.slot("OriginalStatus", original), m.slot("NewStatus", new))
    return m.submit_objects([m.set_xml(patient), m.association(UPDATE_STATUS, "Set", target, *slots)])


def submitted(patient: str, kind: str, source: str, target: str) -> str:
    """SubmitAssociation of one between registered objects."""
    inner = m.association(kind, source, target, id="New")
    return m.submit_objects([m.set_xml(patient), inner, m.association(SUBMIT, "Set", "New")])


def removal(*uuids: str) -> str:
    """A RemoveObjectsRequest."""
    refs = "".join(f'<rim:ObjectRef id="{uuid}"/>' for uuid in uuids)
    return (
        f'<lcm:RemoveObjectsRequest xmlns:lcm="{m.LCM}" xmlns:rim="{m.RIM}"><rim:ObjectRefList>{refs}</rim:ObjectRefList>'
        "</lcm:RemoveObjectsRequest>"
    )


class Desk:
    """A registry's client who reads what there is."""

    def __init__(self, soap: CheckedSoapWire) -> None:
        self.soap = soap

    def register(self, body: str, *edits: Edit, action: str = m.ACTION_42) -> None:
        """A registration that succeeds."""
        reply = self.soap.call(action, edited(body, *edits))
        assert reply.status_urn == "Success", reply.errors

    def entry(self, patient: str, **changes: str | None) -> tuple[m.Entry, str]:
        """A registered entry and its entryUUID."""
        entry = m.Entry(patient, **changes)  # type: ignore[arg-type]
        body, is_on_demand = m.submission(entry), entry.object_type == ON_DEMAND
        if is_on_demand:
            body = body.replace(m.slot("creationTime", entry.creation_time), "")
        self.register(body, action=ACTION_61 if is_on_demand else m.ACTION_42)
        return entry, self.uuid(entry)

    def filed(self, patient: str) -> Filed:
        """A registered entry in a registered folder."""
        entry, unique_id = m.Entry(patient), m.fresh_oid()
        body = m.submit_objects(
            [
                m.entry_xml(entry),
                m.set_xml(patient),
                m.folder_xml(patient, unique_id=unique_id),
                m.member(entry.id),
                m.association(m.HAS_MEMBER, "Set", "Folder"),
                m.association(m.HAS_MEMBER, "Folder", entry.id, id="Filed"),
                m.association(m.HAS_MEMBER, "Set", "Filed"),
            ]
        )
        self.register(body)
        (folder,) = self.folders(unique_id)
        return Filed(entry, self.uuid(entry), str(folder.get("id")), unique_id)

    def ask(self, query: str, *slots: str) -> Reply:
        """A stored query that succeeds."""
        reply = self.soap.call(m.ACTION_18, m.stored_query(query, *slots))
        assert reply.status_urn == "Success", reply.errors
        return reply

    def entries(self, unique_id: str, level: str = "2") -> list[etree._Element]:
        """Every version of an entry, the first one first."""
        slots = (m.slot("$XDSDocumentEntryUniqueId", f"('{unique_id}')"), m.slot("$MetadataLevel", level))
        return sorted(self.ask(m.GET_DOCUMENTS, *slots).entries(), key=version_of)

    def uuid(self, entry: m.Entry) -> str:
        """The entryUUID of the latest version."""
        return str(self.entries(entry.unique_id, level="1")[-1].get("id"))

    def folders(self, unique_id: str, level: str = "2") -> list[etree._Element]:
        """Every version of a folder, the first one first."""
        slots = (m.slot("$XDSFolderUniqueId", f"('{unique_id}')"), m.slot("$MetadataLevel", level))
        found = self.ask(GET_FOLDERS, *slots).body.iter(f"{{{m.RIM}}}RegistryPackage")
        return sorted(found, key=version_of)

    def in_folder(self, uuid: str) -> set[str]:
        """The entryUUIDs of the latest versions in a folder."""
        held = self.ask(GET_FOLDER_AND_CONTENTS, m.slot("$XDSFolderEntryUUID", f"'{uuid}'"))
        return {str(e.get("id")) for e in held.entries()}

    def associations(self, *uuids: str) -> list[etree._Element]:
        """The associations that lead from or to objects."""
        wanted = ",".join(f"'{uuid}'" for uuid in uuids)
        return list(self.ask(GET_ASSOCIATIONS, m.slot("$uuid", f"({wanted})")).body.iter(f"{{{m.RIM}}}Association"))

    def sets(self, *uuids: str) -> list[str]:
        """The ids of the submission sets that hold objects."""
        wanted = ",".join(f"'{uuid}'" for uuid in uuids)
        found = self.ask(GET_SUBMISSION_SETS, m.slot("$uuid", f"({wanted})")).body.iter(f"{{{m.RIM}}}RegistryPackage")
        return [str(one.get("id")) for one in found]

    def found(self, patient: str) -> set[str]:
        """FindDocuments: the entryUUIDs."""
        return {str(e.get("id")) for e in self.ask(m.FIND_DOCUMENTS, *_of(patient)).entries()}


def _of(patient: str) -> tuple[str, str]:
    return m.slot("$XDSDocumentEntryPatientId", f"'{patient}'"), m.slot("$XDSDocumentEntryStatus", f"('{m.APPROVED}')")


def version_of(element: etree._Element) -> int:
    """The number of a version."""
    return int(element.find(f"{{{m.RIM}}}VersionInfo").get("versionName"))


def status_of(element: etree._Element) -> str:
    """The last word of the availability status."""
    return str(element.get("status")).rpartition(":")[2]


def title_of(element: etree._Element) -> str:
    """The title."""
    return str(element.find(f"{{{m.RIM}}}Name/{{{m.RIM}}}LocalizedString").get("value"))
