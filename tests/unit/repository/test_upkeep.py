"""The sweep settles what was left open and removes what nothing refers to; the scrub finds every damage."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest

from ebrim.model import Identifier
from kernel.errors import Condition, Unavailable, violation
from kernel.times import system_clock
from repository.model import Damage, State, Swept
from repository.ports import RejectedByRegistry
from tests.support.registries import Killed
from tests.support.repositories import Repository, provided
from tests.support.vaults import FileHarm, staged

ONE = "2.999.7.1.1"
NOTHING = Swept(0, 0, 0, 0, 0)


def kill() -> None:
    raise Killed


def pass_time(repository: Repository, **period: float) -> None:
    """The clock goes on from the present of this machine, by which files have their times."""
    repository.clock.present = system_clock() + timedelta(**period)


@pytest.fixture
def repository(repository: Repository) -> Repository:
    repository.database._clock = repository.clock  # rows and sweep go by one clock, as in the product
    pass_time(repository)
    return repository


def test_a_document_at_rest_is_left_alone(repository: Repository) -> None:
    repository.provide(provided(), b"abc")

    pass_time(repository, days=3)

    assert repository.upkeep.sweep() == NOTHING
    assert repository.states() == {ONE: State.REGISTERED}


def test_orphans_and_their_bytes_go_after_the_grace_period_and_not_before(repository: Repository) -> None:
    repository.registry.refusal = (violation(Condition.PATIENT_UNKNOWN, "", ""),)
    with pytest.raises(RejectedByRegistry):
        repository.provide(provided(), b"abc")

    pass_time(repository, hours=23)
    early = repository.upkeep.sweep()
    pass_time(repository, hours=25)
    late = repository.upkeep.sweep()

    assert early == NOTHING
    assert late == Swept(registered=0, forgotten=1, submissions=0, contents=1, remains=0)
    assert repository.documents() == {}
    assert list(repository.vault.held()) == []


def test_an_orphan_that_the_registry_has_after_all_is_kept(repository: Repository) -> None:
    repository.registry.refusal = (violation(Condition.PATIENT_UNKNOWN, "", ""),)
    with pytest.raises(RejectedByRegistry):
        repository.provide(provided(), b"abc")
    repository.registry.refusal = ()
    repository.provide(provided(1, set_number=2), b"abc")
    with repository.database.begin() as work:
        work.connection.exec_driver_sql("UPDATE repository_document SET state = 3")

    pass_time(repository, hours=25)

    assert repository.upkeep.sweep().registered == 1
    assert repository.states() == {ONE: State.REGISTERED}


def test_a_document_whose_end_was_not_seen_is_settled_by_asking_the_registry(repository: Repository) -> None:
    repository.registry.after = kill
    with pytest.raises(Killed):
        repository.provide(provided(1), b"abc")
    repository.registry.before, repository.registry.after = kill, lambda: None
    with pytest.raises(Killed):
        repository.provide(provided(2), b"def")

    pass_time(repository, hours=25)
    swept = repository.upkeep.sweep()

    assert (swept.registered, swept.forgotten, swept.contents) == (1, 1, 1)
    assert repository.states() == {ONE: State.REGISTERED}
    assert len(list(repository.vault.held())) == 1


def test_documents_of_several_patients_are_asked_for_one_patient_at_a_time(repository: Repository) -> None:
    repository.registry.after = kill
    for number, patient in enumerate(("A", "B", "A"), start=1):
        submission = provided(number)
        entry = dataclasses.replace(submission.entries[0], patient_ids=(Identifier(f"{patient}^^^&1.2.3&ISO"),))
        with pytest.raises(Killed):
            repository.provide(dataclasses.replace(submission, entries=(entry,)), b"%d" % number)

    pass_time(repository, hours=25)

    assert repository.upkeep.sweep().registered == 3
    assert sorted(map(len, repository.registry.asked)) == [1, 2]


def test_contents_are_left_for_another_time_when_they_are_not_asked_for(repository: Repository) -> None:
    repository.vault.publish(staged(repository.vault, b"abc"))

    pass_time(repository, hours=25)

    assert repository.upkeep.sweep(contents=False) == NOTHING
    assert len(list(repository.vault.held())) == 1


def test_nothing_open_is_touched_while_the_registry_cannot_be_asked(repository: Repository) -> None:
    repository.registry.is_away = True
    with pytest.raises(Unavailable):
        repository.provide(provided(), b"abc")

    pass_time(repository, days=30)

    with pytest.raises(Unavailable):
        repository.upkeep.sweep()
    assert repository.states() == {ONE: State.STORED}
    assert len(list(repository.vault.held())) == 1


def test_bytes_that_a_crash_left_without_a_row_go(repository: Repository) -> None:
    repository.vault.publish(staged(repository.vault, b"abc"))
    staged(repository.vault, b"def")

    pass_time(repository, hours=25)

    assert repository.upkeep.sweep() == Swept(0, 0, 0, contents=1, remains=1)


def test_bytes_that_another_document_still_needs_stay(repository: Repository) -> None:
    repository.provide(provided(1), b"abc")
    repository.registry.refusal = (violation(Condition.METADATA_INVALID, "", ""),)
    with pytest.raises(RejectedByRegistry):
        repository.provide(provided(2), b"abc")

    pass_time(repository, hours=25)
    swept = repository.upkeep.sweep()

    assert (swept.forgotten, swept.contents) == (1, 0)
    assert len(list(repository.vault.held())) == 1


def test_a_submission_is_recognised_until_the_replay_period_ends(repository: Repository) -> None:
    repository.provide(provided(), b"abc")

    pass_time(repository, days=6)
    early = repository.upkeep.sweep().submissions
    pass_time(repository, days=8)
    late = repository.upkeep.sweep().submissions

    assert (early, late) == (0, 1)
    with pytest.raises(RejectedByRegistry):
        repository.provide(provided(), b"abc")
    assert repository.states() == {ONE: State.REGISTERED}


def test_the_scrub_names_every_damaged_and_missing_document_and_no_other(repository: Repository, files: FileHarm) -> None:
    for number in range(1, 5):
        repository.provide(provided(number), b"content %d" % number)
    contents = {unique_id: record.content for unique_id, record in repository.documents().items()}
    files.write(contents["2.999.7.2.1"], b"Content 2")
    files.remove(contents["2.999.7.3.1"])

    found = list(repository.upkeep.scrub())

    assert found == [
        Damage("2.999.7.2.1", contents["2.999.7.2.1"], is_missing=False),
        Damage("2.999.7.3.1", contents["2.999.7.3.1"], is_missing=True),
    ]


def test_the_scrub_keeps_to_its_rate(repository: Repository) -> None:
    repository.provide(provided(1), b"x" * 1000)
    repository.provide(provided(2), b"y" * 500)
    pauses: list[float] = []

    list(repository.upkeep.scrub(bytes_per_second=1000, pause=pauses.append))

    assert pauses == [1.0, 0.5]
