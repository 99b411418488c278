"""Submissions and updates of the same objects at one moment: some order explains every answer and what is there afterwards."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from ebrim.model import Association, AssociationType, Slot
from ebrim.model import Submission as Sent
from ebrim.query import quoted, quoted_list
from ebrim.uuids import QueryId
from registry.tables import METADATA
from tests.conftest import MakeDatabase
from tests.properties.test_registry_oracle import STATUS, History
from tests.support import registry_oracle as o
from tests.support.races import HISTORIES, Act, AtOnce, explained, threads
from tests.support.registry import APPROVED, DEPRECATED, SUBJECT

RACERS = 3
View = frozenset[tuple[str, bool, int]]
"""Label, whether Approved, and version of every entry of the patient."""


@dataclass(frozen=True)
class Update:
    """An update as the registry takes it and as the oracle does."""

    sent: Sent
    expected: Callable[[o.Oracle], object]


class Race(History):
    """A registry that goes on from one history to the next, each with a patient of its own."""

    def begin(self) -> str:
        """A patient with one entry in a folder; gives the label of the entry."""
        self.wanted_patient = f"R-{next(self.numbers)}^^^&1.3.6.1.4.1.21367.2005.13.20.1000&ISO"
        self.registry.patients.known.add(self.wanted_patient)
        self.oracle = o.Oracle([self.wanted_patient])
        entry, number = self.new_entry(), next(self.numbers)
        folder = o.Folder(f"f{number}", self.wanted_patient, f"2.999.10.{number}", frozenset("A"))
        submission = o.Submission(self.new_set(), [entry], folder, [(folder.label, entry.label)])
        self.put(submission, symbolic=True)
        return entry.label

    def new_entry(self, unique_id: str = "", content: str = "a") -> o.Entry:
        """An entry that is alike but for its label."""
        number = next(self.numbers)
        unique_id = unique_id or f"2.999.7.{number}"
        return o.Entry(f"e{number}", self.wanted_patient, unique_id, content, "A", frozenset(), "2025", "", "^Smith^Anna")

    def new_set(self, unique_id: str = "") -> o.SubmissionSet:
        """A set of its own."""
        number = next(self.numbers)
        return o.SubmissionSet(f"s{number}", self.wanted_patient, unique_id or f"2.999.8.{number}", "2.999.9.1")

    # acts

    def submitting(self, submission: o.Submission) -> Act[o.Oracle]:
        """ITI-42."""
        sent = self.sent(submission, symbolic=True)

        def expected(oracle: o.Oracle) -> object:
            mine = copy.deepcopy(submission)
            faults = oracle.faults(mine)
            if not faults:
                oracle.take(mine)
            return faults

        return Act(lambda: self.refusals(lambda: self.registry.register(sent)), expected)

    def relating(self, type_: str, target: str) -> Act[o.Oracle]:
        """A new entry with a relationship to a registered one."""
        entry = self.new_entry()
        return self.submitting(o.Submission(self.new_set(), [entry], relationships=[(type_, entry.label, target)]))

    def updating(self, update: Update) -> Act[o.Oracle]:
        """ITI-57."""
        return Act(lambda: self.refusals(lambda: self.registry.service.update(update.sent, SUBJECT)), update.expected)

    def deprecating(self, label: str) -> Act[o.Oracle]:
        """UpdateAvailabilityStatus from Approved to Deprecated."""
        own = self.new_set()
        change = Association(
            id="change",
            type=AssociationType.UPDATE_AVAILABILITY_STATUS.value,
            source=own.label,
            target=self.uuids[label],
            slots=(Slot("OriginalStatus", (APPROVED,)), Slot("NewStatus", (DEPRECATED,))),
        )

        def expected(oracle: o.Oracle) -> object:
            entry = oracle.entries[label]
            if not (entry.latest and entry.approved):
                return {"UPDATE_INVALID"}
            oracle.set_status(own, label, approved=False)
            return set()

        return self.updating(Update(Sent(submission_sets=(self.sent_set(own),), associations=(change,)), expected))

    def revising(self, label: str) -> Act[o.Oracle]:
        """A second version of an entry that has one."""
        own, former = self.new_set(), self.oracle.entries[label]
        new = self.new_entry(former.unique_id, former.content)
        membership = self.link(o.HAS_MEMBER, own.label, new.label, "Original", PreviousVersion="1")
        entry = self.entry(new, id=new.label, logical_id=self.uuids[label])

        def expected(oracle: o.Oracle) -> object:
            if not oracle.entries[label].latest:
                return {"VERSION_WRONG"}
            oracle.revise(own, copy.deepcopy(new), label, propagates=True)
            return set()

        sent = Sent(entries=(entry,), submission_sets=(self.sent_set(own),), associations=(membership,))
        return self.updating(Update(sent, expected))

    def associations_of(self, *uuids: str) -> list[Association]:
        """Every association that leads from or to an object."""
        found = self.registry.ask(QueryId.GET_ASSOCIATIONS, ("$uuid", quoted_list(uuids)))
        return list(found.objects.associations)

    def removal(self, *labels: str) -> Callable[[], object]:
        """ITI-62 of objects with all their associations and the memberships of those."""
        uuids = [self.uuids[label] for label in labels]
        for _ in range(2):
            uuids += [a.id for a in self.associations_of(*uuids) if a.id not in uuids]
        return lambda: self.refusals(lambda: self.registry.service.remove(uuids, SUBJECT))

    # what is there

    def view(self) -> View:
        """Every entry of the patient, former versions as well."""
        found = self.registry.find(("$MetadataLevel", "2"), patient_id=self.wanted_patient, status=(APPROVED, DEPRECATED))
        return frozenset((e.title_text, e.status == STATUS[True], int(e.version)) for e in found.objects.entries)

    def expected_view(self, oracle: o.Oracle) -> View:
        """The same of an oracle."""
        held = oracle.find(self.wanted_patient, (True, False), level=2)
        return frozenset((label, oracle.entries[label].approved, oracle.entries[label].version) for label in held)

    def in_folders(self) -> set[str]:
        """The titles of the entries in the folder of the patient."""
        asked = (("$XDSFolderPatientId", quoted(self.wanted_patient)), ("$XDSFolderStatus", quoted_list([APPROVED])))
        (folder,) = self.registry.ask(QueryId.FIND_FOLDERS, *asked).objects.folders
        held = self.registry.ask(QueryId.GET_FOLDER_AND_CONTENTS, ("$XDSFolderEntryUUID", quoted(folder.id)))
        return {entry.title_text for entry in held.objects.entries}

    def run_off(self, at_once: AtOnce, *acts: Act[o.Oracle]) -> list[object]:
        """Does all of it at one moment. Fails unless an order of the acts explains the answers and what is there afterwards."""
        answers = at_once(*(act.do for act in acts))
        seen, held = self.view(), self.in_folders()
        worlds = list(explained(self.oracle, acts, answers))
        (folder,) = self.oracle.folders
        assert worlds, answers
        assert (seen, held) in [(self.expected_view(world), world.members(folder)) for world in worlds], answers
        return answers


@pytest.fixture
def race(make_database: MakeDatabase) -> Race:
    """A registry without entries."""
    return Race(make_database(METADATA), random.Random(1))


@pytest.fixture
def at_once() -> Iterator[AtOnce]:
    """Threads."""
    with threads(RACERS) as begin:
        yield begin


def test_the_same_document_may_be_registered_by_several_at_once(race: Race, at_once: AtOnce) -> None:
    for _ in range(HISTORIES):
        race.begin()
        unique_id = race.new_entry().unique_id
        acts = [race.submitting(o.Submission(race.new_set(), [race.new_entry(unique_id)])) for _ in range(RACERS)]

        answers = race.run_off(at_once, *acts)

        assert answers == [set()] * RACERS


def test_of_different_documents_with_one_uniqueid_those_that_are_like_the_first_are_taken(race: Race, at_once: AtOnce) -> None:
    for _ in range(HISTORIES):
        race.begin()
        unique_id = race.new_entry().unique_id
        acts = [race.submitting(o.Submission(race.new_set(), [race.new_entry(unique_id, content)])) for content in "aab"]

        answers = race.run_off(at_once, *acts)

        assert answers in ([set(), set(), {"HASH_DIFFERS"}], [{"HASH_DIFFERS"}, {"HASH_DIFFERS"}, set()])


def test_of_several_sets_with_one_uniqueid_one_is_taken(race: Race, at_once: AtOnce) -> None:
    for _ in range(HISTORIES):
        race.begin()
        unique_id = race.new_set().unique_id
        acts = [race.submitting(o.Submission(race.new_set(unique_id), [race.new_entry()])) for _ in range(RACERS)]

        answers = race.run_off(at_once, *acts)

        assert sorted(map(sorted, answers)) == [[], *[["UNIQUE_ID_IN_USE"]] * (RACERS - 1)]  # type: ignore[call-overload]


def test_of_several_replacements_of_one_entry_exactly_one_wins(race: Race, at_once: AtOnce) -> None:
    for number in range(HISTORIES):
        target = race.begin()
        kinds = [o.RPLC, o.RPLC, o.XFRM_RPLC] if number % 2 else [o.RPLC] * RACERS

        answers = race.run_off(at_once, *(race.relating(kind, target) for kind in kinds))

        assert answers.count(set()) == 1
        assert answers.count({"TARGET_DEPRECATED"}) == RACERS - 1


def test_an_entry_is_replaced_or_deprecated_and_the_other_one_is_told_why_not(race: Race, at_once: AtOnce) -> None:
    for number in range(HISTORIES):
        target = race.begin()
        acts = [race.relating(o.RPLC, target), race.deprecating(target)]
        if number % 2:
            acts.append(race.deprecating(target))

        answers = race.run_off(at_once, *acts)

        assert answers.count(set()) == 1


def test_an_appendix_of_an_entry_that_is_being_replaced_goes_with_it_or_comes_too_late(race: Race, at_once: AtOnce) -> None:
    for _ in range(HISTORIES):
        target = race.begin()

        answers = race.run_off(at_once, race.relating(o.APND, target), race.relating(o.RPLC, target), race.relating(o.XFRM, target))

        assert answers[1] == set()


def test_of_several_second_versions_one_is_taken(race: Race, at_once: AtOnce) -> None:
    for _ in range(HISTORIES):
        label = race.begin()

        answers = race.run_off(at_once, *(race.revising(label) for _ in range(RACERS)))

        assert answers.count(set()) == 1
        assert answers.count({"VERSION_WRONG"}) == RACERS - 1


def test_a_new_version_a_replacement_and_a_change_of_status_come_one_after_the_other(race: Race, at_once: AtOnce) -> None:
    for _ in range(HISTORIES):
        label = race.begin()

        race.run_off(at_once, race.revising(label), race.relating(o.RPLC, label), race.deprecating(label))


def test_a_query_during_a_replacement_shows_what_was_before_or_what_is_after(race: Race, at_once: AtOnce) -> None:
    statuses = quoted_list([APPROVED, DEPRECATED])
    names = ("$XDSDocumentEntryStatus", "$XDSSubmissionSetStatus", "$XDSFolderStatus")
    for _ in range(HISTORIES):
        target = race.begin()
        patient = ("$patientId", quoted(race.wanted_patient))

        def everything(patient: tuple[str, str] = patient) -> object:
            asked = race.registry.ask(QueryId.GET_ALL, patient, *((name, statuses) for name in names))
            return {(obj.title_text, obj.status) for obj in asked.objects.objects()}, len(asked.objects.associations)

        before = everything()

        _, seen, other = at_once(race.relating(o.RPLC, target).do, everything, everything)

        assert seen in (before, everything())
        assert other in (before, everything())


def test_of_several_removals_of_an_entry_one_is_done(race: Race, at_once: AtOnce) -> None:
    for _ in range(HISTORIES):
        label = race.begin()
        own, folder = next(iter(race.oracle.sets)), next(iter(race.oracle.folders))
        removal = race.removal(label, own, folder)

        answers = at_once(removal, removal, removal)

        assert answers.count(set()) == 1
        assert answers.count({"REFERENCE_UNRESOLVED"}) == RACERS - 1
        assert race.view() == frozenset()


def test_an_entry_is_removed_or_replaced_and_the_other_one_is_told_why_not(race: Race, at_once: AtOnce) -> None:
    for _ in range(HISTORIES):
        label = race.begin()
        own, folder = next(iter(race.oracle.sets)), next(iter(race.oracle.folders))
        replacement = race.relating(o.RPLC, label)

        removed, replaced = at_once(race.removal(label, own, folder), replacement.do)

        assert (removed, replaced) in (
            (set(), {"REFERENCE_UNRESOLVED"}),
            ({"REFERENCES_EXIST"}, set()),
        )
        assert len(race.view()) == (2 if replaced == set() else 0)


def test_a_set_does_not_lose_its_last_two_members_at_one_moment(race: Race, at_once: AtOnce) -> None:
    for _ in range(HISTORIES):
        race.begin()
        entries, own = [race.new_entry(), race.new_entry()], race.new_set()
        race.put(o.Submission(own, entries), symbolic=True)
        held = {a.target: a.id for a in race.associations_of(race.uuids[own.label])}

        def removal(label: str, held: dict[str, str] = held) -> Callable[[], object]:
            uuid = race.uuids[label]
            return lambda: race.refusals(lambda: race.registry.service.remove([uuid, held[uuid]], SUBJECT))

        answers = at_once(*(removal(entry.label) for entry in entries))

        assert sorted(map(sorted, answers)) == [[], ["WOULD_ORPHAN"]]  # type: ignore[call-overload]
