"""Documents that are kept without a request of ITI-41; with one, all of it is in the tests of the service."""

from __future__ import annotations

from repository.model import ReceivedDocument, State
from repository.providing import Providing
from tests.support.repositories import SUBJECT, Repository, provided
from tests.support.vaults import staged


def test_without_an_audit_message_none_is_left(repository: Repository) -> None:
    submission = provided()
    document = ReceivedDocument(submission.entries[0].id, staged(repository.vault, b"abc"))
    providing = Providing(repository.database, repository.vault, repository.registry, repository.context)

    warnings = providing.provide(submission, [document], SUBJECT)

    assert warnings == ()
    assert list(repository.states().values()) == [State.REGISTERED]
    assert repository.audited() == []
    assert not document.attachment.path.exists()
