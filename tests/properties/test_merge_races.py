"""Merges, links and their undoing while documents are registered: registry and patient index on one database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count

import pytest

from ebrim.model import Identifier, LocalText
from kernel.errors import HieError, Rejected
from kernel.identifiers import PatientId
from registry.tables import METADATA
from tests.conftest import MakeDatabase
from tests.support.metadata import a_document_entry, a_submission, a_submission_set
from tests.support.patients import ADMINISTRATOR, HOSPITAL, OTTO, XAD, PatientIndex, a_patient_index, an_id, an_update
from tests.support.races import HISTORIES, AtOnce, threads
from tests.support.registry import Registry, a_registry

TAKEN, REFUSED = frozenset[str](), frozenset({"PATIENT_UNKNOWN"})


@dataclass
class Domain:
    """An index and a registry, and numbers for what is new in each history."""

    index: PatientIndex
    registry: Registry
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def patient(self) -> PatientId:
        """Somebody with an identifier that a source of the affinity domain gave."""
        patient_id = an_id(f"P{next(self.numbers)}", XAD)
        self.index.feed(an_update(patient_id))
        return patient_id

    def registering(self, patient_id: PatientId, local: PatientId | None = None) -> tuple[str, Callable[[], frozenset[str]]]:
        """A document for a patient, perhaps submitted for one of a source: its title, and the act, which gives what it was
        refused for."""
        number = next(self.numbers)
        title, cx = f"D{number}", (Identifier(patient_id.cx),)
        source = {"source_patient_id": (local.cx,)} if local else {}
        entry = a_document_entry(patient_ids=cx, unique_ids=(Identifier(f"2.999.7.{number}"),), title=(LocalText(title),), **source)
        own = a_submission_set(patient_ids=cx, unique_ids=(Identifier(f"2.999.8.{number}"),))
        submission = a_submission(entry, submission_sets=(own,))

        def act() -> frozenset[str]:
            try:
                self.registry.register(submission)
            except Rejected as problem:
                return frozenset(v.condition.name for v in problem.violations)
            return TAKEN

        return title, act

    def found(self, patient_id: PatientId) -> set[tuple[str, str]]:
        """FindDocuments: titles, and the patient id that each is shown with."""
        entries = self.registry.find(patient_id=patient_id.cx).objects.entries
        return {(entry.title_text, entry.patient_id) for entry in entries}

    def undo(self) -> None:
        """Takes the newest act of the journal back."""
        (act,) = self.index.viewing.acts(limit=1)
        self.index.stewardship.undo(act.id, ADMINISTRATOR)


@pytest.fixture
def domain(make_database: MakeDatabase) -> Domain:
    """Nobody and nothing yet."""
    index = a_patient_index(make_database)
    registry = a_registry(make_database(METADATA), directory=index.directory)
    index.documents.registry = registry.service.dividing
    return Domain(index, registry)


@pytest.fixture
def at_once() -> Iterator[AtOnce]:
    """Threads."""
    with threads(4) as begin:
        yield begin


def held(patient_id: PatientId, *titles: str) -> set[tuple[str, str]]:
    """What `found` gives."""
    return {(title, patient_id.cx) for title in titles}


def test_a_document_that_comes_during_a_merge_is_with_the_survivor_or_refused_and_goes_back_when_it_is_undone(
    domain: Domain, at_once: AtOnce
) -> None:
    for _ in range(HISTORIES):
        stays, goes = domain.patient(), domain.patient()
        (old, put_old), (new, put_new), (other, put_other) = map(domain.registering, (goes, goes, stays))
        assert put_old() == TAKEN

        answer, answer_of_other, _ = at_once(put_new, put_other, lambda s=stays, g=goes: domain.index.merge(s, g))  # type: ignore[misc]

        assert answer in (TAKEN, REFUSED)
        assert answer_of_other == TAKEN
        taken = (old, new) if answer == TAKEN else (old,)
        assert domain.found(stays) == held(stays, other, *taken)
        assert domain.found(goes) == set()
        domain.undo()
        assert domain.found(stays) == held(stays, other)
        assert domain.found(goes) == held(goes, *taken)


def test_a_document_that_comes_while_a_merge_is_undone_is_with_its_own_patient_afterwards(domain: Domain, at_once: AtOnce) -> None:
    for _ in range(HISTORIES):
        stays, goes = domain.patient(), domain.patient()
        domain.index.merge(stays, goes)
        (new, put_new), (other, put_other) = map(domain.registering, (goes, stays))

        answer, answer_of_other, _ = at_once(put_new, put_other, domain.undo)

        assert answer in (TAKEN, REFUSED)
        assert answer_of_other == TAKEN
        assert domain.found(stays) == held(stays, other)
        assert domain.found(goes) == (held(goes, new) if answer == TAKEN else set())


def test_documents_that_come_while_two_patients_are_linked_are_all_taken_and_found_under_either_id(
    domain: Domain, at_once: AtOnce
) -> None:
    for _ in range(HISTORIES):
        one, two = domain.patient(), domain.patient()
        records = [domain.index.record(patient_id).id for patient_id in (one, two)]
        (first, put_first), (second, put_second) = map(domain.registering, (one, two))

        def link(records: list[int] = records) -> object:
            return domain.index.stewardship.link(records[0], records[1], ADMINISTRATOR)

        answers = at_once(put_first, put_second, link)[:2]

        assert answers == [TAKEN, TAKEN]
        assert {title for title, _ in domain.found(one)} == {first, second}
        assert domain.found(one) == domain.found(two)
        assert len({cx for _, cx in domain.found(one)}) == 1
        domain.undo()
        assert domain.found(one) == held(one, first)
        assert domain.found(two) == held(two, second)


def test_of_two_merges_in_a_circle_during_a_submission_one_is_done_and_no_document_is_lost(domain: Domain, at_once: AtOnce) -> None:
    for _ in range(HISTORIES):
        one, two = domain.patient(), domain.patient()
        title, put = domain.registering(one)

        def merge(survivor: PatientId, subsumed: PatientId) -> Callable[[], bool]:
            def act() -> bool:
                try:
                    domain.index.merge(survivor, subsumed)
                except HieError:
                    return False
                return True

            return act

        answer, into_one, into_two = at_once(put, merge(one, two), merge(two, one))

        assert {into_one, into_two} == {True, False}
        assert answer == TAKEN or (answer == REFUSED and into_two)
        survivor = one if into_one else two
        assert domain.found(survivor) == (held(survivor, title) if answer == TAKEN else set())


def test_a_document_that_comes_while_its_local_patient_is_moved_is_where_some_order_puts_it_and_goes_back(
    domain: Domain, at_once: AtOnce
) -> None:
    for _ in range(HISTORIES):
        new, old, local = domain.patient(), domain.patient(), an_id(f"L{next(domain.numbers)}", HOSPITAL)
        domain.index.feed(an_update(local, old, demographics=OTTO))
        record, owner = (domain.index.record(i).id for i in (local, old))
        domain.index.stewardship.link(owner, record, ADMINISTRATOR)
        (first, put_first), (second, put_second) = (domain.registering(old, local) for _ in range(2))
        (other, put_other), (third, put_third) = domain.registering(old), domain.registering(new, local)
        assert put_first() == TAKEN

        answers = at_once(put_second, put_other, put_third, lambda n=new, o=old, i=local: domain.index.move(i, o, n))[:3]  # type: ignore[misc]

        assert answers == [TAKEN] * 3
        at_new, at_old = domain.found(new), domain.found(old)
        # what came under the old identifier before the move goes along; what comes after it does not
        assert at_new in (held(new, first, third), held(new, first, second, third))
        assert at_new | at_old == held(new, *(t for t, _ in at_new)) | held(old, other, *({second} - {t for t, _ in at_new}))
        domain.undo()
        assert domain.found(new) == set()
        assert domain.found(old) == held(old, first, second, third, other)
