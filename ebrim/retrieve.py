"""Requests and answers that carry or name documents: ITI-41, 43, 62 and 86 (ITI TF-2 3.41, 3.43)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote

from ebrim.errors import ErrorCodes
from ebrim.model import ObjectRef, Submission
from ebrim.namespaces import LCM, RIM, RMD, RS, XDSB, XOP
from ebrim.reader import read_object_refs, read_submission
from ebrim.responses import RegistryAnswer, ResponseStatus, read_registry_response, registry_response
from ebrim.writer import attribute_of, encoded, render_object_ref, submit_objects_request, text_of
from kernel.errors import Condition, Unreadable, Violation, violation
from kernel.xml import Element

_SUBMIT = f"{{{LCM}}}SubmitObjectsRequest"
_DOCUMENT = f"{{{XDSB}}}Document"
_DOCUMENT_REQUEST = f"{{{XDSB}}}DocumentRequest"
_DOCUMENT_RESPONSE = f"{{{XDSB}}}DocumentResponse"
_HOME = f"{{{XDSB}}}HomeCommunityId"
_REPOSITORY = f"{{{XDSB}}}RepositoryUniqueId"
_UNIQUE_ID = f"{{{XDSB}}}DocumentUniqueId"
_NEW_REPOSITORY = f"{{{XDSB}}}NewRepositoryUniqueId"
_NEW_UNIQUE_ID = f"{{{XDSB}}}NewDocumentUniqueId"
_MIME_TYPE = f"{{{XDSB}}}mimeType"
_INCLUDE = f"{{{XOP}}}Include"
_REF_LIST = f"{{{RIM}}}ObjectRefList"
_RESPONSE = f"{{{RS}}}RegistryResponse"

RETRIEVE_RESPONSE_TAIL = b"</xdsb:RetrieveDocumentSetResponse>"


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes of a Document element: the content id of an attachment, or base64 text in place.

    `problem` says what stands there instead; then the others are empty.
    """

    content_id: str = ""
    base64: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class ProvidedDocument:
    """A Document of ITI-41: the id of the entry it belongs to, and its content."""

    entry_id: str
    content: Content


@dataclass(frozen=True, slots=True)
class ProvideRequest:
    """ITI-41: the metadata and the documents, in the order they stood."""

    submission: Submission
    documents: tuple[ProvidedDocument, ...]


@dataclass(frozen=True, slots=True)
class DocumentRequest:
    """One document asked for (ITI-43) or to be removed (ITI-86)."""

    repository_unique_id: str
    document_unique_id: str
    home: str = ""


@dataclass(frozen=True, slots=True)
class DocumentResponse:
    """One document given out; the `new_...` ids are those of an on-demand document."""

    repository_unique_id: str
    document_unique_id: str
    mime_type: str
    content: Content
    home: str = ""
    new_repository_unique_id: str = ""
    new_document_unique_id: str = ""


@dataclass(frozen=True, slots=True)
class RetrieveAnswer:
    """The answer of ITI-43 as received."""

    answer: RegistryAnswer
    documents: tuple[DocumentResponse, ...]


def _text(parent: Element, name: str) -> str:
    return (parent.findtext(name) or "").strip()


def _content(element: Element) -> Content:
    """Only `cid:` of the same message is followed: any other address would make us fetch what a sender names."""
    includes = list(element.iterchildren(_INCLUDE))
    if not includes:
        return Content(problem="elements inside Document") if len(element) else Content(base64=element.text or "")
    scheme, _, name = includes[0].get("href", "").strip().partition(":")
    if len(includes) > 1 or scheme.lower() != "cid" or not name:
        return Content(problem="xop:Include does not name one part of this message by cid:")
    return Content(content_id=unquote(name, errors="replace").strip("<>"))


def include(content_id: str) -> bytes:
    """xop:Include of a part (RFC 2392 3: a cid URL is the content id, percent-encoded)."""
    return f'<xop:Include xmlns:xop="{XOP}" href="cid:{attribute_of(quote(content_id, safe="@:.-_~+=!$*,;"))}"/>'.encode()


# --- ITI-41


def read_provide_request(request: Element) -> ProvideRequest:
    """xdsb:ProvideAndRegisterDocumentSetRequest. Raises `Unreadable` when there are no metadata at all."""
    submit = request.find(_SUBMIT)
    if submit is None:
        where = "ProvideAndRegisterDocumentSetRequest"
        raise Unreadable(violation(Condition.MALFORMED, where, "there is no SubmitObjectsRequest"))
    documents = (ProvidedDocument(d.get("id", ""), _content(d)) for d in request.iterchildren(_DOCUMENT))
    return ProvideRequest(read_submission(submit), tuple(documents))


def provide_request(submission: Submission, parts: Iterable[tuple[str, str]]) -> bytes:
    """xdsb:ProvideAndRegisterDocumentSetRequest; `parts` are pairs of entry id and content id."""
    pieces = [f'<xdsb:ProvideAndRegisterDocumentSetRequest xmlns:xdsb="{XDSB}">'.encode()]
    pieces.append(submit_objects_request(submission))
    for entry_id, content_id in parts:
        opening = encoded(f'<xdsb:Document id="{attribute_of(entry_id)}">', "Document")
        pieces += (opening, include(content_id), b"</xdsb:Document>")
    pieces.append(b"</xdsb:ProvideAndRegisterDocumentSetRequest>")
    return b"".join(pieces)


# --- ITI-43 and 86


def read_document_requests(request: Element) -> tuple[DocumentRequest, ...]:
    """What a RetrieveDocumentSetRequest or RemoveDocumentsRequest names, in order."""
    return tuple(
        DocumentRequest(_text(d, _REPOSITORY), _text(d, _UNIQUE_ID), _text(d, _HOME))
        for d in request.iterchildren(_DOCUMENT_REQUEST)
    )


def _document_requests(requests: Iterable[DocumentRequest]) -> str:
    return "".join(
        "<xdsb:DocumentRequest>"
        + (f"<xdsb:HomeCommunityId>{text_of(r.home)}</xdsb:HomeCommunityId>" if r.home else "")
        + f"<xdsb:RepositoryUniqueId>{text_of(r.repository_unique_id)}</xdsb:RepositoryUniqueId>"
        + f"<xdsb:DocumentUniqueId>{text_of(r.document_unique_id)}</xdsb:DocumentUniqueId></xdsb:DocumentRequest>"
        for r in requests
    )


def retrieve_request(requests: Iterable[DocumentRequest]) -> bytes:
    """xdsb:RetrieveDocumentSetRequest."""
    name = "xdsb:RetrieveDocumentSetRequest"
    return encoded(f'<{name} xmlns:xdsb="{XDSB}">{_document_requests(requests)}</{name}>', name)


def remove_documents_request(requests: Iterable[DocumentRequest]) -> bytes:
    """rmd:RemoveDocumentsRequest (ITI-86)."""
    name = "rmd:RemoveDocumentsRequest"
    return encoded(f'<{name} xmlns:rmd="{RMD}" xmlns:xdsb="{XDSB}">{_document_requests(requests)}</{name}>', name)


def retrieve_response_head(
    violations: Sequence[Violation], status: ResponseStatus, codes: ErrorCodes = ErrorCodes.REPOSITORY
) -> bytes:
    """The start of xdsb:RetrieveDocumentSetResponse, before the documents."""
    head = f'<xdsb:RetrieveDocumentSetResponse xmlns:xdsb="{XDSB}">'.encode()
    return head + registry_response(violations, codes, status=status)


def document_response(document: DocumentResponse) -> bytes:
    """xdsb:DocumentResponse, its content as an xop:Include or base64 in place."""
    d = document
    optional = (
        ("NewRepositoryUniqueId", d.new_repository_unique_id),
        ("NewDocumentUniqueId", d.new_document_unique_id),
    )
    content = include(d.content.content_id) if d.content.content_id else d.content.base64.encode("ascii")
    head = encoded(
        "<xdsb:DocumentResponse>"
        + (f"<xdsb:HomeCommunityId>{text_of(d.home)}</xdsb:HomeCommunityId>" if d.home else "")
        + f"<xdsb:RepositoryUniqueId>{text_of(d.repository_unique_id)}</xdsb:RepositoryUniqueId>"
        + f"<xdsb:DocumentUniqueId>{text_of(d.document_unique_id)}</xdsb:DocumentUniqueId>"
        + "".join(f"<xdsb:{name}>{text_of(value)}</xdsb:{name}>" for name, value in optional if value)
        + f"<xdsb:mimeType>{text_of(d.mime_type)}</xdsb:mimeType><xdsb:Document>",
        "DocumentResponse",
    )
    return head + content + b"</xdsb:Document></xdsb:DocumentResponse>"


def read_retrieve_response(element: Element) -> RetrieveAnswer:
    """xdsb:RetrieveDocumentSetResponse. Raises `Unreadable` when its RegistryResponse is missing."""
    response = element.find(_RESPONSE)
    if response is None:
        where = "RetrieveDocumentSetResponse"
        raise Unreadable(violation(Condition.MALFORMED, where, "there is no RegistryResponse"))
    documents = tuple(_read_document(d) for d in element.iterchildren(_DOCUMENT_RESPONSE))
    return RetrieveAnswer(read_registry_response(response), documents)


def _read_document(element: Element) -> DocumentResponse:
    document = element.find(_DOCUMENT)
    return DocumentResponse(
        repository_unique_id=_text(element, _REPOSITORY),
        document_unique_id=_text(element, _UNIQUE_ID),
        mime_type=_text(element, _MIME_TYPE),
        content=Content(problem="there is no Document") if document is None else _content(document),
        home=_text(element, _HOME),
        new_repository_unique_id=_text(element, _NEW_REPOSITORY),
        new_document_unique_id=_text(element, _NEW_UNIQUE_ID),
    )


# --- ITI-62


def read_remove_objects_request(request: Element) -> tuple[ObjectRef, ...]:
    """The objects an lcm:RemoveObjectsRequest names."""
    return tuple(ref for refs in request.iterchildren(_REF_LIST) for ref in read_object_refs(refs))


def remove_objects_request(refs: Iterable[ObjectRef]) -> bytes:
    """lcm:RemoveObjectsRequest (ITI-62)."""
    inside = b"".join(map(render_object_ref, refs))
    head = f'<lcm:RemoveObjectsRequest xmlns:lcm="{LCM}" xmlns="{RIM}"><ObjectRefList>'.encode()
    return head + inside + b"</ObjectRefList></lcm:RemoveObjectsRequest>"
