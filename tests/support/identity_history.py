"""Histories of a patient index: something happens, and what must hold is looked at, until all of it is taken back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count, cycle
from random import Random
from typing import Final

from affinity.store import METADATA as AFFINITY
from kernel.demographics import Demographics, HumanName
from kernel.errors import Condition, Rejected
from kernel.identifiers import PatientId
from kernel.outbox import AUDIT_OUTBOX
from kernel.outbox import METADATA as OUTBOX
from kernel.times import Dtm
from mpi.model import ActKind
from mpi.tables import METADATA as MPI
from tests.conftest import MakeDatabase
from tests.support.clocks import TickingClock
from tests.support.identity_acts import Actors, Happening, NobodyThere, a_beginning, happenings, shown
from tests.support.identity_state import ACTIVE, ASLEEP, RETIRED, SUBSUMED, Entry, Name, Replay, State, read_state, read_told
from tests.support.kept_rows import KeptRows
from tests.support.patients import ADMINISTRATOR, XAD, Wires, wires
from tests.support.two_languages import Answer, in_v2, in_v3

BEGINNINGS: Final = 12
"""Different populations with which histories begin."""
DESCRIBED_EVERY: Final = 4
"""Happenings between two questions for a description, which cost as much as everything else that is looked at after one."""
DESCRIPTIONS: Final[tuple[Mapping[str, object], ...]] = (
    {"known": Demographics(names=(HumanName("Rivera"),)), "identifiers": [], "wanted": []},
    {"known": Demographics(birth=Dtm("19840317")), "identifiers": [], "wanted": []},
    {"known": Demographics(names=(HumanName("Mu*"),), sex="M"), "identifiers": [], "wanted": []},
)


Language = Callable[[Wires, object, int], Answer]
"""Asks a question, which has a number, and gives the answer."""


class Broken(AssertionError):
    """A history after which something did not hold: the fewest happenings that lead there, in words."""


@dataclass
class Tally:
    """What was done in some histories."""

    histories: int = 0
    happenings: int = 0
    refused: int = 0
    undone: int = 0
    kept_apart: int = 0
    """Histories whose beginning cannot be had again, for somebody took a match back and thereby said who is not the same."""
    asked: int = 0
    """Questions, in both languages; those at the end in one of them."""


class Laboratory:
    """An index that is given back its beginning for every history."""

    def __init__(self, make_database: MakeDatabase, clock: TickingClock) -> None:
        self.wires = wires(make_database)
        self.index = self.wires.index
        self.tally = Tally()
        self._clock = clock
        self._empty = KeptRows(self.index.database, (AFFINITY, OUTBOX, MPI))
        self._beginnings: dict[int, tuple[KeptRows, Replay, datetime]] = {}
        self._numbers = count(1)

    def run(self, number: int, events: Sequence[Happening] | None = None) -> None:
        """The history of this number. Raises `Broken`."""
        events = happenings(number) if events is None else events
        problem = self._problem(number, events)
        if problem is None:
            self.tally.histories += 1
            self.tally.happenings += len(events)
            return
        fewest = self._shrunk(number, events, problem)
        told: list[str] = []
        found = self._problem(number, fewest, told) or problem
        story = "\n".join(f"  {n}. {line}" for n, line in enumerate(told, 1))
        raise Broken(f"history {number} from beginning {number % BEGINNINGS}: {found!r}\n{story}") from found

    def _problem(self, number: int, events: Sequence[Happening], told: list[str] | None = None) -> Exception | None:
        history = History(self.wires, self._begin(number % BEGINNINGS), Random(number), self._numbers, self.tally)
        history.told = told if told is not None else []
        try:
            for event in events:
                history.happen(event)
            history.end()
        except Exception as problem:
            return problem
        return None

    def _shrunk(self, number: int, events: Sequence[Happening], problem: Exception) -> list[Happening]:
        """Without what is not needed for something of the kind to go wrong."""
        fewest, kind = list(events), type(problem)
        at = len(fewest) - 1
        while at >= 0:
            fewer = fewest[:at] + fewest[at + 1 :]
            if isinstance(self._problem(number, fewer), kind):
                fewest = fewer
            at -= 1
        return fewest

    def _begin(self, which: int) -> Replay:
        """Gives the index its beginning back, and the time of then."""
        if which not in self._beginnings:
            self._empty.put_back()
            a_beginning(self.index, which)
            kept = KeptRows(self.index.database, (OUTBOX, MPI), without=(AUDIT_OUTBOX,))
            replay = Replay()
            with self.index.database.read() as connection:
                replay.hear(read_told(connection, 0))
            self._beginnings[which] = kept, replay, self._clock.present
        kept, replay, self._clock.present = self._beginnings[which]
        kept.put_back()
        return Replay(dict(replay.present), dict(replay.first), replay.last)


@dataclass
class History:
    """One history, from its beginning on."""

    wires: Wires
    replay: Replay
    dice: Random
    numbers: Iterator[int]
    tally: Tally
    told: list[str] = field(default_factory=list)
    staying: list[int] = field(default_factory=list)
    """Acts that cannot be taken back."""
    happened: int = 0

    def __post_init__(self) -> None:
        self.index = self.wires.index
        self.state = self._read()
        self.actors = Actors(self.index, self.state)
        self.domain = self.actors.key_of(XAD)
        self._oids = {a.key: a.authority.universal_id for a in self.index.affinity.domain().authorities}

    def happen(self, event: Happening) -> None:
        """Something happens, and everything holds."""
        before = self.actors.state = self.state
        was_refused = True
        self.told.append(f"{event.kind}{event.numbers}")
        try:
            self.told[-1] = getattr(self.actors, event.kind)(*event.numbers)
            was_refused = False
        except Rejected as problem:
            self.told[-1] += f": refused, {problem}"
        except NobodyThere:
            self.told[-1] += ": nobody there"
        self.state = self._read()
        self.tally.refused += was_refused
        assert not (was_refused and self.state != before), "what was refused changed something"
        self._hear()
        self._look()
        self._ask_about(self.state.touched_since(before))
        self.happened += 1
        if self.happened % DESCRIBED_EVERY == 0:
            self._describe(self.happened // DESCRIBED_EVERY)

    def end(self) -> None:
        """Everybody is asked for, and everything is taken back."""
        self.told.append("the end")
        for name, language in zip(self.state.own, cycle((in_v2, in_v3)), strict=False):
            self._ask(name, language)
        self._describe(self.happened)
        self._look_at_standings()
        self._undo_everything()

    # --- what holds after every step ---------------------------------------------------------------------------------------

    def _read(self) -> State:
        with self.wires.index.database.read() as connection:
            return read_state(connection)

    def _hear(self) -> None:
        with self.index.database.read() as connection:
            self.replay.hear(read_told(connection, self.replay.last))

    def _look(self) -> None:
        """What must hold of every state."""
        state = self.state
        homeless = {r.person for r in state.records.values() if state.records[r.person].person != r.person}
        assert homeless == set(), "a person is without the record it began with"
        awake = [pair for pair in state.negatives if all(state.records[one].state < ASLEEP for one in pair)]
        torn = [pair for pair in awake if len({state.records[one].person for one in pair}) == 1]
        assert torn == [], "two are one person against somebody's word"
        away = {r.id for r in state.records.values() if r.person != r.id}
        assert state.links.keys() == away, "a link stands for each record that began a person which is gone, and for no other"
        assert self.replay.differences(state) == {}, "the journal tells another present"
        assert self._left_behind() == set(), "what ended, or sleeps, is elsewhere than what it ended in"

    def _left_behind(self) -> set[int]:
        """Records that are not with those they ended in; where somebody said that two are not the same, what ended may stay."""
        records = self.state.records
        lost = {r.id for r in records.values() if r.subsumed_by and r.person != records[r.subsumed_by].person}
        kept_apart = {id_ for thing, key in self.replay.first if thing == "negative" for id_ in key}
        return {id_ for id_ in lost if records[id_].state != SUBSUMED or not kept_apart & self._ended_in(id_)}

    def _ended_in(self, record: int) -> set[int]:
        found = {record}
        while more := {r.id for r in self.state.records.values() if r.subsumed_by in found} - found:
            found |= more
        return found

    # --- what the languages say ----------------------------------------------------------------------------------------------

    def _ask_about(self, touched: set[int]) -> None:
        """One of those that were touched, or where there are none, one of all: in both languages."""
        names = list(self.state.own)
        some = [name for name in names if self.state.own[name].id in touched] or names
        if some:
            self._ask(self.dice.choice(some))

    def _ask(self, name: Name, *languages: Language) -> None:
        """A cross-reference gets the right answer: in both languages, unless one is named."""
        asked = PatientId(name[1], self.index.affinity.authority(name[0]).authority)
        answers = self._answers((asked, []), *languages)
        assert answers == [self._expected(name)] * len(answers), shown(asked)

    def _expected(self, name: Name) -> Answer:
        people = self.state.meant(name, self.domain)
        if len(people) != 1:
            return ("refused", "IDENTIFIER_DUPLICATE" if people else "IDENTIFIER_UNKNOWN")
        return ("ids", self._written(self.state.known_by(people.pop(), self.domain) - {name}))

    def _written(self, names: Iterable[Name]) -> set[tuple[str, str]]:
        return {(value, self._oids[authority]) for authority, value in names}

    def _describe(self, which: int) -> None:
        """A description finds the same people in both languages, in the same order, each with all identifiers."""
        answer, other = self._answers(DESCRIPTIONS[which % len(DESCRIPTIONS)])
        assert answer == other, "the languages describe different people"
        assert answer[:1] != ("refused",)
        found = [ids for ids, *_ in answer]
        people = {frozenset(self._written(self.state.known_by(p, self.domain))) for p in self.state.members}
        assert len(set(found)) == len(found), "somebody was found twice"
        assert set(found) <= people, "somebody was found under other identifiers than hers"

    def _answers(self, question: object, *languages: Language) -> list[Answer]:
        number = next(self.numbers)
        self.tally.asked += 1
        return [ask(self.wires, question, number) for ask in languages or (in_v2, in_v3)]

    def _look_at_standings(self) -> None:
        """Every identifier that was ever given leads to the person its record is in."""
        for person in self.state.persons.values():
            standing = self.index.directory.standing(PatientId(person.affinity_id, XAD))
            here = self.state.records[person.id].person
            theirs = {self.state.persons[record.id].affinity_id for record in self.state.members[here]}
            assert standing.known
            assert standing.active is not person.is_subsumed
            assert standing.survivor.id == self.state.persons[here].affinity_id
            assert {i.id for i in standing.all_ids} == theirs

    # --- the way back --------------------------------------------------------------------------------------------------------

    def _undo_everything(self) -> None:
        """Every act that stands is taken back, the latest first, and then all is as it was in the beginning."""
        acts = list(self.state.acts.values())[::-1]
        for act in acts:
            if self.state.acts[act.id].undone_by is None:
                self._take_back(act)
        if all(self.state.acts[act].kind == ActKind.UNDO.value for act in self.staying):
            self._look_at_beginning(matched=any(act.kind == ActKind.MATCH.value for act in acts))
        else:
            self.tally.kept_apart += 1
        self._ask_about(set())

    def _take_back(self, act: Entry) -> None:
        before = self.state
        try:
            self.index.stewardship.undo(act.id, ADMINISTRATOR)
        except Rejected as problem:
            if not self._may_stay(act, problem):
                raise AssertionError(f"a {act.kind} cannot be taken back: {[v.detail for v in problem.violations]}") from problem
            self.staying.append(act.id)
            assert self._read() == before
            return
        self.tally.undone += 1
        self.state = self._read()
        self._hear()
        self._look()

    def _may_stay(self, act: Entry, problem: Rejected) -> bool:
        """Why an act need not be taken back.

        An undoing, for then its act would stand again: somebody's word may be against that since, or an identifier was given to
        somebody else. An act that had taken two apart whom matching joined later: who took that match back keeps them apart. What
        such an act was built on.
        """
        state = self.state
        if act.kind == ActKind.UNDO.value:
            return bool(state.negatives) or any(record.state == RETIRED for record in state.records.values())
        unmatched = any(a.kind == ActKind.MATCH.value and (a.undone_by or 0) > act.id for a in state.acts.values())
        if problem.condition is Condition.MERGE_IMPOSSIBLE:
            return unmatched
        return {v.where for v in problem.violations} <= {f"act {id_}" for id_ in self.staying}

    def _look_at_beginning(self, *, matched: bool) -> None:
        state = self.state
        awake = [record for record in state.records.values() if record.state < ASLEEP]
        assert all((r.person, r.state, r.subsumed_by) == (r.id, ACTIVE, None) for r in awake), "somebody is not where she began"
        assert {r.id for r in awake} & state.links.keys() == set()
        assert not any(state.persons[record.id].is_subsumed for record in awake)
        assert {review.state for review in state.reviews.values()} <= {"open", "withdrawn"}, "an answer stands"
        assert matched or not state.negatives, "a word of nobody keeps two apart"
        others = {n: v for n, v in self.replay.first.items() if n[0] in ("person", "link", "record") and n[1][0] in state.records}
        changed = {n for n, v in others.items() if self.replay.present[n] != v and state.records[n[1][0]].state < ASLEEP}
        assert changed == set(), "something is not as it was before the first act"
