"""DocumentEntry, SubmissionSet, Folder, Association and the Submission that brings them (ITI TF-3 4.2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

from kernel.codes import Code


class Status(Enum):
    """availabilityStatus."""

    APPROVED = "urn:oasis:names:tc:ebxml-regrep:StatusType:Approved"
    DEPRECATED = "urn:oasis:names:tc:ebxml-regrep:StatusType:Deprecated"


class EntryType(Enum):
    """objectType of a DocumentEntry."""

    STABLE = "urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1"
    ON_DEMAND = "urn:uuid:34268e47-fdf5-41a6-ba33-82133c465248"


@dataclass(frozen=True, slots=True)
class Slot:
    """A name with its values in order, as sent."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LocalText:
    """Name or Description: the text, its language and character set as sent."""

    text: str
    language: str = ""
    charset: str = ""


@dataclass(frozen=True, slots=True)
class CodedValue:
    """A code as it stood in its Classification: the code, its ebRIM id and what was sent beside it.

    An absent or repeated codingScheme is kept in `scheme_values`, for the rules to judge; display names beside the first, and
    those with a language, in `names`.
    """

    code: Code
    classification_id: str = ""
    scheme_values: tuple[str, ...] = ()
    classified_object: str = ""
    names: tuple[LocalText, ...] = ()
    other_slots: tuple[Slot, ...] = ()


@dataclass(frozen=True, slots=True)
class Author:
    """One author: XCN, XON, role, specialty and telecom texts as sent."""

    person: tuple[str, ...] = ()
    institution: tuple[str, ...] = ()
    role: tuple[str, ...] = ()
    specialty: tuple[str, ...] = ()
    telecom: tuple[str, ...] = ()
    classification_id: str = ""
    node_representation: str = ""
    classified_object: str = ""
    other_slots: tuple[Slot, ...] = ()


@dataclass(frozen=True, slots=True)
class Identifier:
    """An ExternalIdentifier: the value, its ebRIM id and the object it says it belongs to."""

    value: str
    external_identifier_id: str = ""
    registry_object: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryObject:
    """What entry, set and folder have in common.

    `id` is as sent: an entryUUID or a symbolic id. Every multi-valued field keeps what was sent, also what should be single:
    the rules count, the properties below give the value. `slots` are those without a field of their own, `faults` what the reader
    could not place (a text a sender understands, one for each).
    """

    id: str
    logical_id: str = ""
    version: str = ""
    home: str = ""
    status: str = ""
    title: tuple[LocalText, ...] = ()
    comments: tuple[LocalText, ...] = ()
    patient_ids: tuple[Identifier, ...] = ()
    unique_ids: tuple[Identifier, ...] = ()
    authors: tuple[Author, ...] = ()
    slots: tuple[Slot, ...] = ()
    limited_metadata: bool = False
    faults: tuple[str, ...] = ()
    sub_ids: tuple[str, ...] = ()
    """The ids of every classification, external identifier and node classification inside, for the uniqueness rule."""

    @property
    def patient_id(self) -> str:
        """The patientId (CX) as sent; empty when absent."""
        return self.patient_ids[0].value if self.patient_ids else ""

    @property
    def unique_id(self) -> str:
        """The uniqueId; empty when absent."""
        return self.unique_ids[0].value if self.unique_ids else ""

    @property
    def title_text(self) -> str:
        """The title in its first language; empty when absent."""
        return self.title[0].text if self.title else ""

    def slot(self, name: str) -> tuple[str, ...]:
        """The values of a slot that has no field of its own, of every slot with that name."""
        return tuple(value for slot in self.slots if slot.name == name for value in slot.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentEntry(RegistryObject):
    """ITI TF-3 4.2.3.2. Codes and slots as sent; a value absent is an empty tuple."""

    object_type: str = EntryType.STABLE.value
    mime_type: str = ""
    class_codes: tuple[CodedValue, ...] = ()
    type_codes: tuple[CodedValue, ...] = ()
    format_codes: tuple[CodedValue, ...] = ()
    facility_codes: tuple[CodedValue, ...] = ()
    practice_codes: tuple[CodedValue, ...] = ()
    confidentiality_codes: tuple[CodedValue, ...] = ()
    event_codes: tuple[CodedValue, ...] = ()
    creation_time: tuple[str, ...] = ()
    service_start_time: tuple[str, ...] = ()
    service_stop_time: tuple[str, ...] = ()
    hash: tuple[str, ...] = ()
    size: tuple[str, ...] = ()
    language_code: tuple[str, ...] = ()
    legal_authenticator: tuple[str, ...] = ()
    repository_unique_id: tuple[str, ...] = ()
    source_patient_id: tuple[str, ...] = ()
    source_patient_info: tuple[str, ...] = ()
    reference_id_list: tuple[str, ...] = ()
    document_availability: tuple[str, ...] = ()
    uri: tuple[str, ...] = ()

    @property
    def is_on_demand(self) -> bool:
        """Whether the document is made when it is asked for."""
        return self.object_type == EntryType.ON_DEMAND.value


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionSet(RegistryObject):
    """ITI TF-3 4.2.3.3."""

    content_type_codes: tuple[CodedValue, ...] = ()
    source_ids: tuple[Identifier, ...] = ()
    submission_time: tuple[str, ...] = ()
    intended_recipients: tuple[str, ...] = ()

    @property
    def source_id(self) -> str:
        """The sourceId (OID); empty when absent."""
        return self.source_ids[0].value if self.source_ids else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder(RegistryObject):
    """ITI TF-3 4.2.3.4."""

    codes: tuple[CodedValue, ...] = ()
    last_update_time: tuple[str, ...] = ()


class AssociationType(Enum):
    """The associations of the profile; national ones come by configuration."""

    HAS_MEMBER = "urn:oasis:names:tc:ebxml-regrep:AssociationType:HasMember"
    RPLC = "urn:ihe:iti:2007:AssociationType:RPLC"
    APND = "urn:ihe:iti:2007:AssociationType:APND"
    XFRM = "urn:ihe:iti:2007:AssociationType:XFRM"
    XFRM_RPLC = "urn:ihe:iti:2007:AssociationType:XFRM_RPLC"
    SIGNS = "urn:ihe:iti:2007:AssociationType:signs"
    IS_SNAPSHOT_OF = "urn:ihe:iti:2010:AssociationType:IsSnapshotOf"
    UPDATE_AVAILABILITY_STATUS = "urn:ihe:iti:2010:AssociationType:UpdateAvailabilityStatus"
    SUBMIT_ASSOCIATION = "urn:ihe:iti:2010:AssociationType:SubmitAssociation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Association:
    """ITI TF-3 4.2.2. `type`, `source` and `target` are as sent; `documentation` are its codes."""

    id: str
    type: str
    source: str
    target: str
    slots: tuple[Slot, ...] = ()
    documentation: tuple[CodedValue, ...] = ()
    title: tuple[LocalText, ...] = ()
    home: str = ""
    status: str = ""
    logical_id: str = ""
    version: str = ""
    faults: tuple[str, ...] = ()
    sub_ids: tuple[str, ...] = ()

    def slot(self, name: str) -> tuple[str, ...]:
        """The values of every slot with that name."""
        return tuple(value for slot in self.slots if slot.name == name for value in slot.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """The objects of one SubmitObjectsRequest, in the order they stood."""

    entries: tuple[DocumentEntry, ...] = ()
    submission_sets: tuple[SubmissionSet, ...] = ()
    folders: tuple[Folder, ...] = ()
    associations: tuple[Association, ...] = ()
    request_slots: tuple[Slot, ...] = ()
    faults: tuple[str, ...] = field(default=())

    @property
    def submission_set(self) -> SubmissionSet | None:
        """The first submission set; the rules see to it that there is one."""
        return self.submission_sets[0] if self.submission_sets else None

    def objects(self) -> Iterator[DocumentEntry | SubmissionSet | Folder]:
        """Entries, sets and folders."""
        yield from self.entries
        yield from self.submission_sets
        yield from self.folders


@dataclass(frozen=True, slots=True)
class ObjectRef:
    """The id of an object that is not shown itself; `home` is its community's, when a gateway answers."""

    id: str
    home: str = ""


RegistryLeaf = DocumentEntry | SubmissionSet | Folder | Association
