"""On-demand documents: made when asked for, kept as snapshots that are registered before they are given out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

import pytest

from access.subject import Subject
from ebrim.model import AssociationType, DocumentEntry, EntryType, Identifier, Status, Submission
from ebrim.retrieve import DocumentRequest
from kernel.errors import Condition, Rejected, Unavailable, Violation, violation
from kernel.identifiers import is_oid
from repository.model import Retrieval, RetrievedDocument, State
from repository.on_demand import TRIES, OnDemandDocuments, OnDemandOptions
from repository.ports import Draft
from repository.removing import DocumentRemover
from repository.service import RepositoryService
from tests.support.clocks import counted_uuids
from tests.support.metadata import PATIENT, REPOSITORY, a_provided_entry, a_submission
from tests.support.registries import Killed
from tests.support.repositories import SUBJECT, Repository
from tests.support.vaults import FileHarm

ID = "2.999.5.1"
ENTRY_UUID = "urn:uuid:7e0f3a52-3d0c-4f1c-9d4b-0d4a3b6f6a01"


@dataclass
class Says:
    """A draft that says this."""

    text: str
    mime_type: str = "text/plain"

    @property
    def fingerprint(self) -> bytes:
        return self.text.encode()

    def render(self, unique_id: str, at: datetime) -> bytes:
        return f"{unique_id} {at.isoformat()} {self.text}".encode()


@dataclass
class Words:
    """A provider that says what it is told to."""

    name: str = "words"
    text: str = "hello"
    is_away: bool = False
    asked: list[DocumentEntry] = field(default_factory=list)

    def draft(self, entry: DocumentEntry, subject: Subject) -> Draft:
        if self.is_away:
            raise Unavailable(violation(Condition.REGISTRY_UNAVAILABLE, "registry", "away"))
        self.asked.append(entry)
        return Says(self.text)


@dataclass
class Scene:
    """A repository with one on-demand document."""

    repository: Repository
    provider: Words = field(default_factory=Words)
    keeps_snapshots: bool = True
    new_uuid: Callable[[], str] = field(default_factory=counted_uuids)

    @property
    def on_demand(self) -> OnDemandDocuments:
        r = self.repository
        options = OnDemandOptions((self.provider,), self.keeps_snapshots)
        return OnDemandDocuments(r.database, r.vault, r.registry, r.context, options, new_uuid=self.new_uuid)  # type: ignore[arg-type]

    def retrieve(self, *ids: str, repository: str = REPOSITORY) -> Retrieval:
        r = self.repository
        service = RepositoryService(r.database, r.vault, r.registry, r.context, self.on_demand)
        return service.retrieve([DocumentRequest(repository, i) for i in ids or (ID,)], SUBJECT)

    def one(self) -> RetrievedDocument:
        retrieval = self.retrieve()
        assert retrieval.violations == []
        (document,) = retrieval.documents
        return document

    def problem(self) -> Violation:
        retrieval = self.retrieve()
        assert retrieval.documents == []
        (found,) = retrieval.violations
        return found

    def as_registered(self, **changes: object) -> None:
        """The registry shows the on-demand entry with an entryUUID and a status, or whatever a test is about."""
        held = self.repository.registry.submissions
        named = {"id": ENTRY_UUID, "status": Status.APPROVED.value} | changes
        held[0] = replace(held[0], entries=(replace(held[0].entries[0], **named),))  # type: ignore[arg-type]


def on_demand_submission(**changes: object) -> Submission:
    named = {"object_type": EntryType.ON_DEMAND.value, "unique_ids": (Identifier(ID),), "creation_time": ("2026",)}
    return a_submission(a_provided_entry(**(named | changes)))


def text_of(document: RetrievedDocument) -> str:
    return b"".join(document.opened.chunks()).decode()


@pytest.fixture
def scene(repository: Repository) -> Scene:
    scene = Scene(repository)
    scene.on_demand.register(on_demand_submission(), "words", SUBJECT)
    scene.as_registered()
    return scene


def test_what_is_registered_says_where_the_document_will_be_and_nothing_of_bytes(scene: Scene) -> None:
    (entry,) = scene.repository.registry.submissions[0].entries

    assert entry.repository_unique_id == (REPOSITORY,)
    assert (entry.hash, entry.size, entry.creation_time) == ((), (), ())


@pytest.mark.parametrize(
    ("submission", "provider"),
    [
        (on_demand_submission(), "nobody"),
        (on_demand_submission(object_type=EntryType.STABLE.value), "words"),
        (replace(on_demand_submission(), submission_sets=()), "words"),
    ],
)
def test_what_could_never_be_made_is_not_registered(scene: Scene, submission: Submission, provider: str) -> None:
    with pytest.raises(Rejected):
        scene.on_demand.register(submission, provider, SUBJECT)

    assert len(scene.repository.registry.submissions) == 1


def test_a_document_that_is_made_gets_an_id_of_its_own_and_is_kept_under_it(scene: Scene) -> None:
    document = scene.one()

    assert (document.document_unique_id, document.repository_unique_id) == (ID, REPOSITORY)
    assert document.new_document_unique_id != ID
    assert is_oid(document.new_document_unique_id)
    assert document.new_repository_unique_id == REPOSITORY
    assert text_of(document).startswith(document.new_document_unique_id)
    assert text_of(document).endswith(" hello")
    (again,) = scene.retrieve(document.new_document_unique_id).documents
    assert (text_of(again), again.new_document_unique_id) == (text_of(document), "")


def test_the_snapshot_is_registered_as_a_stable_document_that_is_tied_to_its_entry(scene: Scene) -> None:
    document = scene.one()

    snapshot = scene.repository.registry.submissions[1]
    (entry,) = snapshot.entries
    assert (entry.object_type, entry.unique_id) == (EntryType.STABLE.value, document.new_document_unique_id)
    assert (entry.patient_id, entry.title_text) == (PATIENT, "Letter")
    assert entry.hash == (hashlib.sha1(text_of(document).encode()).hexdigest(),)
    ties = {(a.type, a.source, a.target) for a in snapshot.associations}
    assert (AssociationType.IS_SNAPSHOT_OF.value, entry.id, ENTRY_UUID) in ties
    assert (AssociationType.HAS_MEMBER.value, snapshot.submission_sets[0].id, entry.id) in ties


def test_as_long_as_it_would_say_the_same_the_same_snapshot_is_given(scene: Scene) -> None:
    first, second = scene.one(), scene.one()
    scene.provider.text = "other"
    third = scene.one()

    assert (second.new_document_unique_id, text_of(second)) == (first.new_document_unique_id, text_of(first))
    assert third.new_document_unique_id != first.new_document_unique_id
    assert len(scene.repository.registry.submissions) == 3


def test_without_snapshots_each_answer_is_a_document_of_its_own_that_nobody_keeps(scene: Scene) -> None:
    scene.keeps_snapshots = False

    first, second = scene.one(), scene.one()

    assert first.new_repository_unique_id == second.new_repository_unique_id == ""
    assert len({first.new_document_unique_id, second.new_document_unique_id, ID}) == 3
    assert list(scene.repository.vault.held()) == []
    assert len(scene.repository.registry.submissions) == 1


def test_a_deprecated_entry_is_served_without_a_snapshot_that_no_registry_would_take(scene: Scene) -> None:
    scene.as_registered(status=Status.DEPRECATED.value)

    assert scene.one().new_repository_unique_id == ""


def test_an_entry_that_the_registry_does_not_have_is_not_known(scene: Scene) -> None:
    scene.repository.registry.submissions.clear()

    assert scene.problem().condition is Condition.DOCUMENT_UNKNOWN


def test_a_stable_document_with_its_id_is_another(scene: Scene) -> None:
    scene.as_registered(object_type=EntryType.STABLE.value)

    assert scene.problem().condition is Condition.DOCUMENT_UNKNOWN


def test_another_repository_of_that_name_is_not_ours(scene: Scene) -> None:
    assert [v.condition for v in scene.retrieve(repository="1.2.3").violations] == [Condition.REPOSITORY_UNKNOWN]


def test_a_provider_that_is_gone_makes_nothing(scene: Scene) -> None:
    scene.provider = Words(name="others")

    assert scene.problem().condition is Condition.DOCUMENT_UNKNOWN


def test_a_registry_that_is_away_makes_the_repository_busy(scene: Scene) -> None:
    scene.repository.registry.is_away = True

    assert scene.problem().condition is Condition.BUSY


def test_a_provider_that_cannot_do_it_now_makes_the_repository_busy(scene: Scene) -> None:
    scene.provider.is_away = True

    assert scene.problem().condition is Condition.BUSY


def test_a_snapshot_that_the_registry_refuses_is_not_given_out(scene: Scene) -> None:
    scene.repository.registry.refusal = (violation(Condition.PATIENT_UNKNOWN, "Snapshot", "nobody"),)

    assert scene.problem().condition is Condition.INTERNAL
    assert scene.repository.states() == {next(iter(scene.repository.states())): State.ORPHAN}


def test_after_a_crash_between_keeping_and_registering_another_snapshot_is_made(scene: Scene) -> None:
    def kill() -> None:
        raise Killed

    scene.repository.registry.before = kill
    with pytest.raises(Killed):
        scene.retrieve()
    scene.repository.registry.before = lambda: None

    document = scene.one()

    states = scene.repository.states()
    assert sorted(states.values()) == [State.STORED, State.REGISTERED]
    assert states[document.new_document_unique_id] is State.REGISTERED


def test_snapshots_that_are_all_left_open_end_in_a_busy_answer(scene: Scene) -> None:
    def kill() -> None:
        raise Killed

    scene.repository.registry.before = kill
    for _ in range(TRIES):
        with pytest.raises(Killed):
            scene.retrieve()

    assert scene.problem().condition is Condition.BUSY


def test_a_snapshot_that_was_removed_does_not_come_back_under_its_id(scene: Scene) -> None:
    first = scene.one()
    r = scene.repository
    DocumentRemover(r.database, r.vault, r.context).remove([DocumentRequest(REPOSITORY, first.new_document_unique_id)], SUBJECT)

    second = scene.one()

    assert second.new_document_unique_id != first.new_document_unique_id
    assert text_of(second).endswith(" hello")


def test_a_snapshot_that_is_damaged_is_reported_and_not_given_out(scene: Scene, files: FileHarm) -> None:
    document = scene.one()
    files.write(scene.repository.documents()[document.new_document_unique_id].content, b"x")

    assert scene.problem().condition is Condition.CONTENT_DAMAGED
    assert len(scene.repository.damage) == 1


def test_a_retrieval_is_on_record_under_the_id_that_was_asked_for(scene: Scene) -> None:
    scene.retrieve()

    event = scene.repository.audited()[-1]
    assert (event.types[0].code, event.outcome.is_success) == ("ITI-43", True)
    assert ID in [o.id for o in event.objects]
