"""The patient index answers: cross_reference (PIX) and search (PDQ), the same for every language."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from sqlalchemy.engine import Connection

from access.subject import Subject
from affinity.model import Authority, Consumer
from atna.events import AuditedQuery
from atna.message import Outcome
from atna.participants import outcome_of
from kernel.demographics_query import (
    CrossReferenceQuery,
    DemographicsHit,
    DemographicsPage,
    DemographicsQuery,
    WantedAuthority,
)
from kernel.errors import Condition, HieError, Rejected, rejected
from kernel.identifiers import PatientId
from kernel.patient_update import SentIdentifier
from kernel.visit import Visit, VisitCriterion
from mpi import search_store, store, visits
from mpi.audit import Dialect, QueryEvent, cx, instant
from mpi.authorities import Authorities, require_few, unknown_authorities
from mpi.criteria import confidence_of, contact_of, fold
from mpi.golden import golden_record
from mpi.index import Index
from mpi.model import PatientRecord, Stored
from mpi.search_store import ACCOUNT, TELECOM, Hits, Page

LEAST_LETTERS: Final = 2
"""A name to look for has so many letters; fewer describe too many."""
_ROWS_PER_HIT: Final = 4
_QUERY_ID: Final = "/QUQI_IN000003UV01/controlActProcess/queryContinuation/queryId"
_POINTER_BYTES: Final = 12


class _Placed(Protocol):
    """A part of a question."""

    @property
    def where(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Asked:
    """A demographics query as a door hands it over: the question, as it is to stand in every page, and how it is audited.

    `keep_lacking` keeps persons who have no identifier in any wanted authority (ITI-47 shows them, ITI-21 does not).
    """

    query: DemographicsQuery
    audited: AuditedQuery
    question: bytes = b""
    keep_lacking: bool = False


@dataclass(frozen=True, slots=True)
class NextPage:
    """A page of an answer that had begun, and the question it answers."""

    page: DemographicsPage
    question: bytes


@dataclass(frozen=True, slots=True)
class _ShownIds:
    """Which identifiers an answer holds: those of the authorities asked for, or of all, that the consumer may see."""

    wanted: Sequence[int]
    consumer: Consumer

    def shows(self, authority: int) -> bool:
        """Whether identifiers of this authority are shown."""
        return (not self.wanted or authority in self.wanted) and self.consumer.may_see(authority)


class MpiQueries:
    """Questions to the index. What is asked is audited in a unit of its own, for nothing else is written."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._authorities = Authorities(index.affinity)

    def is_lenient(self, subject: Subject) -> bool:
        """Whether known deviations of this system are tolerated."""
        return self._authorities.is_lenient(subject.source)

    # --- PIX ---------------------------------------------------------------------------------------------------------------

    def cross_reference(
        self, query: CrossReferenceQuery, subject: Subject, dialect: Dialect, audited: AuditedQuery
    ) -> tuple[PatientId, ...]:
        """The identifiers that correspond to one, without itself (ITI-9, ITI-45).

        Raises `Rejected`: an authority is not known (each one named), the identifier is not, or it stands for several people.
        """
        asked, wanted = self._known_authorities(query, subject.source)
        name = (asked.key, query.identifier.patient_id.id)
        consumer = self._authorities.consumer(subject.source)
        with self._index.database.read() as connection:
            person = self._person_named(connection, name, query.identifier.where)
            found = self._identifiers(connection, person)
        answer = tuple(
            self._authorities.patient_id(i.authority, i.value, i.type_code)
            for i in found
            if (i.authority, i.value) != name and (not wanted or i.authority in wanted) and consumer.may_see(i.authority)
        )
        self._audit(dialect.cross_reference, subject, audited, [query.identifier.patient_id], Outcome.SUCCESS)
        return answer

    def _known_authorities(self, query: CrossReferenceQuery, source: str) -> tuple[Authority, frozenset[int]]:
        sent = query.identifier
        require_few(query.wanted, sent.authority_where)
        asked = self._authorities.find(sent.patient_id.authority, source)
        wanted = [(self._authorities.find(w.authority, source), w.where) for w in query.wanted]
        unknown = unknown_authorities([(asked, sent.authority_where), *wanted])
        if unknown or asked is None:
            raise Rejected(unknown)
        return asked, frozenset(a.key for a, _ in wanted if a is not None)

    def _person_named(self, connection: Connection, name: tuple[int, str], where: str) -> int:
        persons = self._persons_named(connection, name)
        if not persons:
            raise rejected(Condition.IDENTIFIER_UNKNOWN, where, "the identifier is not known")
        if len(persons) > 1:
            raise rejected(Condition.IDENTIFIER_DUPLICATE, where, "records of several people carry this identifier")
        return persons.pop()

    def _persons_named(self, connection: Connection, name: tuple[int, str]) -> set[int]:
        """Whom an identifier means: the one whose own it is, else all whose records carry it; one merged away means nobody."""
        authority, value = name
        if authority == self._authorities.own.key:
            return {a.person for a in store.aliases(connection, value) if a.affinity_id == value and not a.is_subsumed}
        holders = [h for h in store.holders(connection, name) if h.is_there]
        own = [h for h in holders if h.is_own]
        if own:
            return {h.person for h in own if h.is_active}
        return {h.person for h in holders}

    def _identifiers(self, connection: Connection, person: int) -> list[Stored]:
        """What a person is known by, the identifier in the affinity domain first."""
        own = self._authorities.own.key
        affinity_id, _ = store.affinity_ids(connection, [person])[person]
        others = (i for i in store.identifiers_of_person(connection, person) if i.authority != own)
        return [Stored(own, affinity_id), *others]

    # --- PDQ ---------------------------------------------------------------------------------------------------------------

    def search(self, asked: Asked, subject: Subject, dialect: Dialect) -> DemographicsPage:
        """The persons who fit a description, best first (ITI-21, ITI-47); the page a `continuation` points at, when there is one.

        Raises `Rejected`: a wanted authority is not known (each one named), the description is too vague, the pointer has expired.
        """
        query = asked.query
        for part in _parts(query):
            require_few(part, _where(query))
        wanted = self._wanted(query.wanted, subject.source)
        if query.continuation:
            page = self._continued(query, subject)
        else:
            with self._index.database.read() as connection:
                page = self._first_page(connection, asked, wanted, subject)
        self._audit(dialect.search, subject, asked.audited, self._shown(page), Outcome.SUCCESS)
        return page

    def more(self, tag: str, start: int | None, quantity: int | None, subject: Subject, dialect: Dialect) -> NextPage:
        """The next page of an answer, by the id of its query; `start` counts from 1 (ITI-47). Raises `Rejected`."""
        with self._index.database.begin() as work:
            kept = search_store.page_at(work.connection, source=subject.source, tag=tag, now=work.now)
            if kept is None:
                raise rejected(Condition.CONTINUATION_UNKNOWN, _QUERY_ID, "there is no such query, or it has expired")
            position = kept.position if start is None else max(start - 1, 0)
            page = self._page(work.connection, kept.hits, self._shown_ids(kept.wanted, subject), (position, quantity))
            search_store.turn_page(work.connection, kept.pointer, position + len(page.hits))
        self._audit(dialect.search, subject, AuditedQuery(kept.question, tag), self._shown(page), Outcome.SUCCESS)
        return NextPage(page, kept.question)

    def cancel(self, tag: str, subject: Subject) -> bool:
        """Ends an answer that goes on; False when there was none."""
        with self._index.database.begin() as work:
            return search_store.drop_page(work.connection, subject.source, tag)

    def _wanted(self, wanted: Sequence[WantedAuthority], source: str) -> tuple[int, ...]:
        found = [(self._authorities.find(w.authority, source), w.where) for w in wanted]
        unknown = unknown_authorities(found)
        if unknown:
            raise Rejected(unknown)
        return tuple(dict.fromkeys(a.key for a, _ in found if a is not None))

    def _first_page(self, connection: Connection, asked: Asked, wanted: tuple[int, ...], subject: Subject) -> DemographicsPage:
        hits = self._hits(connection, asked, wanted, subject.source)
        page = self._page(connection, hits, self._shown_ids(wanted, subject), (0, asked.query.limit), asked.query.visits)
        if not page.remaining:
            return page
        pointer = secrets.token_urlsafe(_POINTER_BYTES)
        settings = self._index.settings
        with self._index.database.begin() as work:
            expires_at = work.now + settings.continuation_seconds * 1000
            search_store.drop_old_pages(work.connection, subject.source, now=work.now, keep=settings.continuations - 1)
            search_store.keep_page(
                work.connection,
                Page(pointer, subject.source, asked.query.tag, expires_at, len(page.hits), hits, wanted, asked.question),
            )
        return replace(page, pointer=f"{pointer}.{len(page.hits)}")

    def _continued(self, query: DemographicsQuery, subject: Subject) -> DemographicsPage:
        pointer, _, offset = query.continuation.rpartition(".")
        with self._index.database.begin() as work:
            kept = search_store.page_at(work.connection, pointer=pointer, source=subject.source, tag=query.tag, now=work.now)
            if kept is None or not pointer or not (offset.isascii() and offset.isdigit() and len(offset) < 9):
                raise rejected(Condition.CONTINUATION_UNKNOWN, "DSC-1", "there is no such pointer, or it has expired")
            page = self._page(
                work.connection, kept.hits, self._shown_ids(kept.wanted, subject), (int(offset), query.limit), query.visits
            )
        following = int(offset) + len(page.hits)
        return replace(page, pointer=f"{pointer}.{following}") if page.remaining else page

    def _hits(self, connection: Connection, asked: Asked, wanted: tuple[int, ...], source: str) -> Hits:
        """Everybody who fits, with confidence, best first."""
        query = asked.query
        candidates = self._candidates(connection, query, source)
        least = query.minimum_degree or 0
        consumer = self._authorities.consumer(source)
        found: list[tuple[int, int]] = []
        people = _by_person(store.known_members(connection, candidates))
        if query.visits is not None:
            visited = self._visits(connection, people, query.visits, consumer)
            people = {person: members for person, members in people.items() if person in visited}
        for person, members in people.items():
            confidence = confidence_of(members, query)
            if confidence is None or confidence < least:
                continue
            is_wanted = not wanted or asked.keep_lacking or self._has_any(members, wanted.__contains__)
            if is_wanted and self._has_any(members, consumer.may_see):
                found.append((person, confidence))
        if len(found) > self._index.settings.hits:
            raise self._too_many(query)
        return sorted(found, key=lambda hit: (-hit[1], hit[0]))

    def _candidates(self, connection: Connection, query: DemographicsQuery, source: str) -> set[int]:
        """Persons who may fit: those that the rarest things asked for lead to."""
        limit = self._index.settings.hits * _ROWS_PER_HIT + 1
        leads: list[set[int]] = []
        if query.identifiers:
            leads.append(self._identified(connection, query, source))
        for kind, values in (
            (TELECOM, [contact_of(c.value) for c in query.telecoms]),
            (ACCOUNT, [c.patient_id.id for c in query.accounts]),
        ):
            if values:
                leads.append(search_store.persons_by_contact(connection, kind, values, limit))
        leads += self._visited(connection, query, limit, is_needed=not leads and not _is_enough(query))
        if leads:
            found = set.intersection(*leads)
        elif not _is_enough(query):
            raise self._too_many(query)
        else:
            rows = search_store.persons_described(connection, query, limit)
            found = set(rows)
            if len(rows) == limit:
                raise self._too_many(query)
        if len(found) >= limit:
            raise self._too_many(query)
        return found

    def _visited(self, connection: Connection, query: DemographicsQuery, limit: int, *, is_needed: bool) -> list[set[int]]:
        """Where each thing asked of a visit leads. A ward with more patients than anybody may ask for leads nowhere."""
        found = [visits.persons_by_visit(connection, criterion, limit) for criterion in query.visits or ()]
        leads = [people for people in found if people is not None and len(people) < limit]
        if is_needed and not leads:
            raise self._too_many(query)
        return leads

    def _identified(self, connection: Connection, query: DemographicsQuery, source: str) -> set[int]:
        each = [self._persons_sent(connection, sent, source) for sent in query.identifiers]
        return set.intersection(*each) if query.every_identifier else set.union(*each)

    def _persons_sent(self, connection: Connection, sent: SentIdentifier, source: str) -> set[int]:
        authority = self._authorities.find(sent.patient_id.authority, source)
        return self._persons_named(connection, (authority.key, sent.patient_id.id)) if authority else set()

    def _visits(
        self,
        connection: Connection,
        people: Mapping[int, Sequence[PatientRecord]],
        criteria: Sequence[VisitCriterion],
        consumer: Consumer,
    ) -> dict[int, Visit]:
        """The latest visit of each person that fits and that the consumer may know of: its source feeds what it may see."""
        shown = {m.id: person for person, members in people.items() for m in members if consumer.may_see(m.authority)}
        found: dict[int, tuple[int, Visit]] = {}
        for record, (said_at, visit) in sorted(visits.latest(connection, shown, criteria).items()):
            person = shown[record]
            if person not in found or said_at > found[person][0]:
                found[person] = (said_at, visit)
        return {person: visit for person, (_, visit) in found.items()}

    def _has_any(self, members: Sequence[PatientRecord], wanted: Callable[[int], bool]) -> bool:
        keys = {i.authority for i in _living(members)} | {self._authorities.own.key}
        return any(map(wanted, keys))

    def _shown_ids(self, wanted: Sequence[int], subject: Subject) -> _ShownIds:
        return _ShownIds(wanted, self._authorities.consumer(subject.source))

    def _too_many(self, query: DemographicsQuery) -> Rejected:
        detail = f"the description fits more than {self._index.settings.hits} patients; say more"
        return rejected(Condition.TOO_MANY_RESULTS, _where(query), detail)

    def _page(
        self,
        connection: Connection,
        hits: Hits,
        ids: _ShownIds,
        part: tuple[int, int | None],
        criteria: Sequence[VisitCriterion] | None = None,
    ) -> DemographicsPage:
        start, quantity = part
        shown = hits[start:] if quantity is None else hits[start : start + quantity]
        people = _by_person(store.known_members(connection, [person for person, _ in shown]))
        named = store.affinity_ids(connection, people)
        found = [self._hit(people[person], named[person][0], confidence, ids) for person, confidence in shown if person in people]
        if criteria is not None:
            visited = self._visits(connection, people, criteria, ids.consumer)
            of = [visited.get(person) for person, _ in shown if person in people]
            found = [replace(hit, visit=visit) for hit, visit in zip(found, of, strict=True)]
        return DemographicsPage(tuple(found), len(hits), max(len(hits) - start - len(shown), 0))

    def _hit(self, members: Sequence[PatientRecord], affinity_id: str, confidence: int, ids: _ShownIds) -> DemographicsHit:
        own = self._authorities.own.key
        every = [Stored(own, affinity_id), *(i for i in _living(members) if i.authority != own)]
        given = [i for i in every if ids.shows(i.authority)]
        has = {i.authority for i in given}
        lacking = tuple(self._index.affinity.authority(key).authority for key in ids.wanted if key not in has)
        return DemographicsHit(self._authorities.patient_ids(given), golden_record(members).demographics, confidence, lacking)

    def _shown(self, page: DemographicsPage) -> list[PatientId]:
        """For the audit trail: the first identifier of everybody shown."""
        return [hit.identifiers[0] for hit in page.hits if hit.identifiers]

    # --- audit -------------------------------------------------------------------------------------------------------------

    def refused(
        self, event: QueryEvent, subject: Subject, audited: AuditedQuery, patient_ids: Sequence[PatientId], error: HieError
    ) -> None:
        """The audit record of a question that was not answered."""
        self._audit(event, subject, audited, patient_ids, outcome_of(error))

    def _audit(
        self, event: QueryEvent, subject: Subject, audited: AuditedQuery, patient_ids: Sequence[PatientId], outcome: Outcome
    ) -> None:
        with self._index.database.begin() as work:
            message = event(
                self._index.audit,
                subject,
                when=instant(work.now),
                outcome=outcome,
                query=audited,
                patient_ids=[cx(i) for i in patient_ids],
            )
            work.audit(message.to_xml())


def _living(members: Iterable[PatientRecord]) -> tuple[Stored, ...]:
    return store.living((i, m.is_active) for m in members for i in m.identifiers)


def _by_person(members: Iterable[PatientRecord]) -> Mapping[int, list[PatientRecord]]:
    found: dict[int, list[PatientRecord]] = {}
    for member in members:
        found.setdefault(member.person, []).append(member)
    return found


def _is_enough(query: DemographicsQuery) -> bool:
    """Whether names, birth, address or mother narrow it down at all."""
    names = (*query.names, *query.mothers)
    letters = max((len(fold(text)) for n in names for text in (n.family, *n.given)), default=0)
    places = any(c.address.city or c.address.postcode for c in query.addresses)
    return bool(query.birth) or places or letters >= LEAST_LETTERS


def _where(query: DemographicsQuery) -> str:
    """Where the description stands: the place of its first part."""
    return next((part[0].where for part in _parts(query) if part), "")


def _parts(query: DemographicsQuery) -> list[Sequence[_Placed]]:
    """Everything a description may hold, by kind."""
    described: list[Sequence[_Placed]] = [query.names, query.birth, query.addresses, query.mothers, query.sex, query.telecoms]
    return [*described, query.identifiers, query.accounts, query.visits or (), query.wanted]
