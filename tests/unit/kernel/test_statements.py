"""Statements on both databases: lists, patterns, constants."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from kernel.outbox import AUDIT_OUTBOX
from kernel.statements import AmongSelected, AnyOf, Matches, Statement, for_postgres, literal_pattern, pattern_for
from tests.conftest import MakeDatabase

METADATA = sa.MetaData()
WORD = sa.Table(
    "word",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("text", sa.Text),
    sa.Column("key", sa.LargeBinary),
)
TEXTS = ["Smith", "smith", "Sm_th", "Sm%th", "Sm*th", "S[m]ith", "S\\mith", "O'Hara"]


@pytest.fixture
def connection(make_database: MakeDatabase) -> object:
    database = make_database(METADATA)
    with database.begin() as work:
        rows = [{"id": n, "text": text, "key": bytes([n])} for n, text in enumerate(TEXTS)]
        work.connection.execute(WORD.insert(), rows)
    with database.read() as opened:
        yield opened


BY_NUMBERS = Statement(
    sa.select(WORD.c.id).where(AnyOf(WORD.c.id, "ids"), WORD.c.id > 1).order_by(WORD.c.id), lambda row: next(iter(row))
)
BY_KEYS = Statement(sa.select(WORD.c.id).where(AnyOf(WORD.c.key, "keys")), lambda row: next(iter(row)))
BY_PATTERN = Statement(sa.select(WORD.c.text).where(Matches(WORD.c.text, "p")), lambda row: next(iter(row)))


@pytest.mark.parametrize(("ids", "expected"), [([0, 1, 2, 70_000, 3_000_000_000], [2]), ([], []), ([2, 3, 4], [2, 3, 4])])
def test_a_list_is_one_parameter(connection: sa.Connection, ids: list[int], expected: list[int]) -> None:
    assert BY_NUMBERS.rows(connection, {"ids": ids}) == expected


def test_a_list_may_hold_bytes(connection: sa.Connection) -> None:
    assert BY_KEYS.rows(connection, {"keys": [b"\x03", b"\xff"]}) == [3]


@pytest.mark.parametrize(
    ("like", "expected"),
    [
        ("Smith", {"Smith"}),
        ("Sm_th", {"Smith", "Sm_th", "Sm%th", "Sm*th"}),
        ("Sm%", {"Smith", "Sm_th", "Sm%th", "Sm*th"}),
        ("Sm*th", {"Sm*th"}),
        ("S[m]ith", {"S[m]ith"}),
        ("S\\mith", {"S\\mith"}),
        ("O'H%", {"O'Hara"}),
        ("%", set(TEXTS)),
        ("", set()),
    ],
)
def test_a_pattern_means_what_stored_queries_mean(connection: sa.Connection, like: str, expected: set[str]) -> None:
    assert set(BY_PATTERN.rows(connection, {"p": pattern_for(connection, like)})) == expected


@pytest.mark.parametrize("text", TEXTS)
def test_a_literal_pattern_stands_for_itself_only(connection: sa.Connection, text: str) -> None:
    assert BY_PATTERN.rows(connection, {"p": literal_pattern(connection, text)}) == [text]


def test_numbers_go_to_postgres_as_text_so_that_their_size_makes_no_other_statement() -> None:
    assert for_postgres({"a": 1, "b": [1, 70_000], "c": "x", "d": b"y", "e": None, "f": []}) == {
        "a": "1",
        "b": "{1,70000}",
        "c": "x",
        "d": b"y",
        "e": None,
        "f": [],
    }


SOME = Statement(
    sa.select(WORD.c.id).where(WORD.c.id >= sa.bindparam("least")).limit(sa.bindparam("limit")), lambda row: next(iter(row))
)


@pytest.mark.parametrize(("number", "expected"), [(3, [3]), (404, [])])
def test_values_that_a_select_finds_are_a_list(make_database: MakeDatabase, number: int, expected: list[int]) -> None:
    other = WORD.alias("other")
    statement = Statement(
        sa.select(WORD.c.id).where(AmongSelected(WORD.c.text, sa.select(other.c.text).where(other.c.id == sa.bindparam("n")))),
        lambda row: next(iter(row)),
    )
    database = make_database(METADATA)
    with database.begin() as work:
        work.connection.execute(WORD.insert(), [{"id": n, "text": text} for n, text in enumerate(TEXTS)])

    with database.read() as connection:
        assert statement.rows(connection, {"n": number}) == expected


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
@pytest.mark.parametrize(("least", "limit", "found", "kept"), [(6, 3, 2, 1), (5, 3, 3, 0), (404, 3, 0, 0)])
def test_rows_on_record_are_told_of_when_there_are_some_and_not_too_many(
    make_database: MakeDatabase, least: int, limit: int, found: int, kept: int
) -> None:
    database = make_database(METADATA)
    with database.begin() as work:
        work.connection.execute(WORD.insert(), [{"id": n, "text": text} for n, text in enumerate(TEXTS)])

    with database.glance() as connection:
        rows = SOME.rows_on_record(connection, {"least": least, "limit": limit}, database.audit_parameters([b"<AuditMessage/>"]))
    with database.read() as connection:
        messages = connection.scalars(sa.select(AUDIT_OUTBOX.c.message)).all()

    assert (len(rows), messages) == (found, [b"<AuditMessage/>"] * kept)
