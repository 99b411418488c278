"""OperationOutcome: what is wrong, and the status it is answered with (FHIR R4, 3.1.0.1.5)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from fhir_r4.json import Resource, made
from kernel.errors import Condition, HieError, Violation, violation

STATUS: Final = {
    "structure": 400,
    "invalid": 400,
    "required": 400,
    "value": 400,
    "code-invalid": 400,
    "not-supported": 400,
    "too-long": 413,
    "too-costly": 400,
    "business-rule": 422,
    "processing": 422,
    "duplicate": 409,
    "conflict": 409,
    "lock-error": 409,
    "not-found": 404,
    "login": 401,
    "forbidden": 403,
    "transient": 503,
    "no-store": 507,
    "exception": 500,
}
"""The HTTP status of each issue type that is used."""

_OF: Final[dict[str, tuple[Condition, ...]]] = {
    "structure": (Condition.MALFORMED, Condition.CHARSET_UNSUPPORTED),
    "too-long": (Condition.TOO_LARGE,),
    "not-supported": (
        Condition.MESSAGE_TYPE_UNSUPPORTED,
        Condition.EVENT_UNSUPPORTED,
        Condition.PROCESSING_ID_UNSUPPORTED,
        Condition.VERSION_UNSUPPORTED,
        Condition.UPDATE_REQUEST_INVALID,
        Condition.QUERY_UNKNOWN,
    ),
    "required": (
        Condition.SEGMENT_MISSING,
        Condition.FIELD_MISSING,
        Condition.PARAMETER_MISSING,
        Condition.COMMUNITY_MISSING,
        Condition.DOCUMENT_MISSING,
        Condition.METADATA_MISSING,
    ),
    "value": (Condition.FIELD_INVALID, Condition.PARAMETER_INVALID, Condition.PARAMETER_COUNT),
    "code-invalid": (Condition.VALUE_UNKNOWN,),
    "duplicate": (
        Condition.MESSAGE_ID_REUSED,
        Condition.IDENTIFIER_DUPLICATE,
        Condition.UNIQUE_ID_IN_USE,
        Condition.UNIQUE_ID_REPEATED,
    ),
    "login": (Condition.NOT_AUTHENTICATED,),
    "forbidden": (Condition.NOT_ALLOWED, Condition.SOURCE_NOT_ALLOWED, Condition.UPDATE_NOT_PERMITTED),
    "not-found": (
        Condition.PATIENT_UNKNOWN,
        Condition.IDENTIFIER_UNKNOWN,
        Condition.AUTHORITY_UNKNOWN,
        Condition.DOCUMENT_UNKNOWN,
        Condition.REPOSITORY_UNKNOWN,
        Condition.COMMUNITY_UNKNOWN,
        Condition.CONTINUATION_UNKNOWN,
        Condition.REFERENCE_UNRESOLVED,
    ),
    "lock-error": (Condition.RECORD_LOCKED,),
    "conflict": (Condition.VERSION_WRONG, Condition.HASH_DIFFERS, Condition.SIZE_DIFFERS),
    "too-costly": (Condition.TOO_MANY_RESULTS,),
    "transient": (
        Condition.COMMUNITY_UNAVAILABLE,
        Condition.REGISTRY_UNAVAILABLE,
        Condition.PEER_UNAVAILABLE,
        Condition.BUSY,
    ),
    "no-store": (Condition.OUT_OF_RESOURCES,),
    "exception": (Condition.CONTENT_DAMAGED, Condition.INTERNAL, Condition.REMOVAL_FAILED),
    "business-rule": (
        Condition.PATIENT_MISMATCH,
        Condition.MERGE_IMPOSSIBLE,
        Condition.METADATA_INVALID,
        Condition.CONTENT_DIFFERS,
        Condition.CONTENT_INVALID,
        Condition.TARGET_DEPRECATED,
        Condition.EXTRA_METADATA_DROPPED,
        Condition.DOCUMENT_QUEUED,
        Condition.UPDATE_INVALID,
        Condition.UPDATE_OPERATION_INVALID,
        Condition.UPDATE_IDENTIFIER_CHANGED,
        Condition.UPDATE_PATIENT_CHANGED,
        Condition.UPDATE_TYPE_CHANGED,
        Condition.UPDATE_IMMUTABLE,
        Condition.UPDATE_ANNOTATION_INVALID,
        Condition.REFERENCES_EXIST,
        Condition.WOULD_ORPHAN,
        Condition.SEVERAL_PATIENTS,
    ),
}
ISSUE_TYPES: Final = {condition: kind for kind, conditions in _OF.items() for condition in conditions}
"""The issue type of every condition."""


def status_of(error: HieError) -> int:
    """The HTTP status of an error."""
    return STATUS[ISSUE_TYPES[error.condition]]


def outcome_of(error: HieError) -> Resource:
    """An error as an OperationOutcome."""
    return operation_outcome(error.violations or (violation(Condition.INTERNAL, "", ""),))


def operation_outcome(found: Iterable[Violation]) -> Resource:
    """Violations as an OperationOutcome; `where` that looks like a path into a resource is its expression."""
    return made(resourceType="OperationOutcome", issue=[_issue(one) for one in found])


def _issue(one: Violation) -> Resource:
    words = f"{one.where}: {one.detail}" if one.where else one.detail
    return made(severity=one.severity.value, code=ISSUE_TYPES[one.condition], diagnostics=words or one.condition.value)
