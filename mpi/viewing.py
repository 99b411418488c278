"""What administrators see: the queue of reviews, both sides of one, a person, the journal, and why two records match."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy.engine import Connection

from access.subject import Subject
from atna.message import Outcome
from atna.system_events import IdentityAct, identity_act
from kernel.errors import Condition, rejected
from kernel.identifiers import PatientId
from mpi import ledger as journal
from mpi import persons, review_store, store
from mpi.audit import cx, instant
from mpi.authorities import Authorities
from mpi.decisions import PEOPLE, Decided, described
from mpi.golden import golden_record
from mpi.index import Index
from mpi.ledger import Change
from mpi.linkage.comparison import compare
from mpi.linkage.decision import Candidate, Decision
from mpi.linkage.weights import Explanation, score
from mpi.matching import Matcher
from mpi.model import Act, ActKind, GoldenRecord, Link, PatientRecord, Person, Review, ReviewState


@dataclass(frozen=True, slots=True)
class PersonView:
    """A person with everything: records and why each is here, all identifiers in full, and what is best known.

    `ids_of` has the identifiers of each record, its own first.
    """

    person: Person
    links: tuple[Link, ...]
    golden: GoldenRecord
    patient_ids: tuple[PatientId, ...]
    ids_of: Mapping[int, tuple[PatientId, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReviewSummary:
    """A line of the queue: the review, what is best known of both sides, and their identifiers in full."""

    review: Review
    ours: GoldenRecord
    theirs: GoldenRecord
    our_ids: tuple[PatientId, ...] = ()
    their_ids: tuple[PatientId, ...] = ()


@dataclass(frozen=True, slots=True)
class Queue:
    """A page of the reviews that wait, where the next page goes on, how many there are and since when the oldest waits."""

    reviews: tuple[ReviewSummary, ...]
    following: tuple[float, int] | None
    count: int
    oldest: int | None


@dataclass(frozen=True, slots=True)
class ReviewView:
    """A review with both sides: the person of the record (or the record alone, where both sides are one person) and the other.

    `survivor` is the affinity-domain identifier that both would go by if they were joined; `settled_by` the act that stands.
    """

    review: Review
    record: PatientRecord
    ours: PersonView
    theirs: PersonView
    explanation: Explanation | None
    survivor: str = ""
    settled_by: Act | None = None


@dataclass(frozen=True, slots=True)
class MatchView:
    """Why two records match or do not: the explanation, and what matching would decide if they were alone in the world."""

    one: PatientRecord
    other: PatientRecord
    explanation: Explanation
    decision: Decision
    are_one_person: bool


class Viewing:
    """Reads for people. Whoever sees demographics of a person leaves an audit record."""

    def __init__(self, index: Index, matcher: Matcher) -> None:
        self._index = index
        self._matcher = matcher
        self._authorities = Authorities(index.affinity)

    def reviews(
        self, state: ReviewState = ReviewState.OPEN, *, after: tuple[float, int] | None = None, limit: int = 50
    ) -> tuple[ReviewSummary, ...]:
        """A page of reviews, the heaviest first; `after` is weight and id of the last one seen. The caller audits the search."""
        with self._index.database.read() as connection:
            found = review_store.reviews(connection, state, after, limit)
            where = store.persons_of(connection, [r.record for r in found])
            members = store.known_members(connection, {*where.values(), *(r.person for r in found)})
        by_person: dict[int, list[PatientRecord]] = {}
        for member in members:
            by_person.setdefault(member.person, []).append(member)
        sides = [(r, _side(by_person, where[r.record], r), _other(by_person, r, where)) for r in found]
        return tuple(
            ReviewSummary(r, golden_record(ours), golden_record(theirs), self._ids(ours), self._ids(theirs))
            for r, ours, theirs in sides
        )

    def _ids(self, members: Collection[PatientRecord]) -> tuple[PatientId, ...]:
        """The identifiers of records outside the affinity domain's authority."""
        own = self._authorities.own.key
        living = store.living((i, m.is_active) for m in members for i in m.identifiers)
        return self._authorities.patient_ids(i for i in living if i.authority != own)

    def waiting(self, subject: Subject, *, after: tuple[float, int] | None = None, limit: int = 25) -> Queue:
        """A page of the queue, seen by somebody."""
        found = self.reviews(after=after, limit=limit + 1)
        shown = found[:limit]
        last = shown[-1].review if len(found) > limit else None
        with self._index.database.read() as connection:
            count, oldest = review_store.open_count(connection), review_store.oldest_open(connection)
            where = store.persons_of(connection, [r.review.record for r in shown])
            seen = self._affinity_ids(connection, {*where.values(), *(r.review.person for r in shown)})
        if shown:
            self._tell_seen(subject, seen)
        return Queue(shown, (last.weight, last.id) if last else None, count, oldest)

    def next_review(self, subject: Subject, after: int | None = None) -> int | None:
        """The heaviest open review that nobody else has in hand, behind the one named; from the beginning where none is left."""
        author = subject.user or subject.source
        with self._index.database.begin() as work:
            last = review_store.review(work.connection, after) if after is not None else None
            behind = (last.weight, last.id) if last else None
            found = review_store.next_open(work.connection, author, work.now, behind)
            if found is None and behind is not None:
                found = review_store.next_open(work.connection, author, work.now)
        return None if found == after else found

    def open_reviews(self) -> int:
        """How many wait."""
        with self._index.database.read() as connection:
            return review_store.open_count(connection)

    def review(self, review_id: int, subject: Subject) -> ReviewView:
        """A review with both sides. Raises `Rejected` when there is none."""
        with self._index.database.read() as connection:
            review = review_store.review(connection, review_id)
            if review is None:
                raise rejected(Condition.IDENTIFIER_UNKNOWN, "review", "there is no such review")
            (record,) = store.records(connection, [review.record])
            ours, theirs = self._view(connection, record.person), self._view(connection, review.person)
            if record.person == review.person:
                ours, theirs = _only(ours, [record]), _only(theirs, [m for m in theirs.person.members if m.id != record.id])
                survivor = ours.person.affinity_id
            else:
                stays, _ = persons.survivor_of(connection, record.person, review.person)
                survivor = (ours if ours.person.id == stays else theirs).person.affinity_id
            settled_by = journal.act_that_settled(connection, review_id)
        self._audit(subject, (ours, theirs))
        explanation = Explanation.from_json(review.explanation) if review.explanation else None
        return ReviewView(review, record, ours, theirs, explanation, survivor, settled_by)

    def record_named(self, patient_id: PatientId) -> PatientRecord:
        """The record whose own identifier this is; of an identifier in the affinity domain, the one its person began with.

        Raises `Rejected`.
        """
        authority = self._index.affinity.find(patient_id.authority)
        if authority is None:
            raise rejected(Condition.AUTHORITY_UNKNOWN, "identifier", "the assigning authority is not known")
        with self._index.database.read() as connection:
            found = store.records_named(connection, [(authority.key, patient_id.id)])
            if not found and authority == self._authorities.own:
                aliases = store.aliases(connection, patient_id.id)
                found = store.records(connection, [a.id for a in aliases if a.affinity_id == patient_id.id])
        if not found:
            raise rejected(Condition.IDENTIFIER_UNKNOWN, "identifier", "no record has this identifier")
        return found[0]

    def person(self, person: int, subject: Subject) -> PersonView:
        """A person. Raises `Rejected` when it has no records (any more)."""
        with self._index.database.read() as connection:
            view = self._view(connection, person)
        if not view.person.members:
            raise rejected(Condition.IDENTIFIER_UNKNOWN, "person", "there is no such person")
        self._audit(subject, (view,))
        return view

    def match(self, one: int, other: int, subject: Subject) -> MatchView:
        """Compares two records as matching does, and explains. Raises `Rejected` when one is not there."""
        with self._index.database.read() as connection:
            found = {r.id: r for r in store.records(connection, [one, other])}
            if {one, other} - found.keys():
                raise rejected(Condition.IDENTIFIER_UNKNOWN, "record", "there is no such record")
            people = {r.person for r in found.values()}
            members = {m.id: m for m in store.matching_members(connection, people)}
            ours, theirs = (self._matcher.prepared(connection, members[id_]) for id_ in (one, other))
            model = self._matcher.model(connection)
            is_denied = other in store.denied(connection, [one]).get(one, set())
            views = tuple(self._view(connection, person) for person in sorted(people))
        self._audit(subject, views)
        explanation = score(compare(ours, theirs), model, ours, theirs)
        decision = self._matcher.decide(ours, [Candidate(str(found[other].person), [theirs], is_denied)], model)
        return MatchView(found[one], found[other], explanation, decision, len(people) == 1)

    def acts(self, *, records: Iterable[int] | None = None, before: int | None = None, limit: int = 50) -> tuple[Act, ...]:
        """The journal, the latest first: all of it, or what moved one of these records."""
        with self._index.database.read() as connection:
            return journal.acts(connection, records=records, before=before, limit=limit)

    def changes(self, act: int) -> tuple[Change, ...]:
        """What an act changed."""
        with self._index.database.read() as connection:
            return journal.changes_of(connection, act)

    def decisions(
        self,
        subject: Subject,
        *,
        kinds: Collection[ActKind] = PEOPLE,
        before: int | None = None,
        limit: int = 25,
    ) -> tuple[tuple[Decided, ...], int | None]:
        """What was decided, the latest first, with the records it was about; and where the next page goes on."""
        with self._index.database.read() as connection:
            acts = journal.acts(connection, kinds=kinds, before=before, limit=limit + 1)
            found = described(connection, self._authorities, acts[:limit])
            seen = self._affinity_ids(connection, {n.record.person for d in found for n in d.records})
        if found:
            self._tell_seen(subject, seen)
        return found, acts[limit - 1].id if len(acts) > limit else None

    def decision(self, act_id: int, subject: Subject) -> Decided:
        """One act of the journal. Raises `Rejected` when there is none."""
        with self._index.database.read() as connection:
            act = journal.act_by_id(connection, act_id)
            if act is None:
                raise rejected(Condition.IDENTIFIER_UNKNOWN, "act", "there is no such act in the journal")
            (found,) = described(connection, self._authorities, [act])
            seen = self._affinity_ids(connection, {n.record.person for n in found.records})
        self._tell_seen(subject, seen)
        return found

    def _affinity_ids(self, connection: Connection, people: Collection[int]) -> list[str]:
        """The identifiers in the affinity domain, as audit records name patients."""
        own = self._authorities.own.key
        named = store.affinity_ids(connection, people) if people else {}
        return [cx(self._authorities.patient_id(own, affinity_id)) for _, (affinity_id, _) in sorted(named.items())]

    def _view(self, connection: Connection, person: int) -> PersonView:
        members = store.known_members(connection, [person])
        named = store.affinity_ids(connection, [person])
        affinity_id = named[person][0] if person in named else ""
        links = store.links(connection, [m.id for m in members])
        own = self._authorities.own.key
        living = store.living((i, m.is_active) for m in members for i in m.identifiers)
        ids = [self._authorities.patient_id(own, affinity_id)] if affinity_id else []
        ids += self._authorities.patient_ids(i for i in living if i.authority != own)
        golden = golden_record(members) if members else golden_record(())
        ids_of = {
            m.id: self._authorities.patient_ids(i for i in sorted(m.identifiers, key=lambda i: not i.is_own) if not i.is_claim)
            for m in members
        }
        return PersonView(Person(person, affinity_id, members), tuple(links.values()), golden, tuple(ids), ids_of)

    def _audit(self, subject: Subject, views: Sequence[PersonView]) -> None:
        self._tell_seen(subject, [cx(view.patient_ids[0]) for view in views if view.patient_ids])

    def _tell_seen(self, subject: Subject, shown: Sequence[str]) -> None:
        with self._index.database.begin() as work:
            message = identity_act(
                self._index.audit,
                subject,
                when=instant(work.now),
                outcome=Outcome.SUCCESS,
                act=IdentityAct.VIEW,
                patient_ids=shown,
            )
            work.audit(message.to_xml())


def _side(by_person: dict[int, list[PatientRecord]], person: int, review: Review) -> list[PatientRecord]:
    members = by_person.get(person, [])
    return [m for m in members if m.id == review.record] if person == review.person else members


def _other(by_person: dict[int, list[PatientRecord]], review: Review, where: dict[int, int]) -> list[PatientRecord]:
    members = by_person.get(review.person, [])
    return [m for m in members if m.id != review.record] if where[review.record] == review.person else members


def _only(view: PersonView, members: Sequence[PatientRecord]) -> PersonView:
    ids = {m.id for m in members}
    links = tuple(link for link in view.links if link.record in ids)
    person = Person(view.person.id, view.person.affinity_id, tuple(members))
    return PersonView(person, links, golden_record(members), view.patient_ids, {m.id: view.ids_of[m.id] for m in members})
