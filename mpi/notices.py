"""Consumers are told when the identifiers of a patient change (ITI-10, ITI-46): what is told, to whom, and until it is taken.

A change is put into the queue of each consumer in the transaction of the task that found it, as it is at that moment. A queue is
sent in order, one notice at a time: a consumer that is away holds its own queue and no other, for as long as it takes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

import structlog

from affinity.model import Consumer
from atna.message import Outcome
from atna.participants import Side, calling, outcome_of
from kernel.database import Work
from kernel.errors import HieError, Unavailable
from kernel.identifiers import PatientId
from kernel.turns import alone
from mpi import ledger, notice_store, store
from mpi.audit import NotificationEvent, cx
from mpi.authorities import Authorities
from mpi.index import Index
from mpi.notice_store import Identifiers, Notice, Queue
from mpi.ports import Telling

SHOWN: Final = 1000

log = structlog.get_logger("mpi.notices")


class Notices:
    """The queues of the consumers."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._authorities = Authorities(index.affinity)

    # --- what is told ------------------------------------------------------------------------------------------------------

    def queue(self, work: Work, person: int) -> None:
        """Puts what is new of a person into the queue of everybody who may see it. Safe to run twice."""
        subscribers = self._authorities.subscribers()
        if not subscribers:
            return
        known = self._identifiers(work, person)
        for consumer in subscribers:
            self._queue_for(work, consumer, person, tuple(name for name in known if self._is_told(consumer, name[0])))

    def _queue_for(self, work: Work, consumer: Consumer, person: int, now_known: Identifiers) -> None:
        before = notice_store.last_told(work.connection, consumer.name, person)
        if (before or ()) == now_known:
            return
        if before is None and len(now_known) < 2 and not ledger.acts(work.connection, records=[person], limit=1):
            return  # one identifier that was never linked with another is no cross-reference
        notice_store.set_told(work.connection, consumer.name, person, now_known)
        if now_known:
            message_id = f"{self._index.keys(work.now):x}"
            notice_store.put(work.connection, consumer.name, person, now_known, message_id, work.now)

    def _identifiers(self, work: Work, person: int) -> Identifiers:
        """What a person is known by at the moment; nothing once she has become a part of another."""
        if store.persons_of(work.connection, [person]).get(person) != person:
            return ()
        own = self._authorities.own.key
        affinity_id, _ = store.affinity_ids(work.connection, [person])[person]
        others = ((i.authority, i.value) for i in store.identifiers_of_person(work.connection, person) if i.authority != own)
        return ((own, affinity_id), *others)

    def _is_told(self, consumer: Consumer, authority: int) -> bool:
        if not consumer.may_see(authority):
            return False
        # an identifier whose authority has no OID cannot be said in HL7 v3
        return not consumer.notify.startswith("http") or self._index.affinity.authority(authority).authority.oid is not None

    # --- telling -----------------------------------------------------------------------------------------------------------

    def send(self, consumer: Consumer, telling: Telling, is_stopping: Callable[[], bool] = lambda: False) -> int:
        """Sends what is due to a consumer, in order, until one has to wait; gives how many were taken.

        Does nothing while another thread or process sends to the same consumer.
        """
        taken = 0
        if self._due(consumer) is None:
            return taken
        with alone(self._index.database, f"notices {consumer.name}", is_long=True) as is_alone:
            while is_alone and not is_stopping() and (notice := self._due(consumer)) is not None:
                if not self._sent(consumer, notice, telling):
                    break
                taken += 1
        return taken

    def _due(self, consumer: Consumer) -> Notice | None:
        with self._index.database.read() as connection:
            notice = notice_store.first(connection, consumer.name)
        if notice is None:
            return None
        with self._index.database.begin() as work:  # for its time alone
            return notice if notice.due_at <= work.now else None

    def _sent(self, consumer: Consumer, notice: Notice, telling: Telling) -> bool:
        """Sends one notice; False when the queue has to wait."""
        ids = self.patient_ids(notice)
        try:
            telling.tell(ids, notice.message_id, datetime.fromtimestamp(notice.told_at / 1000, UTC))
        except Unavailable as error:
            self._put_off(consumer, notice, error, telling.audited)
            return False
        except HieError as error:
            log.error("notification refused", consumer=consumer.name, notice=notice.id, problem=error.condition.name)
            with self._index.database.begin() as work:
                notice_store.refuse(work.connection, notice.id, str(error))
                self._audit(work, consumer, notice, telling.audited, outcome_of(error))
            return True
        with self._index.database.begin() as work:
            notice_store.remove(work.connection, notice.id)
            self._audit(work, consumer, notice, telling.audited, Outcome.SUCCESS)
        return True

    def _put_off(self, consumer: Consumer, notice: Notice, error: HieError, event: NotificationEvent) -> None:
        if not notice.tries:
            log.warning("notifications wait", consumer=consumer.name, notice=notice.id, problem=error.condition.name)
        with self._index.database.begin() as work:
            notice_store.put_off(work.connection, notice, str(error), work.now)
            if not notice.tries:
                # the first failure is on the record; that it goes on failing is seen in the metrics
                self._audit(work, consumer, notice, event, outcome_of(error))

    def _audit(self, work: Work, consumer: Consumer, notice: Notice, event: NotificationEvent, outcome: Outcome) -> None:
        settings = self._index.settings
        subject = calling(consumer.notify, source=f"{settings.facility}|{settings.application}", message_id=notice.message_id)
        if consumer.notify.startswith("mllp"):
            subject = replace(subject, receiver=consumer.name)  # ITI TF-2 3.10.5: MSH-6|MSH-5
        when = datetime.fromtimestamp(work.now / 1000, UTC)
        ids = [cx(i) for i in self.patient_ids(notice)]
        message = event(self._index.audit, subject, when=when, outcome=outcome, patient_ids=ids, side=Side.SENDER)
        work.audit(message.to_xml())

    # --- what waits --------------------------------------------------------------------------------------------------------

    def patient_ids(self, notice: Notice) -> tuple[PatientId, ...]:
        """What a notice tells."""
        return tuple(self._authorities.patient_id(key, value) for key, value in notice.identifiers)

    def queues(self) -> tuple[Queue, ...]:
        """What waits for each consumer, those with empty queues too, and for those that are no longer listed."""
        with self._index.database.read() as connection:
            found = {queue.consumer: queue for queue in notice_store.queues(connection)}
        for consumer in self._authorities.subscribers():
            found.setdefault(consumer.name, Queue(consumer.name, 0, 0, None))
        return tuple(found[name] for name in sorted(found))

    def waiting(self, consumer: str) -> tuple[Notice, ...]:
        """What waits for a consumer and what it refused, the oldest first."""
        with self._index.database.read() as connection:
            return notice_store.notices(connection, consumer, SHOWN)

    def try_again(self, notice: int) -> bool:
        """Sends a notice again that was refused, or now one that waits for its time; False when there is none."""
        with self._index.database.begin() as work:
            return notice_store.try_again(work.connection, notice, work.now)

    def drop(self, notice: int) -> bool:
        """Gives a notice up; False when there is none."""
        with self._index.database.begin() as work:
            return notice_store.remove(work.connection, notice)
