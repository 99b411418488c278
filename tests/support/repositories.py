"""A document repository on a real database and a real vault, beside a registry in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from access.subject import Subject
from atna.message import AuditMessage
from atna.participants import AuditContext
from atna.reader import read as read_audit_message
from ebrim.model import DocumentEntry, Identifier, Submission
from kernel.database import Database
from kernel.errors import Violation
from kernel.outbox import AUDIT_OUTBOX
from kernel.peer import Peer
from kernel.xml import load_schema
from repository.model import DocumentRecord, ReceivedDocument, RepositoryContext, State
from repository.service import RepositoryService
from repository.store import DOCUMENT, RepositoryStore
from repository.upkeep import Periods, Upkeep
from repository.vault import Content, Vault
from soap.exchange import Door, SoapRequest
from soap.spyne_door import SoapDoor
from tests.support.clocks import TickingClock
from tests.support.metadata import REPOSITORY, a_provided_entry, a_submission, a_submission_set
from tests.support.registries import MemoryRegistry
from tests.support.soap import PLAIN, Reply, a_document, a_multipart, an_envelope, in_chunks, mtom_type
from tests.support.vaults import staged

AUDIT = AuditContext("affinity", "2.999", "4711", "127.0.0.1")
SUBJECT = Subject(Peer("10.0.0.7", "http://here/xds/repository"), "10.0.0.7", "http://here/xds/repository", "urn:uuid:m")


@dataclass
class Repository:
    """The service with everything around it."""

    database: Database
    vault: Vault
    registry: MemoryRegistry = field(default_factory=MemoryRegistry)
    clock: TickingClock = field(default_factory=TickingClock)
    damage: list[Content] = field(default_factory=list)
    retrieve_limit: int = 1_000

    @property
    def context(self) -> RepositoryContext:
        """What the service is told once."""
        return RepositoryContext(REPOSITORY, AUDIT, self.clock, self.retrieve_limit, self.damage.append)

    @property
    def service(self) -> RepositoryService:
        """The use cases."""
        return RepositoryService(self.database, self.vault, self.registry, self.context)

    @property
    def upkeep(self) -> Upkeep:
        """Sweep and scrub."""
        return Upkeep(self.database, self.vault, self.registry, self.context, Periods())

    def provide(self, submission: Submission, *contents: bytes) -> Sequence[Violation]:
        """ITI-41 with a content for each entry, in order."""
        documents = [
            ReceivedDocument(entry.id, staged(self.vault, data, f"{entry.id}@test"))
            for entry, data in zip(submission.entries, contents, strict=True)
        ]
        return self.service.provide_and_register(submission, documents, SUBJECT)

    def documents(self) -> dict[str, DocumentRecord]:
        """Every row."""
        with self.database.read() as connection:
            ids = [row.unique_id for row in connection.execute(sa.select(DOCUMENT.c.unique_id))]
            return RepositoryStore().documents(connection, ids)

    def states(self) -> dict[str, State]:
        """The state of every document, by uniqueId."""
        return {unique_id: record.state for unique_id, record in self.documents().items()}

    def audited(self) -> list[AuditMessage]:
        """The audit messages left so far, in order."""
        with self.database.read() as connection:
            rows = connection.execute(sa.select(AUDIT_OUTBOX.c.message).order_by(AUDIT_OUTBOX.c.id))
            return [read_audit_message(bytes(row.message)) for row in rows]


def at(instant: datetime) -> TickingClock:
    """A clock that stands there."""
    return TickingClock(instant)


def provided(number: int = 1, *, documents: int = 1, set_number: int | None = None) -> Submission:
    """A submission with uniqueIds of its own."""
    entries: list[DocumentEntry] = [
        a_provided_entry(id=f"Document{n:02}", unique_ids=(Identifier(f"2.999.7.{number}.{n}"),)) for n in range(1, documents + 1)
    ]
    held = a_submission_set(unique_ids=(Identifier(f"2.999.8.{set_number or number}"),))
    return a_submission(*entries, submission_sets=(held,))


class SoapEnd:
    """The repository's doors behind the SOAP door, with the product's own schema."""

    def __init__(self, repository: Repository, *doors: Door) -> None:
        self.bugs: list[BaseException] = []
        schemas = Path(__file__).resolve().parents[2] / "wsdl"
        self._door = SoapDoor(
            doors,
            lambda _: load_schema(schemas / "xds.xsd"),
            lambda problem, _: self.bugs.append(problem),
            stage=repository.vault.stage,
        )

    def post(self, action: str, body: bytes, *parts: tuple[str, bytes], multipart: bool = False) -> Reply:
        """One request; `parts` are pairs of content id and bytes."""
        envelope = an_envelope(body.decode(), action=action)
        if not parts and not multipart:
            return Reply.of(self._door.handle(SoapRequest(SUBJECT.peer, PLAIN, (envelope,))))
        message = a_multipart(envelope, *(a_document(content_id, data) for content_id, data in parts))
        return Reply.of(self._door.handle(SoapRequest(SUBJECT.peer, mtom_type(), in_chunks(message, 1000))))
