"""PostgreSQL keeps records and their terms in partitions: ranges of numbers, which are ranges of the time they came.

A role that may only add calls `arr_extend`, which runs with the rights of the tables' owner and does nothing but make partitions
beyond the last. SQLite has no partitions, and room for every number.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

PARTED: Final = ("arr_record", "arr_term")
ENDLESS: Final = 1 << 62
"""How many records there is room for without partitions."""

_BOUNDS: Final = """
    SELECT bound[1]::bigint, bound[2]::bigint - 1 FROM (
        SELECT regexp_match(pg_get_expr(c.relpartbound, c.oid), 'FROM \\(''?(-?\\d+)''?\\) TO \\(''?(-?\\d+)''?\\)') AS bound
        FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid WHERE i.inhparent = 'arr_record'::regclass) AS found
    WHERE bound IS NOT NULL ORDER BY 1
"""

EXTEND: Final = """
CREATE OR REPLACE FUNCTION arr_extend(upto bigint, size bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
DECLARE
    parent text;
    part text;
    first bigint;
BEGIN
    IF size < 1024 OR size > 16777216 OR size % 1024 <> 0 THEN
        RAISE EXCEPTION 'a partition has 1024 to 16777216 records, a multiple of 1024';
    END IF;
    IF upto > coalesce((SELECT sequence FROM arr_head), 0) + 2 * 16777216 THEN
        RAISE EXCEPTION 'there is no need for room so far ahead';
    END IF;
    PERFORM pg_advisory_xact_lock(47110020);
    LOOP
        SELECT coalesce(max((regexp_match(pg_get_expr(c.relpartbound, c.oid), 'TO \\(''?(\\d+)''?\\)'))[1]::bigint), 1) INTO first
            FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid WHERE i.inhparent = 'arr_record'::regclass;
        EXIT WHEN first > upto;
        FOREACH parent IN ARRAY ARRAY['arr_record', 'arr_term'] LOOP
            part := parent || '_' || first;
            EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', part, parent);
            EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)', parent, part, first, first + size);
        END LOOP;
        EXECUTE format('CREATE TRIGGER arr_record_guard BEFORE UPDATE OR DELETE OR TRUNCATE ON %I '
            'FOR EACH STATEMENT EXECUTE FUNCTION arr_refuse()', 'arr_record_' || first);
    END LOOP;
END $$
"""
"""Makes partitions of `size` records until there is room for record `upto`. ATTACH lets readers and writers go on."""


def make_extender(connection: Connection) -> None:
    """The function, which only those call who are granted it."""
    schema = connection.exec_driver_sql("SELECT quote_ident(current_schema())").scalar_one()
    connection.execute(sa.text(EXTEND.format(schema=schema)))
    connection.exec_driver_sql("REVOKE ALL ON FUNCTION arr_extend(bigint, bigint) FROM PUBLIC")


def parts(connection: Connection) -> Sequence[tuple[int, int]]:
    """The first and last number of each partition, in their order; none on SQLite."""
    if connection.dialect.name == "sqlite":
        return ()
    return [(first, last) for first, last in connection.exec_driver_sql(_BOUNDS)]


def room(connection: Connection) -> int:
    """The last number that there is room for."""
    if connection.dialect.name == "sqlite":
        return ENDLESS
    found = parts(connection)
    return found[-1][1] if found else 0


def make_room(connection: Connection, upto: int, size: int) -> None:
    """There is room for record `upto` from now on, in partitions of `size` records."""
    if connection.dialect.name != "sqlite":
        connection.execute(sa.text("SELECT arr_extend(:upto, :size)"), {"upto": upto, "size": size})


def drop_part(connection: Connection, first: int) -> None:
    """The partition that begins with this number is gone. Only the tables' owner may."""
    for parent in PARTED:
        # within a block, for the driver forgets every prepared statement of the connection when it sees a DROP
        connection.exec_driver_sql(f"DO $$ BEGIN DROP TABLE {parent}_{first:d}; END $$")
