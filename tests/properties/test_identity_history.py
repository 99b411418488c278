"""Random histories of feeds, merges, matches, decisions and undoings: what holds after every step."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from affinity.store import METADATA as AFFINITY
from kernel.database import Database
from kernel.demographics import Demographics, HumanName
from kernel.errors import HieError
from kernel.identifiers import AssigningAuthority, PatientId
from kernel.outbox import METADATA as OUTBOX
from kernel.times import Dtm
from mpi import ledger, store
from mpi.model import ActKind, RecordState
from mpi.stewardship import Verdict
from mpi.tables import JOURNAL, LINK, METADATA, NEGATIVE_LINK, PATIENT_RECORD, PERSON, REVIEW
from tests.support.clocks import TickingClock
from tests.support.patients import (
    ADMINISTRATOR,
    CLINIC,
    HOSPITAL,
    LAB,
    LENA,
    OTTO,
    XAD,
    PatientIndex,
    an_affinity_domain,
    an_id,
    an_update,
)

PEOPLE = (
    LENA,
    replace(LENA, names=(HumanName("Rivera", ("Lina",)),), telecoms=(), addresses=()),
    replace(LENA, names=(HumanName("Rivero", ("Lena",)),), birth=Dtm("19840713"), telecoms=()),
    replace(LENA, names=(HumanName("Rivera", ("Tom",)),), sex="M", birth=Dtm("20120105")),
    OTTO,
)
AUTHORITIES = (HOSPITAL, CLINIC, LAB, XAD)
people = st.sampled_from(PEOPLE)
numbers = st.integers(min_value=0, max_value=40)


@contextmanager
def an_index() -> Iterator[PatientIndex]:
    """An index on a database of its own."""
    with TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{Path(folder) / 'index.db'}", clock=TickingClock())
        for part in (OUTBOX, AFFINITY, METADATA):
            part.create_all(database.engine)
        try:
            yield PatientIndex(database, an_affinity_domain())
        finally:
            database.close()


class IdentityHistory(RuleBasedStateMachine):
    """Sources feed and merge, matching runs, administrators decide and change their minds."""

    def __init__(self) -> None:
        super().__init__()
        self._context = an_index()
        self.index = self._context.__enter__()
        self.ids: list[PatientId] = []

    def teardown(self) -> None:
        """At the end everything is taken back."""
        try:
            self.the_journal_tells_the_present()
            self.cross_references_are_symmetric()
            self.standings_agree_with_persons()
            self._undo_everything()
        finally:
            self._context.__exit__(None, None, None)

    @initialize()
    def begin(self) -> None:
        """Two people and their relatives, each known to several sources, some twice."""
        for number, (person, authority) in enumerate(itertools.product(PEOPLE, AUTHORITIES)):
            if number % 5:
                self._feed(person, an_id(f"{number % 6}", authority))
        self.index.work()

    # --- what happens ------------------------------------------------------------------------------------------------------

    @rule(
        person=people,
        authority=st.sampled_from(AUTHORITIES),
        number=st.integers(min_value=1, max_value=4),
        also=st.none() | st.sampled_from(AUTHORITIES),
    )
    def feed(self, person: Demographics, authority: AssigningAuthority, number: int, also: AssigningAuthority | None) -> None:
        """A source says something."""
        others = (an_id(str(number), also),) if also is not None and also != authority else ()
        self._feed(person, an_id(str(number), authority), *others)

    @rule()
    def match(self) -> None:
        """The worker does what waits."""
        self.index.work()

    @rule(one=numbers, other=numbers)
    def source_merges(self, one: int, other: int) -> None:
        """A source merges two of its identifiers."""
        if self.ids:
            survivor = self._id(one)
            others = [i for i in self.ids if i.authority == survivor.authority]
            with _refusals():
                self.index.merge(survivor, others[other % len(others)])

    @rule(one=numbers, number=st.integers(min_value=1, max_value=4))
    def source_renames(self, one: int, number: int) -> None:
        """A source calls a patient by another identifier, perhaps one that it used before."""
        if self.ids:
            old = self._id(one)
            new = replace(old, id=f"N{number}")
            with _refusals():
                self.index.rename(new, old)
                if new not in self.ids:
                    self.ids.append(new)

    @rule(one=numbers, other=numbers, ended=st.none() | numbers)
    def the_domain_moves(self, one: int, other: int, ended: int | None) -> None:
        """The affinity domain says that a local patient is another than she was thought to be."""
        local, target = self._id(one), self._id(other)
        if local.authority == XAD:
            return
        with _refusals():
            previous = self.index.affinity_id(local)
            current = target if target.authority == XAD else self.index.affinity_id(target)
            same = [i for i in self.ids if i.authority == local.authority and i != local]
            self.index.move(local, previous, current, same[ended % len(same)] if ended is not None and same else None)

    @rule(one=numbers, other=numbers)
    def administrator_links(self, one: int, other: int) -> None:
        """Somebody links two records."""
        if self.ids:
            with _refusals():
                self.index.stewardship.link(self._record(one), self._record(other), ADMINISTRATOR)

    @rule(one=numbers, other=numbers)
    def administrator_merges(self, one: int, other: int) -> None:
        """Somebody merges two records."""
        if self.ids:
            survivor = self._id(one)
            others = [i for i in self.ids if i.authority == survivor.authority]
            subsumed = self.index.record(others[other % len(others)]).id
            with _refusals():
                self.index.stewardship.merge(self._record(one), subsumed, ADMINISTRATOR)

    @rule(one=numbers)
    def administrator_unlinks(self, one: int) -> None:
        """Somebody takes a record out of its person."""
        if self.ids:
            with _refusals():
                self.index.stewardship.unlink(self._record(one), ADMINISTRATOR)

    @rule(which=numbers, verdict=st.sampled_from(Verdict))
    def administrator_answers(self, which: int, verdict: Verdict) -> None:
        """Somebody answers a review."""
        waiting = self.index.viewing.reviews()
        if waiting:
            with _refusals():
                self.index.stewardship.resolve_review(waiting[which % len(waiting)].review.id, verdict, ADMINISTRATOR)

    @rule(which=st.integers(min_value=0, max_value=5))
    def administrator_takes_back(self, which: int) -> None:
        """Somebody takes an act back, perhaps one that took another back."""
        acts = self.index.viewing.acts()
        if acts:
            with _refusals():
                self.index.stewardship.undo(acts[which % len(acts)].id, ADMINISTRATOR)

    # --- what holds --------------------------------------------------------------------------------------------------------

    @invariant()
    def a_person_has_the_record_it_began_with(self) -> None:
        """So every record has a home, and every affinity id leads somewhere."""
        persons = self._persons()
        assert {persons[person] for person in persons.values()} == set(persons.values())

    @invariant()
    def nobody_is_linked_against_somebodys_word(self) -> None:
        """Negative links bind."""
        persons = self._persons()
        with self.index.database.read() as connection:
            pairs = connection.execute(sa.select(NEGATIVE_LINK.c.one, NEGATIVE_LINK.c.other)).all()
        assert [(a, b) for a, b in pairs if persons[a] == persons[b]] == []

    @invariant()
    def a_link_stands_for_everyone_who_left_home(self) -> None:
        """A record has a link when it began a person that is gone, and none when its person is there."""
        persons = self._persons()
        with self.index.database.read() as connection:
            linked = set(connection.scalars(sa.select(LINK.c.record)))
        assert linked == {record for record, person in persons.items() if record != person}

    @rule()
    def the_journal_tells_the_present(self) -> None:
        """Replayed from the beginning it gives what is there."""
        told: dict[tuple[str, tuple[int, ...]], object] = {}
        with self.index.database.read() as connection:
            for act in connection.scalars(sa.select(JOURNAL.c.id).order_by(JOURNAL.c.id)):
                told |= {(c.thing, c.key): c.after for c in ledger.changes_of(connection, act)}
            rows = connection.execute(sa.select(PATIENT_RECORD)).mappings().all()
        for row in rows:
            if row["state"] == RecordState.RETIRED.value:
                continue  # by a feed, which is no act
            begun = {"person": row["id"], "state": RecordState.ACTIVE.value, "subsumed_by": None}
            values = told.get(("record", (row["id"],)), begun)
            assert values == {name: row[name] for name in ("person", "state", "subsumed_by")}

    @rule()
    def cross_references_are_symmetric(self) -> None:
        """What one identifier leads to leads back, through the affinity domain as well; one merged away is unknown."""
        for patient_id in self.ids:
            record = self.index.record(patient_id)
            if patient_id.authority == XAD:
                continue
            if not record.is_active:
                assert _is_unknown(self.index, patient_id)
                continue
            found = self.index.pix(patient_id)
            assert patient_id not in found
            standing = self.index.directory.standing(found[0])
            assert (standing.known, standing.survivor) == (True, standing.survivor)
            own = [i for i in self.ids if i.authority != XAD and self.index.record(i).person == record.person]
            alive = {i for i in own if self.index.record(i).state is RecordState.ACTIVE} - {patient_id}
            assert alive <= set(found)

    @rule()
    def standings_agree_with_persons(self) -> None:
        """Every identifier that was ever given leads to the person its record is in."""
        with self.index.database.read() as connection:
            given = {row.id: row.affinity_id for row in connection.execute(sa.select(PERSON))}
        persons = self._persons()
        for person, affinity_id in given.items():
            standing = self.index.directory.standing(PatientId(affinity_id, XAD))
            assert standing.survivor.id == given[persons[person]]
            assert {i.id for i in standing.all_ids} == {given[r] for r, p in persons.items() if p == persons[person]}

    # --- helpers -----------------------------------------------------------------------------------------------------------

    def _feed(self, person: Demographics, patient_id: PatientId, *others: PatientId) -> None:
        with _refusals():
            self.index.feed(an_update(patient_id, *others, demographics=person))
            if patient_id not in self.ids:
                self.ids.append(patient_id)

    def _id(self, number: int) -> PatientId:
        return self.ids[number % len(self.ids)]

    def _record(self, number: int) -> int:
        return self.index.record(self._id(number)).id

    def _persons(self) -> dict[int, int]:
        with self.index.database.read() as connection:
            rows = connection.execute(sa.select(PATIENT_RECORD.c.id, PATIENT_RECORD.c.person)).all()
        return {row.id: row.person for row in rows}

    def _undo_everything(self) -> None:
        acts = [act for page in self._pages() for act in page]
        for act in acts:
            with self.index.database.read() as connection:
                now = ledger.act_by_id(connection, act.id)
            assert now is not None
            if now.undone_by is None:
                self.index.stewardship.undo(act.id, ADMINISTRATOR)
        with self.index.database.read() as connection:
            rows = connection.execute(sa.select(PATIENT_RECORD)).mappings().all()
            asleep = [r["id"] for r in rows if r["state"] >= RecordState.ASLEEP.value]
            awake = [r for r in rows if r["id"] not in asleep]
            assert all((r["person"], r["state"], r["subsumed_by"]) == (r["id"], 0, None) for r in awake)
            assert connection.execute(sa.select(LINK).where(LINK.c.record.not_in(asleep))).all() == []
            ended = sa.select(PERSON).where(PERSON.c.is_subsumed, PERSON.c.id.not_in(asleep))
            assert connection.execute(ended).all() == []
            decided = sa.select(REVIEW).where(REVIEW.c.state.in_(("same", "different")))
            assert connection.execute(decided).all() == []
            matched = {a.id for a in acts if a.kind is ActKind.MATCH}
            if not matched:
                assert store.denied(connection, [r["id"] for r in rows]) == {}

    def _pages(self) -> Iterator[tuple[object, ...]]:
        before = None
        for _ in itertools.count():
            page = self.index.viewing.acts(before=before)
            if not page:
                return
            yield page
            before = page[-1].id


@contextmanager
def _refusals() -> Iterator[None]:
    """Many acts are impossible at the moment they are tried; being told so changes nothing."""
    with suppress(HieError):
        yield


def _is_unknown(index: PatientIndex, patient_id: PatientId) -> bool:
    try:
        index.pix(patient_id)
    except HieError:
        return True
    return False


HISTORIES = int(os.environ.get("HIE_TEST_IDENTITIES", "8"))
"""Of 25 operations each; 400 are 10,000 operations."""

IdentityHistory.TestCase.settings = settings(
    max_examples=HISTORIES,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TestIdentityHistory = IdentityHistory.TestCase
