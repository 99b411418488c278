"""Answers of registries and repositories: written by doors, read by clients (ITI TF-3 4.2.4)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from ebrim.errors import ErrorCodes, condition_of, error_code
from ebrim.model import ObjectRef, Submission
from ebrim.namespaces import QUERY, RIM, RS
from ebrim.reader import read_object_refs, read_objects
from ebrim.writer import attribute_of
from kernel.errors import Condition, Severity, Violation
from kernel.xml import Element

_REGISTRY_ERROR = f"{{{RS}}}RegistryError"
_ERROR_LIST = f"{{{RS}}}RegistryErrorList"
_OBJECT_LIST = f"{{{RIM}}}RegistryObjectList"
_SEVERITY: Final = "urn:oasis:names:tc:ebxml-regrep:ErrorSeverityType:"
_FORBIDDEN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


class ResponseStatus(Enum):
    """How a request went."""

    SUCCESS = "urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Success"
    FAILURE = "urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Failure"
    PARTIAL_SUCCESS = "urn:ihe:iti:2007:ResponseStatusType:PartialSuccess"


def status_of(violations: Iterable[Violation]) -> ResponseStatus:
    """Failure when any violation is an error: warnings alone do not change success."""
    return ResponseStatus.FAILURE if any(v.is_error for v in violations) else ResponseStatus.SUCCESS


@dataclass(frozen=True, slots=True)
class RegistryError:
    """One entry of a RegistryErrorList as received."""

    code: str
    context: str
    location: str = ""
    severity: Severity = Severity.ERROR

    @property
    def violation(self) -> Violation:
        """The same in our words; a code outside the profile is told in the detail."""
        condition = condition_of(self.code)
        detail = self.context if condition else f"{self.code}: {self.context}"
        return Violation(condition or Condition.INTERNAL, self.location, detail, self.severity)


@dataclass(frozen=True, slots=True)
class RegistryAnswer:
    """A RegistryResponse as received; `status` is None for one outside the profile."""

    status: ResponseStatus | None
    errors: tuple[RegistryError, ...] = ()

    @property
    def violations(self) -> tuple[Violation, ...]:
        """The errors and warnings in our words."""
        return tuple(error.violation for error in self.errors)


@dataclass(frozen=True, slots=True)
class QueryAnswer:
    """An AdhocQueryResponse as received: objects, or the references to them."""

    answer: RegistryAnswer
    objects: Submission
    refs: tuple[ObjectRef, ...] = ()


# --- writing


def _clean(text: str) -> str:
    """Details may quote what a sender wrote in a language with fewer taboos than XML."""
    return attribute_of(_FORBIDDEN.sub("?", text))


def error_list(violations: Sequence[Violation], codes: ErrorCodes, *, location: str = "") -> bytes:
    """rs:RegistryErrorList, nothing when there is nothing to tell. `location` always stands: senders fail without it."""
    if not violations:
        return b""
    highest = "Error" if any(v.is_error for v in violations) else "Warning"
    pieces = [f'<rs:RegistryErrorList highestSeverity="{_SEVERITY}{highest}">']
    for v in violations:
        context = ": ".join(filter(None, (v.where, v.detail))) or v.condition.value
        severity = "Error" if v.is_error else "Warning"
        pieces.append(
            f'<rs:RegistryError errorCode="{error_code(v.condition, codes)}" codeContext="{_clean(context)}"'
            f' location="{_clean(location)}" severity="{_SEVERITY}{severity}"/>'
        )
    pieces.append("</rs:RegistryErrorList>")
    return "".join(pieces).encode()


def registry_response(violations: Sequence[Violation], codes: ErrorCodes, *, status: ResponseStatus | None = None) -> bytes:
    """rs:RegistryResponse, the answer of ITI-41, 42, 57, 61, 62, 86 and 92."""
    head = f'<rs:RegistryResponse xmlns:rs="{RS}" status="{(status or status_of(violations)).value}">'
    return head.encode() + error_list(violations, codes) + b"</rs:RegistryResponse>"


QUERY_RESPONSE_TAIL: Final = b"</RegistryObjectList></query:AdhocQueryResponse>"


def query_response_head(
    violations: Sequence[Violation], codes: ErrorCodes, *, status: ResponseStatus | None = None, location: str = ""
) -> bytes:
    """The start of query:AdhocQueryResponse, up to where object fragments are spliced in."""
    head = (
        f'<query:AdhocQueryResponse xmlns:query="{QUERY}" xmlns:rs="{RS}" xmlns="{RIM}"'
        f' status="{(status or status_of(violations)).value}">'
    )
    return head.encode() + error_list(violations, codes, location=location) + b"<RegistryObjectList>"


def query_response(
    fragments: Iterable[bytes],
    violations: Sequence[Violation] = (),
    codes: ErrorCodes = ErrorCodes.REGISTRY,
    *,
    status: ResponseStatus | None = None,
) -> tuple[bytes, ...]:
    """query:AdhocQueryResponse in pieces: fragments are finished objects or references of `ebrim.writer`."""
    return (query_response_head(violations, codes, status=status), *fragments, QUERY_RESPONSE_TAIL)


# --- reading


def _status(text: str) -> ResponseStatus | None:
    """Old senders leave out the URN; foreign ones put their own before it."""
    word = text.rpartition(":")[2]
    return next((s for s in ResponseStatus if s.value.endswith(f":{word}")), None)


def read_errors(parent: Element) -> tuple[RegistryError, ...]:
    """The entries of the error list inside an answer."""
    return tuple(
        RegistryError(
            error.get("errorCode", ""),
            error.get("codeContext", ""),
            error.get("location", ""),
            Severity.WARNING if error.get("severity", "").endswith("Warning") else Severity.ERROR,
        )
        for errors in parent.iterchildren(_ERROR_LIST)
        for error in errors.iterchildren(_REGISTRY_ERROR)
    )


def read_registry_response(element: Element) -> RegistryAnswer:
    """An rs:RegistryResponse, or any answer that carries its status and error list."""
    return RegistryAnswer(_status(element.get("status", "")), read_errors(element))


def read_query_response(element: Element) -> QueryAnswer:
    """A query:AdhocQueryResponse."""
    answer = read_registry_response(element)
    objects = element.find(_OBJECT_LIST)
    if objects is None:
        return QueryAnswer(answer, Submission())
    return QueryAnswer(answer, read_objects(objects), read_object_refs(objects))
