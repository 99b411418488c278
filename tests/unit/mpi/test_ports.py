"""What the index asks of the world is what the transactions give."""

from __future__ import annotations

from hl7v2.consumer import Parties
from kernel.identifiers import Oid
from mpi.ports import Telling
from mpi.transactions.iti10_update_notification import UpdateNotification
from mpi.transactions.iti46_update_notification_v3 import Devices, UpdateNotificationV3


def test_both_languages_tell_and_say_how_they_are_audited() -> None:
    tellings: list[Telling] = [
        UpdateNotification(Parties("A", "B"), lambda message: message),
        UpdateNotificationV3(Devices(Oid("2.999.1"), Oid("2.999.2")), lambda _name, _body: None),  # type: ignore[arg-type, return-value]
    ]

    assert all(callable(t.audited) and callable(t.tell) for t in tellings)
