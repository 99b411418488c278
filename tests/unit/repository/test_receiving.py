"""A Document Recipient: keeps what was sent, gives it to nobody, and files it once it is whole."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ebrim.model import Identifier, Submission
from ebrim.retrieve import DocumentRequest
from kernel.errors import Condition, Rejected, Severity, violation
from kernel.times import system_clock
from repository.model import ReceivedDocument, State
from repository.ports import RejectedByRegistry
from repository.receiving import DocumentRecipient, without_label
from repository.removing import DocumentRemover
from repository.service import RepositoryService
from tests.support.metadata import REPOSITORY
from tests.support.repositories import SUBJECT, Repository, provided
from tests.support.vaults import staged

ONE = "2.999.7.1.1"
SET = "2.999.8.1"


def limited(number: int = 1) -> Submission:
    """A submission that is labelled, and lacks what a registry needs."""
    whole = provided(number)
    entry = replace(whole.entries[0], limited_metadata=True, class_codes=(), patient_ids=())
    return replace(whole, entries=(entry,), submission_sets=(replace(whole.submission_sets[0], limited_metadata=True),))


def recipient(repository: Repository) -> DocumentRecipient:
    return DocumentRecipient(repository.database, repository.vault, repository.registry, repository.context)


def send(repository: Repository, submission: Submission, data: bytes = b"abc", *, is_recipient: bool = True) -> list[Condition]:
    """ITI-41; the warnings."""
    inbox = recipient(repository) if is_recipient else None
    service = RepositoryService(repository.database, repository.vault, repository.registry, repository.context, None, inbox)
    document = ReceivedDocument(submission.entries[0].id, staged(repository.vault, data))
    warnings = service.provide_and_register(submission, [document], SUBJECT)
    assert {w.severity for w in warnings} <= {Severity.WARNING}
    assert not document.attachment.path.exists()
    return [w.condition for w in warnings]


def given_out(repository: Repository) -> list[bytes]:
    found = repository.service.retrieve([DocumentRequest(REPOSITORY, ONE)], SUBJECT)
    return [b"".join(d.opened.chunks()) for d in found.documents]


def test_what_is_received_waits_and_no_registry_is_asked(repository: Repository) -> None:
    warnings = send(repository, limited())

    (receipt,) = recipient(repository).waiting()
    assert warnings == [Condition.DOCUMENT_QUEUED]
    assert (receipt.set_unique_id, receipt.source) == (SET, SUBJECT.source)
    assert repository.registry.submissions == []
    assert repository.states() == {ONE: State.RECEIVED}
    assert given_out(repository) == []


def test_it_is_on_record(repository: Repository) -> None:
    send(repository, limited())

    (event,) = repository.audited()
    assert (event.types[0].code, event.outcome.is_success) == ("ITI-41", True)
    assert SET in [o.id for o in event.objects]


def test_a_submission_that_is_not_labelled_goes_to_the_registry(repository: Repository) -> None:
    assert send(repository, provided()) == []

    assert repository.states() == {ONE: State.REGISTERED}


def test_without_the_setting_the_registry_judges_a_labelled_one_too(repository: Repository) -> None:
    send(repository, limited(), is_recipient=False)

    assert len(repository.registry.submissions) == 1


def test_the_same_request_again_is_answered_the_same_and_kept_once(repository: Repository) -> None:
    answers = [send(repository, limited()) for _ in range(3)]

    assert answers == [[Condition.DOCUMENT_QUEUED]] * 3
    assert len(recipient(repository).waiting()) == 1


def test_another_set_with_the_same_unique_id_is_refused(repository: Repository) -> None:
    send(repository, limited())

    with pytest.raises(Rejected) as refused:
        send(repository, limited(), b"other")

    assert refused.value.condition is Condition.UNIQUE_ID_IN_USE


def test_another_document_with_a_stored_unique_id_is_refused_and_nothing_of_it_is_kept(repository: Repository) -> None:
    repository.provide(provided(), b"abc")
    other = limited()
    held = replace(other.submission_sets[0], unique_ids=(Identifier("2.999.8.9"),))

    with pytest.raises(Rejected) as refused:
        send(repository, replace(other, submission_sets=(held,)), b"other")

    assert refused.value.condition is Condition.HASH_DIFFERS
    assert recipient(repository).waiting() == []


def test_what_breaks_a_rule_of_the_repository_is_refused(repository: Repository) -> None:
    broken = replace(limited(), entries=(replace(limited().entries[0], hash=("0" * 40,)),))

    with pytest.raises(Rejected):
        send(repository, broken)

    assert repository.documents() == {}


def test_what_waits_is_swept_by_nobody_and_removed_by_nobody(repository: Repository) -> None:
    send(repository, limited())
    repository.clock.present = system_clock() + timedelta(days=30)

    swept = repository.upkeep.sweep()
    removal = DocumentRemover(repository.database, repository.vault, repository.context).remove(
        [DocumentRequest(REPOSITORY, ONE)], SUBJECT
    )

    assert (swept.forgotten, swept.contents, swept.registered) == (0, 0, 0)
    assert [v.condition for v in removal.violations] == [Condition.DOCUMENT_UNKNOWN]
    assert repository.states() == {ONE: State.RECEIVED}


def test_once_filed_it_is_given_out_and_waits_no_longer(repository: Repository) -> None:
    send(repository, limited())

    warnings = recipient(repository).file(SET, without_label(provided()), SUBJECT)

    assert warnings == ()
    assert recipient(repository).waiting() == []
    assert [e.unique_id for e in repository.registry.submissions[0].entries] == [ONE]
    assert given_out(repository) == [b"abc"]
    with pytest.raises(Rejected):
        recipient(repository).submission(SET)


def test_what_the_registry_refuses_waits_on(repository: Repository) -> None:
    send(repository, limited())
    repository.registry.refusal = (violation(Condition.PATIENT_UNKNOWN, "Document01", "nobody"),)

    with pytest.raises(RejectedByRegistry):
        recipient(repository).file(SET, provided(), SUBJECT)

    assert len(recipient(repository).waiting()) == 1
    repository.registry.refusal = ()
    recipient(repository).file(SET, provided(), SUBJECT)
    assert given_out(repository) == [b"abc"]


def test_other_documents_than_were_received_are_not_filed(repository: Repository) -> None:
    send(repository, limited())

    with pytest.raises(Rejected) as refused:
        recipient(repository).file(SET, provided(2), SUBJECT)

    assert refused.value.condition is Condition.METADATA_INVALID


def test_what_was_received_is_kept_as_it_was_sent(repository: Repository) -> None:
    send(repository, limited())

    kept = recipient(repository).submission(SET)

    assert kept.entries[0].title_text == "Letter"
    assert kept.entries[0].limited_metadata
    assert kept.entries[0].class_codes == ()
    assert not without_label(kept).entries[0].limited_metadata
