"""Links all records of the index as one batch: reads them, has `linkage` decide, and writes what it decided, person by person.

Persons that are there stay whole, and what was decided to be apart stays apart. Each person that others join is an act of its own
in the journal, as if matching had met the records one by one, so that any of them can be looked at and taken back alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection

from kernel.database import Work
from kernel.errors import Condition, rejected
from mpi import review_store
from mpi.importing.bulk import quick_writer
from mpi.importing.explaining import Explained, Explainer
from mpi.importing.reading import Snapshot, read_index
from mpi.importing.writing import Joining, write_joins, write_questions
from mpi.index import Index
from mpi.late_evidence import doubts
from mpi.linkage.batch import patterns_of_pairs
from mpi.linkage.candidates import candidate_pairs
from mpi.linkage.changes import Changes, changes_between
from mpi.linkage.clusters import Labels
from mpi.linkage.columns import Columns
from mpi.linkage.comparison import compare
from mpi.linkage.fairness import Served, served
from mpi.linkage.linking import ENOUGH_TO_TRAIN, Decided, LinkedBatch, PatternsBy, link_batch
from mpi.linkage.model import Model
from mpi.linkage.rules import RULES_VERSION, Rules
from mpi.linkage.shipped import shipped_model
from mpi.linkage.training import Labels as Answers
from mpi.linkage.training import train
from mpi.linkage.weighing import Weigher
from mpi.linkage.weights import Explanation, score
from mpi.matching import AUTHOR, PrepareAnew
from mpi.model import LinkKind, ReviewReason, ReviewState
from mpi.models import Models, version_name
from mpi.review_store import Question
from mpi.tables import LINK, NEGATIVE_LINK, REVIEW

log = structlog.get_logger("mpi.batch")
Numbers = npt.NDArray[np.int64]
Tell = Callable[[str], None]
_JOINS_AT_ONCE: Final = 2_000
"""Persons that one transaction joins others to."""
_QUESTIONS_AT_ONCE: Final = 5_000
_COMMENT: Final = "batch"
PARTED: Final = "Linked anew, the model would part this record from the others."
NOTHING: Final = np.zeros(0, np.int64)


@dataclass(slots=True)
class Proposal:
    """What linking the whole index would do: records and persons as they were read, and the clusters to be."""

    snapshot: Snapshot
    linked: LinkedBatch
    apart: Numbers
    """Pairs of places that somebody keeps apart."""
    rules: Rules | None = None
    """What decided, where that was not the model."""

    @property
    def model(self) -> Model:
        """The model it was decided by."""
        return self.linked.model


class Band(Enum):
    """What the weight of a pair by itself asks for."""

    LINK = "link"
    REVIEW = "review"
    BELOW = "below"


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What a proposal would change, and what the model would part if persons that are there did not stay whole.

    Samples are ids of records.
    """

    joined: Changes
    parted: Changes
    alone: Labels
    """The clusters if persons that are there did not stay whole."""
    questions_answered: int
    questions_new: int
    joined_samples: tuple[tuple[int, ...], ...]
    split_samples: tuple[tuple[int, ...], ...]
    moved: Mapping[tuple[Band, Band], int]
    """Pairs that machines linked and pairs that are asked about, by the band they were in and the one they would be in now."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What was done: persons that others joined, persons that went over to them, questions asked, joins given up because somebody
    was at these persons meanwhile."""

    model: str
    persons: int
    joined: int
    questions: int
    passed_over: int


class BatchLinking:
    """Batches over one index."""

    def __init__(self, index: Index, models: Models, prepare_anew: PrepareAnew) -> None:
        self._index = index
        self._models = models
        self._prepare_anew = prepare_anew

    def propose(
        self,
        *,
        model: Model | None = None,
        tell: Tell = lambda _: None,
        patterns_by: PatternsBy = patterns_of_pairs,
    ) -> Proposal:
        """Links all active records in memory; without a model one is trained on them. Changes nothing."""
        tell("reading the index")
        database = self._index.database
        with database.begin() as work:
            version = version_name("batch", work.now)
        with database.read() as connection:
            snapshot = read_index(connection, self._prepare_anew)
            decided = _decided(connection, snapshot)
        rules = self._index.matching.in_rules
        if rules is not None:  # nothing has to be learnt for them
            model = model or self._models.in_force()
        if model is not None:
            model = model.for_population(max(snapshot.size, 2))
        linked = link_batch(
            snapshot.columns,
            model=model,
            version=version,
            decided=decided,
            rules=rules,
            tell=tell,
            patterns_by=patterns_by,
        )
        return Proposal(snapshot, linked, decided.apart, rules)

    def changes(self, proposal: Proposal, patterns_by: PatternsBy = patterns_of_pairs) -> Foreseen:
        """What applying a proposal would change. Where persons have several records, links them once more as if they had not."""
        snapshot, linked = proposal.snapshot, proposal.linked
        joined = changes_between(snapshot.starts, linked.automatic)
        alone = linked.automatic
        if (snapshot.starts != np.arange(snapshot.size)).any():
            decided = Decided(NOTHING, proposal.apart)
            alone = link_batch(
                snapshot.columns, model=linked.model, decided=decided, rules=proposal.rules, patterns_by=patterns_by
            ).automatic
        parted = changes_between(snapshot.starts, alone)
        asked, answered = self._open_questions(snapshot, linked)
        new = sum(frozenset((q.record, q.person)) not in asked for q in Explaining(proposal).questions())

        def ids(places: tuple[tuple[int, ...], ...]) -> tuple[tuple[int, ...], ...]:
            return tuple(tuple(snapshot.record(place) for place in sample) for sample in places)

        samples = ids(joined.joined_samples), ids(parted.split_samples)
        return Foreseen(joined, parted, alone, answered, new, *samples, self._moved(snapshot, linked))

    def _moved(self, snapshot: Snapshot, linked: LinkedBatch) -> Counter[tuple[Band, Band]]:
        """Pairs that stand by their likeness, and whether they would stand by it now."""
        links = sa.select(LINK.c.record, LINK.c.via).where(LINK.c.kind == LinkKind.AUTOMATIC.value, LINK.c.via.is_not(None))
        asked = sa.select(REVIEW.c.record, REVIEW.c.person)
        asked = asked.where(REVIEW.c.state == ReviewState.OPEN.value, REVIEW.c.reason.in_(_ALIKE))
        weighed, found = linked.weighed, Counter[tuple[Band, Band]]()
        sure, likely = weighed.linkable(linked.model), linked.doubtful
        with self._index.database.read() as connection:
            for before, statement in ((Band.LINK, links), (Band.REVIEW, asked)):
                for record, other in connection.execute(statement):
                    places = sorted(at for at in map(snapshot.place_of, (record, other)) if at is not None)
                    if len(places) == 2:
                        key = places[0] * snapshot.size + places[1]
                        at = min(int(np.searchsorted(weighed.pairs, key)), len(weighed.pairs) - 1)
                        is_there = at >= 0 and weighed.pairs[at] == key
                        likeness = Band.LINK if is_there and sure[at] else Band.REVIEW if is_there and likely[at] else Band.BELOW
                        found[before, likeness] += 1
        return found

    def _open_questions(self, snapshot: Snapshot, linked: LinkedBatch) -> tuple[set[frozenset[int]], int]:
        """Pairs of records that open questions are about, and how many of those become one person."""
        asked, answered = set(), 0
        with self._index.database.read() as connection:
            statement = sa.select(REVIEW.c.record, REVIEW.c.person).where(REVIEW.c.state == ReviewState.OPEN.value)
            for record, person in connection.execute(statement):
                asked.add(frozenset((record, person)))
                one, other = snapshot.place_of(record), snapshot.place_of(person)
                if one is not None and other is not None and linked.automatic[one] == linked.automatic[other]:
                    answered += 1
        return asked, answered

    def fairness(self, *, tell: Tell = lambda _: None) -> tuple[Served, ...]:
        """How well the index serves groups of which less is known, as it is now and by the model in force. Changes nothing."""
        tell("reading the index")
        with self._index.database.read() as connection:
            snapshot = read_index(connection, self._prepare_anew)
            decided, answered = _decided(connection, snapshot), _answered(connection, snapshot)
        model = self._models.in_force().for_population(max(snapshot.size, 2))
        columns = snapshot.columns
        tell("comparing")
        pairs = candidate_pairs(columns)
        weighed = Weigher(columns, model).weigh(pairs, patterns_of_pairs(columns, pairs))
        persons, same = np.unique(snapshot.persons, return_inverse=True)[1].ravel(), answered.pairs[answered.same]
        return served(columns, weighed, persons.astype(np.int64), same, decided.apart, model.thresholds.review)

    def train(self, author: str, *, is_used: bool = True, tell: Tell = lambda _: None) -> Model:
        """Trains a model on all active records and on what people said in reviews, keeps it and puts it in force.

        Raises `Rejected` when there are too few records.
        """
        tell("reading the index")
        with self._index.database.read() as connection:
            snapshot = read_index(connection, self._prepare_anew)
            answered = _answered(connection, snapshot)
        if snapshot.size < ENOUGH_TO_TRAIN:
            detail = f"{snapshot.size} records are too few to learn from; {ENOUGH_TO_TRAIN} are needed"
            raise rejected(Condition.UPDATE_INVALID, "records", detail)
        tell("comparing")
        pairs = candidate_pairs(snapshot.columns)
        patterns = patterns_of_pairs(snapshot.columns, pairs)
        tell("training")
        with self._index.database.begin() as work:
            version = version_name("trained", work.now)
        labels = Answers(patterns_of_pairs(snapshot.columns, answered.pairs), answered.same) if len(answered.pairs) else None
        model = train(snapshot.columns, pairs, patterns, shipped_model(), version=version, labels=labels)
        with self._index.database.begin() as work:
            self._models.keep(work, model, author)
            if is_used:
                self._models.use(work, model.version)
        return model

    def survey(self) -> Surveyed:
        """The index as calibration sees it: records, candidate pairs, what people said. Changes nothing."""
        with self._index.database.read() as connection:
            snapshot = read_index(connection, self._prepare_anew)
            decided, answered = _decided(connection, snapshot), _answered(connection, snapshot)
        return Surveyed(snapshot.columns, candidate_pairs(snapshot.columns), answered, decided.apart)

    def apply(self, proposal: Proposal, *, author: str = AUTHOR, notify: bool = False, tell: Tell = lambda _: None) -> Applied:
        """Joins persons and asks what is doubtful. A model that was trained for it is kept and put in force first.

        Each transaction holds a few thousand persons; where records moved since they were read, their persons are left alone.
        """
        self._keep(proposal.model, author)
        explaining = Explaining(proposal)
        joins = list(explaining.joins())
        persons = passed = joined = 0
        with quick_writer(self._index.database):
            for start in range(0, len(joins), _JOINS_AT_ONCE):
                tell(f"joining persons, {start} of {len(joins)}")
                part = joins[start : start + _JOINS_AT_ONCE]
                done = self._index.unit(lambda work, part=part: self._join(work, part, notify))  # type: ignore[misc]
                persons += len(done)
                passed += len(part) - len(done)
                joined += sum(len(join.goes) for join in done)
        tell("asking about doubtful pairs")
        asked = self._ask(explaining)
        applied = Applied(proposal.model.version, persons, joined, asked, passed)
        log.info("index linked", persons=persons, joined=joined, questions=asked, passed_over=passed, model=applied.model)
        return applied

    def ask_about_splits(self, proposal: Proposal, foreseen: Foreseen) -> int:
        """Asks about records that the model would part from their persons: bridges, contradictions. Gives how many were asked.

        Of each person the largest part stays, or the oldest; links that people or sources made are not asked about.
        """
        loose = self.loose(proposal, foreseen)
        asked = 0
        records = sorted(loose)
        for start in range(0, len(records), _QUESTIONS_AT_ONCE):
            part = {record: loose[record] for record in records[start : start + _QUESTIONS_AT_ONCE]}
            asked += self._index.unit(lambda work, part=part: self._doubt(work, part))  # type: ignore[misc]
        return asked

    def loose(self, proposal: Proposal, foreseen: Foreseen) -> dict[int, Explanation]:
        """Records that the model would part from their persons, each with the lightest of its pairs with those that stay."""
        found: dict[int, Explanation] = {}
        for places in _split_persons(proposal.snapshot.starts, foreseen.alone):
            found |= self._parted(proposal, foreseen, places)
        return found

    def _parted(self, proposal: Proposal, foreseen: Foreseen, places: Sequence[int]) -> dict[int, Explanation]:
        """The records of one person that would leave it, each with the lightest of its pairs with those that stay."""
        parts: dict[int, list[int]] = {}
        for place in places:
            parts.setdefault(int(foreseen.alone[place]), []).append(place)
        stays = max(parts.values(), key=lambda part: (len(part), -part[0]))
        columns, model, snapshot = proposal.snapshot.columns, proposal.model, proposal.snapshot
        found: dict[int, Explanation] = {}
        for place in places:
            if place not in stays:
                one, others = columns.prepared(place), map(columns.prepared, stays)
                pairs = [score(compare(one, other), model, one, other) for other in others]
                found[snapshot.record(place)] = min(pairs, key=lambda pair: pair.weight)
        return found

    def _doubt(self, work: Work, loose: Mapping[int, Explanation]) -> int:
        questions = doubts(work.connection, loose, PARTED)
        for question in questions:
            review_store.ask(work.connection, question, self._index.keys(work.now), work.now)
        return len(questions)

    def _keep(self, model: Model, author: str) -> None:
        known = {found.version for found in self._models.versions()}
        if model.version not in known:
            with self._index.database.begin() as work:
                self._models.keep(work, model, author)
                self._models.use(work, model.version)

    def _join(self, work: Work, joins: Sequence[Joining], notify: bool) -> list[Joining]:
        return write_joins(work, joins, self._index.keys, author=AUTHOR, comment=_COMMENT, notify=notify)

    def _ask(self, explaining: Explaining) -> int:
        asked = 0
        questions = list(explaining.questions())
        for start in range(0, len(questions), _QUESTIONS_AT_ONCE):
            part = questions[start : start + _QUESTIONS_AT_ONCE]
            asked += self._index.unit(lambda work, part=part: write_questions(work, part, self._index.keys))  # type: ignore[misc]
        return asked


def _split_persons(starts: Numbers, alone: Labels) -> Iterator[list[int]]:
    """The places of each person whose records are in more than one cluster."""
    order = np.argsort(starts, kind="stable")
    bounds = np.flatnonzero(np.diff(starts[order], prepend=-1, append=-1)) if len(order) else np.zeros(0, np.int64)
    for begin, end in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        places = order[begin:end]
        if len(places) > 1 and (alone[places] != alone[places[0]]).any():
            yield places.tolist()


def _decided(connection: Connection, snapshot: Snapshot) -> Decided:
    """Persons as they are stay together, and pairs of them that somebody keeps apart stay apart."""
    size = snapshot.size
    moved = np.flatnonzero(snapshot.starts != np.arange(size))
    same = snapshot.starts[moved] * size + moved
    apart = set()
    for one, other in connection.execute(sa.select(NEGATIVE_LINK.c.one, NEGATIVE_LINK.c.other)):
        a, b = snapshot.place_of(one), snapshot.place_of(other)
        if a is not None and b is not None and a != b:
            apart.add(min(a, b) * size + max(a, b))
    return Decided(same, np.array(sorted(apart), np.int64))


@dataclass(frozen=True, slots=True)
class Answered:
    """Pairs of records that people were asked about, and whether they are one person."""

    pairs: Numbers
    same: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Surveyed:
    """All active records, the pairs that are worth comparing, what people answered, and pairs they keep apart."""

    columns: Columns
    pairs: Numbers
    answered: Answered
    apart: Numbers


_ANSWERS: Final = {ReviewState.SAME.value: True, ReviewState.DIFFERENT.value: False}
_ALIKE: Final = (ReviewReason.MAYBE_SAME.value, ReviewReason.MAYBE_JOIN.value)
"""Questions whose answer is about the two records that are named; the others may be about a third."""


def _answered(connection: Connection, snapshot: Snapshot) -> Answered:
    """What people said in reviews, to learn from."""
    statement = sa.select(REVIEW.c.record, REVIEW.c.person, REVIEW.c.state).order_by(REVIEW.c.id)
    statement = statement.where(REVIEW.c.state.in_(tuple(_ANSWERS)), REVIEW.c.reason.in_(_ALIKE))
    found: dict[int, bool] = {}
    for record, person, state in connection.execute(statement):
        one, other = snapshot.place_of(record), snapshot.place_of(person)
        if one is not None and other is not None and one != other:
            found[min(one, other) * snapshot.size + max(one, other)] = _ANSWERS[state]
    return Answered(np.array(list(found), np.int64), np.array(list(found.values()), np.bool_))


Why = tuple[float | None, str, str, str, int | None]
"""Weight, reason, explanation, model and the record whose likeness led to it."""


@dataclass(frozen=True, slots=True)
class PlannedJoin:
    """A person and those who go over to it, each with the two records that speak most for it, its own or a nearer one first.

    Without such a pair the other records of the person speak for it together.
    """

    stays: int
    goes: tuple[tuple[int, tuple[int, int] | None], ...]


@dataclass(frozen=True, slots=True)
class PlannedQuestion:
    """A pair of records of two persons that is worth a person's look."""

    record: int
    person: int
    reason: ReviewReason


def why_joined(pair: Explained | None, via: int | None, version: str, *, is_ruled: bool) -> Why:
    """How a link of a batch is told."""
    if pair is None:
        return None, "The other records of the person speak for it together.", "", version, None
    if is_ruled:
        return pair.weight, "A rule holds, and nothing in the cluster contradicts it.", pair.text, RULES_VERSION, via
    return pair.weight, f"Match weight {pair.weight:.1f}, and nothing in the cluster speaks against it.", pair.text, version, via


def question_about(asked: PlannedQuestion, pair: Explained, *, is_ruled: bool) -> Question:
    """How a doubtful pair of a batch is asked about."""
    detail = pair.vetoes or f"Match weight {pair.weight:.1f} is not enough to link without asking."
    if is_ruled:
        detail = "A rule holds, which is not enough to link without asking."
    return Question(asked.record, asked.person, asked.reason, detail, pair.weight, pair.text)


class Explaining:
    """Turns clusters into joins of persons and questions, each with the pair that speaks most for it."""

    def __init__(self, proposal: Proposal) -> None:
        self._snapshot = proposal.snapshot
        self._linked = proposal.linked
        self._columns: Columns = proposal.snapshot.columns
        self._explainer = Explainer(proposal.model)
        self._apart = proposal.apart
        self._rules = proposal.rules
        size = proposal.snapshot.size
        weighed = proposal.linked.weighed
        self._one, self._other = weighed.pairs // max(size, 1), weighed.pairs % max(size, 1)

    def joins(self) -> Iterator[Joining]:
        """For each person that others join: who goes over, and why."""
        for planned in self.planned_joins():
            goes = ((person, *self._why(pair)) for person, pair in planned.goes)
            yield Joining(planned.stays, tuple(goes))

    def planned_joins(self) -> Iterator[PlannedJoin]:
        """For each person that others join: who goes over, and the pairs that speak for it. The second of a pair led to it."""
        starts, labels, snapshot = self._snapshot.starts, self._linked.automatic, self._snapshot
        homes = np.flatnonzero(starts == np.arange(snapshot.size))
        order = homes[np.argsort(labels[homes], kind="stable")]
        bounds = np.flatnonzero(np.diff(labels[order], prepend=-1, append=-1)) if len(order) else np.zeros(0, np.int64)
        best = self._best_pairs()
        for begin, end in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
            if end - begin < 2:
                continue
            members = order[begin:end].tolist()
            stays = min(members, key=lambda at: (not snapshot.is_fed(at), snapshot.person(at)))
            goes = tuple((snapshot.person(at), self._sides(at, best.get(at))) for at in members if at != stays)
            yield PlannedJoin(snapshot.person(stays), goes)

    def _sides(self, at: int, pair: int | None) -> tuple[int, int] | None:
        if pair is None:
            return None
        one, other = int(self._one[pair]), int(self._other[pair])
        mine, via = (one, other) if self._snapshot.starts[one] == at else (other, one)
        return self._snapshot.record(mine), self._snapshot.record(via)

    def _best_pairs(self) -> dict[int, int]:
        """For each person, by the place of its first record, the heaviest pair with another person of the same cluster."""
        labels, starts, weights = self._linked.automatic, self._snapshot.starts, self._linked.weighed.weights
        inner = np.flatnonzero((labels[self._one] == labels[self._other]) & (starts[self._one] != starts[self._other]))
        inner = inner[np.argsort(-weights[inner], kind="stable")]
        owners = np.concatenate((starts[self._one[inner]], starts[self._other[inner]]))
        pairs = np.concatenate((inner, inner))
        order = np.argsort(np.concatenate((np.arange(len(inner)), np.arange(len(inner)))), kind="stable")
        found, first = np.unique(owners[order], return_index=True)
        return dict(zip(found.tolist(), pairs[order][first].tolist(), strict=True))

    def _why(self, pair: tuple[int, int] | None) -> Why:
        found, via = (None, None) if pair is None else (self._explained(*pair), pair[1])
        return why_joined(found, via, self._linked.model.version, is_ruled=self._rules is not None)

    def _explained(self, *records: int) -> Explained:
        one, other = sorted(place for record in records if (place := self._snapshot.place_of(record)) is not None)
        return self._explainer.explain(self._columns.prepared(one), self._columns.prepared(other))

    def questions(self) -> Iterator[Question]:
        """One for each two clusters with a pair heavy enough to be looked at, about the heaviest such pair."""
        for asked in self.planned_questions():
            yield question_about(asked, self._explained(asked.record, asked.person), is_ruled=self._rules is not None)

    def planned_questions(self) -> Iterator[PlannedQuestion]:
        """The pairs that are asked about."""
        labels, weighed, size = self._linked.automatic, self._linked.weighed, max(self._snapshot.size, 1)
        open_ones = np.flatnonzero(self._linked.doubtful & (labels[self._one] != labels[self._other]))
        open_ones = open_ones[np.argsort(-weighed.weights[open_ones], kind="stable")]
        between = _between(labels[self._one[open_ones]], labels[self._other[open_ones]], size)
        free = ~np.isin(between, _between(labels[self._apart // size], labels[self._apart % size], size))
        open_ones, between = open_ones[free], between[free]
        sizes = np.bincount(labels, minlength=self._snapshot.size)
        for at in open_ones[np.sort(np.unique(between, return_index=True)[1])].tolist():
            one, other = int(self._one[at]), int(self._other[at])
            if sizes[labels[one]] > sizes[labels[other]] or (sizes[labels[one]] == sizes[labels[other]] and one < other):
                one, other = other, one
            reason = ReviewReason.MAYBE_SAME if sizes[labels[one]] == 1 else ReviewReason.MAYBE_JOIN
            yield PlannedQuestion(self._snapshot.record(one), self._snapshot.record(other), reason)


def _between(one: Numbers, other: Numbers, size: int) -> Numbers:
    """Two clusters as one number, whichever comes first."""
    found: Numbers = np.minimum(one, other) * size + np.maximum(one, other)
    return found
