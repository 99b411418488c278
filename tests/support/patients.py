"""A patient index on a database of the test, and builders for what sources send."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import count

import sqlalchemy as sa
from lxml import etree
from sqlalchemy.engine import Connection

from access.subject import Subject
from affinity.service import AffinityService
from affinity.settings import AffinitySettings
from affinity.store import METADATA as AFFINITY
from atna.events import AuditedQuery
from atna.vocabulary import Action
from hl7v2.dispatch import V2Dispatcher
from kernel.database import Database, Work
from kernel.demographics import Address, Demographics, HumanName, Telecom
from kernel.demographics_query import (
    BirthCriterion,
    CrossReferenceQuery,
    DemographicsPage,
    DemographicsQuery,
    NameCriterion,
    SexCriterion,
    WantedAuthority,
)
from kernel.errors import HieError
from kernel.identifiers import AssigningAuthority, Oid, PatientId
from kernel.outbox import AUDIT_OUTBOX, OUTBOX
from kernel.patient_update import LinkChange, PatientMerge, PatientUpdate, SentIdentifier
from kernel.peer import Peer
from kernel.times import Dtm
from kernel.xml import parse_xml
from mpi import store
from mpi.audit import V2, V2_MANAGEMENT
from mpi.directory import MpiPatientDirectory
from mpi.index import Index
from mpi.keys import KeySource
from mpi.model import Fed, PatientRecord, Receipt
from mpi.notices import Notices
from mpi.ports import Documents
from mpi.queries import Asked, MpiQueries
from mpi.service import MpiService
from mpi.settings import MatchingMode, MatchingSettings, MpiSettings
from mpi.source_links import SourceLinks
from mpi.source_moves import SourceMoves
from mpi.stewardship import Stewardship
from mpi.tables import METADATA as MPI
from mpi.tasks import tasks
from mpi.transactions.doors import v2_doors, v3_doors
from mpi.transactions.exchanges import V3Context
from mpi.viewing import Viewing
from soap.exchange import Addressing, Exchange, Operation
from tests.conftest import MakeDatabase
from tests.support.audit import CONTEXT, a_subject
from tests.support.clocks import TickingClock, counted_uuids
from tests.support.shared import faults

XAD = AssigningAuthority("XAD", "2.999.1", "ISO")
HOSPITAL = AssigningAuthority("HOSP_A", "2.999.1.1", "ISO")
CLINIC = AssigningAuthority("CLINIC_B", "2.999.1.2", "ISO")
LAB = AssigningAuthority("LAB", "2.999.1.3", "ISO")
ADMINISTRATOR = a_subject(source="console", user="anna")


def an_affinity_domain(**changes: object) -> AffinitySettings:
    """XAD, a hospital, a clinic and a laboratory, each fed by a system of its own; `registry` feeds the domain's authority too."""
    listed = [{"namespace": a.namespace, "oid": a.universal_id} for a in (HOSPITAL, CLINIC, LAB)]
    sources = [
        {"application": "ADT", "facility": "A", "authorities": ["HOSP_A"]},
        {"application": "ADT", "facility": "B", "authorities": ["CLINIC_B"]},
        {"application": "LIS", "facility": "L", "authorities": ["LAB"]},
        {"application": "REGISTRY", "facility": "", "authorities": ["XAD", "LAB"]},
        {"application": "OLD", "facility": "A", "authorities": ["HOSP_A"], "lenient": True},
    ]
    settings = {"authority": {"namespace": XAD.namespace, "oid": XAD.universal_id}, "authorities": listed, "sources": sources}
    return AffinitySettings.model_validate({**settings, **changes})


FEEDERS = {HOSPITAL: "A|ADT", CLINIC: "B|ADT", LAB: "L|LIS", XAD: "|REGISTRY"}


@dataclass
class Shelves:
    """A registry where there is one; without one there are no documents."""

    registry: Documents | None = None

    def divide(
        self,
        connection: Connection,
        leaving: Mapping[PatientId, bool],
        place: Callable[[PatientId], PatientId | None],
        rest_to: PatientId,
    ) -> int:
        """As the registry does."""
        return self.registry.divide(connection, leaving, place, rest_to) if self.registry else 0


class PatientIndex:
    """Everything of the index on one database."""

    def __init__(
        self,
        database: Database,
        affinity: AffinitySettings,
        *,
        mode: MatchingMode = MatchingMode.QUEUED,
        settings: MpiSettings | None = None,
        matching: MatchingSettings | None = None,
    ) -> None:
        self.database = database
        self.affinity = AffinityService(database, affinity)
        self.affinity.start()
        rules = matching or MatchingSettings(mode=mode)
        self.index = Index(database, self.affinity, CONTEXT, settings or MpiSettings(), rules, KeySource())
        self.service = MpiService(self.index)
        self.queries = MpiQueries(self.index)
        self.links = SourceLinks(self.index)
        self.documents = Shelves()
        self.moves = SourceMoves(self.index, self.documents)
        self.stewardship = Stewardship(self.index, self.documents)
        self.viewing = Viewing(self.index, self.service.matcher)
        self.directory = MpiPatientDirectory(database, self.affinity)
        self.notices = Notices(self.index)
        self._tasks = tasks(self.service.matcher, self.notices)
        self._messages = 0

    def work(self) -> list[str]:
        """Does what the outbox holds, in order, until it is empty; gives the topics."""
        done: list[str] = []
        while rows := self.told():
            for row_id, topic, key in rows:
                self.database.attempt(lambda work, r=row_id, t=topic, k=key: self._do(work, r, t, k))  # type: ignore[misc]
                done.append(topic)
        return done

    def _do(self, work: Work, row: int, topic: str, key: str) -> None:
        work.connection.execute(OUTBOX.delete().where(OUTBOX.c.id == row))
        self._tasks[topic](work, key)

    def told(self) -> list[tuple[int, str, str]]:
        """What waits in the outbox."""
        with self.database.read() as connection:
            rows = connection.execute(sa.select(OUTBOX.c.id, OUTBOX.c.topic, OUTBOX.c.key).order_by(OUTBOX.c.id))
            return [(row.id, row.topic, row.key) for row in rows]

    def audited(self) -> list[bytes]:
        """The audit messages written so far."""
        with self.database.read() as connection:
            return [bytes(m) for m in connection.scalars(sa.select(AUDIT_OUTBOX.c.message).order_by(AUDIT_OUTBOX.c.id))]

    def a_receipt(self, subject: Subject, message_id: str = "", content: bytes = b"") -> Receipt:
        """A receipt nobody has used, unless a message id is given."""
        self._messages += 1
        message_id = message_id or f"T{self._messages}"
        return Receipt(subject.source, message_id, sha256(content or message_id.encode()).digest(), "MSH-10")

    def feed(
        self,
        update: PatientUpdate,
        *,
        source: str = "",
        action: Action = Action.CREATE,
        message_id: str = "",
        content: bytes = b"",
    ) -> Fed:
        """Feeds as the system that may."""
        subject = a_subject(source=source or FEEDERS[update.identifiers[0].patient_id.authority])
        return self.service.feed(update, subject, self.a_receipt(subject, message_id, content), V2, action)

    def merge(self, survivor: PatientId, subsumed: PatientId, *, source: str = "", message_id: str = "") -> Fed:
        """An A40 of the system that may."""
        subject = a_subject(source=source or FEEDERS[survivor.authority])
        sent = [SentIdentifier(survivor, "PID-3[1].1", "PID-3[1].4"), SentIdentifier(subsumed, "MRG-1[1].1", "MRG-1[1].4")]
        merge = PatientMerge(sent[0], sent[1], an_update(survivor))
        return self.service.merge(merge, subject, self.a_receipt(subject, message_id), V2)

    def rename(self, new: PatientId, old: PatientId) -> Fed:
        """An A47 of the system that may."""
        subject = a_subject(source=FEEDERS[new.authority])
        sent = [SentIdentifier(new, "PID-3[1].1", "PID-3[1].4"), SentIdentifier(old, "MRG-1[1].1", "MRG-1[1].4")]
        change = PatientMerge(sent[0], sent[1], an_update(new))
        return self.service.change_identifier(change, subject, self.a_receipt(subject), V2_MANAGEMENT)

    def move(self, local: PatientId, previous: PatientId, current: PatientId, subsumed: PatientId | None = None) -> Fed:
        """An A43 of the affinity domain."""
        subject = a_subject(source=FEEDERS[XAD])
        places = (("PID", 3, 1, current), ("PID", 3, 2, local), ("MRG", 1, 1, previous), ("MRG", 1, 2, subsumed))
        sent = [SentIdentifier(i, f"{s}-{f}[{n}].1", f"{s}-{f}[{n}].4") if i else None for s, f, n, i in places]
        assert sent[0]
        assert sent[1]
        assert sent[2]
        return self.moves.move(LinkChange(sent[0], sent[1], sent[2], sent[3]), subject, self.a_receipt(subject))

    def pix(self, patient_id: PatientId, *wanted: AssigningAuthority, source: str = "C|PIX") -> list[PatientId]:
        """The corresponding identifiers, without type codes."""
        query = CrossReferenceQuery(
            SentIdentifier(patient_id, "QPD-3[1].1", "QPD-3[1].4"),
            tuple(WantedAuthority(a, f"QPD-4[{n}]") for n, a in enumerate(wanted, 1)),
            "TAG",
        )
        found = self.queries.cross_reference(query, a_subject(source=source), V2, AuditedQuery(b"QBP", "TAG"))
        return [replace(i, type_code="") for i in found]

    def local_ids(self, patient_id: PatientId) -> list[PatientId]:
        """The corresponding identifiers outside the affinity domain's authority."""
        return [i for i in self.pix(patient_id) if i.authority != XAD]

    def affinity_id(self, patient_id: PatientId) -> PatientId:
        """The identifier of the affinity domain for a local one."""
        (found,) = self.pix(patient_id, XAD)
        return found

    def search(self, query: DemographicsQuery, *, source: str = "C|PDQ", keep_lacking: bool = False) -> DemographicsPage:
        """A page of a demographics query."""
        asked = Asked(query, AuditedQuery(b"QBP", query.tag), b"<q/>", keep_lacking)
        return self.queries.search(asked, a_subject(source=source), V2)

    def record(self, patient_id: PatientId) -> PatientRecord:
        """The record with this identifier of its own."""
        with self.database.read() as connection:
            found = store.records(connection, [self.viewing.record_named(patient_id).id])
        return found[0]

    def clusters(self) -> set[frozenset[str]]:
        """Which records are one person, by their local ids."""
        with self.database.read() as connection:
            rows = connection.execute(sa.select(store.PATIENT_RECORD.c.local_id, store.PATIENT_RECORD.c.person)).all()
        people: dict[int, set[str]] = {}
        for local_id, person in rows:
            people.setdefault(person, set()).add(local_id)
        return {frozenset(members) for members in people.values()}


def a_patient_index(
    make_database: MakeDatabase,
    *,
    affinity: AffinitySettings | None = None,
    mode: MatchingMode = MatchingMode.QUEUED,
    settings: MpiSettings | None = None,
    matching: MatchingSettings | None = None,
) -> PatientIndex:
    """An empty index."""
    database = make_database(AFFINITY, MPI)
    return PatientIndex(database, affinity or an_affinity_domain(), mode=mode, settings=settings, matching=matching)


def an_id(value: str, authority: AssigningAuthority = HOSPITAL) -> PatientId:
    """An identifier of the hospital, unless said otherwise."""
    return PatientId(value, authority)


LENA = Demographics(
    names=(HumanName("Rivera", ("Lena", "Maria")),),
    sex="F",
    birth=Dtm("19840317"),
    addresses=(Address(("12 Elm Street",), "Springfield", "MA", "01101", "US"),),
    telecoms=(Telecom("413-555-0187", "PH", "PRN"),),
)
OTTO = Demographics(
    names=(HumanName("Müller", ("Otto",)),),
    sex="M",
    birth=Dtm("19510902"),
    addresses=(Address(("Am Domplatz 14",), "Köln", "", "50667", "DE"),),
    telecoms=(Telecom("0221 235715", "PH", "PRN"),),
)


def an_update(
    patient_id: PatientId, *others: PatientId, demographics: Demographics = LENA, spoken: Iterable[str] | None = None
) -> PatientUpdate:
    """What a source says of a patient."""
    sent = [SentIdentifier(i, f"PID-3[{n}].1", f"PID-3[{n}].4") for n, i in enumerate((patient_id, *others), 1)]
    update = PatientUpdate(tuple(sent), demographics)
    return update if spoken is None else replace(update, spoken=frozenset(spoken))


def called(*names: str, family: str = "", fuzzy: bool = False, tag: str = "T1", **more: object) -> DemographicsQuery:
    """A question for a name."""
    criterion = NameCriterion("QPD-3[1]", family, tuple(names), fuzzy=fuzzy)
    return replace(DemographicsQuery(names=(criterion,), tag=tag), **more)  # type: ignore[arg-type]


def born(text: str, to: str = "") -> tuple[BirthCriterion, ...]:
    """A birth criterion."""
    return (BirthCriterion("QPD-3[2]", Dtm(text), Dtm(to or text)),)


def of_sex(code: str) -> tuple[SexCriterion, ...]:
    """A sex criterion."""
    return (SexCriterion("QPD-3[3]", code),)


def shown(page: DemographicsPage) -> Sequence[str]:
    """The family names of the hits."""
    return [hit.demographics.name.family if hit.demographics.name else "" for hit in page.hits]


# --- through the doors -----------------------------------------------------------------------------------------------------

PEER = Peer("192.0.2.7", "https://hie.example.org/pix", request_id="r1")


class Wires:
    """The doors of the index as senders see them: bytes in, bytes out."""

    def __init__(self, index: PatientIndex) -> None:
        numbers = count(1)
        self.index = index
        self._v2 = V2Dispatcher(
            v2_doors(index.service, index.queries, index.links, index.moves),
            clock=TickingClock(),
            new_control_id=lambda: f"R{next(numbers)}",
            leniency=index.service.leniency,
        )
        context = V3Context(Oid("2.999.9"), TickingClock(), counted_uuids())
        self._doors = v3_doors(index.service, index.queries, context)

    def v2(self, raw: bytes) -> list[str]:
        """The segments of the answer to an ER7 message."""
        answer = self._v2(raw, PEER).decode()
        assert answer.endswith("\r")
        return answer[:-1].split("\r")

    def v3(self, body: etree._Element, action: str = "") -> etree._Element:
        """The body of the answer to a v3 message, valid by the official schemas."""
        door = next(d for d in self._doors if action in (d.operation.action, "") and body.tag in roots_of(d.operation))
        exchange = Exchange(PEER, Addressing(door.operation.action, "urn:uuid:1"), body)
        try:
            answer = door.answer(exchange)
        except HieError as error:
            answer = door.refuse(exchange, error)
        parsed = parse_xml(b"".join(answer.body))
        assert faults("hl7v3", parsed) == []
        return parsed


def roots_of(operation: Operation) -> tuple[str, ...]:
    """The body elements an operation takes."""
    return (operation.root, *operation.other_roots)


def wires(make_database: MakeDatabase, *, affinity: AffinitySettings | None = None, **settings: object) -> Wires:
    """The doors of an empty index."""
    return Wires(a_patient_index(make_database, affinity=affinity, settings=MpiSettings.model_validate(settings)))
