"""What a repository knows of a document: where its bytes are, and how far its registration went."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from atna.participants import AuditContext
from kernel.codes import Code
from kernel.errors import Violation
from kernel.times import Clock
from repository.vault import Content, Opened
from soap.exchange import Attachment


class State(IntEnum):
    """How far a submission, and each document of it, went.

    STORED: the bytes are safe, the registry has not been heard. REGISTERED: the registry has it. ORPHAN: the registry said no.
    RECEIVED: sent to us as a Document Recipient; no registry was asked, and it waits for somebody to file it.
    """

    STORED = 1
    REGISTERED = 2
    ORPHAN = 3
    RECEIVED = 4


def _ignore(_: Content) -> None:
    return None


@dataclass(frozen=True, slots=True)
class RepositoryContext:
    """What a repository is told once: its repositoryUniqueId, who it is in audit records, the time, and its limits.

    `retrieve_limit` is the most documents in one answer; `on_damage` is told of every document that is not what was stored.
    """

    repository_unique_id: str
    audit: AuditContext
    clock: Clock
    retrieve_limit: int = 1_000
    on_damage: Callable[[Content], None] = _ignore


@dataclass(frozen=True, slots=True)
class ReceivedDocument:
    """A document of ITI-41 on its way in: the id of its entry, and the staged bytes."""

    entry_id: str
    attachment: Attachment


@dataclass(frozen=True, slots=True)
class DocumentRecord:
    """A document as the repository keeps it."""

    unique_id: str
    content: Content
    sha1: str
    mime_type: str
    patient_id: str
    state: State = State.STORED


@dataclass(frozen=True, slots=True)
class OnDemandRecord:
    """A document that is made when it is asked for: by whom, and the contentTypeCode of the sets its snapshots come in."""

    unique_id: str
    provider: str
    content_type: Code


@dataclass(frozen=True, slots=True)
class SubmissionRecord:
    """A submission by the uniqueId of its set; `digest` tells whether a later request is the same one again.

    `attempts` counts the requests of that digest since it was last known that the registry does not have it.
    """

    set_unique_id: str
    digest: bytes
    state: State = State.STORED
    attempts: int = 1


@dataclass(frozen=True, slots=True)
class RetrievedDocument:
    """A document that may leave: its bytes have been compared with what was stored.

    `new_document_unique_id` is the id of what was made on demand, `new_repository_unique_id` where it can be had again.
    """

    repository_unique_id: str
    document_unique_id: str
    mime_type: str
    home: str
    size: int
    opened: Opened
    new_repository_unique_id: str = ""
    new_document_unique_id: str = ""


@dataclass(frozen=True, slots=True)
class Receipt:
    """A submission that was received with limited metadata: who sent it, and what it says; `is_filed` when it was registered."""

    set_unique_id: str
    digest: bytes
    metadata: bytes
    source: str
    received_at: int = 0
    is_filed: bool = False


@dataclass(frozen=True, slots=True)
class Retrieval:
    """What ITI-43 found, and what it did not."""

    documents: Sequence[RetrievedDocument]
    violations: Sequence[Violation]


@dataclass(frozen=True, slots=True)
class Removal:
    """What ITI-86 removed, and why it did not remove the others."""

    unique_ids: Sequence[str]
    violations: Sequence[Violation]


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep did, in numbers.

    `registered` and `forgotten` are documents that were left open: the registry has them, or not. `submissions` are no longer
    recognised when repeated; `contents` are bytes nothing referred to; `remains` are files of requests that broke off.
    """

    registered: int
    forgotten: int
    submissions: int
    contents: int
    remains: int


@dataclass(frozen=True, slots=True)
class Damage:
    """A document whose bytes are not those that were stored."""

    unique_id: str
    content: Content
    is_missing: bool
