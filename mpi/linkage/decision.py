"""What to do with a record, or with two persons: link, ask somebody, or leave apart; and why."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import product

from mpi.linkage.comparison import compare
from mpi.linkage.model import Model
from mpi.linkage.normalise import Prepared
from mpi.linkage.vetoes import contradicts, leaves_open_who
from mpi.linkage.weights import Explanation, score

SUPPORT_WEIGHT = 4.0
"""What the pairs between a record and a person, or between two persons, must weigh on the average."""
MOST_WEIGHT = 20.0
"""In that average no pair counts more than this, for or against."""
JOIN_SURPLUS = 1.0
"""So much more weight than a link of one record does the joining of two persons need."""
APART_WEIGHT = -8.0
"""Two members whose pair weighs less than this are different people whatever a third record says."""


class Outcome(Enum):
    """The three answers."""

    LINK = "link"
    REVIEW = "review"
    NEW = "new"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A person who may be the one: all records linked to them. `is_denied`: somebody said that it is not this person."""

    person: str
    members: Sequence[Prepared]
    is_denied: bool = False


@dataclass(frozen=True, slots=True)
class Judged:
    """A candidate with the pair that speaks most for it. `is_linkable`: heavy enough, no veto, no member contradicts."""

    person: str
    weight: float
    explanation: Explanation
    is_linkable: bool
    contradicted: bool


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome, the person linked to, the persons to review, and persons who by this evidence may be the same one.

    `explanation` is that of the best pair, None when there was no candidate. For each of `joins` the caller asks
    `judge_persons` before it joins anything.
    """

    outcome: Outcome
    person: str | None
    reviews: tuple[str, ...]
    joins: tuple[str, ...]
    reason: str
    explanation: Explanation | None
    judged: tuple[Judged, ...] = ()


def judge(incoming: Prepared, candidate: Candidate, model: Model) -> Judged:
    """Score a record against every member of a person."""
    if not candidate.members:
        raise ValueError("a candidate has members")
    pairs = []
    contradicted = False
    for member in candidate.members:
        comparison = compare(incoming, member)
        explanation = score(comparison, model, incoming, member)
        contradicted = contradicted or contradicts(comparison.levels) or explanation.weight < APART_WEIGHT
        pairs.append(explanation)
    pairs = _telling(pairs)
    free = [pair for pair in pairs if pair.is_linkable]
    best = max(free or pairs, key=lambda pair: (pair.weight, -len(pair.vetoes)))
    is_supported = _mean(pairs) >= support_of(model) and not contradicted
    return Judged(candidate.person, best.weight, best, bool(free) and is_supported and not candidate.is_denied, contradicted)


def support_of(model: Model) -> float:
    """The support asked for: never more than a link between two single records weighs."""
    return min(SUPPORT_WEIGHT, model.thresholds.link)


def _telling(pairs: list[Explanation]) -> list[Explanation]:
    """The pairs that tell siblings apart, where there are such: then a newborn without a name among the others is no witness."""
    return [pair for pair in pairs if not leaves_open_who(pair.vetoes)] or pairs


def _mean(pairs: Sequence[Explanation]) -> float:
    return sum(max(-MOST_WEIGHT, min(MOST_WEIGHT, pair.weight)) for pair in pairs) / len(pairs)


def decide(incoming: Prepared, persons: Sequence[Candidate], model: Model) -> Decision:
    """Link, review or new. The order of the persons does not matter."""
    denied = {candidate.person for candidate in persons if candidate.is_denied}
    ranked = sorted((judge(incoming, candidate, model) for candidate in persons), key=lambda j: (-j.weight, j.person))
    open_ones = [judged for judged in ranked if judged.person not in denied]
    if not open_ones:
        reason = "Everybody it resembles was ruled out by a person." if ranked else "Nobody like this is known."
        return Decision(Outcome.NEW, None, (), (), reason, ranked[0].explanation if ranked else None, tuple(ranked))
    linkable = [judged for judged in open_ones if judged.is_linkable]
    reviewable = tuple(judged.person for judged in open_ones if judged.weight >= model.thresholds.review)
    if not linkable:
        return _without_link(open_ones, reviewable, tuple(ranked))
    best = linkable[0]
    members = {candidate.person: candidate.members for candidate in persons}
    close = [j for j in open_ones if j is not best and j.weight > best.weight - model.thresholds.margin]
    if any(j.contradicted or _is_rival(members[best.person], members[j.person], _bridge(best, j), model) for j in close):
        reason = "It fits more than one person about equally well."
        return Decision(Outcome.REVIEW, None, reviewable, (), reason, best.explanation, tuple(ranked))
    joins = tuple(judged.person for judged in linkable[1:])
    reason = f"Match weight {best.weight:.1f} is above {model.thresholds.link:.1f}, and nothing speaks against it."
    return Decision(Outcome.LINK, best.person, (), joins, reason, best.explanation, tuple(ranked))


def _bridge(best: Judged, other: Judged) -> float:
    """What it says for two persons being one that the same record is like both."""
    return 0.0 if leaves_open_who(best.explanation.vetoes) else min(other.weight, MOST_WEIGHT)


def _is_rival(ours: Sequence[Prepared], theirs: Sequence[Prepared], bridge: float, model: Model) -> bool:
    """Whether two persons, whom a record resembles about equally, cannot well be one; `bridge` counts for their being one."""
    best = -math.inf
    for one, other in product(ours, theirs):
        comparison = compare(one, other)
        explanation = score(comparison, model, one, other)
        if contradicts(comparison.levels) or explanation.weight < APART_WEIGHT:
            return True
        best = max(best, explanation.weight)
    return best + bridge < SUPPORT_WEIGHT


def _without_link(open_ones: Sequence[Judged], reviewable: tuple[str, ...], ranked: tuple[Judged, ...]) -> Decision:
    best = open_ones[0]
    if not reviewable:
        reason = f"Match weight {best.weight:.1f} of the best candidate is below {best.explanation.review_threshold:.1f}."
        return Decision(Outcome.NEW, None, (), (), reason, best.explanation, ranked)
    if best.explanation.vetoes:
        reason = " ".join(veto.sentence for veto in best.explanation.vetoes)
    elif best.contradicted:
        reason = "It fits one record of the person and contradicts another."
    elif best.explanation.is_linkable:
        reason = "It fits one record of the person, but the others do not bear it out."
    else:
        reason = f"Match weight {best.weight:.1f} is not enough to link without asking."
    return Decision(Outcome.REVIEW, None, reviewable, (), reason, best.explanation, ranked)


def judge_persons(ours: Sequence[Prepared], theirs: Sequence[Prepared], model: Model) -> Decision:
    """Whether two persons are one: a higher bar than for a record, support on the average, no two members in contradiction.

    NEW means: leave them apart. `person` is always None, the caller knows both.
    """
    pairs = []
    contradicted = False
    for one, other in product(ours, theirs):
        comparison = compare(one, other)
        explanation = score(comparison, model, one, other)
        contradicted = contradicted or contradicts(comparison.levels) or explanation.weight < APART_WEIGHT
        pairs.append(explanation)
    if not pairs:
        raise ValueError("both persons have members")
    pairs = _telling(pairs)
    free = [pair for pair in pairs if pair.is_linkable and pair.weight >= model.thresholds.link + JOIN_SURPLUS]
    best = max(free or pairs, key=lambda pair: pair.weight)
    mean = _mean(pairs)
    if free and not contradicted and mean >= support_of(model):
        reason = f"Match weight {best.weight:.1f}, on the average {mean:.1f}, and no two records contradict each other."
        return Decision(Outcome.LINK, None, (), (), reason, best)
    if best.weight < model.thresholds.review:
        return Decision(Outcome.NEW, None, (), (), "No two of their records are alike enough.", best)
    reason = "Some of their records contradict each other." if contradicted else "Not enough to join two persons without asking."
    return Decision(Outcome.REVIEW, None, (), (), reason, best)
