"""The model to ebRIM, as text put together: a tree costs twenty times as much.

An object is written in one of two forms. As sent, for requests, everything that should be single may be multiple. As stored,
what may change without a new version is left open: a control byte, which no XML can hold, stands for availabilityStatus,
patientId and a folder's lastUpdateTime, and `finish` puts the present value there. Fragments rely on their wrapper to declare
ebRIM as the default namespace.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

from ebrim import uuids
from ebrim.model import (
    Association,
    Author,
    CodedValue,
    DocumentEntry,
    Folder,
    Identifier,
    LocalText,
    ObjectRef,
    RegistryLeaf,
    RegistryObject,
    Slot,
    Submission,
    SubmissionSet,
)
from ebrim.namespaces import LCM, RIM, RS
from kernel.errors import Condition, rejected
from kernel.identifiers import EntryUuid, is_entry_uuid

STATUS_OPEN: Final = "\x01"
PATIENT_OPEN: Final = "\x02"
UPDATED_OPEN: Final = "\x03"
_FORBIDDEN: Final = bytes(b for b in range(32) if b not in b"\t\n\r")


def text_of(text: str) -> str:
    """Fit for element content; a carriage return would else be read back as a line feed."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")


def attribute_of(text: str) -> str:
    """Fit for an attribute in double quotes; white space would else be read back as blanks."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    return text.replace("\t", "&#9;").replace("\n", "&#10;").replace("\r", "&#13;")


def derived_uuid(owner: str, number: int) -> EntryUuid:
    """The UUID of part `number` of an object: name-based (RFC 9562 5.5), so that writing it anew gives the same.

    The parts of one object differ in their last three digits only: a dozen random UUIDs would be half of what an entry takes.
    """
    block, last = divmod(number, 0x1000)
    return EntryUuid(f"{_parts_of(owner, block)}{last:03x}")


@lru_cache(maxsize=64)
def _parts_of(owner: str, block: int) -> str:
    digest = hashlib.sha1(f"{owner}#{block}".encode(), usedforsecurity=False).hexdigest()
    variant = "89ab"[int(digest[16], 16) & 3]
    return f"urn:uuid:{digest[:8]}-{digest[8:12]}-5{digest[13:16]}-{variant}{digest[17:20]}-{digest[20:29]}"


class _Pen:
    """Writes the inside of one object; knows its id and counts its parts."""

    __slots__ = ("_number", "_owner", "_owner_is_uuid", "_stored", "out")

    def __init__(self, owner: str, *, stored: bool) -> None:
        self.out: list[str] = []
        self._owner = owner
        self._owner_is_uuid = is_entry_uuid(owner)
        self._stored = stored
        self._number = 0

    def part_id(self, given: str) -> str:
        """The id of a classification or external identifier, fit for an attribute: a UUID where the owner has one."""
        self._number += 1
        if given and (not self._stored or is_entry_uuid(given)):
            return attribute_of(given)
        if self._owner_is_uuid:
            return derived_uuid(self._owner, self._number)
        return f"{attribute_of(self._owner)}.{self._number}"

    def owner(self, given: str = "") -> str:
        return attribute_of(self._owner if self._stored or not given else given)

    def slot(self, name: str, values: Sequence[str]) -> None:
        if values:
            inside = "</Value><Value>".join(map(text_of, values))
            self.out.append(f'<Slot name="{name}"><ValueList><Value>{inside}</Value></ValueList></Slot>')

    def slots(self, slots: Iterable[Slot]) -> None:
        for slot in slots:
            if slot.values:
                self.slot(attribute_of(slot.name), slot.values)
            else:
                self.out.append(f'<Slot name="{attribute_of(slot.name)}"><ValueList/></Slot>')

    def texts(self, element: str, texts: Sequence[LocalText]) -> None:
        if not texts:
            return
        self.out.append(f"<{element}>")
        for text in texts:
            language = f' xml:lang="{attribute_of(text.language)}"' if text.language else ""
            charset = f' charset="{attribute_of(text.charset)}"' if text.charset else ""
            self.out.append(f'<LocalizedString{language}{charset} value="{attribute_of(text.text)}"/>')
        self.out.append(f"</{element}>")

    def version(self, version: str) -> None:
        if self._stored or version:
            self.out.append(f'<VersionInfo versionName="{attribute_of(version or "1")}"/>')

    def node(self, node: str) -> None:
        self.out.append(
            f'<Classification id="{self.part_id("")}" objectType="{uuids.OBJECT_TYPE_CLASSIFICATION}"'
            f' classifiedObject="{self.owner()}" classificationNode="{node}"/>'
        )

    def codes(self, scheme: str, codes: Sequence[CodedValue]) -> None:
        for value in codes:
            code = value.code
            self.out.append(
                f'<Classification id="{self.part_id(value.classification_id)}"'
                f' objectType="{uuids.OBJECT_TYPE_CLASSIFICATION}" classificationScheme="{scheme}"'
                f' classifiedObject="{self.owner(value.classified_object)}" nodeRepresentation="{attribute_of(code.code)}">'
            )
            self.slot(uuids.SLOT_CODING_SCHEME, value.scheme_values or ((code.scheme,) if code.scheme else ()))
            self.slots(value.other_slots)
            if value.names:
                self.texts("Name", value.names)
            elif code.display:
                self.out.append(f'<Name><LocalizedString value="{attribute_of(code.display)}"/></Name>')
            self.out.append("</Classification>")

    def authors(self, scheme: str, authors: Sequence[Author]) -> None:
        for author in authors:
            self.out.append(
                f'<Classification id="{self.part_id(author.classification_id)}"'
                f' objectType="{uuids.OBJECT_TYPE_CLASSIFICATION}" classificationScheme="{scheme}"'
                f' classifiedObject="{self.owner(author.classified_object)}"'
                f' nodeRepresentation="{attribute_of(author.node_representation)}">'
            )
            self.slot("authorPerson", author.person)
            self.slot("authorInstitution", author.institution)
            self.slot("authorRole", author.role)
            self.slot("authorSpecialty", author.specialty)
            self.slot("authorTelecommunication", author.telecom)
            self.slots(author.other_slots)
            self.out.append("</Classification>")

    def patient(self, scheme: str, identifiers: Sequence[Identifier]) -> None:
        if self._stored and identifiers:
            self._identifier(scheme, identifiers[0], PATIENT_OPEN)
        else:
            self.identifiers(scheme, identifiers)

    def identifiers(self, scheme: str, identifiers: Sequence[Identifier]) -> None:
        for identifier in identifiers:
            self._identifier(scheme, identifier, attribute_of(identifier.value))

    def _identifier(self, scheme: str, identifier: Identifier, value: str) -> None:
        self.out.append(
            f'<ExternalIdentifier id="{self.part_id(identifier.external_identifier_id)}"'
            f' objectType="{uuids.OBJECT_TYPE_EXTERNAL_IDENTIFIER}" registryObject="{self.owner(identifier.registry_object)}"'
            f' identificationScheme="{scheme}" value="{value}">'
            f'<Name><LocalizedString value="{uuids.IDENTIFIER_NAMES[scheme]}"/></Name></ExternalIdentifier>'
        )

    def open(self, element: str, obj: RegistryObject | Association, object_type: str, more: str = "") -> None:
        """The start tag. A stored object carries no home: the answer that shows it says whose it is."""
        lid, status, home = obj.logical_id, attribute_of(obj.status), obj.home
        if self._stored:
            lid, status, home = lid or obj.id, STATUS_OPEN, ""
        self.out.append(
            f'<{element} id="{attribute_of(obj.id)}"'
            + (f' lid="{attribute_of(lid)}"' if lid else "")
            + (f' home="{attribute_of(home)}"' if home else "")
            + (f' objectType="{attribute_of(object_type)}"' if object_type else "")
            + (f' status="{status}"' if status else "")
            + f"{more}>"
        )


def _entry(entry: DocumentEntry, pen: _Pen) -> None:
    pen.open("ExtrinsicObject", entry, entry.object_type, f' mimeType="{attribute_of(entry.mime_type)}"')
    pen.slot("creationTime", entry.creation_time)
    pen.slot("hash", entry.hash)
    pen.slot("size", entry.size)
    pen.slot("languageCode", entry.language_code)
    pen.slot("repositoryUniqueId", entry.repository_unique_id)
    pen.slot("serviceStartTime", entry.service_start_time)
    pen.slot("serviceStopTime", entry.service_stop_time)
    pen.slot("sourcePatientId", entry.source_patient_id)
    pen.slot("sourcePatientInfo", entry.source_patient_info)
    pen.slot("legalAuthenticator", entry.legal_authenticator)
    pen.slot("documentAvailability", entry.document_availability)
    pen.slot("URI", entry.uri)
    pen.slot(uuids.SLOT_REFERENCE_ID_LIST, entry.reference_id_list)
    pen.slots(entry.slots)
    pen.texts("Name", entry.title)
    pen.texts("Description", entry.comments)
    pen.version(entry.version)
    pen.authors(uuids.ENTRY_AUTHOR, entry.authors)
    pen.codes(uuids.ENTRY_CLASS_CODE, entry.class_codes)
    pen.codes(uuids.ENTRY_CONFIDENTIALITY_CODE, entry.confidentiality_codes)
    pen.codes(uuids.ENTRY_EVENT_CODE, entry.event_codes)
    pen.codes(uuids.ENTRY_FORMAT_CODE, entry.format_codes)
    pen.codes(uuids.ENTRY_FACILITY_CODE, entry.facility_codes)
    pen.codes(uuids.ENTRY_PRACTICE_CODE, entry.practice_codes)
    pen.codes(uuids.ENTRY_TYPE_CODE, entry.type_codes)
    if entry.limited_metadata:
        pen.node(uuids.ENTRY_LIMITED_METADATA)
    pen.patient(uuids.ENTRY_PATIENT_ID, entry.patient_ids)
    pen.identifiers(uuids.ENTRY_UNIQUE_ID, entry.unique_ids)
    pen.out.append("</ExtrinsicObject>")


def _set(submission_set: SubmissionSet, pen: _Pen) -> None:
    pen.open("RegistryPackage", submission_set, uuids.OBJECT_TYPE_PACKAGE)
    pen.slot("submissionTime", submission_set.submission_time)
    pen.slot("intendedRecipient", submission_set.intended_recipients)
    pen.slots(submission_set.slots)
    pen.texts("Name", submission_set.title)
    pen.texts("Description", submission_set.comments)
    pen.version(submission_set.version)
    pen.node(uuids.SET_NODE)
    pen.authors(uuids.SET_AUTHOR, submission_set.authors)
    pen.codes(uuids.SET_CONTENT_TYPE_CODE, submission_set.content_type_codes)
    if submission_set.limited_metadata:
        pen.node(uuids.SET_LIMITED_METADATA)
    pen.patient(uuids.SET_PATIENT_ID, submission_set.patient_ids)
    pen.identifiers(uuids.SET_SOURCE_ID, submission_set.source_ids)
    pen.identifiers(uuids.SET_UNIQUE_ID, submission_set.unique_ids)
    pen.out.append("</RegistryPackage>")


def _folder(folder: Folder, pen: _Pen, *, stored: bool) -> None:
    pen.open("RegistryPackage", folder, uuids.OBJECT_TYPE_PACKAGE)
    pen.slot("lastUpdateTime", (UPDATED_OPEN,) if stored else folder.last_update_time)
    pen.slots(folder.slots)
    pen.texts("Name", folder.title)
    pen.texts("Description", folder.comments)
    pen.version(folder.version)
    pen.node(uuids.FOLDER_NODE)
    pen.codes(uuids.FOLDER_CODE, folder.codes)
    if folder.limited_metadata:
        pen.node(uuids.FOLDER_LIMITED_METADATA)
    pen.patient(uuids.FOLDER_PATIENT_ID, folder.patient_ids)
    pen.identifiers(uuids.FOLDER_UNIQUE_ID, folder.unique_ids)
    pen.out.append("</RegistryPackage>")


def _association(association: Association, pen: _Pen) -> None:
    ends = (
        f' associationType="{attribute_of(association.type)}" sourceObject="{attribute_of(association.source)}"'
        f' targetObject="{attribute_of(association.target)}"'
    )
    pen.open("Association", association, uuids.OBJECT_TYPE_ASSOCIATION, ends)
    pen.slots(association.slots)
    pen.texts("Name", association.title)
    pen.version(association.version)
    pen.codes(uuids.ASSOCIATION_DOCUMENTATION, association.documentation)
    pen.out.append("</Association>")


def _write(obj: RegistryLeaf, *, stored: bool) -> bytes:
    pen = _Pen(obj.id, stored=stored)
    match obj:
        case DocumentEntry():
            _entry(obj, pen)
        case SubmissionSet():
            _set(obj, pen)
        case Folder():
            _folder(obj, pen, stored=stored)
        case Association():
            _association(obj, pen)
    return encoded("".join(pen.out), obj.id, open_places=_open_places(obj) if stored else 0)


def encoded(text: str, where: str, *, open_places: int = 0) -> bytes:
    """The bytes. Raises `Rejected` when a value holds what XML cannot carry, for that would also pass for an open place."""
    try:
        data = text.encode()
    except UnicodeEncodeError:
        raise rejected(Condition.METADATA_INVALID, where, "a value holds half a character") from None
    foreign = len(data) - len(data.translate(None, _FORBIDDEN)) != open_places
    if foreign or b"\xef\xbf\xbe" in data or b"\xef\xbf\xbf" in data:
        raise rejected(Condition.METADATA_INVALID, where, "a value holds a character that XML cannot carry")
    return data


def _open_places(obj: RegistryLeaf) -> int:
    if isinstance(obj, Association):
        return 1
    return 1 + bool(obj.patient_ids) + isinstance(obj, Folder)


def render(obj: RegistryLeaf) -> bytes:
    """The stored form of an object whose id is its entryUUID, with open places; every id inside is a UUID.

    logicalID is the id where none is given, the version 1. Raises `Rejected` for characters that XML cannot carry.
    """
    return _write(obj, stored=True)


def write(obj: RegistryLeaf) -> bytes:
    """The form for requests: as the object stands, ids of parts made up where they are absent."""
    return _write(obj, stored=False)


def finish(stored: bytes, status: str, patient_id: str = "", *, updated: str = "", home: str = "") -> bytes:
    """A stored form with its open places filled: availabilityStatus, patientId (CX), lastUpdateTime; `home` where one is shown."""
    done = stored.replace(b"\x01", status.encode(), 1)
    if patient_id:
        done = done.replace(b"\x02", attribute_of(patient_id).encode(), 1)
    if updated:
        done = done.replace(b"\x03", updated.encode(), 1)
    # the first blank follows the element's name
    return done.replace(b" ", f' home="{attribute_of(home)}" '.encode(), 1) if home else done


def render_object_ref(ref: ObjectRef) -> bytes:
    """An ObjectRef, relying on its wrapper's namespace as the other fragments do."""
    home = f' home="{attribute_of(ref.home)}"' if ref.home else ""
    return f'<ObjectRef id="{attribute_of(ref.id)}"{home}/>'.encode()


def write_slots(slots: Iterable[Slot]) -> str:
    """Slot elements, for requests that carry some of their own."""
    pen = _Pen("", stored=False)
    pen.slots(slots)
    return "".join(pen.out)


def submit_objects_request(submission: Submission) -> bytes:
    """lcm:SubmitObjectsRequest with the objects as they stand: for document sources and for a repository's ITI-42."""
    pieces = [f'<lcm:SubmitObjectsRequest xmlns:lcm="{LCM}" xmlns="{RIM}">'.encode()]
    if submission.request_slots:
        inside = write_slots(submission.request_slots)
        pieces.append(encoded(f'<rs:RequestSlotList xmlns:rs="{RS}">{inside}</rs:RequestSlotList>', "RequestSlotList"))
    pieces.append(b"<RegistryObjectList>")
    pieces += map(write, submission.entries)
    pieces += map(write, submission.submission_sets)
    pieces += map(write, submission.folders)
    pieces += map(write, submission.associations)
    pieces.append(b"</RegistryObjectList></lcm:SubmitObjectsRequest>")
    return b"".join(pieces)
