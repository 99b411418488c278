"""The other policy: no weights, but combinations of fields that agree, as a domain or a law lays them down.

A rule is a list of conditions that must all hold between two records. A condition is the name of a field, which must agree as it
best can (`birth`), a field with the levels that count as agreement (`given=exact|variant|nickname`), or an identifier of one
authority that both must have (`identifier:2.999.7.1`). What a machine links, and what it only asks about, are two lists of rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Final

import numpy as np
import numpy.typing as npt

from mpi.linkage.candidates import Pairs
from mpi.linkage.columns import Columns
from mpi.linkage.comparison import compare
from mpi.linkage.decision import Candidate, Decision, Judged, Outcome
from mpi.linkage.levels import FIELD_NAMES, FIELDS, IDENTIFIER, Levels, levels_of
from mpi.linkage.model import Model
from mpi.linkage.normalise import Prepared
from mpi.linkage.vetoes import contradicts
from mpi.linkage.weights import Explanation, score

RULES_VERSION: Final = "rules"
"""Stands in the explanation for the model: the weights are what the model says, the decision is that of a rule."""
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Condition:
    """A field, by its place, with the levels that hold; `authority` narrows identifiers down to those of one authority."""

    field: int
    levels: frozenset[int]
    authority: str = ""

    @classmethod
    def parse(cls, text: str) -> Condition:
        """From its text. Raises `ValueError` for an unknown field or level."""
        head, _, wanted = text.partition("=")
        name, _, authority = head.partition(":")
        if name not in FIELD_NAMES or (authority and name != FIELDS[IDENTIFIER].name):
            raise ValueError(f"{text}: fields are {', '.join(FIELD_NAMES)}, and identifier:AUTHORITY")
        at = FIELD_NAMES.index(name)
        known = {FIELDS[at].level_name(level): level for level in range(1, FIELDS[at].size)}
        levels = wanted.split("|") if wanted else [next(iter(known))]
        if set(levels) - known.keys():
            raise ValueError(f"{text}: levels of {name} are {', '.join(known)}")
        return cls(at, frozenset(known[level] for level in levels), authority)

    def holds(self, levels: Levels, one: Prepared, other: Prepared) -> bool:
        """Whether it holds between two records with these levels."""
        return levels[self.field] in self.levels and (not self.authority or self._is_shared(one, other))

    def _is_shared(self, one: Prepared, other: Prepared) -> bool:
        ours, theirs = (
            {i for i in (record.source_id, *record.person_ids, *record.local_ids) if i.partition(":")[0] == self.authority}
            for record in (one, other)
        )
        return not ours.isdisjoint(theirs)


@dataclass(frozen=True, slots=True)
class Rule:
    """Conditions that must all hold."""

    text: str
    conditions: tuple[Condition, ...]

    @classmethod
    def parse(cls, texts: Sequence[str]) -> Rule:
        """From the texts of its conditions. Raises `ValueError`, also for a rule without any."""
        if not texts:
            raise ValueError("a rule has conditions")
        return cls(" + ".join(texts), tuple(map(Condition.parse, texts)))

    def holds(self, levels: Levels, one: Prepared, other: Prepared) -> bool:
        """Whether all conditions hold."""
        return all(condition.holds(levels, one, other) for condition in self.conditions)

    @property
    def is_of_levels(self) -> bool:
        """Whether the levels alone tell, without a look at the records."""
        return not any(condition.authority for condition in self.conditions)


@dataclass(frozen=True, slots=True)
class Rules:
    """When a machine links and when it asks. Birth order and junior against senior speak against any link."""

    link: tuple[Rule, ...]
    ask: tuple[Rule, ...] = ()

    @classmethod
    def parse(cls, link: Sequence[Sequence[str]], ask: Sequence[Sequence[str]] = ()) -> Rules:
        """From texts. Raises `ValueError`."""
        return cls(tuple(map(Rule.parse, link)), tuple(map(Rule.parse, ask)))

    def decide(self, incoming: Prepared, persons: Sequence[Candidate], model: Model) -> Decision:
        """Link, review or new, as `decision.decide`; `model` only says how much the agreement weighs."""
        found = sorted((self.judge(incoming, person, model) for person in persons), key=lambda j: (-j[0].weight, j[0].person))
        ranked = tuple(judged for judged, _ in found)
        denied = {person.person for person in persons if person.is_denied}
        linkable = [(judged, rule) for judged, rule in found if judged.is_linkable]
        asked = tuple(judged.person for judged, rule in found if rule is not None and judged.person not in denied)
        if linkable:
            (best, rule), *rest = linkable
            assert rule is not None
            reason = f"The rule {rule.text} holds, and nothing contradicts it."
            joins = tuple(judged.person for judged, _ in rest)
            return Decision(Outcome.LINK, best.person, (), joins, reason, best.explanation, ranked)
        explanation = ranked[0].explanation if ranked else None
        if not asked:
            return Decision(Outcome.NEW, None, (), (), "No rule holds with anybody.", explanation, ranked)
        first, rule = next((judged, rule) for judged, rule in found if judged.person == asked[0])
        reason = "A rule holds with one record of the person, and another contradicts it." if first.contradicted else ""
        reason = reason or f"The rule {rule.text if rule else ''} holds, which is not enough to link without asking."
        return Decision(Outcome.REVIEW, None, asked, (), reason, first.explanation, ranked)

    def judge_persons(self, ours: Sequence[Prepared], theirs: Sequence[Prepared], model: Model) -> Decision:
        """Whether two persons are one, as `decision.judge_persons`."""
        pairs = [self._pair(one, other, model) for one, other in product(ours, theirs)]
        explanation, rule, _ = _best(pairs, self)
        contradicted = any(pair[2] for pair in pairs)
        if rule is None:
            return Decision(Outcome.NEW, None, (), (), "No rule holds between any two of their records.", explanation)
        if contradicted or rule not in self.link:
            reason = "Some of their records contradict each other." if contradicted else f"The rule {rule.text} only asks."
            return Decision(Outcome.REVIEW, None, (), (), reason, explanation)
        return Decision(Outcome.LINK, None, (), (), f"The rule {rule.text} holds, and nothing contradicts it.", explanation)

    def judge(self, incoming: Prepared, person: Candidate, model: Model) -> tuple[Judged, Rule | None]:
        """A candidate with the pair that decides, and the rule that holds for it."""
        pairs = [self._pair(incoming, member, model) for member in person.members]
        explanation, rule, _ = _best(pairs, self)
        contradicted = any(pair[2] for pair in pairs)
        is_linkable = rule in self.link and not contradicted and not person.is_denied
        return Judged(person.person, explanation.weight, explanation, is_linkable, contradicted), rule

    def _pair(self, one: Prepared, other: Prepared, model: Model) -> _Pair:
        comparison = compare(one, other)
        explanation = replace(score(comparison, model, one, other), model_version=RULES_VERSION)
        return explanation, self.rule_of(comparison.levels, one, other), contradicts(comparison.levels)

    def rule_of(self, levels: Levels, one: Prepared, other: Prepared) -> Rule | None:
        """The first rule that holds, those that link before those that ask."""
        return next((rule for rule in (*self.link, *self.ask) if rule.holds(levels, one, other)), None)

    def of_pairs(self, columns: Columns, pairs: Pairs, patterns: npt.NDArray[np.int64]) -> tuple[Mask, Mask, Mask]:
        """Of many pairs with their patterns of levels those to link, those to ask about, and those that exclude each other."""
        distinct, inverse = np.unique(patterns, return_inverse=True)
        levels = [levels_of(pattern) for pattern in distinct.tolist()]
        apart = np.fromiter(map(contradicts, levels), np.bool_, len(levels))[inverse]
        link, ask = (_any(rules, levels, inverse, columns, pairs) for rules in (self.link, self.ask))
        return link & ~apart, (ask | link) & ~(link & ~apart), apart


_Pair = tuple[Explanation, Rule | None, bool]
_NOBODY: Final = Prepared()


def _best(pairs: Sequence[_Pair], rules: Rules) -> _Pair:
    """The pair that decides: one with a rule that links, else that asks, else the heaviest."""
    return max(pairs, key=lambda pair: (pair[1] in rules.link, pair[1] is not None, pair[0].weight))


def _any(rules: Sequence[Rule], levels: Sequence[Levels], inverse: npt.NDArray[np.intp], columns: Columns, pairs: Pairs) -> Mask:
    found = np.zeros(len(pairs), np.bool_)
    for rule in rules:
        bare = rule if rule.is_of_levels else Rule("", tuple(replace(c, authority="") for c in rule.conditions))
        holds = np.fromiter((bare.holds(row, _NOBODY, _NOBODY) for row in levels), np.bool_, len(levels))[inverse]
        if not rule.is_of_levels:
            for at in np.flatnonzero(holds & ~found).tolist():
                one, other = (columns.prepared(int(end)) for end in divmod(int(pairs[at]), columns.size))
                holds[at] = rule.holds(levels[inverse[at]], one, other)
        found |= holds
    return found
