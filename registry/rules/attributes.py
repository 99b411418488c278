"""Attributes of entries, sets and folders: which are required, how often they may stand, and their formats (ITI TF-3 4.2.3)."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Final

from ebrim import datatypes
from ebrim.model import Author, CodedValue, DocumentEntry, EntryType, Folder, Identifier, RegistryObject, SubmissionSet
from ebrim.uuids import DOCUMENT_OFFLINE, DOCUMENT_ONLINE, EXTRA_SLOT_PREFIX
from kernel.errors import Condition, Violation, violation

Check = Callable[[str], str | None]
_LONG_NAME: Final = 256
"""Characters in an ebRIM LongName; what is indexed is never longer."""
_SOURCE_CX: Final = re.compile(r"[^^&]+\^\^\^&[0-9]+(?:\.(?:0|[1-9][0-9]*))+&ISO")
_UNFIT: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")
_AVAILABILITIES: Final = frozenset({DOCUMENT_ONLINE, DOCUMENT_OFFLINE})


def _unfit(text: str) -> str | None:
    """What is looked up holds no characters that neither XML nor a database takes, and is not too long for an index."""
    if len(text) > _LONG_NAME:
        return f"longer than {_LONG_NAME} characters"
    return "holds characters that cannot be kept" if _UNFIT.search(text) else None


def _problem_with_size(text: str) -> str | None:
    return datatypes.problem_with_size(text) or (None if int(text) < 1 << 63 else "larger than any document")


def _problem_with_unique_id(text: str) -> str | None:
    return _unfit(text) or datatypes.problem_with_unique_id(text)


def _problem_with_availability(text: str) -> str | None:
    return None if text in _AVAILABILITIES else "neither Online nor Offline"


def _problem_with_reference_id(text: str) -> str | None:
    return _unfit(text) or datatypes.problem_with_cxi(text)


def _problem_with_patient_id(text: str) -> str | None:
    return _unfit(text) or datatypes.problem_with_cx(text)


def _problem_with_source_patient_id(text: str) -> str | None:
    """As a patientId, but for the first arc of the OID: it names no authority of ours, and test tools like 3.4.5."""
    return None if _SOURCE_CX.fullmatch(text) else "not of the form id^^^&OID&ISO"


def entry_faults(entry: DocumentEntry, type_: EntryType, extra_slots: Collection[str] = ()) -> Iterator[Violation]:
    """What is wrong with an entry that is registered as `type_` (4.2.3.2); `extra_slots` are those the domain keeps as well."""
    yield from _object_faults(entry, extra_slots)
    at = entry.id
    if entry.object_type != type_.value:
        yield _fault(at, "objectType", f"not that of a{' stable' if type_ is EntryType.STABLE else 'n on-demand'} document")
    yield from _texts(at, "mimeType", (entry.mime_type,) if entry.mime_type else (), datatypes.problem_with_mime_type)
    yield from _codes(at, "classCode", entry.class_codes, single=True)
    yield from _codes(at, "typeCode", entry.type_codes, single=True)
    yield from _codes(at, "formatCode", entry.format_codes, single=True)
    yield from _codes(at, "healthcareFacilityTypeCode", entry.facility_codes, single=True)
    yield from _codes(at, "practiceSettingCode", entry.practice_codes, single=True)
    yield from _codes(at, "confidentialityCode", entry.confidentiality_codes)
    yield from _codes(at, "eventCodeList", entry.event_codes, required=False)
    yield from _authors(at, entry.authors)
    yield from _texts(at, "languageCode", entry.language_code, datatypes.problem_with_language)
    yield from _texts(at, "repositoryUniqueId", entry.repository_unique_id, datatypes.problem_with_oid)
    yield from _texts(at, "sourcePatientId", entry.source_patient_id, _problem_with_source_patient_id)
    yield from _optional_entry_faults(entry)
    yield from _identifiers(at, "patientId", entry.patient_ids, _problem_with_patient_id)
    yield from _identifiers(at, "uniqueId", entry.unique_ids, _problem_with_unique_id)
    document = (
        ("creationTime", entry.creation_time, datatypes.problem_with_dtm),
        ("hash", entry.hash, datatypes.problem_with_hash),
        ("size", entry.size, _problem_with_size),
    )
    for name, values, check in document:
        if type_ is EntryType.STABLE:
            yield from _texts(at, name, values, check)
        elif values:
            yield _fault(at, name, "an on-demand entry has none")


def _optional_entry_faults(entry: DocumentEntry) -> Iterator[Violation]:
    at = entry.id
    yield from _texts(at, "serviceStartTime", entry.service_start_time, datatypes.problem_with_dtm, required=False)
    yield from _texts(at, "serviceStopTime", entry.service_stop_time, datatypes.problem_with_dtm, required=False)
    yield from _texts(at, "legalAuthenticator", entry.legal_authenticator, datatypes.problem_with_xcn, required=False)
    yield from _texts(at, "documentAvailability", entry.document_availability, _problem_with_availability, required=False)
    yield from _each(at, "sourcePatientInfo", entry.source_patient_info, datatypes.problem_with_source_patient_info)
    yield from _each(at, "referenceIdList", entry.reference_id_list, _problem_with_reference_id)


def set_faults(submission_set: SubmissionSet, extra_slots: Collection[str] = ()) -> Iterator[Violation]:
    """What is wrong with a submission set (4.2.3.3)."""
    yield from _object_faults(submission_set, extra_slots)
    at = submission_set.id
    yield from _codes(at, "contentTypeCode", submission_set.content_type_codes, single=True)
    yield from _authors(at, submission_set.authors)
    yield from _texts(at, "submissionTime", submission_set.submission_time, datatypes.problem_with_dtm)
    yield from _each(at, "intendedRecipient", submission_set.intended_recipients, datatypes.problem_with_recipient)
    yield from _identifiers(at, "patientId", submission_set.patient_ids, _problem_with_patient_id)
    yield from _identifiers(at, "sourceId", submission_set.source_ids, datatypes.problem_with_oid)
    yield from _identifiers(at, "uniqueId", submission_set.unique_ids, datatypes.problem_with_oid)


def folder_faults(folder: Folder, extra_slots: Collection[str] = ()) -> Iterator[Violation]:
    """What is wrong with a folder (4.2.3.4); its lastUpdateTime is ours to set."""
    yield from _object_faults(folder, extra_slots)
    at = folder.id
    yield from _codes(at, "codeList", folder.codes)
    yield from _identifiers(at, "patientId", folder.patient_ids, _problem_with_patient_id)
    yield from _identifiers(at, "uniqueId", folder.unique_ids, datatypes.problem_with_oid)


def code_faults(at: str, attribute: str, value: CodedValue) -> Iterator[Violation]:
    """A code has a value, one coding scheme and a display name (4.2.3.1.2)."""
    code = value.code
    schemes = value.scheme_values or ((code.scheme,) if code.scheme else ())
    if not code.code:
        yield _fault(at, attribute, "a Classification has no nodeRepresentation")
    if len(schemes) != 1 or not schemes[0]:
        yield _fault(at, attribute, "a Classification has not one codingScheme")
    if not code.display:
        yield _fault(at, attribute, "a Classification has no Name")
    if problem := _unfit(code.code) or _unfit(code.scheme):
        yield _fault(at, attribute, problem)
    if value.other_slots:
        yield _fault(at, attribute, "a Classification has slots that a code does not have")
    yield from belonging(at, attribute, value.classified_object, "classifiedObject")


def belonging(at: str, attribute: str, owner: str, reference: str) -> Iterator[Violation]:
    """A part that names its object names the one it stands in."""
    if owner and owner != at:
        yield _fault(at, attribute, f"{reference} is not the id of the object around it")


def _object_faults(obj: RegistryObject, extra_slots: Collection[str]) -> Iterator[Violation]:
    at = obj.id
    for fault in obj.faults:
        yield _fault(at, "", fault)
    for slot in obj.slots:
        if not slot.name.startswith(EXTRA_SLOT_PREFIX) and slot.name not in extra_slots:
            yield _fault(at, f"slot {slot.name}", "not an attribute of this object, and its name does not begin with urn:")
    if obj.home and (problem := datatypes.problem_with_home(obj.home)):
        yield _fault(at, "home", problem)


def _authors(at: str, authors: Sequence[Author]) -> Iterator[Violation]:
    """4.2.3.1.4."""
    for author in authors:
        if author.node_representation:
            yield _fault(at, "author", "the nodeRepresentation of an author is empty")
        if len(author.person) != 1:
            yield _fault(at, "authorPerson", f"{len(author.person)} values where one is expected")
        yield from _each(at, "authorPerson", author.person, datatypes.problem_with_xcn)
        yield from _each(at, "authorInstitution", author.institution, datatypes.problem_with_xon)
        yield from _each(at, "authorTelecommunication", author.telecom, datatypes.problem_with_xtn)
        for slot in author.other_slots:
            if not slot.name.startswith(EXTRA_SLOT_PREFIX):
                yield _fault(at, f"slot {slot.name}", "not part of an author")
        yield from belonging(at, "author", author.classified_object, "classifiedObject")


def _codes(
    at: str, attribute: str, codes: Sequence[CodedValue], *, single: bool = False, required: bool = True
) -> Iterator[Violation]:
    if not codes and required:
        yield _fault(at, attribute, "missing")
    if len(codes) > 1 and single:
        yield _fault(at, attribute, f"{len(codes)} values where one is expected")
    for code in codes:
        yield from code_faults(at, attribute, code)


def _texts(at: str, attribute: str, values: Sequence[str], check: Check, *, required: bool = True) -> Iterator[Violation]:
    """An attribute that stands once, or perhaps not at all."""
    if len(values) == 1:
        if (problem := check(values[0])) is not None:
            yield _fault(at, attribute, problem)
    elif values:
        yield _fault(at, attribute, f"{len(values)} values where one is expected")
    elif required:
        yield _fault(at, attribute, "missing")


def _each(at: str, attribute: str, values: Sequence[str], check: Check) -> Iterator[Violation]:
    problems = dict.fromkeys(problem for value in values if (problem := check(value)) is not None)
    for problem in problems:
        yield _fault(at, attribute, problem)


def _identifiers(at: str, attribute: str, identifiers: Sequence[Identifier], check: Check) -> Iterator[Violation]:
    yield from _texts(at, attribute, [identifier.value for identifier in identifiers], check)
    for identifier in identifiers:
        yield from belonging(at, attribute, identifier.registry_object, "registryObject")


def _fault(at: str, attribute: str, problem: str) -> Violation:
    return violation(Condition.METADATA_INVALID, at, f"{attribute}: {problem}" if attribute else problem)
