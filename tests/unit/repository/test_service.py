"""Provide and register in two units with a named state between; retrieve only what is what was stored."""

from __future__ import annotations

import dataclasses
import hashlib
import threading

import pytest

from ebrim.model import Identifier
from ebrim.retrieve import DocumentRequest
from kernel.errors import Condition, Rejected, Unavailable, violation, warning
from repository.model import State
from repository.ports import RejectedByRegistry
from tests.support.audit import schema_faults
from tests.support.metadata import PATIENT, REPOSITORY, a_provided_entry, a_submission
from tests.support.registries import Killed
from tests.support.repositories import SUBJECT, Repository, provided
from tests.support.vaults import FileHarm

ONE = "2.999.7.1.1"
TWO = "2.999.7.1.2"


def wanted(*unique_ids: str, repository: str = REPOSITORY) -> list[DocumentRequest]:
    return [DocumentRequest(repository, unique_id) for unique_id in unique_ids]


def given_out(repository: Repository, *unique_ids: str) -> dict[str, bytes]:
    """ITI-43, read to the end."""
    retrieval = repository.service.retrieve(wanted(*unique_ids), SUBJECT)
    return {d.document_unique_id: b"".join(d.opened.chunks()) for d in retrieval.documents}


def kill() -> None:
    raise Killed


# --- ITI-41


def test_documents_are_kept_completed_and_registered(repository: Repository) -> None:
    warnings = repository.provide(provided(documents=2), b"abc", b"defg")

    assert warnings == ()
    (registered,) = repository.registry.submissions
    assert [(e.hash, e.size, e.repository_unique_id) for e in registered.entries] == [
        ((hashlib.sha1(b"abc").hexdigest(),), ("3",), (REPOSITORY,)),
        ((hashlib.sha1(b"defg").hexdigest(),), ("4",), (REPOSITORY,)),
    ]
    assert repository.states() == {ONE: State.REGISTERED, TWO: State.REGISTERED}
    assert given_out(repository, ONE, TWO) == {ONE: b"abc", TWO: b"defg"}


def test_success_leaves_its_audit_record_in_the_commit_that_ends_it(repository: Repository) -> None:
    repository.provide(provided(), b"abc")

    (event,) = repository.audited()
    assert event.types[0].code == "ITI-41"
    assert event.outcome.is_success
    assert [o.id for o in event.objects] == [PATIENT, "2.999.8.1"]


def test_the_registrys_warnings_are_passed_on(repository: Repository) -> None:
    repository.registry.warnings = (warning(Condition.EXTRA_METADATA_DROPPED, "", "x"),)

    assert repository.provide(provided(), b"abc") == repository.registry.warnings


def test_a_repository_id_that_the_source_invented_is_replaced(repository: Repository) -> None:
    submission = provided()
    entry = dataclasses.replace(submission.entries[0], repository_unique_id=("1.2.3",))

    repository.provide(dataclasses.replace(submission, entries=(entry,)), b"abc")

    assert repository.registry.submissions[0].entries[0].repository_unique_id == (REPOSITORY,)


def test_what_breaks_a_rule_is_rejected_with_every_violation_and_nothing_is_kept(repository: Repository) -> None:
    submission = a_submission(a_provided_entry(hash=("0" * 40,), size=("9",)))

    with pytest.raises(Rejected) as caught:
        repository.provide(submission, b"abc")

    assert [v.condition for v in caught.value.violations] == [Condition.CONTENT_DIFFERS] * 2
    assert not isinstance(caught.value, RejectedByRegistry)
    assert repository.documents() == {}
    assert list(repository.vault.held()) == []


def test_the_registrys_no_makes_orphans_and_is_known_as_the_registrys(repository: Repository) -> None:
    repository.registry.refusal = (violation(Condition.PATIENT_UNKNOWN, "Document01", "nobody"),)

    with pytest.raises(RejectedByRegistry) as caught:
        repository.provide(provided(), b"abc")

    assert caught.value.violations == repository.registry.refusal
    assert repository.states() == {ONE: State.ORPHAN}
    assert given_out(repository, ONE) == {}


def test_after_a_no_the_same_unique_id_may_bring_other_bytes(repository: Repository) -> None:
    repository.registry.refusal = (violation(Condition.PATIENT_UNKNOWN, "Document01", "nobody"),)
    with pytest.raises(RejectedByRegistry):
        repository.provide(provided(), b"abc")

    repository.registry.refusal = ()
    repository.provide(provided(), b"other")

    assert given_out(repository, ONE) == {ONE: b"other"}


def test_a_registry_that_is_away_leaves_the_documents_stored_and_a_retry_goes_on(repository: Repository) -> None:
    repository.registry.is_away = True
    with pytest.raises(Unavailable) as caught:
        repository.provide(provided(), b"abc")
    stored = repository.states()

    repository.registry.is_away = False
    repository.provide(provided(), b"abc")

    assert caught.value.condition is Condition.REGISTRY_UNAVAILABLE
    assert stored == {ONE: State.STORED}
    assert repository.states() == {ONE: State.REGISTERED}
    assert len(repository.registry.submissions) == 1


def test_a_retry_after_a_lost_answer_is_a_success_and_registers_nothing(repository: Repository) -> None:
    repository.provide(provided(), b"abc")

    repository.provide(provided(), b"abc")

    assert len(repository.registry.submissions) == 1
    assert [e.outcome.is_success for e in repository.audited()] == [True, True]
    assert repository.vault.clear(before=repository.clock()) == 0


def test_the_same_submission_after_the_registry_removed_it_is_registered_anew(repository: Repository) -> None:
    repository.provide(provided(), b"abc")
    repository.registry.submissions.clear()

    repository.provide(provided(), b"abc")

    assert len(repository.registry.submissions) == 1
    assert given_out(repository, ONE) == {ONE: b"abc"}


def test_a_retry_after_a_kill_between_the_registrys_commit_and_ours_is_a_success(repository: Repository) -> None:
    repository.registry.after = kill
    with pytest.raises(Killed):
        repository.provide(provided(), b"abc")
    between = repository.states()

    repository.registry.after = lambda: None
    repository.provide(provided(), b"abc")

    assert between == {ONE: State.STORED}
    assert repository.states() == {ONE: State.REGISTERED}
    assert len(repository.registry.submissions) == 1
    assert repository.registry.asked == [(ONE,)]


def test_a_document_registered_but_not_yet_marked_so_is_given_out(repository: Repository) -> None:
    repository.registry.after = kill
    with pytest.raises(Killed):
        repository.provide(provided(), b"abc")

    assert given_out(repository, ONE) == {ONE: b"abc"}


def test_a_retry_after_a_kill_before_the_registry_heard_of_it_registers_once(repository: Repository) -> None:
    repository.registry.before = kill
    with pytest.raises(Killed):
        repository.provide(provided(), b"abc")

    repository.registry.before = lambda: None
    repository.provide(provided(), b"abc")

    assert len(repository.registry.submissions) == 1
    assert repository.states() == {ONE: State.REGISTERED}


def test_another_submission_under_the_same_set_is_rejected_once_the_first_is_registered(repository: Repository) -> None:
    repository.provide(provided(1), b"abc")

    with pytest.raises(Rejected) as caught:
        repository.provide(provided(2, set_number=1), b"abc")

    assert caught.value.condition is Condition.UNIQUE_ID_IN_USE
    assert list(repository.documents()) == [ONE]


def test_another_submission_under_the_same_set_is_not_taken_for_a_retry_after_a_kill(repository: Repository) -> None:
    repository.registry.after = kill
    with pytest.raises(Killed):
        repository.provide(provided(1), b"abc")

    repository.registry.after = lambda: None
    with pytest.raises(RejectedByRegistry):
        repository.provide(provided(2, set_number=1), b"abc")

    assert len(repository.registry.submissions) == 1


def test_a_set_that_somebody_else_registered_is_the_registrys_to_refuse_even_on_a_retry(repository: Repository) -> None:
    repository.registry.submissions.append(provided(9, set_number=1))
    repository.registry.before = kill
    with pytest.raises(Killed):
        repository.provide(provided(1), b"abc")

    repository.registry.before = lambda: None
    with pytest.raises(RejectedByRegistry):
        repository.provide(provided(1), b"abc")

    assert repository.states() == {ONE: State.ORPHAN}


def test_the_same_document_in_two_submissions_is_kept_once(repository: Repository) -> None:
    repository.provide(provided(1), b"abc")
    again = dataclasses.replace(provided(1, set_number=2))

    repository.provide(again, b"abc")

    assert len(repository.registry.submissions) == 2
    assert len(list(repository.vault.held())) == 1


def test_another_document_under_a_unique_id_in_use_is_rejected_before_anything_is_published(repository: Repository) -> None:
    repository.provide(provided(1), b"abc")

    with pytest.raises(Rejected) as caught:
        repository.provide(provided(1, set_number=2), b"other")

    assert [(v.condition, v.where) for v in caught.value.violations] == [(Condition.HASH_DIFFERS, ONE)]
    assert len(list(repository.vault.held())) == 1
    assert given_out(repository, ONE) == {ONE: b"abc"}


def test_a_rejected_submission_does_not_orphan_what_another_registered(repository: Repository) -> None:
    repository.provide(provided(1), b"abc")
    repository.registry.refusal = (violation(Condition.METADATA_INVALID, "", "no"),)

    with pytest.raises(RejectedByRegistry):
        repository.provide(provided(1, set_number=2), b"abc")

    assert repository.states() == {ONE: State.REGISTERED}


def test_a_submission_without_documents_is_registered_and_recognised(repository: Repository) -> None:
    bare = dataclasses.replace(a_submission(), entries=(), associations=())

    repository.provide(bare)
    repository.provide(bare)

    assert len(repository.registry.submissions) == 1
    assert repository.documents() == {}


def test_the_order_of_documents_in_the_message_does_not_matter_to_their_pairing(repository: Repository) -> None:
    submission = provided(documents=2)

    repository.provide(dataclasses.replace(submission, entries=submission.entries[::-1]), b"second", b"first")

    assert given_out(repository, ONE, TWO) == {ONE: b"first", TWO: b"second"}


@pytest.mark.parametrize("same", [True, False])
def test_simultaneous_submissions_of_one_unique_id_end_as_if_one_came_after_the_other(repository: Repository, same: bool) -> None:
    gate = threading.Barrier(2, timeout=10)
    repository.registry.before = gate.wait  # type: ignore[assignment]  # the number it gives is of no use here
    outcomes: list[str] = []

    def provide(number: int) -> None:
        data = b"abc" if same else b"abc%d" % number
        try:
            repository.provide(provided(1, set_number=1 if same else number), data)
            outcomes.append("done")
        except Rejected as no:
            gate.abort()
            outcomes.append(no.condition.name)
        except threading.BrokenBarrierError:
            outcomes.append("broken")

    threads = [threading.Thread(target=provide, args=(n,)) for n in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)

    if same:
        assert outcomes == ["done", "done"]
        assert len(repository.registry.submissions) == 1
        assert repository.states() == {ONE: State.REGISTERED}
    else:
        assert "HASH_DIFFERS" in outcomes
        assert len(repository.registry.submissions) <= 1


def test_a_refusal_leaves_its_audit_record_with_what_could_be_read(repository: Repository) -> None:
    error = Rejected(violation(Condition.METADATA_INVALID, "Document01", "secret words"))

    repository.service.refuse_provision(provided(), SUBJECT, error)
    repository.service.refuse_provision(None, SUBJECT, error)

    known, unknown = repository.audited()
    assert [o.id for o in known.objects] == [PATIENT, "2.999.8.1"]
    assert unknown.objects == ()
    assert not known.outcome.is_success
    assert "METADATA_INVALID" in known.outcome.description
    assert "secret" not in known.outcome.description


# --- ITI-43


def test_several_documents_are_given_out_and_what_is_not_there_is_told(repository: Repository) -> None:
    repository.provide(provided(documents=2), b"abc", b"defg")

    retrieval = repository.service.retrieve([*wanted(ONE, "1.2.3", TWO), *wanted(ONE, repository="9.9.9")], SUBJECT)

    assert [(d.document_unique_id, d.mime_type, d.size) for d in retrieval.documents] == [
        (ONE, "text/plain", 3),
        (TWO, "text/plain", 4),
    ]
    assert [(v.condition, v.where) for v in retrieval.violations] == [
        (Condition.DOCUMENT_UNKNOWN, "1.2.3"),
        (Condition.REPOSITORY_UNKNOWN, "9.9.9"),
    ]


def test_a_retrieval_leaves_one_event_for_each_outcome_and_patient_before_a_byte_leaves(repository: Repository) -> None:
    repository.provide(provided(), b"abc")

    repository.service.retrieve(wanted(ONE, "1.2.3"), SUBJECT)

    events = [e for e in repository.audited() if e.types[0].code == "ITI-43"]
    assert [(e.outcome.is_success, [o.id for o in e.objects]) for e in events] == [(True, [PATIENT, ONE]), (False, ["1.2.3"])]
    assert all(schema_faults(e.to_xml()) == [] for e in repository.audited())


def test_a_damaged_document_is_told_audited_and_counted_and_not_given_out(repository: Repository, files: FileHarm) -> None:
    repository.provide(provided(documents=2), b"abc", b"defg")
    content = repository.documents()[ONE].content
    files.write(content, b"abd")

    retrieval = repository.service.retrieve(wanted(ONE, TWO), SUBJECT)

    assert [d.document_unique_id for d in retrieval.documents] == [TWO]
    assert [(v.condition, v.where) for v in retrieval.violations] == [(Condition.CONTENT_DAMAGED, ONE)]
    assert repository.damage == [content]
    assert [e.outcome.is_success for e in repository.audited()[1:]] == [True, False]


def test_a_missing_document_counts_as_damage(repository: Repository, files: FileHarm) -> None:
    repository.provide(provided(), b"abc")
    content = repository.documents()[ONE].content
    files.remove(content)

    assert given_out(repository, ONE) == {}
    assert repository.damage == [content]


def test_the_community_of_a_request_is_said_again_in_its_answer(repository: Repository) -> None:
    repository.provide(provided(), b"abc")

    retrieval = repository.service.retrieve([DocumentRequest(REPOSITORY, ONE, "urn:oid:1.2")], SUBJECT)

    assert retrieval.documents[0].home == "urn:oid:1.2"


def test_the_same_document_may_be_asked_for_twice(repository: Repository) -> None:
    repository.provide(provided(), b"abc")

    assert len(repository.service.retrieve(wanted(ONE, ONE), SUBJECT).documents) == 2


def test_more_documents_than_one_answer_may_hold_are_refused(repository: Repository) -> None:
    repository.retrieve_limit = 2

    with pytest.raises(Rejected) as caught:
        repository.service.retrieve(wanted("1.1", "1.2", "1.3"), SUBJECT)

    assert caught.value.condition is Condition.TOO_MANY_RESULTS


def test_a_refused_retrieval_names_in_its_audit_what_was_asked_for(repository: Repository) -> None:
    error = Rejected(violation(Condition.TOO_MANY_RESULTS, "", ""))

    repository.service.refuse_retrieval(wanted("1.1", "1.2"), SUBJECT, error)

    (event,) = repository.audited()
    assert [o.id for o in event.objects] == ["1.1", "1.2"]
    assert not event.outcome.is_success


def test_unique_ids_with_an_extension_are_kept_apart(repository: Repository) -> None:
    entries = [a_provided_entry(id=f"d{n}", unique_ids=(Identifier(f"1.2.3^{n}"),)) for n in (1, 2)]

    repository.provide(a_submission(*entries), b"one", b"two")

    assert given_out(repository, "1.2.3^1", "1.2.3^2") == {"1.2.3^1": b"one", "1.2.3^2": b"two"}
