"""Records and terms in partitions (PostgreSQL)"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_SIZE = 262_144
"""What is there already is one partition, up to a multiple of this."""
_EXTEND = """
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
_GUARD = (
    "CREATE TRIGGER arr_record_guard BEFORE UPDATE OR DELETE OR TRUNCATE ON arr_record "
    "FOR EACH STATEMENT EXECUTE FUNCTION arr_refuse()"
)


def _make_tables(partition_by: str | None = None) -> None:
    op.create_table(
        "arr_record",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("packing", sa.SmallInteger(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("event_at", sa.BigInteger(), nullable=False),
        sa.Column("event_code", sa.Text(), nullable=False),
        sa.Column("event_type", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("outcome", sa.SmallInteger(), nullable=True),
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("is_readable", sa.Boolean(), nullable=False),
        sa.Column("flaws", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("sequence"),
        postgresql_partition_by=partition_by,
    )
    op.create_index("arr_record_event_at", "arr_record", ["event_at", "sequence"], unique=False)
    op.create_table(
        "arr_term",
        sa.Column("term", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("event_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("term", "event_at", "sequence"),
        postgresql_partition_by=partition_by,
    )
    op.execute(_GUARD)


def _put_aside(ending: str) -> None:
    """The tables and their indexes under other names."""
    for table in ("arr_record", "arr_term"):
        op.execute(f"ALTER TABLE {table} RENAME TO {table}_{ending}")
        op.execute(f"ALTER INDEX {table}_pkey RENAME TO {table}_{ending}_pkey")
    op.execute(f"ALTER INDEX arr_record_event_at RENAME TO arr_record_{ending}_event_at_sequence_idx")


def upgrade() -> None:
    """Takes the step: what is there already becomes the first partition, where it lies."""
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        return
    last = connection.execute(sa.text("SELECT max(sequence) FROM arr_record")).scalar() or 0
    _put_aside("1")
    _make_tables("RANGE (sequence)")
    for table in ("arr_record", "arr_term"):
        if last:
            end = -(-last // _SIZE) * _SIZE + 1
            op.execute(f"ALTER TABLE {table} ATTACH PARTITION {table}_1 FOR VALUES FROM (1) TO ({end})")
        else:
            op.execute(f"DROP TABLE {table}_1")
    schema = connection.execute(sa.text("SELECT quote_ident(current_schema())")).scalar_one()
    op.execute(_EXTEND.format(schema=schema))
    op.execute("REVOKE ALL ON FUNCTION arr_extend(bigint, bigint) FROM PUBLIC")


def downgrade() -> None:
    """Takes the step back: one table again, of a copy of everything."""
    if op.get_bind().dialect.name == "sqlite":
        return
    op.execute("DROP FUNCTION arr_extend(bigint, bigint)")
    _put_aside("parted")
    _make_tables()
    for table in ("arr_record", "arr_term"):
        op.execute(f"INSERT INTO {table} SELECT * FROM {table}_parted")  # noqa: S608 - names of ours
        op.execute(f"DROP TABLE {table}_parted")
