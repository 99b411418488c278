"""A registry on a real database, with a patient index and code sets that a test may bend."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import sqlalchemy as sa
from lxml import etree
from sqlalchemy.engine import Connection

from access.subject import Subject
from affinity.model import Meant, Standing
from atna.participants import AuditContext
from ebrim.model import Submission
from ebrim.query import LEAF_CLASS, QuerySlot, StoredQuery, quoted, quoted_list
from ebrim.responses import QueryAnswer, query_response, read_query_response
from ebrim.uuids import QueryId
from kernel.codes import Code
from kernel.database import Database
from kernel.errors import HieError
from kernel.identifiers import PatientId, parse_cx
from kernel.outbox import AUDIT_OUTBOX
from kernel.peer import Peer
from kernel.xml import Element, parse_xml
from registry.ports import PatientDirectory, Verdict
from registry.service import RegistryService
from registry.settings import RegistrySettings
from soap.exchange import Addressing, Door, Exchange
from tests.support.audit import schema_faults
from tests.support.clocks import TickingClock, counted_uuids
from tests.support.metadata import PATIENT
from tests.support.shared import faults

AUDIT = AuditContext("registry-1", "HIE", "4711", "registry.example.org")
SUBJECT = Subject(
    Peer("10.0.0.7", "https://hie.example.org/xds/registry"), "10.0.0.7", "https://hie.example.org/xds/registry", "urn:uuid:m1"
)
APPROVED = "urn:oasis:names:tc:ebxml-regrep:StatusType:Approved"
DEPRECATED = "urn:oasis:names:tc:ebxml-regrep:StatusType:Deprecated"
OTHER_PATIENT = "P-2^^^&1.3.6.1.4.1.21367.2005.13.20.1000&ISO"


def patient(cx: str) -> PatientId:
    """A patient id from its text."""
    found = parse_cx(cx)
    assert found is not None
    return found


_ALIASES = 3


def _text(name: str) -> sa.ColumnElement[str]:
    return sa.cast(sa.bindparam(name), sa.Text)


_EVERYONE = sa.union_all(*(sa.select(_text(f"alias_{n}").label("cx")) for n in range(_ALIASES))).subquery()
_MEANT = sa.select(_EVERYONE.c.cx, (_EVERYONE.c.cx == _text("survivor")).label("is_survivor")).where(_EVERYONE.c.cx != "")


@dataclass
class PatientBook:
    """A `PatientDirectory`: which ids are known, and which were merged into which."""

    known: set[str] = field(default_factory=lambda: {PATIENT, OTHER_PATIENT})
    merged: dict[str, str] = field(default_factory=dict)
    """Subsumed id to survivor."""

    is_in_the_database: bool = True
    """Whether it can be asked as a part of a statement."""
    asked: int = 0
    """How often `standing` was."""

    def meant(self, patient_id: PatientId) -> Meant | None:
        """As the book says, of up to so many identifiers as a statement asks for."""
        if not self.is_in_the_database:
            return None
        standing = self._standing(patient_id)
        ids = [i.cx for i in standing.all_ids] if standing.known and standing.active else []
        assert len(ids) <= _ALIASES
        named = {f"alias_{n}": ids[n] if n < len(ids) else "" for n in range(_ALIASES)}
        return Meant(_MEANT, {**named, "survivor": standing.survivor.cx})

    def standing(self, patient_id: PatientId, connection: Connection | None = None) -> Standing:
        """As the book says."""
        self.asked += 1
        return self._standing(patient_id)

    def _standing(self, patient_id: PatientId) -> Standing:
        survivor = patient_id.cx
        while survivor in self.merged:
            survivor = self.merged[survivor]
        everyone = {survivor}
        while more := {old for old, new in self.merged.items() if new in everyone} - everyone:
            everyone |= more
        return Standing(
            known=patient_id.cx in self.known,
            active=patient_id.cx not in self.merged,
            survivor=patient(survivor),
            all_ids=tuple(map(patient, sorted(everyone))),
        )


@dataclass
class CodeBook:
    """`CodeSets` that accept everything but what is named."""

    refused: set[tuple[str, str]] = field(default_factory=set)
    """Attribute and code."""
    unregulated: set[str] = field(default_factory=set)

    def accepts(self, attribute: str, code: Code) -> Verdict:
        """As the book says."""
        if attribute in self.unregulated:
            return Verdict.WARN
        return Verdict.REFUSE if (attribute, code.code) in self.refused else Verdict.ACCEPT


@dataclass
class Registry:
    """The service and what it stands on."""

    service: RegistryService
    database: Database
    patients: PatientBook
    codes: CodeBook
    clock: TickingClock

    def ask(self, query: QueryId, *slots: tuple[str, str], return_type: str = LEAF_CLASS) -> QueryAnswer:
        """Puts a stored query, of either transaction; the answer is read back as a consumer would, and is valid."""
        asked = StoredQuery(query.value, return_type, True, tuple(QuerySlot(name, (value,)) for name, value in slots), raw=b"<q/>")
        is_multiple = query.name.endswith("MULTIPLE_PATIENTS")
        put = self.service.query_multiple_patients if is_multiple else self.service.query
        element = etree.XML(b"".join(query_response(put(asked, SUBJECT))))
        assert faults("xds", element) == []
        return read_query_response(element)

    def find(self, *slots: tuple[str, str], patient_id: str = PATIENT, status: Iterable[str] = (APPROVED,)) -> QueryAnswer:
        """FindDocuments."""
        return self.ask(
            QueryId.FIND_DOCUMENTS,
            ("$XDSDocumentEntryPatientId", quoted(patient_id)),
            ("$XDSDocumentEntryStatus", quoted_list(status)),
            *slots,
        )

    def register(self, submission: Submission) -> None:
        """ITI-42."""
        self.service.register(submission, SUBJECT)

    def found(self, *slots: tuple[str, str], patient_id: str = PATIENT, status: Iterable[str] = (APPROVED,)) -> list[str]:
        """The uniqueIds of FindDocuments, sorted."""
        return sorted(e.unique_id for e in self.find(*slots, patient_id=patient_id, status=status).objects.entries)


def an_exchange(body: Element, action: str = "urn:any") -> Exchange:
    """A request that a door may be given."""
    return Exchange(SUBJECT.peer, Addressing(action, "urn:uuid:m1"), body)


def put(door: Door, body: bytes) -> etree._Element:
    """The body that a door gives back, also for a refusal; it is valid."""
    exchange = an_exchange(parse_xml(body))
    try:
        answer = door.answer(exchange)
    except HieError as error:
        answer = door.refuse(exchange, error)
    element = etree.XML(b"".join(answer.body))
    assert faults("xds", element) == []
    return element


def audits(registry: Registry) -> list[str]:
    """The audit messages that wait, in their order; each is valid."""
    with registry.database.read() as connection:
        messages = connection.execute(sa.select(AUDIT_OUTBOX.c.message).order_by(AUDIT_OUTBOX.c.id)).scalars().all()
    assert [schema_faults(message) for message in messages] == [[] for _ in messages]
    return [bytes(message).decode() for message in messages]


def a_registry(database: Database, *, directory: PatientDirectory | None = None, **settings: object) -> Registry:
    """A registry with two known patients and open code sets; `directory` knows the patients in place of the book."""
    book, codes, clock = PatientBook(), CodeBook(), TickingClock()
    service = RegistryService(
        database,
        directory=directory or book,
        code_sets=codes,
        audit=AUDIT,
        settings=RegistrySettings.model_validate(settings),
        clock=clock,
        new_uuid=counted_uuids(),
    )
    return Registry(service, database, book, codes, clock)
