"""The ebRS error code of every condition, for a registry and for a repository (ITI TF-3 4.2.4.1)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final

from kernel.errors import Condition


class ErrorCodes(Enum):
    """Whose codes are spoken: the two actors have their own word for the same fault."""

    REGISTRY = "Registry"
    REPOSITORY = "Repository"


_GENERAL: Final = "XDS{actor}Error"
_METADATA: Final = "XDS{actor}MetadataError"
_RESOURCES: Final = "XDS{actor}OutOfResources"

_CODES: Final[Mapping[Condition, str]] = {
    Condition.MALFORMED: _GENERAL,
    Condition.TOO_LARGE: _RESOURCES,
    Condition.CHARSET_UNSUPPORTED: _GENERAL,
    Condition.MESSAGE_TYPE_UNSUPPORTED: _GENERAL,
    Condition.EVENT_UNSUPPORTED: _GENERAL,
    Condition.PROCESSING_ID_UNSUPPORTED: _GENERAL,
    Condition.VERSION_UNSUPPORTED: _GENERAL,
    Condition.MESSAGE_ID_REUSED: _GENERAL,
    Condition.SEGMENT_MISSING: _METADATA,
    Condition.FIELD_MISSING: _METADATA,
    Condition.FIELD_INVALID: _METADATA,
    Condition.VALUE_UNKNOWN: _METADATA,
    Condition.NOT_AUTHENTICATED: _GENERAL,
    Condition.NOT_ALLOWED: _GENERAL,
    Condition.SOURCE_NOT_ALLOWED: _GENERAL,
    Condition.PATIENT_UNKNOWN: "XDSUnknownPatientId",
    Condition.PATIENT_MISMATCH: "XDSPatientIdDoesNotMatch",
    Condition.IDENTIFIER_UNKNOWN: "XDSUnknownPatientId",
    Condition.IDENTIFIER_DUPLICATE: _METADATA,
    Condition.AUTHORITY_UNKNOWN: "XDSUnknownPatientId",
    Condition.MERGE_IMPOSSIBLE: _GENERAL,
    Condition.RECORD_LOCKED: "XDS{actor}Busy",
    Condition.CONTINUATION_UNKNOWN: _GENERAL,
    Condition.METADATA_INVALID: _METADATA,
    Condition.UNIQUE_ID_IN_USE: "XDSDuplicateUniqueIdInRegistry",
    Condition.UNIQUE_ID_REPEATED: "XDS{actor}DuplicateUniqueIdInMessage",
    Condition.HASH_DIFFERS: "XDSNonIdenticalHash",
    Condition.SIZE_DIFFERS: "XDSNonIdenticalSize",
    Condition.CONTENT_DIFFERS: _METADATA,
    Condition.CONTENT_INVALID: "InvalidDocumentContent",
    Condition.DOCUMENT_MISSING: "XDSMissingDocument",
    Condition.METADATA_MISSING: "XDSMissingDocumentMetadata",
    Condition.REFERENCE_UNRESOLVED: "UnresolvedReferenceException",
    Condition.TARGET_DEPRECATED: "XDSRegistryDeprecatedDocumentError",
    Condition.EXTRA_METADATA_DROPPED: "XDSExtraMetadataNotSaved",
    Condition.DOCUMENT_QUEUED: "DocumentQueued",
    Condition.VERSION_WRONG: "XDSMetadataVersionError",
    Condition.UPDATE_INVALID: "XDSMetadataUpdateError",
    Condition.UPDATE_OPERATION_INVALID: "XDSMetadataUpdateOperationError",
    Condition.UPDATE_IDENTIFIER_CHANGED: "XDSMetadataIdentifierError",
    Condition.UPDATE_PATIENT_CHANGED: "XDSPatientIDReconciliationError",
    Condition.UPDATE_TYPE_CHANGED: "XDSObjectTypeError",
    Condition.UPDATE_IMMUTABLE: "UnmodifiableMetadataError",
    Condition.UPDATE_NOT_PERMITTED: "LocalPolicyRestrictionError",
    Condition.UPDATE_REQUEST_INVALID: "XDSInvalidRequestException",
    Condition.UPDATE_ANNOTATION_INVALID: "XDSMetadataAnnotationError",
    Condition.REFERENCES_EXIST: "ReferencesExistException",
    Condition.WOULD_ORPHAN: "XDSUnreferencedObjectException",
    Condition.REMOVAL_FAILED: "XDSRemoveDocumentsError",
    Condition.QUERY_UNKNOWN: "XDSUnknownStoredQuery",
    Condition.PARAMETER_MISSING: "XDSStoredQueryMissingParam",
    Condition.PARAMETER_COUNT: "XDSStoredQueryParamNumber",
    Condition.PARAMETER_INVALID: _GENERAL,
    Condition.SEVERAL_PATIENTS: "XDSResultNotSinglePatient",
    Condition.TOO_MANY_RESULTS: "XDSTooManyResults",
    Condition.DOCUMENT_UNKNOWN: "XDSDocumentUniqueIdError",
    Condition.REPOSITORY_UNKNOWN: "XDSUnknownRepositoryId",
    Condition.COMMUNITY_MISSING: "XDSMissingHomeCommunityId",
    Condition.COMMUNITY_UNKNOWN: "XDSUnknownCommunity",
    Condition.COMMUNITY_UNAVAILABLE: "XDSUnavailableCommunity",
    Condition.REGISTRY_UNAVAILABLE: "XDSRegistryNotAvailable",
    Condition.PEER_UNAVAILABLE: _GENERAL,
    Condition.BUSY: "XDS{actor}Busy",
    Condition.OUT_OF_RESOURCES: _RESOURCES,
    Condition.CONTENT_DAMAGED: _GENERAL,
    Condition.INTERNAL: _GENERAL,
}


def _table(actor: ErrorCodes) -> Mapping[Condition, str]:
    return MappingProxyType({condition: code.format(actor=actor.value) for condition, code in _CODES.items()})


TABLES: Final[Mapping[ErrorCodes, Mapping[Condition, str]]] = MappingProxyType({a: _table(a) for a in ErrorCodes})

# of several conditions with one code, the one a foreign registry most likely means
_PREFERRED: Final = (
    Condition.INTERNAL,
    Condition.METADATA_INVALID,
    Condition.PATIENT_UNKNOWN,
    Condition.OUT_OF_RESOURCES,
    Condition.BUSY,
)
_CONDITIONS: Final[Mapping[str, Condition]] = MappingProxyType(
    {table[c]: c for table in TABLES.values() for c in (*_CODES, *_PREFERRED)}
)


def error_code(condition: Condition, codes: ErrorCodes) -> str:
    """The errorCode of a condition."""
    return TABLES[codes][condition]


def condition_of(code: str) -> Condition | None:
    """What an errorCode from elsewhere means in our words; None for a code outside the profile. Tolerates a URN before it."""
    return _CONDITIONS.get(code.rpartition(":")[2])
