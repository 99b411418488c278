"""kernel.outbox"""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from kernel.database import execute_text
from kernel.outbox import AUDIT_INSERT, AUDIT_OUTBOX, OUTBOX
from tests.conftest import MakeDatabase


def test_rows_are_numbered_in_the_order_they_are_told(make_database: MakeDatabase) -> None:
    database = make_database()
    for key in ("a", "b", "c"):
        with database.begin() as work:
            work.tell("topic", key)

    with database.read() as connection:
        keys = connection.execute(sa.select(OUTBOX.c.key).order_by(OUTBOX.c.id)).scalars().all()

    assert keys == ["a", "b", "c"]


def test_what_is_told_anew_is_due_at_once_and_was_not_tried(make_database: MakeDatabase) -> None:
    database = make_database()
    with database.begin() as work:
        work.tell("topic", "a")
        now = work.now

    with database.read() as connection:
        row = connection.execute(sa.select(OUTBOX)).one()

    assert (row.due_at, row.told_at, row.tries, row.dead, row.problem) == (now, now, 0, False, None)


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_one_statement_puts_every_message_out_for_every_target(make_database: MakeDatabase) -> None:
    database = make_database()

    with database.begin() as work:
        execute_text(work.connection, AUDIT_INSERT, {"told_at": "7", "targets": ["local", "north"], "audited": [b"1", b"2"]})
    with database.read() as connection:
        rows = connection.execute(sa.select(AUDIT_OUTBOX.c.target, AUDIT_OUTBOX.c.message, AUDIT_OUTBOX.c.told_at)).all()

    assert {(target, bytes(message)) for target, message, _ in rows} == {
        (target, message) for target in ("local", "north") for message in (b"1", b"2")
    }
    assert {row.told_at for row in rows} == {7}
