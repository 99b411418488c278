"""The audit trail of a running service, read from its database beside it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa
from lxml import etree

from arr.intake import audit_xml
from arr.model import Received
from arr.packing import unpacked
from arr.tables import RECORD
from kernel.outbox import AUDIT_OUTBOX, OUTBOX
from tests.support.service import Service

WAIT_SECONDS = 10.0


@dataclass(frozen=True)
class Record:
    """One audit message as it lies in the repository."""

    xml: bytes

    @property
    def root(self) -> etree._Element:
        """Its AuditMessage."""
        return etree.fromstring(self.xml)  # noqa: TID251 - the test's own reading

    @property
    def event(self) -> etree._Element:
        """EventIdentification."""
        return self.root.find("EventIdentification")

    @property
    def outcome(self) -> str:
        """EventOutcomeIndicator."""
        return self.event.get("EventOutcomeIndicator", "")

    @property
    def action(self) -> str:
        """EventActionCode."""
        return self.event.get("EventActionCode", "")

    @property
    def event_id(self) -> str:
        """The code of EventID."""
        return self.event.find("EventID").get("csd-code", "")

    @property
    def object_ids(self) -> list[str]:
        """ParticipantObjectID of everything it is about."""
        return [o.get("ParticipantObjectID", "") for o in self.root.iter("ParticipantObjectIdentification")]

    @property
    def roles(self) -> dict[str, str]:
        """UserID by RoleIDCode."""
        return {
            role.get("csd-code", ""): participant.get("UserID", "")
            for participant in self.root.iter("ActiveParticipant")
            for role in participant.iter("RoleIDCode")
        }


class Trail:
    """The records of a running service, on either database."""

    def __init__(self, service: Service) -> None:
        url = service.environment.get("HIE_DATABASE__URL") or f"sqlite:///{service.data / 'affinity.db'}"
        self._engine = sa.create_engine(url)

    def mark(self) -> int:
        """The number of the last record."""
        with self._engine.connect() as connection:
            return int(connection.execute(sa.select(sa.func.coalesce(sa.func.max(RECORD.c.sequence), 0))).scalar_one())

    def settled(self) -> int:
        """The number of the last record, once nothing waits to be recorded."""
        deadline = time.monotonic() + WAIT_SECONDS
        while self.waiting() and time.monotonic() < deadline:
            time.sleep(0.02)
        return self.mark()

    def since(self, mark: int, event_type: str = "") -> list[Record]:
        """The records after a mark, oldest first; of one type, as `ITI-42`, or all."""
        wanted = sa.select(RECORD.c.origin, RECORD.c.packing, RECORD.c.data).where(RECORD.c.sequence > mark)
        if event_type:
            wanted = wanted.where(RECORD.c.event_type == event_type)
        with self._engine.connect() as connection:
            rows = connection.execute(wanted.order_by(RECORD.c.sequence)).all()
        return [Record(audit_xml(Received.of_origin(row.origin, unpacked(row.packing, row.data)))) for row in rows]

    def waiting(self) -> int:
        """Rows of both outboxes."""
        with self._engine.connect() as connection:
            counts = (sa.select(sa.func.count()).select_from(table) for table in (OUTBOX, AUDIT_OUTBOX))
            return sum(connection.execute(count).scalar_one() for count in counts)

    def expect(self, mark: int, event_type: str, fits: Callable[[Record], bool], count: int = 1) -> list[Record]:
        """The records after a mark that fit, once there are so many of them."""
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            came = self.since(mark, event_type)
            found = [record for record in came if fits(record)]
            if len(found) >= count or time.monotonic() > deadline:
                break
            time.sleep(0.02)
        assert len(found) == count, [(r.event_id, r.action, r.outcome, r.object_ids) for r in came]
        return found

    def close(self) -> None:
        """Lets go of the database."""
        self._engine.dispose()
