"""Links the whole index anew in parts, which workers take as they come and this process takes too; goes on where it was cut short.

Values are compared in parts, each pair of values once; from their levels this process decides, says what would change, and lays
that down as parts again: persons to join, questions to ask. All parts are rows of the database, done in the transaction that marks
them done. So whoever is killed, nothing is lost and nothing is done twice; begun again, the run goes on with what is left.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from multiprocessing import get_context
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt
import structlog

from kernel.database import Work
from kernel.errors import Condition, rejected
from mpi import relink_store
from mpi.importing.linking import Band, BatchLinking, Explaining, Foreseen, Proposal
from mpi.importing.relink_parts import (
    CHANGE,
    COMPARE,
    Counts,
    PartWork,
    compared,
    counts_of,
    doubts_to_work,
    joins_to_work,
    packed,
    questions_to_work,
)
from mpi.index import Index
from mpi.linkage.batch import patterns_of_pairs
from mpi.linkage.candidates import Pairs
from mpi.linkage.columns import Columns
from mpi.linkage.values import ValueLevels, column_of, texts_of, value_pairs
from mpi.models import Models
from mpi.relink_store import COMPARED, Part, PartKind, Run, RunState

Tell = Callable[[str], None]
Report = Mapping[str, object]
T = TypeVar("T")
_SAMPLES: Final = 5
_FEW: Final = 4
"""Parts for which further processes are not worth their start."""

log = structlog.get_logger("mpi.relink")


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much a part holds: pairs of values, persons that others join, questions."""

    values: int = 50_000
    joins: int = 500
    questions: int = 1_000


class Relinking:
    """Runs over one index."""

    def __init__(self, index: Index, models: Models, batch: BatchLinking, parts: PartWork, *, sizes: Sizes | None = None) -> None:
        self._index = index
        self._models = models
        self._batch = batch
        self._parts = parts
        self._sizes = sizes or Sizes()

    def relink(self, author: str, *, is_dry: bool = False, processes: int = 1, tell: Tell = lambda _: None) -> Report:
        """Links everybody anew by the model in force, or goes on with a run that was cut short; says what changed, or would.

        Raises `Rejected` when only a report is wanted of a run that has begun to change the index.
        """
        run = self._begun(author)
        if is_dry and run.state is not RunState.COMPARING:
            detail = "a run that changes the index was cut short; it is finished first, by the same command without the dry run"
            raise rejected(Condition.UPDATE_INVALID, "run", detail)
        if run.state is RunState.COMPARING:
            run = self._decide(run, is_dry=is_dry, processes=processes, tell=tell)
            if is_dry:
                with self._index.database.begin() as work:
                    relink_store.drop_run(work.connection, run.id)
                found: dict[str, object] = json.loads(run.report)
                return found | {"changed": "nothing, this was a dry run"}
        return self._apply(run, tell)

    def _begun(self, author: str) -> Run:
        with self._index.database.begin() as work:
            run = relink_store.unfinished(work.connection)
            if run is None:
                run = Run(self._index.keys(work.now), RunState.COMPARING, author, self._models.in_force().version, 0, "")
                relink_store.add_run(work.connection, run)
            else:
                log.info("relinking goes on", run=run.id, state=run.state.value)
        return run

    # --- comparing ---------------------------------------------------------------------------------------------------------

    def _decide(self, run: Run, *, is_dry: bool, processes: int, tell: Tell) -> Run:
        """Compares and decides; lays the changes down as parts unless only a report is wanted."""

        known: dict[str, ValueLevels] = {}

        def patterns_by(columns: Columns, pairs: Pairs) -> npt.NDArray[np.int64]:
            if not known:
                known.update(self._compared(run, columns, pairs, processes, tell))
            return patterns_of_pairs(columns, pairs, processes=processes, known=known)

        model = self._models.in_force()
        proposal = self._batch.propose(model=model, tell=tell, patterns_by=patterns_by)
        tell("looking for what would change")
        foreseen = self._batch.changes(proposal, patterns_by)
        report = json.dumps(_report(proposal, foreseen))
        if not is_dry:
            tell("laying down what is to be done")
            return self._lay_down(run, proposal, foreseen, report)
        return Run(run.id, run.state, run.author, model.version, proposal.snapshot.size, report)

    def _compared(self, run: Run, columns: Columns, pairs: Pairs, processes: int, tell: Tell) -> dict[str, ValueLevels]:
        """The levels of all pairs of values; those that this run compared before are not compared again."""
        wanted = {kind: value_pairs(columns, pairs, kind.value) for kind in COMPARED}
        places = {kind: self._offer(run, columns, kind, keys) for kind, keys in wanted.items()}
        with ExitStack() as stack:
            pool: Executor | None = None
            if processes > 1 and sum(map(len, places.values())) > _FEW:
                pool = stack.enter_context(ProcessPoolExecutor(processes, mp_context=get_context("spawn")))
            self._work_off(run, COMPARED, tell, "compared", lambda ids: self._compare(ids, pool))
        known = {}
        with self._index.database.read() as connection:
            for kind, keys in wanted.items():
                parts = [relink_store.part(connection, part) for part in places[kind]]
                levels = b"".join(bytes(part.result) for part in parts if part is not None and part.result is not None)
                known[kind.value] = ValueLevels(keys, np.frombuffer(levels, np.uint8))
        return known

    def _offer(self, run: Run, columns: Columns, kind: PartKind, keys: npt.NDArray[np.int64]) -> list[int]:
        """Lays pairs of values down in parts and tells the workers; gives the parts in order."""
        places: list[int] = []
        with self._index.database.read() as connection:
            there = relink_store.digests(connection, run.id, kind)
        for start in range(0, len(keys), self._sizes.values):
            ones, others = texts_of(column_of(columns, kind.value), keys[start : start + self._sizes.values])
            content = packed([ones, others])
            digest = sha256(content).hexdigest()
            if digest not in there:
                with self._index.database.begin() as work:
                    there[digest] = self._index.keys(work.now)
                    relink_store.add_parts(work.connection, [Part(there[digest], run.id, kind, digest, content)])
                    work.tell(COMPARE, str(there[digest]))
            places.append(there[digest])
        return places

    def _compare(self, ids: Sequence[int], pool: Executor | None) -> None:
        """Compares some parts, in other processes where there are any."""
        with self._index.database.read() as connection:
            found = [relink_store.part(connection, part) for part in ids]
        parts = [part for part in found if part is not None and part.result is None]
        results = pool.map(compared, parts) if pool else map(compared, parts)
        for part, result in zip(parts, results, strict=True):
            with self._index.database.begin() as work:
                relink_store.finish_part(work.connection, part.id, result)

    # --- changing ----------------------------------------------------------------------------------------------------------

    def _lay_down(self, run: Run, proposal: Proposal, foreseen: Foreseen, report: str) -> Run:
        """In one transaction everything that is to be done; from here on the run is finished whatever happens."""
        explaining = Explaining(proposal)
        loose = list(self._batch.loose(proposal, foreseen).items())
        values = {"model": proposal.model.version, "records": proposal.snapshot.size, "report": report}
        with self._index.database.begin() as work:
            changed = {"state": RunState.JOINING.value, **values}
            if not relink_store.change_run(work.connection, run.id, RunState.COMPARING, **changed):
                return self._overtaken(work)
            relink_store.drop_parts(work.connection, run.id)
            self._add(work, run, PartKind.JOIN, map(joins_to_work, _chunks(explaining.planned_joins(), self._sizes.joins)))
            questions = _chunks(explaining.planned_questions(), self._sizes.questions)
            self._add(work, run, PartKind.ASK, map(questions_to_work, questions))
            doubted = _chunks(loose, self._sizes.questions)
            self._add(work, run, PartKind.DOUBT, (doubts_to_work(dict(part)) for part in doubted))
            self._announce(work, run, (PartKind.JOIN,))
            return relink_store.run(work.connection, run.id)

    def _overtaken(self, work: Work) -> Run:
        """Somebody else went on with the run."""
        found = relink_store.unfinished(work.connection)
        if found is None or found.state is RunState.COMPARING:
            raise rejected(Condition.UPDATE_INVALID, "run", "somebody else linked the index anew at the same time; begin again")
        return found

    def _add(self, work: Work, run: Run, kind: PartKind, contents: Iterable[bytes]) -> None:
        for content in contents:
            part = Part(self._index.keys(work.now), run.id, kind, sha256(content).hexdigest(), content)
            relink_store.add_parts(work.connection, [part])

    def _announce(self, work: Work, run: Run, kinds: Collection[PartKind]) -> None:
        for part in reversed(relink_store.open_parts(work.connection, run.id, kinds, _ALL)):
            work.tell(CHANGE, str(part))

    def _apply(self, run: Run, tell: Tell) -> Report:
        """Does what is left to do, with whoever else does; asks when all persons are joined."""
        questions = (PartKind.ASK, PartKind.DOUBT)
        if run.state is RunState.JOINING:
            self._work_off(run, (PartKind.JOIN,), tell, "joined persons:", self._change)
            with self._index.database.begin() as work:
                if relink_store.change_run(work.connection, run.id, RunState.JOINING, state=RunState.ASKING.value):
                    self._announce(work, run, questions)
        self._work_off(run, questions, tell, "asked:", self._change)
        with self._index.database.begin() as work:
            counts = counts_of(relink_store.results(work.connection, run.id, (PartKind.JOIN, *questions)))
            relink_store.drop_parts(work.connection, run.id)
            relink_store.change_run(work.connection, run.id, RunState.ASKING, state=RunState.DONE.value)
        log.info("index linked anew", persons=counts.persons, joined=counts.joined, questions=counts.questions)
        found: dict[str, object] = json.loads(run.report)
        return found | _told(counts)

    def _change(self, ids: Sequence[int]) -> None:
        for part in ids:
            self._index.unit(lambda work, part=part: self._parts.change(work, str(part)))  # type: ignore[misc]

    def _work_off(
        self, run: Run, kinds: Collection[PartKind], tell: Tell, done_so: str, act: Callable[[Sequence[int]], None]
    ) -> None:
        """Does parts from the end until none is left; workers that were told begin at the other end."""
        at_once = _COMPARED_AT_ONCE if kinds is COMPARED else 1
        while True:
            with self._index.database.read() as connection:
                done, total = relink_store.progress(connection, run.id, kinds)
                ids = relink_store.open_parts(connection, run.id, kinds, at_once)
            tell(f"{done_so} {done} of {total} parts")
            if not ids:
                return
            act(ids)


_ALL: Final = 1_000_000
_COMPARED_AT_ONCE: Final = 16


def _chunks(values: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(values)
    while chunk := list(islice(iterator, size)):
        yield chunk


def _report(proposal: Proposal, foreseen: Foreseen) -> dict[str, object]:
    """What would change, for people."""
    return {
        "records": proposal.snapshot.size,
        "model": proposal.model.version,
        "pairs of records gained": foreseen.joined.gained_pairs,
        "pairs that stay": foreseen.joined.kept_pairs,
        "persons joined": foreseen.joined.joined,
        "pairs the model alone would part": foreseen.parted.lost_pairs,
        "persons it would split": foreseen.parted.split,
        "links whose weight now only asks": foreseen.moved.get((Band.LINK, Band.REVIEW), 0),
        "links whose weight now says no": foreseen.moved.get((Band.LINK, Band.BELOW), 0),
        "questions whose weight now links": foreseen.moved.get((Band.REVIEW, Band.LINK), 0),
        "questions whose weight now says no": foreseen.moved.get((Band.REVIEW, Band.BELOW), 0),
        "open questions answered": foreseen.questions_answered,
        "questions to ask": foreseen.questions_new,
        "samples of joined persons": [list(sample) for sample in foreseen.joined_samples[:_SAMPLES]],
        "samples of persons it would split": [list(sample) for sample in foreseen.split_samples[:_SAMPLES]],
    }


def _told(counts: Counts) -> dict[str, object]:
    return {
        "persons": counts.persons,
        "joined": counts.joined,
        "questions": counts.questions,
        "passed_over": counts.passed_over,
        "records doubted": counts.doubted,
    }
