"""Random submissions, updates, merges and queries: the registry does and says what the oracle does and says."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ebrim.model import Association, AssociationType, Author, DocumentEntry, Identifier, LocalText, Slot, SubmissionSet
from ebrim.model import Folder as SentFolder
from ebrim.model import Submission as Sent
from ebrim.query import quoted, quoted_list
from ebrim.uuids import QueryId
from kernel.database import Database
from kernel.errors import Rejected
from kernel.outbox import METADATA as OUTBOX
from registry.tables import METADATA
from tests.support import registry_oracle as o
from tests.support.clocks import TickingClock
from tests.support.metadata import a_code, a_document_entry, a_folder, a_submission_set
from tests.support.registry import APPROVED, DEPRECATED, SUBJECT, Registry, a_registry

CASES = int(os.environ.get("HIE_TEST_ORACLE_CASES", "2000"))
"""Submissions, updates, merges and queries on each database."""
STEPS = 50
"""In one history."""
PATIENTS = [f"P-{n}^^^&1.3.6.1.4.1.21367.2005.13.20.1000&ISO" for n in range(3)]
UNKNOWN_PATIENT = PATIENTS[0].replace("P-0", "P-9")
STATUS = {True: APPROVED, False: DEPRECATED}
TYPES = {
    o.RPLC: AssociationType.RPLC,
    o.APND: AssociationType.APND,
    o.XFRM: AssociationType.XFRM,
    o.XFRM_RPLC: AssociationType.XFRM_RPLC,
    o.SIGNS: AssociationType.SIGNS,
    o.HAS_MEMBER: AssociationType.HAS_MEMBER,
}
SHORT = {type_.value: name for name, type_ in TYPES.items()}
CONTENTS = {"a": "a" * 40, "b": "b" * 40}
TIMES = ["2025", "20260101", "202602031200", "20260203120001"]
AUTHORS = ["^Smith^Anna", "^Smith^Bob", "^Jones^Anna"]
E = "$XDSDocumentEntry"
Test = Callable[[o.Entry], object]


def floor(time: str) -> str:
    """The earliest instant it may mean."""
    return time + "00000101000000"[len(time) :]


class History:
    """One registry, one oracle, and what happens to both. `chance` decides."""

    def __init__(self, database: Database, chance: random.Random) -> None:
        self.chance = chance
        self.numbers = count(1)
        self.uuids: dict[str, str] = {}
        """entryUUIDs by label."""
        self.registry: Registry = a_registry(database)
        self.registry.patients.known = set(PATIENTS)
        self.oracle = o.Oracle(PATIENTS)
        self.wanted_patient = chance.choice(PATIENTS)

    def run(self) -> None:
        """Random steps, changing ones more often at first."""
        changing = (self.submit, self.submit, self.submit, self.revise, self.set_status, self.merge, self.unmerge)
        asking = (self.find, self.find, self.find_folders, self.related, self.associations)
        for step in range(STEPS):
            self.chance.choice(changing if self.chance.random() < 1 - step / STEPS else asking)()

    def once_in(self, times: int) -> bool:
        """Now and then."""
        return self.chance.randrange(times) == 0

    def some(self, values: Sequence[str], least: int = 0) -> frozenset[str]:
        """Some of the values."""
        return frozenset(self.chance.sample(values, self.chance.randint(least, len(values))))

    # --- changing

    def a_set(self, patient: str) -> o.SubmissionSet:
        """A set with a new label; its uniqueId may be an old one."""
        number = next(self.numbers)
        unique_id = self.chance.randint(1, number) if self.once_in(15) else number
        return o.SubmissionSet(f"s{number}", patient, f"2.999.8.{unique_id}", "2.999.9.1")

    def a_patient(self) -> str:
        """Mostly the same one."""
        if self.once_in(20):
            return UNKNOWN_PATIENT
        return self.chance.choice(PATIENTS) if self.once_in(4) else self.wanted_patient

    def submit(self) -> None:
        """A submission of any kind; the registry takes it exactly when the oracle does."""
        patient, chance = self.a_patient(), self.chance
        entries = [self.an_entry(patient) for _ in range(chance.randint(1, 3))]
        submission = o.Submission(self.a_set(patient), entries)
        if self.once_in(3):
            number = next(self.numbers)
            unique_id = chance.randint(1, number) if self.once_in(10) else number
            held = self.some("AB", least=1)
            submission.folder = o.Folder(f"f{number}", patient, f"2.999.10.{unique_id}", held)
        folders = [*self.near(self.oracle.folders, patient), *([submission.folder.label] if submission.folder else [])]
        members = [e.label for e in entries] + (self.near(self.oracle.entries, patient) if self.once_in(3) else [])
        if folders and self.once_in(2):
            pairs = {(chance.choice(folders), chance.choice(members)) for _ in range(2)}
            submission.in_folder = sorted(pairs)
        known = self.near(self.oracle.entries, patient)
        if known and self.once_in(2):
            source = chance.choice(entries).label
            submission.relationships = [(chance.choice([*o.RELATIONSHIPS, o.RPLC]), source, chance.choice(known))]
        self.put(submission, symbolic=self.once_in(2))

    def near(self, objects: dict[str, Any], patient: str) -> list[str]:
        """Labels, mostly of Approved objects of the same person."""
        if self.once_in(6):
            return sorted(objects)
        return sorted(label for label, obj in objects.items() if obj.approved and self.oracle.same_person(obj.patient, patient))

    def an_entry(self, patient: str) -> o.Entry:
        """An entry with values that others have too."""
        number, chance = next(self.numbers), self.chance
        unique_id = chance.randint(1, number) if self.once_in(5) else number
        return o.Entry(
            label=f"e{number}",
            patient=patient,
            unique_id=f"2.999.7.{unique_id}",
            content="b" if self.once_in(6) else "a",
            class_code=chance.choice("AB"),
            events=self.some("AB"),
            creation=chance.choice(TIMES),
            start=chance.choice(["", *TIMES]),
            author=chance.choice(AUTHORS),
        )

    def put(self, submission: o.Submission, *, symbolic: bool) -> None:
        """Hands a submission to both."""
        expected = self.oracle.faults(submission)
        found = self.refusals(lambda: self.registry.register(self.sent(submission, symbolic=symbolic)))
        assert found == expected
        if not expected:
            self.oracle.take(submission)
            self.learn(submission.own)

    def refusals(self, act: Any) -> set[str]:
        """The conditions an act is refused for."""
        try:
            act()
        except Rejected as problem:
            return {v.condition.name for v in problem.violations if v.is_error}
        return set()

    def sent(self, submission: o.Submission, *, symbolic: bool) -> Sent:
        """The submission as a source writes it, with symbolic ids or entryUUIDs of its own for the entries."""
        ids = {
            e.label: e.label if symbolic else f"urn:uuid:00000000-0000-4000-9000-{int(e.label[1:]):012d}"
            for e in submission.entries
        }
        own = submission.own
        associations = [self.link(o.HAS_MEMBER, own.label, ids[e.label], "Original") for e in submission.entries]
        if submission.folder:
            associations.append(self.link(o.HAS_MEMBER, own.label, submission.folder.label))
        for folder, entry in submission.in_folder:
            membership = self.link(o.HAS_MEMBER, self.uuids.get(folder, folder), ids.get(entry) or self.uuids[entry])
            associations += [membership, self.link(o.HAS_MEMBER, own.label, membership.id)]
        for type_, source, target in submission.relationships:
            associations.append(self.link(type_, ids[source], self.uuids[target]))
        return Sent(
            entries=tuple(self.entry(e, id=ids[e.label]) for e in submission.entries),
            submission_sets=(self.sent_set(own),),
            folders=(self.folder(submission.folder),) if submission.folder else (),
            associations=tuple(associations),
        )

    def link(self, type_: str, source: str, target: str, status: str = "", **slots: str) -> Association:
        """An association with an id of its own."""
        named = ({"SubmissionSetStatus": status} if status else {}) | slots
        held = tuple(Slot(name, (value,)) for name, value in named.items())
        return Association(id=f"a{next(self.numbers)}", type=TYPES[type_].value, source=source, target=target, slots=held)

    def entry(self, entry: o.Entry, **more: Any) -> DocumentEntry:
        """The entry as a source writes it."""
        return a_document_entry(
            patient_ids=(Identifier(entry.patient),),
            unique_ids=(Identifier(entry.unique_id),),
            title=(LocalText(entry.label),),
            class_codes=(a_code(entry.class_code, "1.2"),),
            event_codes=tuple(a_code(code, "1.2") for code in sorted(entry.events)),
            creation_time=(entry.creation,),
            service_start_time=(entry.start,) if entry.start else (),
            authors=(Author(person=(entry.author,)),),
            hash=(CONTENTS[entry.content],),
            **more,
        )

    def sent_set(self, own: o.SubmissionSet) -> SubmissionSet:
        """The set as a source writes it."""
        return a_submission_set(
            id=own.label,
            patient_ids=(Identifier(own.patient),),
            unique_ids=(Identifier(own.unique_id),),
            title=(LocalText(own.label),),
        )

    def folder(self, folder: o.Folder) -> SentFolder:
        """The folder as a source writes it."""
        return a_folder(
            id=folder.label,
            patient_ids=(Identifier(folder.patient),),
            unique_ids=(Identifier(folder.unique_id),),
            title=(LocalText(folder.label),),
            codes=tuple(a_code(code, "1.2") for code in sorted(folder.codes)),
        )

    def learn(self, own: o.SubmissionSet) -> None:
        """Asks for the entryUUIDs of what a set brought."""
        asked = ("$XDSSubmissionSetUniqueId", quoted(own.unique_id))
        held = self.registry.ask(QueryId.GET_SUBMISSION_SET_AND_CONTENTS, asked, ("$MetadataLevel", "2")).objects
        self.uuids |= {obj.title_text: obj.id for obj in held.objects()}

    def revise(self) -> None:
        """A new version of an entry, by somebody who perhaps saw an old one."""
        latest = sorted(label for label, e in self.oracle.entries.items() if e.latest)
        if not latest:
            return
        old, propagates, stale = self.chance.choice(latest), self.once_in(2), self.once_in(5)
        former = self.oracle.entries[old]
        new = self.an_entry(former.patient)
        new.unique_id, new.content = former.unique_id, former.content
        own = self.a_set(former.patient)
        previous = former.version - 1 if stale else former.version
        more = {} if propagates else {"AssociationPropagation": "no"}
        membership = self.link(o.HAS_MEMBER, own.label, new.label, "Original", PreviousVersion=str(previous), **more)
        sent = Sent(
            entries=(self.entry(new, id=new.label, logical_id=self.uuids[former.logical]),),
            submission_sets=(self.sent_set(own),),
            associations=(membership,),
        )
        expected = self.faults_of(own) | ({"VERSION_WRONG"} if stale else set())
        assert self.refusals(lambda: self.registry.service.update(sent, SUBJECT)) == expected
        if not expected:
            self.oracle.revise(own, new, old, propagates)
            self.learn(own)

    def faults_of(self, own: o.SubmissionSet) -> set[str]:
        """What the set of an update is refused for."""
        return self.oracle.faults(o.Submission(own, []))

    def set_status(self) -> None:
        """A change of status, right or wrong."""
        if not self.oracle.entries:
            return
        label = self.chance.choice(sorted(self.oracle.entries))
        approved = not self.oracle.entries[label].approved if not self.once_in(6) else self.once_in(2)
        entry = self.oracle.entries[label]
        own = self.a_set(self.oracle.person(entry.patient))
        change = Association(
            id="change",
            type=AssociationType.UPDATE_AVAILABILITY_STATUS.value,
            source=own.label,
            target=self.uuids[label],
            slots=(Slot("OriginalStatus", (STATUS[not approved],)), Slot("NewStatus", (STATUS[approved],))),
        )
        sent = Sent(submission_sets=(self.sent_set(own),), associations=(change,))
        is_possible = entry.latest and entry.approved is not approved
        expected = self.faults_of(own) | (set() if is_possible else {"UPDATE_INVALID"})
        assert self.refusals(lambda: self.registry.service.update(sent, SUBJECT)) == expected
        if not expected:
            self.oracle.set_status(own, label, approved)

    def merge(self) -> None:
        """Two patients become one."""
        subsumed, survivor = self.chance.choice(PATIENTS), self.oracle.person(self.chance.choice(PATIENTS))
        if self.once_in(2) and subsumed not in self.oracle.merged and subsumed != survivor:
            self.oracle.merged[subsumed] = self.registry.patients.merged[subsumed] = survivor

    def unmerge(self) -> None:
        """And two again."""
        if self.oracle.merged:
            subsumed = self.chance.choice(sorted(self.oracle.merged))
            del self.oracle.merged[subsumed], self.registry.patients.merged[subsumed]

    # --- asking

    def find(self) -> None:
        """FindDocuments with any of its parameters."""
        patient, shown = self.a_patient(), self.chance.choice([(True,), (False,), (True, False)])
        slots, tests = self.filters()
        level = self.chance.choice([1, 2])

        answer = self.registry.find(*slots, ("$MetadataLevel", str(level)), patient_id=patient, status=[STATUS[s] for s in shown])

        expected = self.oracle.find(patient, shown, lambda e: all(test(e) for test in tests), level=level)
        assert {e.title_text for e in answer.objects.entries} == expected
        assert {e.patient_id for e in answer.objects.entries} <= {self.oracle.person(patient)}
        for entry in answer.objects.entries:
            known = self.oracle.entries[entry.title_text]
            assert (entry.status, entry.version) == (STATUS[known.approved], str(known.version))
            assert entry.logical_id == self.uuids[known.logical]

    def filters(self) -> tuple[list[tuple[str, str]], list[Test]]:
        """Random parameters, each as a slot and as a test."""
        slots: list[tuple[str, str]] = []
        tests: list[Test] = []
        if self.once_in(3):
            wanted = self.some("AB", least=1)
            slots.append((f"{E}ClassCode", quoted_list(f"{c}^^1.2" for c in sorted(wanted))))
            tests.append(lambda e: e.class_code in wanted)
        for _ in range(self.chance.choice([0, 0, 1, 2])):
            group = self.some("AB", least=1)
            slots.append((f"{E}EventCodeList", quoted_list(f"{c}^^1.2" for c in sorted(group))))
            tests.append(_has_event(group))
        for name, of in (("CreationTime", lambda e: e.creation), ("ServiceStartTime", lambda e: e.start)):
            if self.once_in(3):
                start, end = self.chance.choice(TIMES), self.chance.choice([*TIMES, "2027"])
                slots += [(f"{E}{name}From", start), (f"{E}{name}To", end)]
                tests.append(_is_between(of, start, end))
        if self.once_in(3):
            pattern = self.chance.choice(["%Smith%", "^Smith^%", "%Ann_", "^smith%", "%"])
            slots.append((f"{E}AuthorPerson", quoted_list([pattern])))
            tests.append(lambda e: o.is_like(pattern, e.author))
        return slots, tests

    def find_folders(self) -> None:
        """FindFolders, and what is in each."""
        patient = self.a_patient()
        asked = (("$XDSFolderPatientId", quoted(patient)), ("$XDSFolderStatus", quoted_list([APPROVED])))
        found = self.registry.ask(QueryId.FIND_FOLDERS, *asked).objects.folders
        assert {f.title_text for f in found} == self.oracle.folders_of(patient)
        for folder in found:
            asked_for = ("$XDSFolderEntryUUID", quoted(folder.id))
            # a folder filled while two patients were one holds documents of two afterwards
            held = self.registry.ask(QueryId.GET_FOLDER_AND_CONTENTS, asked_for, return_type="ObjectRef").refs
            members = {self.uuids[label] for label in self.oracle.members(folder.title_text)}
            assert {ref.id for ref in held} & set(self.uuids.values()) == members | {folder.id}

    def related(self) -> None:
        """GetRelatedDocuments: references, for the documents may be of several patients."""
        if not self.oracle.entries:
            return
        label = self.chance.choice(sorted(self.oracle.entries))
        types = self.some(sorted(set(TYPES) - {o.HAS_MEMBER}), least=1)
        asked = ("$AssociationTypes", quoted_list(TYPES[t].value for t in sorted(types)))
        answer = self.registry.ask(
            QueryId.GET_RELATED_DOCUMENTS, (f"{E}EntryUUID", quoted(self.uuids[label])), asked, return_type="ObjectRef"
        )
        entries, links = self.oracle.related(label, types)
        by_uuid = {uuid: name for name, uuid in self.uuids.items()}
        assert {by_uuid[r.id] for r in answer.refs if r.id in by_uuid} == entries
        assert len([r for r in answer.refs if r.id not in by_uuid]) == len(links)

    def associations(self) -> None:
        """GetAssociations of an entry: every link of it, once, between the right ends."""
        if not self.oracle.entries:
            return
        label = self.chance.choice(sorted(self.oracle.entries))
        found = self.registry.ask(QueryId.GET_ASSOCIATIONS, ("$uuid", quoted_list([self.uuids[label]]))).objects.associations
        by_uuid = {uuid: name for name, uuid in self.uuids.items()}
        known = sorted((x.type, x.source, x.target) for x in self.oracle.links if label in (x.source, x.target))
        assert sorted((SHORT[a.type], by_uuid.get(a.source, ""), by_uuid.get(a.target, "")) for a in found) == known


@contextmanager
def _on_sqlite() -> Iterator[Database]:
    with TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{Path(folder) / 'registry.db'}", clock=TickingClock())
        # a history of its own needs no durability
        sa.event.listen(database.engine, "connect", lambda raw, _: raw.execute("PRAGMA synchronous=OFF"))
        for metadata in (OUTBOX, METADATA):
            metadata.create_all(database.engine)
        yield database
        database.close()


@contextmanager
def _on_postgres(url: str) -> Iterator[Database]:
    database = Database(url, clock=TickingClock())
    for metadata in (OUTBOX, METADATA):
        metadata.drop_all(database.engine)
        metadata.create_all(database.engine)
    yield database
    database.close()


def _has_event(group: frozenset[str]) -> Test:
    return lambda entry: entry.events & group


def _is_between(of: Callable[[o.Entry], str], start: str, end: str) -> Test:
    return lambda entry: not of(entry) or floor(start) <= floor(of(entry)) < floor(end)


def _run(a_database: Callable[[], AbstractContextManager[Database]], cases: int) -> None:
    taken = 0

    @settings(
        max_examples=max(1, cases // STEPS),
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(seed=st.integers(0, 2**32))
    def histories(seed: int) -> None:
        nonlocal taken
        with a_database() as database:
            history = History(database, random.Random(seed))
            history.run()
        taken += len(history.oracle.sets)

    histories()
    # a history in which hardly anything is taken proves hardly anything
    assert taken > cases / 10


@pytest.mark.slow
def test_the_registry_does_what_the_oracle_does_on_sqlite() -> None:
    _run(_on_sqlite, CASES)


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_the_registry_does_what_the_oracle_does_on_postgres(database_url: str) -> None:
    _run(lambda: _on_postgres(database_url), CASES)
