"""What every service of the patient index works with, and how a unit of work is tried again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, TypeVar

from affinity.service import AffinityService
from atna.message import AuditMessage
from atna.participants import AuditContext
from kernel.database import Database, Work
from kernel.errors import Condition, Unavailable, violation
from mpi.keys import KeySource, new_affinity_id
from mpi.model import Act, ActKind
from mpi.settings import MatchingSettings, MpiSettings
from mpi.store import Raced

T = TypeVar("T")
ROUNDS: Final = 4
NOTIFY: Final = "mpi.notify_consumers"
MATCH: Final = "mpi.match_record"


def tell_of(work: Work, persons: Iterable[int]) -> None:
    """The identifiers of these persons changed; whoever wants to know is told after the commit."""
    for person in persons:
        work.tell(NOTIFY, str(person))


@dataclass(frozen=True, slots=True)
class Index:
    """The database, the affinity domain, settings, and where keys come from."""

    database: Database
    affinity: AffinityService
    audit: AuditContext
    settings: MpiSettings
    matching: MatchingSettings
    keys: KeySource = field(default_factory=KeySource)
    new_affinity_id: Callable[[], str] = new_affinity_id

    def unit(self, act: Callable[[Work], T]) -> T:
        """Runs `act` in a unit of work, and again when another transaction was a moment earlier. Raises `Unavailable`."""
        for _ in range(ROUNDS):
            try:
                return self.database.attempt(act)
            except Raced:
                continue
        raise Unavailable(violation(Condition.RECORD_LOCKED, "record", "others are changing the same patient; try again"))

    def act(self, work: Work, kind: ActKind, author: str, comment: str = "") -> Act:
        """A new act for the journal."""
        return Act(self.keys(work.now), kind, work.now, author, comment)

    def record(self, *messages: AuditMessage) -> None:
        """Writes audit messages in a unit of their own."""
        self.database.record([message.to_xml() for message in messages])
