"""What is done with one part of linking the index anew, by whoever takes it: a worker, or the command that waits for them."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection

from kernel.database import Database, Work
from mpi import relink_store, review_store
from mpi.importing.explaining import Explainer
from mpi.importing.linking import PARTED, PlannedJoin, PlannedQuestion, question_about, why_joined
from mpi.importing.writing import Joining, write_joins, write_questions
from mpi.index import Index
from mpi.late_evidence import doubts
from mpi.linkage.normalise import Prepared
from mpi.linkage.values import levels_of_values
from mpi.linkage.weights import Explanation
from mpi.matching import AUTHOR, PrepareAnew
from mpi.model import ReviewReason
from mpi.models import Models
from mpi.relink_store import COMPARED, Part, PartKind, Run
from mpi.tables import PATIENT_RECORD

COMPARE: Final = "mpi.relink_compare"
CHANGE: Final = "mpi.relink_change"
"""Topics: a part to compare, which takes no transaction, and one that changes the index. The key is the id of the part."""
COMMENT: Final = "relink"
_MOST: Final = 64 * 1024 * 1024
"""Bytes of the work of a part."""

log = structlog.get_logger("mpi.relink")


def packed(value: object) -> bytes:
    """A value as the tables keep it."""
    return zlib.compress(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(), 1)


def unpacked(work: bytes) -> object:
    """The inverse of `packed`."""
    return json.loads(zlib.decompressobj().decompress(work, _MOST))


def joins_to_work(joins: Sequence[PlannedJoin]) -> bytes:
    """Joins as ids of records."""
    return packed([[join.stays, [[person, pair] for person, pair in join.goes]] for join in joins])


def questions_to_work(questions: Sequence[PlannedQuestion]) -> bytes:
    """Questions as ids of records."""
    return packed([[asked.record, asked.person, asked.reason.value] for asked in questions])


def doubts_to_work(loose: Mapping[int, Explanation]) -> bytes:
    """Records that would leave their persons, and why."""
    return packed([[record, found.to_json()] for record, found in loose.items()])


@dataclass(frozen=True, slots=True)
class Counts:
    """What came of a part that changes the index."""

    persons: int = 0
    joined: int = 0
    passed_over: int = 0
    questions: int = 0
    doubted: int = 0


class PartWork:
    """Does parts. Each is safe to do twice, and by two at a time."""

    def __init__(self, index: Index, models: Models, prepare_anew: PrepareAnew) -> None:
        self._index = index
        self._models = models
        self._prepare_anew = prepare_anew
        self._explainer: tuple[int, Explainer] | None = None

    def compare(self, key: str) -> None:
        """Compares the values of a part, outside of any transaction."""
        database: Database = self._index.database
        with database.read() as connection:
            part = relink_store.part(connection, int(key))
        if part is None or part.result is not None or part.kind not in COMPARED:
            return
        result = compared(part)
        with database.begin() as work:
            relink_store.finish_part(work.connection, part.id, result)

    def change(self, work: Work, key: str) -> None:
        """Does a part that changes the index, in the unit of work that says it is done."""
        part = relink_store.part(work.connection, int(key), lock=True)
        if part is None or part.result is not None:
            return
        run = relink_store.run(work.connection, part.run)
        act = _CHANGES[part.kind]
        counts = act(self, work, run, part)
        relink_store.finish_part(work.connection, part.id, packed([getattr(counts, name) for name in Counts.__slots__]))
        log.info("part of relinking done", part=part.id, kind=part.kind.value)

    def _explaining(self, run: Run) -> Explainer:
        if self._explainer is None or self._explainer[0] != run.id:
            model = self._models.model(run.model).for_population(max(run.records, 2))
            self._explainer = run.id, Explainer(model)
        return self._explainer[1]

    def _prepared(self, connection: Connection, records: Iterable[int]) -> dict[int, Prepared]:
        columns = PATIENT_RECORD.c
        found = {}
        for id_, text in connection.execute(sa.select(columns.id, columns.prepared).where(columns.id.in_(sorted(set(records))))):
            try:
                found[id_] = Prepared.from_row(json.loads(text))
            except ValueError:  # an older release cleaned it
                found[id_] = self._prepare_anew(connection, id_)
        return found

    def _join(self, work: Work, run: Run, part: Part) -> Counts:
        planned = _joins_of(part)
        known = self._prepared(work.connection, [id_ for join in planned for _, pair in join.goes for id_ in pair or ()])
        explainer, is_ruled = self._explaining(run), self._index.matching.in_rules is not None
        joins = []
        for join in planned:
            goes = []
            for person, pair in join.goes:
                found = None if pair is None or not known.keys() >= set(pair) else explainer.explain(*(known[id_] for id_ in pair))
                via = pair[1] if pair is not None and found is not None else None
                goes.append((person, *why_joined(found, via, run.model, is_ruled=is_ruled)))
            joins.append(Joining(join.stays, tuple(goes)))
        done = write_joins(work, joins, self._index.keys, author=AUTHOR, comment=COMMENT, notify=True)
        return Counts(persons=len(done), joined=sum(len(join.goes) for join in done), passed_over=len(joins) - len(done))

    def _ask(self, work: Work, run: Run, part: Part) -> Counts:
        asked = _questions_of(part)
        known = self._prepared(work.connection, [id_ for question in asked for id_ in (question.record, question.person)])
        explainer, is_ruled = self._explaining(run), self._index.matching.in_rules is not None
        questions = [
            question_about(q, explainer.explain(known[q.record], known[q.person]), is_ruled=is_ruled)
            for q in asked
            if q.record in known and q.person in known
        ]
        return Counts(questions=write_questions(work, questions, self._index.keys))

    def _doubt(self, work: Work, _run: Run, part: Part) -> Counts:
        rows = unpacked(part.work)
        assert isinstance(rows, list)
        found = doubts(work.connection, {record: Explanation.from_json(text) for record, text in rows}, PARTED)
        for question in found:
            review_store.ask(work.connection, question, self._index.keys(work.now), work.now)
        return Counts(doubted=len(found))


_CHANGES: Final[Mapping[PartKind, Callable[[PartWork, Work, Run, Part], Counts]]] = {
    PartKind.JOIN: PartWork._join,
    PartKind.ASK: PartWork._ask,
    PartKind.DOUBT: PartWork._doubt,
}


def compared(part: Part) -> bytes:
    """The levels of the values of a part."""
    rows = unpacked(part.work)
    assert isinstance(rows, list)
    ones, others = rows
    return levels_of_values(part.kind.value, ones, others)


def counts_of(results: Iterable[bytes]) -> Counts:
    """What came of many parts together."""
    sums = [0] * len(Counts.__slots__)
    for result in results:
        row = unpacked(result)
        assert isinstance(row, list)
        sums = [one + other for one, other in zip(sums, row, strict=True)]
    return Counts(*sums)


def _joins_of(part: Part) -> list[PlannedJoin]:
    rows = unpacked(part.work)
    assert isinstance(rows, list)
    return [PlannedJoin(stays, tuple((person, tuple(pair) if pair else None) for person, pair in goes)) for stays, goes in rows]


def _questions_of(part: Part) -> list[PlannedQuestion]:
    rows = unpacked(part.work)
    assert isinstance(rows, list)
    return [PlannedQuestion(record, person, ReviewReason(reason)) for record, person, reason in rows]
