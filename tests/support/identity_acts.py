"""What may happen to a patient index, drawn by chance: who sends or decides what about whom."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Final, NamedTuple

from kernel.demographics import Demographics, HumanName
from kernel.identifiers import AssigningAuthority, PatientId
from kernel.patient_update import SentIdentifier
from kernel.times import Dtm
from mpi.audit import V2_MANAGEMENT
from mpi.model import Fed
from mpi.stewardship import Verdict
from tests.support.audit import a_subject
from tests.support.identity_state import Name, Record, State
from tests.support.patients import (
    ADMINISTRATOR,
    CLINIC,
    FEEDERS,
    HOSPITAL,
    LAB,
    LENA,
    OTTO,
    XAD,
    PatientIndex,
    an_id,
    an_update,
)

PEOPLE: Final = (
    LENA,
    replace(LENA, names=(HumanName("Rivera", ("Lina",)),), telecoms=(), addresses=()),
    replace(LENA, names=(HumanName("Rivero", ("Lena",)),), birth=Dtm("19840713"), telecoms=()),
    replace(LENA, names=(HumanName("Rivera", ("Tom",)),), sex="M", birth=Dtm("20120105")),
    OTTO,
    replace(OTTO, names=(HumanName("Mueller", ("Otto",)),), addresses=()),
    Demographics(names=(HumanName("Rivera", ("Lena",)),)),
)
"""Two people, their relatives, what others make of them, and one of whom hardly anything is known."""
AUTHORITIES: Final = (HOSPITAL, CLINIC, LAB, XAD)
FED_TOGETHER: Final = {HOSPITAL: (HOSPITAL,), CLINIC: (CLINIC,), LAB: (LAB, XAD), XAD: (LAB, XAD)}
"""Of which authorities the source speaks that is asked of one: for LAB the source that gives out the domain's identifiers."""


class Happening(NamedTuple):
    """Something that happens: what, and numbers that say to whom. They mean something whatever the index holds."""

    kind: str
    numbers: tuple[int, int, int, int]


class NobodyThere(Exception):
    """There is no record that this could be about."""


@dataclass
class Actors:
    """Everybody who feeds, merges, matches and decides. Each method does what happens and tells it in words; being refused raises
    `Rejected`."""

    index: PatientIndex
    state: State
    """As it is before what happens."""
    _again: Callable[[], Fed] | None = None

    # --- whom it is about --------------------------------------------------------------------------------------------------

    def name_of(self, record: Record) -> PatientId:
        """The own identifier of a record."""
        return self._patient_id((record.authority, record.local_id))

    def key_of(self, authority: AssigningAuthority) -> int:
        """The key of an authority."""
        found = self.index.affinity.find(authority)
        assert found is not None
        return found.key

    def _patient_id(self, name: Name) -> PatientId:
        return PatientId(name[1], self.index.affinity.authority(name[0]).authority)

    def _one(self, number: int, authorities: Sequence[AssigningAuthority] = AUTHORITIES) -> Record:
        keys = {self.key_of(authority) for authority in authorities}
        found = [record for (authority, _), record in self.state.own.items() if authority in keys]
        if not found:
            raise NobodyThere
        return found[number % len(found)]

    def _given(self, number: int) -> PatientId:
        """An identifier of the domain: given by a source, or by us."""
        found = list(self.state.given)
        return PatientId(found[number % len(found)], XAD)

    def _tell(self, act: Callable[[], Fed]) -> None:
        act()
        self._again = act

    # --- what sources say --------------------------------------------------------------------------------------------------

    def feed(self, who: int, where: int, number: int, others: int) -> str:
        """A source says something of a patient, under one identifier or several."""
        authority = AUTHORITIES[where % len(AUTHORITIES)]
        names = [an_id(str(1 + number % 4), authority)]
        for other in (others % 8, others // 8 % 8):
            if other < len(AUTHORITIES) and AUTHORITIES[other] not in {name.authority for name in names}:
                names.append(an_id(str(1 + others // 64 % 4), AUTHORITIES[other]))
        return self._fed(who, names)

    def domain_names(self, who: int, which: int, number: int, _: int) -> str:
        """The source of the domain's identifiers speaks of one that somebody has, and of a laboratory's patient."""
        names = [self._given(which)]
        if number % 3:
            names.append(self.name_of(self._one(number, (LAB,))))
        return self._fed(who, names)

    def _fed(self, who: int, names: Sequence[PatientId]) -> str:
        update = an_update(*names, demographics=PEOPLE[who % len(PEOPLE)])
        message_id = f"F{self.index.a_receipt(a_subject()).message_id}"
        self._tell(lambda: self.index.feed(update, message_id=message_id))
        return f"PEOPLE[{who % len(PEOPLE)}] fed as {shown(*names)}"

    def repeats(self, *_: int) -> str:
        """The last feed comes again."""
        if self._again is not None:
            assert self._again().is_replay
        return "the last feed again"

    def source_merges(self, one: int, other: int, *_: int) -> str:
        """A source merges two of its identifiers (A40)."""
        survivor = self.name_of(self._one(one))
        subsumed = self.name_of(self._one(other, (survivor.authority,)))
        self.index.merge(survivor, subsumed)
        return f"{shown(subsumed)} merged into {shown(survivor)} by its source"

    def source_renames(self, one: int, number: int, *_: int) -> str:
        """A source calls a patient by another identifier, perhaps one that it used before (A47)."""
        old = self.name_of(self._one(one))
        new = replace(old, id=f"N{1 + number % 4}")
        self.index.rename(new, old)
        return f"{shown(old)} renamed {shown(new)}"

    def source_links(self, one: int, other: int, *_: int) -> str:
        """A source says that two are one person (A24)."""
        return self._of_two("link", one, other)

    def source_unlinks(self, one: int, other: int, *_: int) -> str:
        """A source says that two are different people (A37): mostly two that are one."""
        return self._of_two("unlink", one, other)

    def _of_two(self, act: str, one: int, other: int) -> str:
        first = self._one(one)
        spoken_of = FED_TOGETHER[self.name_of(first).authority]
        second = self._one(other, spoken_of)
        linked = [r for r in self.state.members[first.person] if r != first and self.name_of(r).authority in spoken_of]
        if act == "unlink" and linked:
            second = linked[other % len(linked)]
        pair = [self.name_of(record) for record in (first, second)]
        subject = a_subject(source=FEEDERS[spoken_of[-1]])
        sent = (SentIdentifier(pair[0], "PID-3[1].1", "PID-3[1].4"), SentIdentifier(pair[1], "PID[2]-3[1].1", "PID[2]-3[1].4"))
        getattr(self.index.links, act)(sent, subject, self.index.a_receipt(subject), V2_MANAGEMENT)
        return f"{shown(*pair)}: {act} by their source"

    def domain_moves(self, one: int, other: int, ended: int, wrong: int) -> str:
        """The affinity domain says that a local patient is another than she was thought to be (A43)."""
        local = self._one(one, AUTHORITIES[:-1])
        previous = PatientId(self.state.persons[local.person].affinity_id, XAD) if wrong % 5 else self._given(wrong)
        name, current = self.name_of(local), self._given(other)
        subsumed = self.name_of(self._one(ended, (name.authority,))) if ended % 2 else None
        self.index.move(name, previous, current, subsumed)
        return f"{shown(name)} moved from {shown(previous)} to {shown(current)}, ending {shown(subsumed) if subsumed else 'none'}"

    # --- what we do --------------------------------------------------------------------------------------------------------

    def match(self, *_: int) -> str:
        """The worker does what waits."""
        return f"the worker: {', '.join(self.index.work()) or 'nothing'}"

    def administrator_links(self, one: int, other: int, *_: int) -> str:
        """Somebody links two records."""
        pair = self._one(one), self._one(other)
        self.index.stewardship.link(pair[0].id, pair[1].id, ADMINISTRATOR)
        return f"{shown(*map(self.name_of, pair))} linked"

    def administrator_merges(self, one: int, other: int, *_: int) -> str:
        """Somebody merges two records."""
        survivor = self._one(one)
        subsumed = self._one(other, (self.name_of(survivor).authority,))
        self.index.stewardship.merge(survivor.id, subsumed.id, ADMINISTRATOR)
        return f"{shown(self.name_of(subsumed))} merged into {shown(self.name_of(survivor))}"

    def administrator_unlinks(self, one: int, *_: int) -> str:
        """Somebody takes a record out of its person."""
        record = self._one(one)
        self.index.stewardship.unlink(record.id, ADMINISTRATOR)
        return f"{shown(self.name_of(record))} unlinked"

    def administrator_answers(self, which: int, how: int, *_: int) -> str:
        """Somebody answers a review."""
        waiting = self.state.open_reviews()
        if not waiting:
            return "no review waits"
        review, verdict = waiting[which % len(waiting)], list(Verdict)[how % len(Verdict)]
        self.index.stewardship.resolve_review(review.id, verdict, ADMINISTRATOR)
        return f"review {list(self.state.reviews).index(review.id)} answered: {verdict.value}"

    def administrator_takes_back(self, which: int, *_: int) -> str:
        """Somebody takes an act back: one of the latest, perhaps one that took another back."""
        latest = list(self.state.acts)[::-1][:6]
        if not latest:
            return "nothing to take back"
        act = latest[which % len(latest)]
        self.index.stewardship.undo(act, ADMINISTRATOR)
        return f"act {list(self.state.acts).index(act)} taken back"


def shown(*names: PatientId) -> str:
    """Identifiers for people."""
    return " and ".join(f"{name.id}@{name.authority.namespace}" for name in names)


HOW_OFTEN: Final = {
    "feed": 6,
    "domain_names": 2,
    "repeats": 1,
    "match": 3,
    "source_merges": 2,
    "source_renames": 2,
    "source_links": 1,
    "source_unlinks": 1,
    "domain_moves": 2,
    "administrator_links": 2,
    "administrator_merges": 1,
    "administrator_unlinks": 2,
    "administrator_answers": 2,
    "administrator_takes_back": 4,
}
FEWEST: Final = 10
MOST: Final = 25
_NUMBERS: Final = 1 << 12


def happenings(number: int) -> list[Happening]:
    """What happens in the history of this number, always the same."""
    dice = Random(number)
    kinds = dice.choices(tuple(HOW_OFTEN), weights=tuple(HOW_OFTEN.values()), k=dice.randint(FEWEST, MOST))

    def thrown() -> int:
        return dice.randrange(_NUMBERS)

    return [Happening(kind, (thrown(), thrown(), thrown(), thrown())) for kind in kinds]


def a_beginning(index: PatientIndex, number: int) -> None:
    """A population to begin with: from three records to twenty, some with several identifiers, most of them matched."""
    dice = Random(number)
    for _ in range(dice.randint(4, 24)):
        authorities = dice.sample(AUTHORITIES, k=dice.choice((1, 1, 1, 2)))
        names = [an_id(str(dice.randint(1, 6)), authority) for authority in authorities]
        index.feed(an_update(*names, demographics=dice.choice(PEOPLE)))
    if number % 4:
        index.work()
