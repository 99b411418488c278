"""What a record that arrives or changes says about links made before: questions for an administrator, never a change."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from sqlalchemy.engine import Connection

from mpi import review_store, store
from mpi.linkage.contests import Loosened, loosened
from mpi.linkage.decision import Candidate, judge
from mpi.linkage.model import Model
from mpi.linkage.rules import Rules
from mpi.linkage.weights import Explanation
from mpi.model import LinkKind, ReviewReason
from mpi.neighbours import Neighbours
from mpi.review_store import Question

CONTESTED: Final = "Another record contests the link: it is about as like the one as this record is, and can hardly be this one."
_MOST_RIVALS: Final = 50
"""Records of other persons that are held against the links of a person whose record changed."""


def weakened(connection: Connection, found: Neighbours, model: Model, rules: Rules | None = None) -> list[Question]:
    """Whether a record that was linked by its likeness, or by the rules where those decide, lost it."""
    if not found.others or not _is_linked_by_likeness(connection, found.record, found.own, found.ids(found.own)):
        return []
    candidate = Candidate(str(found.own), found.others)
    if rules is not None:
        judged, rule = rules.judge(found.mine, candidate, model)
        holds, lost = rule is not None, "No rule holds any more."
    else:
        judged = judge(found.mine, candidate, model)
        holds, lost = judged.weight >= model.thresholds.review, "Its match weight fell."
    if holds and not judged.contradicted:
        return []
    detail = "It contradicts another record of the person." if judged.contradicted else lost
    return [Question(found.record, found.own, ReviewReason.WEAKENED, detail, judged.weight, judged.explanation.to_json())]


def contested(found: Neighbours, target: int | None, model: Model) -> Mapping[int, Loosened]:
    """Records that hang on links which the record, or what is near it, contests. `target` is the person the record goes to."""
    loose: dict[int, Loosened] = {}
    for person, rival in _rivalries(found):
        ids = [id_ for id_ in found.active_ids(person) if id_ != rival]
        is_inside = rival in found.ids(person) or (rival == found.record and person == target)
        if len(ids) > 1 and not found.are_denied([rival], ids):
            records = [found.prepared[id_] for id_ in ids]
            hanging = loosened(records, found.prepared[rival], model, joined=is_inside)
            loose |= {ids[loosed.place]: loosed for loosed in hanging}
    return loose


def _rivalries(found: Neighbours) -> Iterator[tuple[int, int]]:
    """Persons, each with a record that may contest their links: the one that arrived, and for a person it is in, every other."""
    for person in found.people:
        yield person, found.record
    if found.others:
        near = [id_ for person in found.rivals for id_ in found.active_ids(person)]
        for rival in (*found.active_ids(found.own), *near[:_MOST_RIVALS]):
            if rival != found.record:
                yield found.own, rival


def contest_questions(connection: Connection, loose: Mapping[int, Loosened], own: int) -> list[Question]:
    """Asks about contested links that a machine made, unless somebody is asked already; about the record `own` in any case."""
    return doubts(connection, {record: found.link for record, found in loose.items()}, CONTESTED, anyway=own)


def doubts(connection: Connection, why: Mapping[int, Explanation], detail: str, *, anyway: int | None = None) -> list[Question]:
    """Asks whether records still belong where a machine put them, unless somebody is asked already; about `anyway` in any case."""
    if not why:
        return []
    asked = {r.record for r in review_store.open_reviews_of(connection, why) if r.reason is ReviewReason.WEAKENED}
    where = store.persons_of(connection, why)
    questions = []
    for record, found in why.items():
        person = where[record]
        members = [m.id for m in store.matching_members(connection, [person])]
        if (record == anyway or record not in asked) and _is_linked_by_likeness(connection, record, person, members):
            questions.append(Question(record, person, ReviewReason.WEAKENED, detail, found.weight, found.to_json()))
    return questions


def _is_linked_by_likeness(connection: Connection, record: int, person: int, members: Collection[int]) -> bool:
    """Whether a machine put the record where it is; of the record that the person began with: whether it put another there."""
    links = store.links(connection, members)
    anchored = [link for id_, link in links.items() if (id_ == record) != (record == person)]
    return any(link.kind is LinkKind.AUTOMATIC for link in anchored)
