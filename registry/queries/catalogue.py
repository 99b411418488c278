"""Every stored query of ITI-18 and ITI-51 with its parameters (ITI TF-2 3.18.4.1.2.3.7, 3.51.4.1.2.3)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from types import MappingProxyType
from typing import Final

from ebrim.uuids import QueryId
from registry.queries.parameters import Choice, Kind, Parameter


class Family(Enum):
    """How a query is answered: `registry.queries.families` has a function for each."""

    FIND_ENTRIES = "entries that fit"
    FIND_SETS = "submission sets that fit"
    FIND_FOLDERS = "folders that fit"
    ALL_OF_PATIENT = "everything of a patient, with the associations between it"
    ENTRIES_BY_ID = "entries by their ids"
    ENTRIES_AND_ASSOCIATIONS = "entries by their ids, with their associations"
    FOLDERS_BY_ID = "folders by their ids"
    ASSOCIATIONS_OF = "the associations of objects"
    SETS_OF = "the submission sets of objects, with their associations to them"
    SET_AND_CONTENTS = "a submission set, its members and associations"
    FOLDER_AND_CONTENTS = "a folder, its members and associations"
    FOLDERS_OF_ENTRY = "the folders that an entry is in"
    RELATED_ENTRIES = "entries related to an entry, and the associations between them"


@dataclass(frozen=True, slots=True)
class DomainQueryId:
    """The id of a query that the affinity domain adds."""

    value: str


@dataclass(frozen=True, slots=True)
class Definition:
    """A stored query. `patient` names the parameter that binds it to patients; empty for queries by id."""

    id: QueryId | DomainQueryId
    name: str
    family: Family
    parameters: tuple[Parameter, ...]
    choices: tuple[Choice, ...] = ()
    patient: str = ""
    is_multi_patient: bool = False
    by_name: Mapping[str, Parameter] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Builds the way in by name."""
        object.__setattr__(self, "by_name", MappingProxyType({p.name: p for p in self.parameters}))


def _many(name: str, kind: Kind, column: str, *, anded: bool = False, required: bool = False) -> Parameter:
    return Parameter(name, kind, column, is_required=required, is_multiple=True, is_anded=anded)


def _id(name: str, kind: Kind, column: str, *, multiple: bool = True, required: bool = False) -> Parameter:
    return Parameter(name, kind, column, is_required=required, is_multiple=multiple, is_id=True)


_ENTRY, _SET, _FOLDER = "$XDSDocumentEntry", "$XDSSubmissionSet", "$XDSFolder"

LEVEL: Final = Parameter("$MetadataLevel", Kind.LEVEL)
ENTRY_PATIENT: Final = Parameter(f"{_ENTRY}PatientId", Kind.PATIENT_ID, "patient", is_required=True)
ENTRY_STATUS: Final = _many(f"{_ENTRY}Status", Kind.STATUS, "status", required=True)
ENTRY_TYPE: Final = _many(f"{_ENTRY}Type", Kind.ENTRY_TYPE, "kind")
FORMAT: Final = _many(f"{_ENTRY}FormatCode", Kind.CODE, "format_code")
CONFIDENTIALITY: Final = _many(f"{_ENTRY}ConfidentialityCode", Kind.CODE, "confidentiality_codes", anded=True)
AVAILABILITY: Final = _many(f"{_ENTRY}DocumentAvailability", Kind.AVAILABILITY, "offline")
REFERENCE_ID: Final = _many(f"{_ENTRY}ReferenceIdList", Kind.PATTERN, "reference_id", anded=True, required=True)
TITLE: Final = _many(f"{_ENTRY}Title", Kind.PATTERN, "title", required=True)
ENTRY_UUID: Final = _id(f"{_ENTRY}EntryUUID", Kind.UUID, "uuid")
ENTRY_UNIQUE_ID: Final = _id(f"{_ENTRY}UniqueId", Kind.TEXT, "unique_id")
ENTRY_LOGICAL_ID: Final = _id(f"{_ENTRY}LogicalID", Kind.UUID, "logical")
SET_PATIENT: Final = Parameter(f"{_SET}PatientId", Kind.PATIENT_ID, "patient", is_required=True)
SET_STATUS: Final = _many(f"{_SET}Status", Kind.STATUS, "status", required=True)
SET_UUID: Final = _id(f"{_SET}EntryUUID", Kind.UUID, "uuid", multiple=False)
SET_UNIQUE_ID: Final = _id(f"{_SET}UniqueId", Kind.TEXT, "unique_id", multiple=False)
FOLDER_PATIENT: Final = Parameter(f"{_FOLDER}PatientId", Kind.PATIENT_ID, "patient", is_required=True)
FOLDER_STATUS: Final = _many(f"{_FOLDER}Status", Kind.STATUS, "status", required=True)
FOLDER_UUID: Final = _id(f"{_FOLDER}EntryUUID", Kind.UUID, "uuid")
FOLDER_UNIQUE_ID: Final = _id(f"{_FOLDER}UniqueId", Kind.TEXT, "unique_id")
FOLDER_LOGICAL_ID: Final = _id(f"{_FOLDER}LogicalID", Kind.UUID, "logical")
FOLDER_CODES: Final = _many(f"{_FOLDER}CodeList", Kind.CODE, "codes", anded=True)
ANY_PATIENT: Final = Parameter("$patientId", Kind.PATIENT_ID, "patient", is_required=True)
ANY_UUID: Final = _id("$uuid", Kind.UUID, "uuid", required=True)
ASSOCIATION_TYPES: Final = _many("$AssociationTypes", Kind.TEXT, "type", required=True)
ASSOCIATION_STATUS: Final = _many("$XDSAssociationStatus", Kind.STATUS, "status")

_ENTRY_FILTERS: Final = (
    ENTRY_STATUS,
    _many(f"{_ENTRY}ClassCode", Kind.CODE, "class_code"),
    _many(f"{_ENTRY}TypeCode", Kind.CODE, "type_code"),
    _many(f"{_ENTRY}PracticeSettingCode", Kind.CODE, "practice_code"),
    _many(f"{_ENTRY}HealthcareFacilityTypeCode", Kind.CODE, "facility_code"),
    FORMAT,
    _many(f"{_ENTRY}EventCodeList", Kind.CODE, "event_codes", anded=True),
    CONFIDENTIALITY,
    Parameter(f"{_ENTRY}CreationTimeFrom", Kind.TIME, "creation_time:from"),
    Parameter(f"{_ENTRY}CreationTimeTo", Kind.TIME, "creation_time:to"),
    Parameter(f"{_ENTRY}ServiceStartTimeFrom", Kind.TIME, "service_start_time:from"),
    Parameter(f"{_ENTRY}ServiceStartTimeTo", Kind.TIME, "service_start_time:to"),
    Parameter(f"{_ENTRY}ServiceStopTimeFrom", Kind.TIME, "service_stop_time:from"),
    Parameter(f"{_ENTRY}ServiceStopTimeTo", Kind.TIME, "service_stop_time:to"),
    _many(f"{_ENTRY}AuthorPerson", Kind.PATTERN, "authors"),
    ENTRY_TYPE,
    AVAILABILITY,
    LEVEL,
)
_FOLDER_FILTERS: Final = (
    FOLDER_STATUS,
    Parameter(f"{_FOLDER}LastUpdateTimeFrom", Kind.TIME, "last_update_time:from"),
    Parameter(f"{_FOLDER}LastUpdateTimeTo", Kind.TIME, "last_update_time:to"),
    FOLDER_CODES,
    LEVEL,
)
_SET_FILTERS: Final = (
    SET_STATUS,
    _many(f"{_SET}SourceId", Kind.TEXT, "source"),
    Parameter(f"{_SET}SubmissionTimeFrom", Kind.TIME, "submission_time:from"),
    Parameter(f"{_SET}SubmissionTimeTo", Kind.TIME, "submission_time:to"),
    Parameter(f"{_SET}AuthorPerson", Kind.PATTERN, "authors"),
    _many(f"{_SET}ContentType", Kind.CODE, "content_type_code"),
    LEVEL,
)
_ENTRY_IDS: Final = (ENTRY_UUID, ENTRY_UNIQUE_ID, ENTRY_LOGICAL_ID)
_FOLDER_IDS: Final = (FOLDER_UUID, FOLDER_UNIQUE_ID, FOLDER_LOGICAL_ID)
_CONTENT_FILTERS: Final = (FORMAT, CONFIDENTIALITY, ENTRY_TYPE)


def _one_of(*parameters: Parameter) -> tuple[Choice, ...]:
    return (Choice(tuple(p.name for p in parameters)),)


def _single(*parameters: Parameter) -> tuple[Parameter, ...]:
    return tuple(replace(p, is_multiple=False) for p in parameters)


def _excluding(parameters: Iterable[Parameter]) -> Iterator[tuple[Parameter, Choice]]:
    """For each filter one that leaves out what it would find; only one of the two may be given (CP-ITI-1323)."""
    for parameter in parameters:
        if parameter.kind in (Kind.CODE, Kind.PATTERN, Kind.ENTRY_TYPE):
            name = f"{parameter.name}Exclude"
            other = replace(parameter, name=name, column=f"{parameter.column}:not", is_required=False)
            yield other, Choice((parameter.name, name), is_optional=True)


def _several_patients(patient: Parameter, *others: str) -> tuple[Parameter, tuple[Choice, ...]]:
    return replace(patient, is_required=False, is_multiple=True), (Choice((patient.name, *others), is_exclusive=False),)


_EXCLUDING: Final = tuple(_excluding((*_ENTRY_FILTERS, REFERENCE_ID)))
_ENTRIES_OF_SEVERAL, _ENTRIES_CHOICE = _several_patients(
    ENTRY_PATIENT, f"{_ENTRY}ClassCode", f"{_ENTRY}EventCodeList", f"{_ENTRY}HealthcareFacilityTypeCode"
)
_FOLDERS_OF_SEVERAL, _FOLDERS_CHOICE = _several_patients(FOLDER_PATIENT, FOLDER_CODES.name)

_DEFINITIONS: Final = (
    Definition(
        QueryId.FIND_DOCUMENTS,
        "FindDocuments",
        Family.FIND_ENTRIES,
        (ENTRY_PATIENT, *_ENTRY_FILTERS),
        patient=ENTRY_PATIENT.name,
    ),
    Definition(
        QueryId.FIND_DOCUMENTS_BY_REFERENCE_ID,
        "FindDocumentsByReferenceId",
        Family.FIND_ENTRIES,
        (ENTRY_PATIENT, REFERENCE_ID, *_ENTRY_FILTERS),
        patient=ENTRY_PATIENT.name,
    ),
    Definition(
        QueryId.FIND_DOCUMENTS_BY_TITLE,
        "FindDocumentsByTitle",
        Family.FIND_ENTRIES,
        (ENTRY_PATIENT, TITLE, *_ENTRY_FILTERS),
        patient=ENTRY_PATIENT.name,
    ),
    Definition(
        QueryId.FIND_DOCUMENTS_EXCLUDE,
        "FindDocumentsExclude",
        Family.FIND_ENTRIES,
        (ENTRY_PATIENT, *_ENTRY_FILTERS, replace(REFERENCE_ID, is_required=False), *(other for other, _ in _EXCLUDING)),
        tuple(choice for _, choice in _EXCLUDING),
        patient=ENTRY_PATIENT.name,
    ),
    Definition(
        QueryId.FIND_SUBMISSION_SETS,
        "FindSubmissionSets",
        Family.FIND_SETS,
        (SET_PATIENT, *_SET_FILTERS),
        patient=SET_PATIENT.name,
    ),
    Definition(
        QueryId.FIND_FOLDERS,
        "FindFolders",
        Family.FIND_FOLDERS,
        (FOLDER_PATIENT, *_FOLDER_FILTERS),
        patient=FOLDER_PATIENT.name,
    ),
    Definition(
        QueryId.GET_ALL,
        "GetAll",
        Family.ALL_OF_PATIENT,
        (ANY_PATIENT, ENTRY_STATUS, SET_STATUS, FOLDER_STATUS, *_CONTENT_FILTERS, ASSOCIATION_STATUS, LEVEL),
        patient=ANY_PATIENT.name,
    ),
    Definition(QueryId.GET_DOCUMENTS, "GetDocuments", Family.ENTRIES_BY_ID, (*_ENTRY_IDS, LEVEL), _one_of(*_ENTRY_IDS)),
    Definition(QueryId.GET_FOLDERS, "GetFolders", Family.FOLDERS_BY_ID, (*_FOLDER_IDS, LEVEL), _one_of(*_FOLDER_IDS)),
    Definition(QueryId.GET_ASSOCIATIONS, "GetAssociations", Family.ASSOCIATIONS_OF, (ANY_UUID, ASSOCIATION_STATUS, LEVEL)),
    Definition(
        QueryId.GET_DOCUMENTS_AND_ASSOCIATIONS,
        "GetDocumentsAndAssociations",
        Family.ENTRIES_AND_ASSOCIATIONS,
        (*_ENTRY_IDS, ASSOCIATION_STATUS, LEVEL),
        _one_of(*_ENTRY_IDS),
    ),
    Definition(QueryId.GET_SUBMISSION_SETS, "GetSubmissionSets", Family.SETS_OF, (ANY_UUID, ASSOCIATION_STATUS, LEVEL)),
    Definition(
        QueryId.GET_SUBMISSION_SET_AND_CONTENTS,
        "GetSubmissionSetAndContents",
        Family.SET_AND_CONTENTS,
        (SET_UUID, SET_UNIQUE_ID, *_CONTENT_FILTERS, ASSOCIATION_STATUS, LEVEL),
        _one_of(SET_UUID, SET_UNIQUE_ID),
    ),
    Definition(
        QueryId.GET_FOLDER_AND_CONTENTS,
        "GetFolderAndContents",
        Family.FOLDER_AND_CONTENTS,
        (*_single(*_FOLDER_IDS), *_CONTENT_FILTERS, ASSOCIATION_STATUS, LEVEL),
        _one_of(*_FOLDER_IDS),
    ),
    Definition(
        QueryId.GET_FOLDERS_FOR_DOCUMENT,
        "GetFoldersForDocument",
        Family.FOLDERS_OF_ENTRY,
        (*_single(*_ENTRY_IDS), ASSOCIATION_STATUS, LEVEL),
        _one_of(*_ENTRY_IDS),
    ),
    Definition(
        QueryId.GET_RELATED_DOCUMENTS,
        "GetRelatedDocuments",
        Family.RELATED_ENTRIES,
        (*_single(*_ENTRY_IDS), ASSOCIATION_TYPES, ENTRY_TYPE, ASSOCIATION_STATUS, LEVEL),
        _one_of(*_ENTRY_IDS),
    ),
    Definition(
        QueryId.FIND_DOCUMENTS_FOR_MULTIPLE_PATIENTS,
        "FindDocumentsForMultiplePatients",
        Family.FIND_ENTRIES,
        (_ENTRIES_OF_SEVERAL, *_ENTRY_FILTERS),
        _ENTRIES_CHOICE,
        patient=ENTRY_PATIENT.name,
        is_multi_patient=True,
    ),
    Definition(
        QueryId.FIND_FOLDERS_FOR_MULTIPLE_PATIENTS,
        "FindFoldersForMultiplePatients",
        Family.FIND_FOLDERS,
        (_FOLDERS_OF_SEVERAL, *_FOLDER_FILTERS),
        _FOLDERS_CHOICE,
        patient=FOLDER_PATIENT.name,
        is_multi_patient=True,
    ),
    Definition(
        QueryId.FIND_DOCUMENTS_BY_REFERENCE_ID_FOR_MULTIPLE_PATIENTS,
        "FindDocumentsByReferenceIdForMultiplePatients",
        Family.FIND_ENTRIES,
        (_ENTRIES_OF_SEVERAL, REFERENCE_ID, *_ENTRY_FILTERS),
        patient=ENTRY_PATIENT.name,
        is_multi_patient=True,
    ),
)

CATALOGUE: Final[Mapping[str, Definition]] = MappingProxyType({d.id.value: d for d in _DEFINITIONS})
"""The queries by their UUID."""


def as_markdown() -> str:
    """The catalogue as a table for the documentation."""
    lines = ["| query | id | transaction | parameter | holds | |", "|---|---|---|---|---|---|"]
    for definition in _DEFINITIONS:
        name, id_ = definition.name, f"`{definition.id.value}`"
        transaction = "ITI-51" if definition.is_multi_patient else "ITI-18"
        for parameter in definition.parameters:
            lines.append(f"| {name} | {id_} | {transaction} | `{parameter.name}` | {parameter.kind.value} | {_marks(parameter)} |")
            name = id_ = transaction = ""
        for choice in definition.choices:
            which = "at most one" if choice.is_optional else "exactly one" if choice.is_exclusive else "at least one"
            lines.append(f"| | | | {', '.join(f'`{name}`' for name in choice.names)} | {which} of these | |")
    return "\n".join(lines) + "\n"


def _marks(parameter: Parameter) -> str:
    marks = {"required": parameter.is_required, "several": parameter.is_multiple, "AND": parameter.is_anded}
    return ", ".join(mark for mark, applies in marks.items() if applies)
