"""ebRIM to the model; what is not understood is kept, not dropped, and nothing raises on content."""

from __future__ import annotations

from dataclasses import dataclass, field

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
    Slot,
    Submission,
    SubmissionSet,
)
from ebrim.namespaces import RIM, RS, XML
from kernel.codes import Code
from kernel.xml import Element

_SLOT = f"{{{RIM}}}Slot"
_VALUE = f"{{{RIM}}}Value"
_NAME = f"{{{RIM}}}Name"
_DESCRIPTION = f"{{{RIM}}}Description"
_LOCALIZED_STRING = f"{{{RIM}}}LocalizedString"
_VERSION_INFO = f"{{{RIM}}}VersionInfo"
_CONTENT_VERSION_INFO = f"{{{RIM}}}ContentVersionInfo"
_CLASSIFICATION = f"{{{RIM}}}Classification"
_EXTERNAL_IDENTIFIER = f"{{{RIM}}}ExternalIdentifier"
_OBJECT_LIST = f"{{{RIM}}}RegistryObjectList"
_ENTRY = f"{{{RIM}}}ExtrinsicObject"
_PACKAGE = f"{{{RIM}}}RegistryPackage"
_ASSOCIATION = f"{{{RIM}}}Association"
_OBJECT_REF = f"{{{RIM}}}ObjectRef"
_REQUEST_SLOTS = f"{{{RS}}}RequestSlotList"
_LANGUAGE = f"{{{XML}}}lang"

_Slots = dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class _Shape:
    """Which schemes one kind of object may carry."""

    kind: str
    author: str
    codes: frozenset[str]
    identifiers: frozenset[str]
    nodes: frozenset[str]


_ENTRY_SHAPE = _Shape(
    "DocumentEntry",
    uuids.ENTRY_AUTHOR,
    frozenset(
        {
            uuids.ENTRY_CLASS_CODE,
            uuids.ENTRY_CONFIDENTIALITY_CODE,
            uuids.ENTRY_EVENT_CODE,
            uuids.ENTRY_FORMAT_CODE,
            uuids.ENTRY_FACILITY_CODE,
            uuids.ENTRY_PRACTICE_CODE,
            uuids.ENTRY_TYPE_CODE,
        }
    ),
    frozenset({uuids.ENTRY_PATIENT_ID, uuids.ENTRY_UNIQUE_ID}),
    frozenset({uuids.ENTRY_LIMITED_METADATA}),
)
_SET_SHAPE = _Shape(
    "SubmissionSet",
    uuids.SET_AUTHOR,
    frozenset({uuids.SET_CONTENT_TYPE_CODE}),
    frozenset({uuids.SET_PATIENT_ID, uuids.SET_SOURCE_ID, uuids.SET_UNIQUE_ID}),
    frozenset({uuids.SET_NODE, uuids.SET_LIMITED_METADATA}),
)
_FOLDER_SHAPE = _Shape(
    "Folder",
    "",
    frozenset({uuids.FOLDER_CODE}),
    frozenset({uuids.FOLDER_PATIENT_ID, uuids.FOLDER_UNIQUE_ID}),
    frozenset({uuids.FOLDER_NODE, uuids.FOLDER_LIMITED_METADATA}),
)
_ASSOCIATION_SHAPE = _Shape("Association", "", frozenset({uuids.ASSOCIATION_DOCUMENTATION}), frozenset(), frozenset())


@dataclass(slots=True)
class _Parts:
    """What stands inside one object, sorted, before it is given its fields."""

    slots: _Slots = field(default_factory=dict)
    title: tuple[LocalText, ...] = ()
    comments: tuple[LocalText, ...] = ()
    version: str = ""
    authors: list[Author] = field(default_factory=list)
    codes: dict[str, list[CodedValue]] = field(default_factory=dict)
    identifiers: dict[str, list[Identifier]] = field(default_factory=dict)
    nodes: list[str] = field(default_factory=list)
    sub_ids: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def code(self, scheme: str) -> tuple[CodedValue, ...]:
        return tuple(self.codes.get(scheme, ()))

    def identifier(self, scheme: str) -> tuple[Identifier, ...]:
        return tuple(self.identifiers.get(scheme, ()))

    def rest(self) -> tuple[Slot, ...]:
        """The slots that no field has taken."""
        return tuple(Slot(name, values) for name, values in self.slots.items())


def read_slots(parent: Element) -> tuple[Slot, ...]:
    """The Slot children in order, repeated names kept apart."""
    return tuple(Slot(s.get("name", ""), _values(s)) for s in parent.iterchildren(_SLOT))


def _values(slot: Element) -> tuple[str, ...]:
    # one walk for ValueList and Value together: this is half the time of reading an object
    return tuple([v.text or "" for v in slot.iter(_VALUE)])


def _uri(element: Element, name: str) -> str:
    """An attribute of type anyURI: white space around it does not count (XML Schema 2 3.2.17)."""
    return element.get(name, "").strip()


def _texts(parent: Element) -> tuple[LocalText, ...]:
    return tuple(
        [
            LocalText(text.get("value", ""), text.get(_LANGUAGE, ""), text.get("charset", ""))
            for text in parent.iterchildren(_LOCALIZED_STRING)
        ]
    )


def _read_parts(element: Element, shape: _Shape, *, outside: tuple[Element, ...] = ()) -> _Parts:
    parts = _Parts()
    for child in element.iterchildren():
        tag = child.tag
        if tag == _SLOT:
            _add_slot(parts.slots, child, parts.faults)
        elif tag == _CLASSIFICATION:
            _add_classification(parts, child, shape)
        elif tag == _EXTERNAL_IDENTIFIER:
            _add_identifier(parts, child, shape)
        elif tag == _NAME:
            parts.title = _texts(child)
        elif tag == _DESCRIPTION:
            parts.comments = _texts(child)
        elif tag == _VERSION_INFO:
            parts.version = child.get("versionName", "")
        elif isinstance(tag, str) and tag != _CONTENT_VERSION_INFO:
            # the version of the content is not XDS metadata; some sources send it, none asks for it back
            parts.faults.append(f"{_local(tag)} has no place in a {shape.kind}")
    for node in outside:
        _add_classification(parts, node, shape)
    return parts


def _add_slot(slots: _Slots, element: Element, faults: list[str]) -> None:
    name = element.get("name", "")
    if name in slots:
        # ebRIM 2.8.2: slot names are unique in an object
        faults.append(f"slot {name} stands more than once")
        slots[name] += _values(element)
    else:
        slots[name] = _values(element)


def _add_classification(parts: _Parts, element: Element, shape: _Shape) -> None:
    parts.sub_ids.append(_uri(element, "id"))
    scheme = _uri(element, "classificationScheme")
    node = _uri(element, "classificationNode")
    if scheme and scheme == shape.author:
        parts.authors.append(_author(element, parts.faults))
    elif scheme in shape.codes:
        parts.codes.setdefault(scheme, []).append(_code(element, parts.faults))
    elif node in shape.nodes:
        parts.nodes.append(node)
    elif node and not scheme:
        parts.faults.append(f"classificationNode {node} has no place in a {shape.kind}")
    else:
        parts.faults.append(f"classificationScheme {scheme or '(none)'} has no place in a {shape.kind}")


def _add_identifier(parts: _Parts, element: Element, shape: _Shape) -> None:
    parts.sub_ids.append(_uri(element, "id"))
    scheme = _uri(element, "identificationScheme")
    if scheme in shape.identifiers:
        parts.identifiers.setdefault(scheme, []).append(
            Identifier(element.get("value", ""), _uri(element, "id"), _uri(element, "registryObject"))
        )
    else:
        parts.faults.append(f"identificationScheme {scheme or '(none)'} has no place in a {shape.kind}")


def _code(element: Element, faults: list[str]) -> CodedValue:
    slots: _Slots = {}
    names: tuple[LocalText, ...] = ()
    for child in element.iterchildren():
        if child.tag == _SLOT:
            _add_slot(slots, child, faults)
        elif child.tag == _NAME:
            names = _texts(child)
    schemes = slots.pop(uuids.SLOT_CODING_SCHEME, ())
    display = names[0].text if names else ""
    plain = not names or names == (LocalText(display),)
    return CodedValue(
        Code(element.get("nodeRepresentation", ""), schemes[0] if schemes else "", display),
        _uri(element, "id"),
        schemes,
        _uri(element, "classifiedObject"),
        () if plain else names,
        tuple(Slot(name, values) for name, values in slots.items()),
    )


def _author(element: Element, faults: list[str]) -> Author:
    slots: _Slots = {}
    for slot in element.iterchildren(_SLOT):
        _add_slot(slots, slot, faults)
    return Author(
        person=slots.pop("authorPerson", ()),
        institution=slots.pop("authorInstitution", ()),
        role=slots.pop("authorRole", ()),
        specialty=slots.pop("authorSpecialty", ()),
        telecom=slots.pop("authorTelecommunication", ()),
        classification_id=_uri(element, "id"),
        node_representation=element.get("nodeRepresentation", ""),
        classified_object=_uri(element, "classifiedObject"),
        other_slots=tuple(Slot(name, values) for name, values in slots.items()),
    )


def read_entry(element: Element, *, outside: tuple[Element, ...] = ()) -> DocumentEntry:
    """A DocumentEntry from its ExtrinsicObject (ITI TF-3 4.2.3.2); `outside` are node classifications beside it."""
    parts = _read_parts(element, _ENTRY_SHAPE, outside=outside)
    take = parts.slots.pop
    return DocumentEntry(
        id=_uri(element, "id"),
        logical_id=_uri(element, "lid"),
        version=parts.version,
        home=_uri(element, "home"),
        status=_uri(element, "status"),
        title=parts.title,
        comments=parts.comments,
        patient_ids=parts.identifier(uuids.ENTRY_PATIENT_ID),
        unique_ids=parts.identifier(uuids.ENTRY_UNIQUE_ID),
        authors=tuple(parts.authors),
        object_type=_uri(element, "objectType"),
        mime_type=element.get("mimeType", ""),
        class_codes=parts.code(uuids.ENTRY_CLASS_CODE),
        type_codes=parts.code(uuids.ENTRY_TYPE_CODE),
        format_codes=parts.code(uuids.ENTRY_FORMAT_CODE),
        facility_codes=parts.code(uuids.ENTRY_FACILITY_CODE),
        practice_codes=parts.code(uuids.ENTRY_PRACTICE_CODE),
        confidentiality_codes=parts.code(uuids.ENTRY_CONFIDENTIALITY_CODE),
        event_codes=parts.code(uuids.ENTRY_EVENT_CODE),
        creation_time=take("creationTime", ()),
        service_start_time=take("serviceStartTime", ()),
        service_stop_time=take("serviceStopTime", ()),
        hash=take("hash", ()),
        size=take("size", ()),
        language_code=take("languageCode", ()),
        legal_authenticator=take("legalAuthenticator", ()),
        repository_unique_id=take("repositoryUniqueId", ()),
        source_patient_id=take("sourcePatientId", ()),
        source_patient_info=take("sourcePatientInfo", ()),
        reference_id_list=take(uuids.SLOT_REFERENCE_ID_LIST, ()),
        document_availability=take("documentAvailability", ()),
        uri=take("URI", ()),
        slots=parts.rest(),
        limited_metadata=uuids.ENTRY_LIMITED_METADATA in parts.nodes,
        faults=tuple(parts.faults),
        sub_ids=tuple(parts.sub_ids),
    )


def read_set(element: Element, *, outside: tuple[Element, ...] = ()) -> SubmissionSet:
    """A SubmissionSet from its RegistryPackage (ITI TF-3 4.2.3.3)."""
    parts = _read_parts(element, _SET_SHAPE, outside=outside)
    take = parts.slots.pop
    return SubmissionSet(
        id=_uri(element, "id"),
        logical_id=_uri(element, "lid"),
        version=parts.version,
        home=_uri(element, "home"),
        status=_uri(element, "status"),
        title=parts.title,
        comments=parts.comments,
        patient_ids=parts.identifier(uuids.SET_PATIENT_ID),
        unique_ids=parts.identifier(uuids.SET_UNIQUE_ID),
        source_ids=parts.identifier(uuids.SET_SOURCE_ID),
        authors=tuple(parts.authors),
        content_type_codes=parts.code(uuids.SET_CONTENT_TYPE_CODE),
        submission_time=take("submissionTime", ()),
        intended_recipients=take("intendedRecipient", ()),
        slots=parts.rest(),
        limited_metadata=uuids.SET_LIMITED_METADATA in parts.nodes,
        faults=tuple(parts.faults),
        sub_ids=tuple(parts.sub_ids),
    )


def read_folder(element: Element, *, outside: tuple[Element, ...] = ()) -> Folder:
    """A Folder from its RegistryPackage (ITI TF-3 4.2.3.4)."""
    parts = _read_parts(element, _FOLDER_SHAPE, outside=outside)
    take = parts.slots.pop
    return Folder(
        id=_uri(element, "id"),
        logical_id=_uri(element, "lid"),
        version=parts.version,
        home=_uri(element, "home"),
        status=_uri(element, "status"),
        title=parts.title,
        comments=parts.comments,
        patient_ids=parts.identifier(uuids.FOLDER_PATIENT_ID),
        unique_ids=parts.identifier(uuids.FOLDER_UNIQUE_ID),
        codes=parts.code(uuids.FOLDER_CODE),
        last_update_time=take("lastUpdateTime", ()),
        slots=parts.rest(),
        limited_metadata=uuids.FOLDER_LIMITED_METADATA in parts.nodes,
        faults=tuple(parts.faults),
        sub_ids=tuple(parts.sub_ids),
    )


def read_association(element: Element) -> Association:
    """An Association (ITI TF-3 4.2.2)."""
    parts = _read_parts(element, _ASSOCIATION_SHAPE)
    return Association(
        id=_uri(element, "id"),
        type=_uri(element, "associationType"),
        source=_uri(element, "sourceObject"),
        target=_uri(element, "targetObject"),
        slots=parts.rest(),
        documentation=parts.code(uuids.ASSOCIATION_DOCUMENTATION),
        title=parts.title,
        home=_uri(element, "home"),
        status=_uri(element, "status"),
        logical_id=_uri(element, "lid"),
        version=parts.version,
        faults=tuple(parts.faults),
        sub_ids=tuple(parts.sub_ids),
    )


def read_object_ref(element: Element) -> ObjectRef:
    """An ObjectRef."""
    return ObjectRef(_uri(element, "id"), _uri(element, "home"))


def read_object_refs(parent: Element) -> tuple[ObjectRef, ...]:
    """The ObjectRef children."""
    return tuple(read_object_ref(ref) for ref in parent.iterchildren(_OBJECT_REF))


def read_submission(request: Element) -> Submission:
    """The objects of an lcm:SubmitObjectsRequest (ITI-42, 57, 61, 92 and inside ITI-41), faults and all."""
    slots = tuple(s for parent in request.iterchildren(_REQUEST_SLOTS) for s in read_slots(parent))
    found = [read_objects(objects) for objects in request.iterchildren(_OBJECT_LIST)]
    if len(found) != 1:
        fault = f"{len(found)} RegistryObjectList elements where one is expected"
        return Submission(request_slots=slots, faults=(fault,))
    only = found[0]
    return Submission(
        entries=only.entries,
        submission_sets=only.submission_sets,
        folders=only.folders,
        associations=only.associations,
        request_slots=slots,
        faults=only.faults,
    )


def read_objects(objects: Element) -> Submission:
    """The objects of a rim:RegistryObjectList; node classifications beside a package are joined to it."""
    beside = _classifications_beside(objects)
    entries: list[DocumentEntry] = []
    sets: list[SubmissionSet] = []
    folders: list[Folder] = []
    associations: list[Association] = []
    faults: list[str] = []
    for child in objects.iterchildren():
        tag = child.tag
        if tag == _ENTRY:
            entries.append(read_entry(child, outside=beside.pop(_uri(child, "id"), ())))
        elif tag == _ASSOCIATION:
            associations.append(read_association(child))
        elif tag == _PACKAGE:
            outside = beside.pop(_uri(child, "id"), ())
            if _is_folder(child, outside, faults):
                folders.append(read_folder(child, outside=outside))
            else:
                sets.append(read_set(child, outside=outside))
        elif isinstance(tag, str) and tag not in (_CLASSIFICATION, _OBJECT_REF):
            faults.append(f"{_local(tag)} is not an object of XDS metadata")
    faults += [f"Classification of {owner or '(nothing)'}, which is not in the message" for owner in beside]
    return Submission(
        entries=tuple(entries),
        submission_sets=tuple(sets),
        folders=tuple(folders),
        associations=tuple(associations),
        faults=tuple(faults),
    )


def _classifications_beside(objects: Element) -> dict[str, tuple[Element, ...]]:
    found: dict[str, tuple[Element, ...]] = {}
    for child in objects.iterchildren(_CLASSIFICATION):
        owner = _uri(child, "classifiedObject")
        found[owner] = (*found.get(owner, ()), child)
    return found


def _is_folder(package: Element, outside: tuple[Element, ...], faults: list[str]) -> bool:
    """Whether a RegistryPackage is a folder; what is neither folder nor set is read as a set and reported."""
    nodes = {_uri(c, "classificationNode") for c in (*package.iterchildren(_CLASSIFICATION), *outside)}
    kinds = nodes & {uuids.SET_NODE, uuids.FOLDER_NODE}
    if len(kinds) != 1:
        which = "both the SubmissionSet and the Folder" if kinds else "neither the SubmissionSet nor the Folder"
        faults.append(f"RegistryPackage {package.get('id', '')} carries {which} classification")
    return kinds == {uuids.FOLDER_NODE}


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]
