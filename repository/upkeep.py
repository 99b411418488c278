"""What a repository does when nobody asks: sweep what was never registered, and look for damage."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby, islice
from typing import Final

from access.subject import Subject
from kernel.database import Database
from kernel.errors import Condition, Unavailable
from kernel.peer import Peer
from repository.model import Damage, DocumentRecord, RepositoryContext, Swept
from repository.ports import RegistryPort
from repository.rules import missing_from
from repository.store import RepositoryStore
from repository.vault import Missing, Vault

_PORTION: Final = 500


@dataclass(frozen=True, slots=True)
class Periods:
    """How long remains are left alone (`grace`), and a finished submission is recognised (`replay`)."""

    grace: timedelta = timedelta(hours=24)
    replay: timedelta = timedelta(days=7)


class Upkeep:
    """Sweeps and scrubs. Safe beside a repository at work, in this process or another, and to be broken off at any point."""

    def __init__(
        self, database: Database, vault: Vault, registry: RegistryPort, context: RepositoryContext, periods: Periods
    ) -> None:
        self._database = database
        self._vault = vault
        self._registry = registry
        self._context = context
        self._periods = periods
        self._store = RepositoryStore()

    def sweep(self, *, contents: bool = True) -> Swept:
        """Settles what was left open longer than the grace period, and removes what nothing refers to.

        Looking for contents that nothing refers to lists the whole vault; without `contents` that is left for another time.
        Raises `Unavailable` when the registry cannot be asked; then nothing that is open is touched.
        """
        now = self._context.clock()
        cutoff = now - self._periods.grace
        registered, forgotten = self._settle(_milliseconds(cutoff))
        with self._database.begin() as work:
            submissions = self._store.forget_submissions(work, before=_milliseconds(now - self._periods.replay))
        discarded = sum(self._discard(some, cutoff) for some in self._old_contents(cutoff)) if contents else 0
        return Swept(registered, forgotten, submissions, discarded, remains=self._vault.clear(before=cutoff))

    def scrub(self, *, bytes_per_second: int = 0, pause: Callable[[float], None] = time.sleep) -> Iterator[Damage]:
        """Reads every document and tells which are damaged or missing; 0 is as fast as it goes.

        Raises `Unavailable` when the vault does not answer.
        """
        after = 0
        while True:
            with self._database.read() as connection:
                page = self._store.page(connection, after=after, limit=_PORTION)
            if not page:
                return
            after = page[-1][0]
            for _, record in page:
                try:
                    self._vault.open(record.content)
                except Unavailable as problem:
                    if problem.condition is not Condition.CONTENT_DAMAGED:
                        raise
                    yield Damage(record.unique_id, record.content, isinstance(problem, Missing))
                if bytes_per_second:
                    pause(record.content.size / bytes_per_second)

    def _settle(self, before: int) -> tuple[int, int]:
        """Documents whose registration was never heard of: the registry knows them, or nobody does."""
        registered = forgotten = 0
        while True:
            with self._database.read() as connection:
                records = self._store.unsettled(connection, before=before, limit=_PORTION)
            if not records:
                return registered, forgotten
            lost = {record.unique_id for record in self._unknown_to_registry(records)}
            held = [record.unique_id for record in records if record.unique_id not in lost]
            with self._database.begin() as work:
                registered += self._store.mark_registered(work, held, before=before)
                forgotten += self._store.forget_documents(work, sorted(lost), before=before)

    def _unknown_to_registry(self, records: Sequence[DocumentRecord]) -> Iterator[DocumentRecord]:
        """Asks for each patient by itself: a registry shows the entries of one at a time (ITI TF-2 3.18.4.1.2.3.8)."""
        for _, of_one in groupby(sorted(records, key=_patient), _patient):
            some = list(of_one)
            entries = self._registry.entries([record.unique_id for record in some], _ourselves(self._context))
            yield from missing_from(some, entries, self._context.repository_unique_id)

    def _old_contents(self, cutoff: datetime) -> Iterator[Sequence[str]]:
        keys = (held.sha256 for held in self._vault.held() if held.published_at < cutoff)
        while some := list(islice(keys, _PORTION)):
            yield some

    def _discard(self, keys: Sequence[str], cutoff: datetime) -> int:
        with self._database.read() as connection:
            referred = self._store.referred(connection, keys)
        return sum(self._vault.discard(key, unless_since=cutoff) for key in keys if key not in referred)


def _patient(record: DocumentRecord) -> str:
    return record.patient_id


def _milliseconds(instant: datetime) -> int:
    return int(instant.timestamp() * 1000)


def _ourselves(context: RepositoryContext) -> Subject:
    """The repository itself, asking for its own sake."""
    return Subject(Peer("", ""), source=context.audit.source_id, receiver="")
