"""Conditions, violations and the four ways to fail."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class Severity(Enum):
    """How much a violation weighs: an error stops the act, a warning travels with its success."""

    ERROR = "error"
    WARNING = "warning"


class Condition(Enum):
    """What is wrong, in our words; each language has one table from these to its own codes."""

    # the message
    MALFORMED = "the bytes are not the protocol"
    TOO_LARGE = "a limit on size, depth, parts or rows was passed"
    CHARSET_UNSUPPORTED = "the character set is unknown or does not fit the bytes"
    MESSAGE_TYPE_UNSUPPORTED = "this kind of message is not served here"
    EVENT_UNSUPPORTED = "this trigger event is not served here"
    PROCESSING_ID_UNSUPPORTED = "the processing id is unknown"
    VERSION_UNSUPPORTED = "this version of the standard is not served here"
    MESSAGE_ID_REUSED = "another message with the same id was received before"
    SEGMENT_MISSING = "a required segment is missing or out of order"
    FIELD_MISSING = "a required field is missing"
    FIELD_INVALID = "a field does not hold what its data type asks for"
    VALUE_UNKNOWN = "a value is not in its table"

    # who asks
    NOT_AUTHENTICATED = "it is not known who asks"
    NOT_ALLOWED = "the one who asks may not do this"
    SOURCE_NOT_ALLOWED = "this source may not feed this assigning authority"

    # patients
    PATIENT_UNKNOWN = "the patient id is not known to the affinity domain"
    PATIENT_MISMATCH = "objects of one submission belong to different patients"
    IDENTIFIER_UNKNOWN = "the identifier is not known in its assigning authority"
    IDENTIFIER_DUPLICATE = "the identifier is in use"
    AUTHORITY_UNKNOWN = "the assigning authority is not known"
    MERGE_IMPOSSIBLE = "these identifiers cannot be merged"
    RECORD_LOCKED = "the record is being changed by another"
    CONTINUATION_UNKNOWN = "the continuation pointer or query id is unknown or has expired"

    # submissions
    METADATA_INVALID = "the metadata break a rule"
    UNIQUE_ID_IN_USE = "the uniqueId is in the registry"
    UNIQUE_ID_REPEATED = "the uniqueId stands twice in the message"
    HASH_DIFFERS = "the uniqueId is registered with another hash"
    SIZE_DIFFERS = "the uniqueId is registered with another size"
    CONTENT_DIFFERS = "declared hash or size are not those of the document"
    CONTENT_INVALID = "the content of the document is not acceptable"
    DOCUMENT_MISSING = "metadata came without a document"
    METADATA_MISSING = "a document came without metadata"
    REFERENCE_UNRESOLVED = "a reference leads nowhere"
    TARGET_DEPRECATED = "the target of the association is deprecated"
    EXTRA_METADATA_DROPPED = "metadata outside the profile were not kept"
    DOCUMENT_QUEUED = "the documents were received and wait to be filed"
    VERSION_WRONG = "the version to be updated is not the latest"
    UPDATE_INVALID = "the update breaks a rule"
    UPDATE_OPERATION_INVALID = "the update operation is malformed"
    UPDATE_IDENTIFIER_CHANGED = "an update may not change this identifier"
    UPDATE_PATIENT_CHANGED = "an update may not move an object to another patient"
    UPDATE_TYPE_CHANGED = "an update may not change the type of an object"
    UPDATE_IMMUTABLE = "an update may not change this attribute"
    UPDATE_NOT_PERMITTED = "local policy forbids this update"
    UPDATE_REQUEST_INVALID = "this request is not one the restricted update serves"
    UPDATE_ANNOTATION_INVALID = "the annotation of the update is not acceptable"
    REFERENCES_EXIST = "other objects still refer to this one"
    WOULD_ORPHAN = "the removal would leave an object without its container"
    REMOVAL_FAILED = "the document could not be removed"

    # queries and retrieval
    QUERY_UNKNOWN = "the stored query is not known"
    PARAMETER_MISSING = "a required query parameter is missing"
    PARAMETER_COUNT = "a query parameter has the wrong number of values"
    PARAMETER_INVALID = "a query parameter does not hold what it should"
    SEVERAL_PATIENTS = "the result is not of a single patient"
    TOO_MANY_RESULTS = "the result is larger than this service gives out"
    DOCUMENT_UNKNOWN = "the document is not known"
    REPOSITORY_UNKNOWN = "the repositoryUniqueId is not served here"
    COMMUNITY_MISSING = "a homeCommunityId is needed"
    COMMUNITY_UNKNOWN = "the homeCommunityId is not known"
    COMMUNITY_UNAVAILABLE = "another community does not answer"

    # this service
    REGISTRY_UNAVAILABLE = "the registry does not answer"
    PEER_UNAVAILABLE = "the other system does not answer"
    BUSY = "too much work at the moment; try again"
    OUT_OF_RESOURCES = "disk or memory are short"
    CONTENT_DAMAGED = "the stored document is not what was stored"
    INTERNAL = "something broke inside"


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that is wrong, where, and in words that help; `detail` never holds demographics."""

    condition: Condition
    where: str
    detail: str
    severity: Severity = Severity.ERROR

    @property
    def is_error(self) -> bool:
        """Whether it stops the act."""
        return self.severity is Severity.ERROR


class HieError(Exception):
    """Something a caller can act on; carries one or more violations."""

    def __init__(self, violations: Violation | Iterable[Violation]) -> None:
        found = (violations,) if isinstance(violations, Violation) else tuple(violations)
        super().__init__("; ".join(sorted({v.condition.name for v in found})))
        self.violations = found

    @property
    def condition(self) -> Condition:
        """The condition of the first error; `INTERNAL` when there is none."""
        return next((v.condition for v in self.violations if v.is_error), Condition.INTERNAL)

    @property
    def detail(self) -> str:
        """The text of the first violation."""
        return self.violations[0].detail if self.violations else ""


class Unreadable(HieError):
    """The bytes are not the protocol."""


class Refused(HieError):
    """This subject may not do this."""


class Unavailable(HieError):
    """Someone we need is away; retrying is safe."""


class Rejected(HieError):
    """Read, understood and wrong."""


def violation(condition: Condition, where: str, detail: str) -> Violation:
    """An error in short."""
    return Violation(condition, where, detail)


def warning(condition: Condition, where: str, detail: str) -> Violation:
    """A warning in short."""
    return Violation(condition, where, detail, Severity.WARNING)


def rejected(condition: Condition, where: str, detail: str) -> Rejected:
    """A rejection with one violation, to be raised."""
    return Rejected(Violation(condition, where, detail))
