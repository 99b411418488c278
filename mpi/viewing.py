"""What administrators see: the queue of reviews, both sides of one, a person, the journal, and why two records match."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from access.subject import Subject
from atna.message import Outcome
from atna.system_events import IdentityAct, identity_act
from kernel.errors import Condition, rejected
from kernel.identifiers import PatientId
from mpi import ledger as journal
from mpi import review_store, store
from mpi.audit import cx, instant
from mpi.authorities import Authorities
from mpi.golden import golden_record
from mpi.index import Index
from mpi.ledger import Change
from mpi.linkage.comparison import compare
from mpi.linkage.decision import Candidate, Decision, decide
from mpi.linkage.weights import Explanation, score
from mpi.matching import Matcher
from mpi.model import Act, GoldenRecord, Link, PatientRecord, Person, Review, ReviewState


@dataclass(frozen=True, slots=True)
class PersonView:
    """A person with everything: records and why each is here, all identifiers in full, and what is best known."""

    person: Person
    links: tuple[Link, ...]
    golden: GoldenRecord
    patient_ids: tuple[PatientId, ...]


@dataclass(frozen=True, slots=True)
class ReviewSummary:
    """A line of the queue: the review and what is best known of both sides."""

    review: Review
    ours: GoldenRecord
    theirs: GoldenRecord


@dataclass(frozen=True, slots=True)
class ReviewView:
    """A review with both sides: the person of the record (or the record alone, where both sides are one person) and the other."""

    review: Review
    record: PatientRecord
    ours: PersonView
    theirs: PersonView
    explanation: Explanation | None


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
            members = store.members(connection, {*where.values(), *(r.person for r in found)})
        by_person: dict[int, list[PatientRecord]] = {}
        for member in members:
            by_person.setdefault(member.person, []).append(member)
        return tuple(
            ReviewSummary(r, golden_record(_side(by_person, where[r.record], r)), golden_record(_other(by_person, r, where)))
            for r in found
        )

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
        self._audit(subject, (ours, theirs))
        explanation = Explanation.from_json(review.explanation) if review.explanation else None
        return ReviewView(review, record, ours, theirs, explanation)

    def record_named(self, patient_id: PatientId) -> PatientRecord:
        """The record whose own identifier this is; of an identifier in the affinity domain, the one its person began with.

        Raises `Rejected`.
        """
        authority = self._authorities.find(patient_id.authority, "")
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
        decision = decide(ours, [Candidate(str(found[other].person), [theirs], is_denied)], model)
        return MatchView(found[one], found[other], explanation, decision, len(people) == 1)

    def acts(self, *, records: Iterable[int] | None = None, before: int | None = None, limit: int = 50) -> tuple[Act, ...]:
        """The journal, the latest first: all of it, or what moved one of these records."""
        with self._index.database.read() as connection:
            return journal.acts(connection, records=records, before=before, limit=limit)

    def changes(self, act: int) -> tuple[Change, ...]:
        """What an act changed."""
        with self._index.database.read() as connection:
            return journal.changes_of(connection, act)

    def _view(self, connection: Connection, person: int) -> PersonView:
        members = store.members(connection, [person])
        named = store.affinity_ids(connection, [person])
        affinity_id = named[person][0] if person in named else ""
        links = store.links(connection, [m.id for m in members])
        own = self._authorities.own.key
        living = store.living((i, m.is_active) for m in members for i in m.identifiers)
        ids = [self._authorities.patient_id(own, affinity_id)] if affinity_id else []
        ids += self._authorities.patient_ids(i for i in living if i.authority != own)
        golden = golden_record(members) if members else golden_record(())
        return PersonView(Person(person, affinity_id, members), tuple(links.values()), golden, tuple(ids))

    def _audit(self, subject: Subject, views: Sequence[PersonView]) -> None:
        shown = [cx(view.patient_ids[0]) for view in views if view.patient_ids]
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
    return PersonView(person, links, golden_record(members), view.patient_ids)
