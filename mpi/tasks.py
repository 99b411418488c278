"""What the worker calls for the index, each inside the unit of work that takes the task out of the outbox; safe to run twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kernel.database import Work
from mpi.index import MATCH, NOTIFY
from mpi.matching import Matcher
from mpi.notices import Notices

Task = Callable[[Work, str], None]


def tasks(matcher: Matcher, notices: Notices) -> Mapping[str, Task]:
    """The tasks by topic."""

    def match_record(work: Work, key: str) -> None:
        """Compares the record with this id with the index."""
        matcher.match(work, int(key))

    def notify_consumers(work: Work, key: str) -> None:
        """The identifiers of this person changed: whoever is to know is told."""
        notices.queue(work, int(key))

    return {MATCH: match_record, NOTIFY: notify_consumers}
