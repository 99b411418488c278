"""Compares one record with the index and does what `linkage` decides: link, ask an administrator, or leave apart."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

import structlog
from sqlalchemy.engine import Connection

from kernel.database import Work
from mpi import late_evidence, persons, review_store, store
from mpi.index import tell_of
from mpi.keys import KeySource
from mpi.ledger import Ledger
from mpi.linkage.decision import Candidate, Decision, Outcome, decide, judge_persons
from mpi.linkage.model import Model
from mpi.linkage.normalise import Prepared
from mpi.linkage.shipped import shipped_model
from mpi.model import Act, ActKind, LinkKind, ReviewReason
from mpi.neighbours import Neighbours
from mpi.persons import Why
from mpi.review_store import Question
from mpi.settings import MatchingSettings
from mpi.store import Member

AUTHOR: Final = "matching"
_ROUNDS: Final = 4
"""So often is a record compared anew because others moved meanwhile; then the task fails and is tried later."""
_COUNT_SECONDS: Final = 600.0
_COUNT_GROWTH: Final = 8
"""Records are counted anew when this process has matched an eighth of those there were, or after a while."""
_FEWEST: Final = 1_000
_ALIKE: Final = (ReviewReason.MAYBE_SAME, ReviewReason.MAYBE_JOIN)
_WITHDRAWABLE: Final = (*_ALIKE, ReviewReason.WEAKENED)

log = structlog.get_logger("mpi.matching")
PrepareAnew = Callable[[Connection, int], Prepared]
"""Cleans a record again, when what is stored was cleaned by an older release."""


class Matcher:
    """Links records. Everything it does is in the journal."""

    def __init__(
        self,
        settings: MatchingSettings,
        keys: KeySource,
        prepare_anew: PrepareAnew,
        *,
        model: Callable[[], Model] = shipped_model,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`model` gives the model in force; it is fitted to the size of the index here."""
        self._settings = settings
        self._rules = settings.in_rules
        self._keys = keys
        self._prepare_anew = prepare_anew
        self._model = model
        self._monotonic = monotonic
        self._fitted: Model | None = None
        self._source: Model | None = None
        self._counted_at = -_COUNT_SECONDS
        self._matched = 0

    def match(self, work: Work, record: int) -> None:
        """Compares a record and links it, asks, or leaves it where it is. Safe to run twice."""
        self._matched += 1
        for _ in range(_ROUNDS):
            found = self.neighbours(work.connection, record)
            if found is None or self._settle(work, found):
                return
        raise store.Raced

    def model(self, connection: Connection) -> Model:
        """The model in force, fitted to the number of records."""
        model, now = self._model(), self._monotonic()
        fitted = self._fitted
        has_grown = fitted is not None and self._matched * _COUNT_GROWTH > fitted.population
        if fitted is None or model is not self._source or has_grown or now - self._counted_at > _COUNT_SECONDS:
            self._fitted = fitted = model.for_population(max(store.record_count(connection), _FEWEST))
            self._source, self._counted_at, self._matched = model, now, 0
        return fitted

    def neighbours(self, connection: Connection, record: int) -> Neighbours | None:
        """Whom the record resembles enough to be compared; None when the record is not there or does not stand for itself."""
        where = store.persons_of(connection, self._candidates(connection, record))
        own = where.get(record)
        if own is None:
            return None
        members = store.matching_members(connection, set(where.values()))
        people: dict[int, list[Member]] = {}
        for member in members:
            people.setdefault(member.person, []).append(member)
        mine = next((m for m in people.get(own, ()) if m.id == record), None)
        if mine is None or not mine.is_active:
            return None
        prepared = {m.id: self.prepared(connection, m) for m in members}
        denied = store.denied(connection, [m.id for m in members])
        return Neighbours(record, own, people, prepared, denied)

    def prepared(self, connection: Connection, member: Member) -> Prepared:
        """A record as it is compared."""
        try:
            return Prepared.from_row(json.loads(member.prepared))
        except ValueError:
            return self._prepare_anew(connection, member.id)

    def _candidates(self, connection: Connection, record: int) -> list[int]:
        """The record itself and those that share a blocking key, the ones that share most first."""
        limit = self._settings.fat_key
        by_key = store.candidates(connection, store.keys_of(connection, record), limit + 1)
        lean = [rows for rows in by_key.values() if len(rows) <= limit]
        fat = len(by_key) - len(lean)
        shared = Counter(row for rows in lean for row in rows if row != record)
        if fat and not shared:
            shared = Counter(row for rows in by_key.values() for row in rows if row != record)
        if fat:
            log.info("blocking keys passed over" if lean else "blocking keys cut short", record=record, keys=fat)
        return [record, *(row for row, _ in shared.most_common(self._settings.candidates))]

    def decide(self, incoming: Prepared, candidates: Sequence[Candidate], model: Model) -> Decision:
        """Link, review or new, by the policy of the domain."""
        return self._rules.decide(incoming, candidates, model) if self._rules else decide(incoming, candidates, model)

    def _judge_persons(self, ours: Sequence[Prepared], theirs: Sequence[Prepared], model: Model) -> Decision:
        return self._rules.judge_persons(ours, theirs, model) if self._rules else judge_persons(ours, theirs, model)

    def _settle(self, work: Work, found: Neighbours) -> bool:
        """Does what the evidence asks for; False when somebody moved meanwhile and it has to be looked at again."""
        model = self.model(work.connection)
        mine = found.ids(found.own)
        candidates = [Candidate(str(p), found.active(p), found.are_denied(mine, found.ids(p))) for p in found.rivals]
        decision = self.decide(found.mine, candidates, model)
        target = None if decision.person is None else int(decision.person)
        loose = {} if self._rules else late_evidence.contested(found, target, model)
        touched = {found.own, *map(int, (*decision.reviews, *decision.joins))}
        touched |= {person for person in found.people if found.ids(person) & loose.keys()}
        if decision.person is not None:
            touched.add(int(decision.person))
        if len(touched) > 1 or found.others:
            store.lock_persons(work.connection, touched)
            members = [m for person in touched for m in found.people[person]]
            now_in = store.persons_of(work.connection, [m.id for m in members])
            if any(now_in[m.id] != m.person for m in members):
                return False
        questions = self._link(work, found, decision, model) if decision.person is not None else self._doubts(found, decision)
        weakened = late_evidence.weakened(work.connection, found, model, self._rules)
        late = late_evidence.contest_questions(work.connection, loose, found.record)
        self._ask(work, found, [*questions, *(weakened or [q for q in late if q.record == found.record])])
        for question in late:
            if question.record != found.record:
                review_store.ask(work.connection, question, self._keys(work.now), work.now)
        return True

    def _link(self, work: Work, found: Neighbours, decision: Decision, model: Model) -> list[Question]:
        """Joins the record's person with the one it fits, and others that turn out to be the same; gives what is left to ask."""
        questions: list[Question] = []
        ledger = Ledger(work.connection, Act(self._keys(work.now), ActKind.MATCH, work.now, AUTHOR, ""))
        here, ids = found.own, found.ids(found.own)
        members = found.active(found.own)
        is_alone = not found.others
        for target in map(int, filter(None, (decision.person, *decision.joins))):
            theirs = found.active(target)
            verdict = decision if is_alone else self._judge_persons(members, theirs, model)
            is_alone = False
            if verdict.outcome is not Outcome.LINK or found.are_denied(ids, found.ids(target)):
                questions.append(_question(found.record, target, ReviewReason.MAYBE_JOIN, verdict))
                continue
            stays, goes = persons.survivor_of(work.connection, here, target)
            persons.join(ledger, goes, stays, _why(verdict, found.record))
            here, ids, members = stays, ids | found.ids(target), members + theirs
        if ledger.close() is not None:
            tell_of(work, ledger.persons)
        return questions

    def _doubts(self, found: Neighbours, decision: Decision) -> list[Question]:
        reason = ReviewReason.MAYBE_JOIN if found.others else ReviewReason.MAYBE_SAME
        weights = {judged.person: judged for judged in decision.judged}
        return [
            Question(
                found.record,
                int(person),
                reason,
                decision.reason,
                weights[person].weight,
                weights[person].explanation.to_json(),
            )
            for person in decision.reviews
        ]

    def _ask(self, work: Work, found: Neighbours, questions: Sequence[Question]) -> None:
        """Opens the questions and withdraws those that this evidence no longer raises. Of two persons one question is open."""
        connection = work.connection
        waiting = review_store.open_reviews_of(connection, found.ids(found.own))
        where = store.persons_of(connection, {found.record, *(r.record for r in waiting)})
        own, asked = where[found.record], {question.person for question in questions}
        idle: list[int] = []
        from_there: set[int] = set()
        for review in waiting:
            if review.record == found.record:
                idle += [review.id] if review.person not in asked and review.reason in _WITHDRAWABLE else []
            elif review.person == own and review.reason in _ALIKE:
                from_there.add(where[review.record])
                idle += [review.id] if where[review.record] not in asked and not found.others else []
            elif where[review.record] == own and review.reason in _ALIKE:
                from_there.add(review.person)
        review_store.withdraw(connection, idle, work.now)
        for question in questions:
            if question.person not in from_there:
                review_store.ask(connection, question, self._keys(work.now), work.now)


def _why(decision: Decision, via: int) -> Why:
    explanation = decision.explanation
    assert explanation is not None
    return Why(LinkKind.AUTOMATIC, decision.reason, explanation.weight, explanation.to_json(), explanation.model_version, via)


def _question(record: int, person: int, reason: ReviewReason, decision: Decision) -> Question:
    explanation = decision.explanation
    assert explanation is not None
    return Question(record, person, reason, decision.reason, explanation.weight, explanation.to_json())
