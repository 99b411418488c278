"""The same message again changes nothing and gets the same answer; another message with its id is refused."""

from __future__ import annotations

from access.subject import Subject
from kernel.database import Work
from kernel.errors import Condition, Violation, rejected, warning
from mpi import store
from mpi.authorities import Authorities
from mpi.model import Fed, Receipt


def take(work: Work, receipt: Receipt, subject: Subject, warnings: tuple[Violation, ...], authorities: Authorities) -> Fed:
    """Remembers the message; what was answered, when it came before. Which record it is about is not known yet: 0.

    Raises `Rejected` for another message with its id, unless the source is one that is known to do that.
    """
    if store.take_message(work.connection, receipt, warnings, work.now):
        return Fed(0, warnings)
    known = store.known_message(work.connection, receipt)
    if known is None:
        raise store.Raced
    if known.digest == receipt.digest:
        return Fed(None, known.warnings)
    detail = "another message with this id was received from the same sender"
    if not authorities.is_lenient(subject.source):
        raise rejected(Condition.MESSAGE_ID_REUSED, receipt.where, detail)
    warnings = (*warnings, warning(Condition.MESSAGE_ID_REUSED, receipt.where, detail))
    store.replace_message(work.connection, receipt, warnings, work.now)
    return Fed(0, warnings)
