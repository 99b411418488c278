"""The constraints that are the law, and the indexes that queries count on."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from registry.tables import METADATA
from tests.conftest import MakeDatabase


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("entry", ["unique_id", "copy"]),
        ("submission_set", ["unique_id"]),
        ("folder", ["unique_id", "copy"]),
        ("term", ["scheme", "value"]),
        ("patient", ["cx"]),
    ],
)
def test_what_may_stand_once_is_held_by_a_constraint(make_database: MakeDatabase, table: str, columns: list[str]) -> None:
    inspector = sa.inspect(make_database(METADATA).engine)

    assert columns in [constraint["column_names"] for constraint in inspector.get_unique_constraints(table)]


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("entry", ["patient", "status", "creation_time"]),
        ("submission_set", ["patient", "status", "submission_time"]),
        ("folder", ["patient", "status", "last_update_time"]),
        ("association", ["source", "type", "target"]),
        ("association", ["target", "type"]),
        ("reference_id", ["value"]),
    ],
)
def test_what_queries_go_by_is_indexed(make_database: MakeDatabase, table: str, columns: list[str]) -> None:
    inspector = sa.inspect(make_database(METADATA).engine)

    assert columns in [index["column_names"] for index in inspector.get_indexes(table)]


def test_nothing_but_numbers_and_texts_leaves_the_actor(make_database: MakeDatabase) -> None:
    del make_database

    assert not any(table.foreign_keys for table in METADATA.tables.values())
