"""arr.transactions.iti82_retrieve_syslog_event: what it does with real messages is in the conformance tests."""

from __future__ import annotations

import sqlalchemy as sa

from arr.tables import METADATA
from arr.transactions.iti82_retrieve_syslog_event import RetrieveSyslogEvent
from atna.reader import read
from kernel.errors import Condition, Refused, violation
from kernel.outbox import AUDIT_OUTBOX
from tests.conftest import MakeDatabase
from tests.support.arr import a_service
from tests.support.audit import a_subject


def test_a_search_and_a_refusal_are_recorded_as_the_transaction(make_database: MakeDatabase) -> None:
    database = make_database(METADATA)
    door = RetrieveSyslogEvent(a_service(database), "http://hie/fhir")

    door.search("date=ge2000&hostname=x", a_subject(user="siem"))
    door.refuse("date=ge2000", a_subject(), Refused(violation(Condition.NOT_AUTHENTICATED, "", "")))

    with database.read() as connection:
        told = [read(message) for message in connection.scalars(sa.select(AUDIT_OUTBOX.c.message).order_by(AUDIT_OUTBOX.c.id))]
    assert [(m.types[0].code, int(m.outcome.indicator), m.objects[0].id) for m in told] == [
        ("ITI-82", 0, "urn:affinity:audit"),
        ("ITI-82", 8, "urn:affinity:audit"),
    ]
