"""Documents go for everybody at once; their bytes when nothing can need them; what was removed does not come back by itself."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable
from datetime import timedelta

import pytest

from ebrim.model import Identifier, Submission
from ebrim.retrieve import DocumentRequest
from kernel.errors import Condition, Rejected, Unavailable, violation
from kernel.times import system_clock
from repository.model import Removal, State
from repository.ports import RejectedByRegistry
from repository.removing import IN_FLIGHT, DocumentRemover
from tests.support.audit import schema_faults
from tests.support.metadata import PATIENT, REPOSITORY
from tests.support.repositories import SUBJECT, Repository, provided
from tests.support.vaults import content_of

ONE, TWO = "2.999.7.1.1", "2.999.7.1.2"


def wanted(*unique_ids: str, repository: str = REPOSITORY) -> list[DocumentRequest]:
    return [DocumentRequest(repository, unique_id) for unique_id in unique_ids]


def remover(repository: Repository) -> DocumentRemover:
    return DocumentRemover(repository.database, repository.vault, repository.context)


def remove(repository: Repository, *unique_ids: str) -> Removal:
    return remover(repository).remove(wanted(*unique_ids), SUBJECT)


def later(repository: Repository) -> None:
    """Nothing that is on its way now will be on its way then."""
    # the files have the time of the machine, whatever the test's clock says
    repository.clock.present = system_clock() + IN_FLIGHT + timedelta(minutes=1)


def held(repository: Repository) -> set[str]:
    return {one.sha256 for one in repository.vault.held()}


def other(submission: Submission, number: int) -> Submission:
    """The same documents in another set."""
    named = dataclasses.replace(submission.submission_sets[0], unique_ids=(Identifier(f"2.999.8.{number}"),))
    return dataclasses.replace(submission, submission_sets=(named,))


def test_a_removed_document_is_not_given_out_and_its_bytes_are_gone(repository: Repository) -> None:
    repository.provide(provided(documents=2), b"abc", b"defg")
    later(repository)

    removal = remove(repository, ONE)
    retrieval = repository.service.retrieve(wanted(ONE, TWO), SUBJECT)

    assert removal == Removal((ONE,), ())
    assert [d.document_unique_id for d in retrieval.documents] == [TWO]
    assert [v.condition for v in retrieval.violations] == [Condition.DOCUMENT_UNKNOWN]
    assert held(repository) == {content_of(b"defg").sha256}


def test_bytes_that_another_document_has_as_well_stay_until_that_one_goes(repository: Repository) -> None:
    repository.provide(provided(documents=2), b"same", b"same")
    later(repository)

    remove(repository, ONE)
    after_one = held(repository)
    remove(repository, TWO)

    assert after_one == {content_of(b"same").sha256}
    assert held(repository) == set()


def test_bytes_that_a_submission_may_just_have_brought_are_left_for_the_sweep(repository: Repository) -> None:
    repository.provide(provided(), b"abc")
    repository.clock.present = system_clock()

    removal = remove(repository, ONE)
    left = held(repository)
    repository.clock.present += timedelta(days=2)
    swept = repository.upkeep.sweep()

    assert removal.unique_ids == (ONE,)
    assert left == {content_of(b"abc").sha256}
    assert (swept.contents, held(repository)) == (1, set())


def test_a_vault_that_is_away_does_not_undo_a_removal(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    repository.provide(provided(), b"abc")
    later(repository)

    def away(*_: object, **__: object) -> bool:
        raise Unavailable(violation(Condition.BUSY, "", "away"))

    monkeypatch.setattr(repository.vault, "discard", away)
    with caplog.at_level(logging.WARNING):
        removal = remove(repository, ONE)

    assert removal.violations == ()
    assert repository.documents() == {}
    assert "left for the sweep" in caplog.text


def test_a_document_whose_registration_is_open_cannot_be_removed_yet(repository: Repository) -> None:
    repository.registry.is_away = True
    with pytest.raises(Unavailable):
        repository.provide(provided(), b"abc")

    removal = remove(repository, ONE)

    assert removal.unique_ids == ()
    assert [(v.condition, v.where) for v in removal.violations] == [(Condition.REMOVAL_FAILED, ONE)]
    assert repository.states() == {ONE: State.STORED}


def test_a_document_that_the_registry_refused_is_not_known(repository: Repository) -> None:
    repository.registry.refusal = (violation(Condition.PATIENT_UNKNOWN, "Document01", "nobody"),)
    with pytest.raises(RejectedByRegistry):
        repository.provide(provided(), b"abc")

    assert [v.condition for v in remove(repository, ONE).violations] == [Condition.DOCUMENT_UNKNOWN]


def test_one_of_another_repository_stays_and_so_does_one_that_only_has_its_name(repository: Repository) -> None:
    repository.provide(provided(), b"abc")

    removal = remover(repository).remove(wanted(ONE, repository="1.2.3"), SUBJECT)

    assert [(v.condition, v.where) for v in removal.violations] == [(Condition.REPOSITORY_UNKNOWN, "1.2.3")]
    assert repository.states() == {ONE: State.REGISTERED}


def test_a_document_named_twice_is_removed_once(repository: Repository) -> None:
    repository.provide(provided(), b"abc")

    assert remove(repository, ONE, ONE) == Removal((ONE,), ())


def test_more_documents_than_one_request_may_name_are_refused(repository: Repository) -> None:
    repository.retrieve_limit = 1

    with pytest.raises(Rejected) as refused:
        remove(repository, ONE, TWO)

    assert refused.value.condition is Condition.REMOVAL_FAILED


def test_a_removal_is_on_record_with_each_patient_and_each_outcome(repository: Repository) -> None:
    repository.provide(provided(), b"abc")

    remove(repository, ONE, "9.9.9")

    done, refused = repository.audited()[1:]
    assert [(e.types[0].code, e.action.value, e.outcome.is_success) for e in (done, refused)] == [
        ("ITI-86", "D", True),
        ("ITI-86", "D", False),
    ]
    assert [o.id for o in done.objects] == [PATIENT, ONE]
    assert "9.9.9" in [o.id for o in refused.objects]
    assert [schema_faults(e.to_xml()) for e in (done, refused)] == [[], []]


def test_a_repeated_submission_does_not_bring_back_what_was_removed(repository: Repository) -> None:
    repository.provide(provided(documents=2), b"abc", b"defg")
    remove(repository, ONE)

    for _ in range(3):
        with pytest.raises(RejectedByRegistry) as refused:
            repository.provide(provided(documents=2), b"abc", b"defg")

    assert refused.value.condition is Condition.UNIQUE_ID_IN_USE
    assert [i.document_unique_id for i in repository.service.retrieve(wanted(ONE, TWO), SUBJECT).documents] == [TWO]


@pytest.mark.parametrize("again", [lambda s: s, lambda s: other(s, 2)], ids=["its own", "another"])
def test_after_its_metadata_were_removed_as_well_it_may_come_again(
    repository: Repository, again: Callable[[Submission], Submission]
) -> None:
    repository.provide(provided(), b"abc")
    remove(repository, ONE)
    repository.registry.submissions.clear()

    repository.provide(again(provided()), b"abc")

    assert repository.states() == {ONE: State.REGISTERED}
