"""The audit trail of a running service, read from its embedded database beside it."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass

from lxml import etree

from arr.intake import audit_xml
from arr.model import Received
from arr.packing import unpacked
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
    """The records of a service on SQLite."""

    def __init__(self, service: Service) -> None:
        self._connection = sqlite3.connect(f"file:{service.data / 'affinity.db'}?mode=ro", uri=True, timeout=20)

    def mark(self) -> int:
        """The number of the last record."""
        return int(self._connection.execute("SELECT coalesce(max(sequence), 0) FROM arr_record").fetchone()[0])

    def since(self, mark: int, event_type: str = "") -> list[Record]:
        """The records after a mark, oldest first; of one type, as `ITI-42`, or all."""
        rows = self._connection.execute(
            "SELECT origin, packing, data, received_at FROM arr_record "
            "WHERE sequence > ? AND (event_type = ? OR ? = '') ORDER BY sequence",
            (mark, event_type, event_type),
        )
        return [Record(audit_xml(Received.of_origin(origin, unpacked(packing, data)))) for origin, packing, data, _ in rows]

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
        """Closes the database."""
        self._connection.close()
