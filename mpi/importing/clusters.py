"""Clusters out of the index: for each record who it is, as people and matching together say, or as matching alone would have it.

A link about which matching itself asks, because a later record contests it or the likeness is gone, is not counted as automatic.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from enum import Enum
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mpi.ledger import changes_of
from mpi.model import LinkKind, ReviewReason, ReviewState
from mpi.tables import JOURNAL, JOURNAL_CHANGE, LINK, PATIENT_RECORD, REVIEW

COLUMNS: Final = ("record_id", "cluster_id", "link_kind", "match_weight")
_FETCHED: Final = 5_000
_AT_ONCE: Final = 1_000


class Links(Enum):
    """Which links count."""

    AUTO = "auto"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class ClusterRow:
    """A record, the cluster it is in, and the link that brought it there; a record that is where it began has no weight."""

    record_id: str
    cluster_id: int
    kind: LinkKind
    weight: float | None

    @property
    def texts(self) -> tuple[str, str, str, str]:
        """As a row of the file."""
        return self.record_id, str(self.cluster_id), self.kind.value, "" if self.weight is None else f"{self.weight:.4f}"


def cluster_rows(connection: Connection, links: Links) -> Iterator[ClusterRow]:
    """A row for each record, in the order in which they came; a cluster is named by the record it began with."""
    apart = _automatic(connection) if links is Links.AUTO else {}
    record, link = PATIENT_RECORD.c, LINK.c
    statement = sa.select(record.id, record.local_id, record.person, link.kind, link.weight)
    statement = statement.join_from(PATIENT_RECORD, LINK, link.record == record.id, isouter=True).order_by(record.id)
    streamed = connection.execution_options(stream_results=True, yield_per=_FETCHED)
    with closing(streamed.execute(statement)) as rows:
        for id_, local_id, person, kind, weight in rows:
            if id_ in apart:
                cluster, is_automatic = apart[id_]
                yield ClusterRow(local_id, cluster, *((LinkKind(kind), weight) if is_automatic else (LinkKind.INITIAL, None)))
            else:
                yield ClusterRow(local_id, person, LinkKind.INITIAL if kind is None else LinkKind(kind), weight)


def _automatic(connection: Connection) -> dict[int, tuple[int, bool]]:
    """The records that are elsewhere when only links count that matching made and stands by."""
    found = _without_people(connection)
    doubted = _doubted(connection)
    for person, doubtful in doubted.items():
        members = connection.scalars(sa.select(PATIENT_RECORD.c.id).where(PATIENT_RECORD.c.person == person)).all()
        clusters: dict[int, list[int]] = {}
        for record in members:
            cluster = found[record][0] if record in found else person
            clusters.setdefault(record if record in doubtful else cluster, []).append(record)
        for cluster, together in clusters.items():
            name = cluster if cluster in together else min(together)
            for record in together:
                is_automatic = found[record][1] if record in found else record != person
                found[record] = (name, is_automatic and record != name)
    return found


def _doubted(connection: Connection) -> dict[int, set[int]]:
    """By person the records about whose link matching itself has asked."""
    statement = sa.select(PATIENT_RECORD.c.person, PATIENT_RECORD.c.id).join(REVIEW, REVIEW.c.record == PATIENT_RECORD.c.id)
    is_asked = (REVIEW.c.state == ReviewState.OPEN.value) & (REVIEW.c.reason == ReviewReason.WEAKENED.value)
    found: dict[int, set[int]] = {}
    for person, record in connection.execute(statement.where(is_asked)):
        found.setdefault(person, set()).add(record)
    return found


def _without_people(connection: Connection) -> dict[int, tuple[int, bool]]:
    """For the records of persons in which not every link is automatic: the cluster that automatic links alone would make, and
    whether the record has such a link.

    A link stands at the record a person began with when that person went over to another; the journal says to which.
    """
    others = sa.select(PATIENT_RECORD.c.person).join(LINK, LINK.c.record == PATIENT_RECORD.c.id)
    persons = sorted(set(connection.scalars(others.where(LINK.c.kind != LinkKind.AUTOMATIC.value))))
    members: dict[int, int] = {}
    automatic: dict[int, int] = {}
    for part in _parts(persons):
        statement = sa.select(PATIENT_RECORD.c.id, PATIENT_RECORD.c.person, LINK.c.kind)
        rows = statement.join(LINK, LINK.c.record == PATIENT_RECORD.c.id, isouter=True).where(PATIENT_RECORD.c.person.in_(part))
        for record, person, kind in connection.execute(rows):
            members[record] = person
            if kind == LinkKind.AUTOMATIC.value:
                automatic[record] = person
    joined_to = _joined_to(connection, automatic)
    clusters = _components(members, joined_to)
    return {record: (cluster, record in automatic) for record, cluster in clusters.items()}


def _joined_to(connection: Connection, automatic: dict[int, int]) -> dict[int, int]:
    """For each of these records the person that it went over to, by the latest act that linked it and stands."""
    found: dict[int, int] = {}
    change, act = JOURNAL_CHANGE.c, JOURNAL.c
    for part in _parts(sorted(automatic)):
        statement = sa.select(sa.func.max(change.act)).join(JOURNAL, act.id == change.act)
        linked = statement.where(change.thing == "link", change.key.in_([str(r) for r in part]), act.undone_by.is_(None))
        for act_id in connection.scalars(linked.group_by(change.key)).all():
            for moved in changes_of(connection, act_id):
                target = (moved.after or {}).get("person")
                if moved.thing == "record" and moved.key[0] in automatic and isinstance(target, int):
                    found[moved.key[0]] = target
    return {record: found.get(record, person) for record, person in automatic.items()}


def _components(members: Iterable[int], joined_to: dict[int, int]) -> dict[int, int]:
    """Each record with the smallest record it is connected to."""
    parent = {record: record for record in members}

    def root(record: int) -> int:
        while parent[record] != record:
            parent[record] = parent[parent[record]]
            record = parent[record]
        return record

    for one, other in joined_to.items():
        if other in parent:
            first, second = sorted((root(one), root(other)))
            parent[second] = first
    return {record: root(record) for record in parent}


def _parts(values: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(values), _AT_ONCE):
        yield values[start : start + _AT_ONCE]
