"""The values of the repository."""

from atna.participants import AuditContext
from repository.model import RepositoryContext, State, SubmissionRecord
from repository.vault import Content
from tests.support.clocks import TickingClock


def test_a_submission_begins_stored_with_its_first_attempt() -> None:
    record = SubmissionRecord("1.2.3", b"d")

    assert (record.state, record.attempts) == (State.STORED, 1)


def test_damage_goes_unheard_where_nobody_listens() -> None:
    context = RepositoryContext("1.2.3", AuditContext("s", "e", "1", "h"), TickingClock())

    context.on_damage(Content("0" * 64, 1))  # does nothing, and that is all that is asked of it
