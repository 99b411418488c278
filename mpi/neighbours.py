"""A record with the persons it resembles, as matching reads them out of the index."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from mpi.linkage.normalise import Prepared
from mpi.store import Member


@dataclass(frozen=True, slots=True)
class Neighbours:
    """A record, the person it is in, and the persons it resembles, with all their members."""

    record: int
    own: int
    people: Mapping[int, Sequence[Member]]
    prepared: Mapping[int, Prepared]
    denied: Mapping[int, set[int]]

    def active(self, person: int) -> list[Prepared]:
        """The members of a person that stand for themselves."""
        return [self.prepared[id_] for id_ in self.active_ids(person)]

    def active_ids(self, person: int) -> list[int]:
        """Their ids, in the same order."""
        return [m.id for m in self.people[person] if m.is_active]

    def ids(self, person: int) -> set[int]:
        """The records of a person."""
        return {m.id for m in self.people[person]}

    @property
    def rivals(self) -> list[int]:
        """The persons beside its own that have a record that stands for itself."""
        return [person for person in self.people if person != self.own and self.active_ids(person)]

    @property
    def others(self) -> list[Prepared]:
        """The active members of its own person beside it."""
        return [self.prepared[m.id] for m in self.people[self.own] if m.is_active and m.id != self.record]

    @property
    def mine(self) -> Prepared:
        """The record itself."""
        return self.prepared[self.record]

    def are_denied(self, one: Collection[int], other: Collection[int]) -> bool:
        """Whether somebody said that the two sides are not the same."""
        return any(self.denied.get(record, set()) & set(other) for record in one)
