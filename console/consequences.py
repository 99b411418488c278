"""What will happen, in words, before an administrator decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from console.showing import counted, short_id
from mpi.model import ReviewReason
from mpi.viewing import PersonView, ReviewView

_NAMED = 4
"""Identifiers that are named; more are counted."""


@dataclass(frozen=True, slots=True)
class Consequences:
    """Sentences for each of the two answers."""

    same: tuple[str, ...]
    different: tuple[str, ...]


def consequences(view: ReviewView) -> Consequences:
    """What either answer brings about."""
    if view.record.person == view.theirs.person.id:
        return _of_one_person(view)
    ours, theirs = view.ours.person.affinity_id, view.theirs.person.affinity_id
    goes = theirs if view.survivor == ours else ours
    same: tuple[str, ...] = (
        f"{_listed(view.ours, view.theirs)} will answer together: whoever asks for one is told the others.",
        f"In the affinity domain both go by {view.survivor}. {goes} stays known and leads there.",
        f"Documents filed under {goes} are found under {view.survivor} as well.",
    )
    different = (
        "Both stay as they are, and matching will neither link them nor ask again.",
        f"That holds for all {counted(_size(view), 'record')} of the two persons, until the decision is taken back.",
    )
    if view.review.reason is ReviewReason.KEPT_APART:
        same = ("An earlier decision keeps these two apart. It has to be taken back first; this page will say which.", *same)
    return Consequences(same, different)


def _of_one_person(view: ReviewView) -> Consequences:
    own = view.ours.person.affinity_id
    return Consequences(
        ("Nothing moves: the record stays with its person, and from now on your word stands behind it.",),
        (
            f"{_listed(view.ours)} leaves the person and answers alone; the rest, {_listed(view.theirs)}, goes on without it.",
            f"The part with the oldest record keeps {own} in the affinity domain; the other goes by an identifier of its own.",
            "Matching will not link them again, until the decision is taken back.",
        ),
    )


def _size(view: ReviewView) -> int:
    return len(view.ours.person.members) + len(view.theirs.person.members)


def _listed(*people: PersonView) -> str:
    """The own identifiers of the records of one person or more."""
    own = [[ids[0] for ids in person.ids_of.values() if ids] for person in people]
    names = [short_id(patient_id) for of_person in own for patient_id in of_person[:_NAMED]]
    more = sum(max(len(of_person) - _NAMED, 0) for of_person in own)
    if more:
        names.append(counted(more, "more identifier"))
    return _joined(names) or "a record without an identifier"


def _joined(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)
