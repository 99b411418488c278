"""What a database holds, kept so that it can be given back: much quicker than to do again what led there."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from kernel.database import Database


class KeptRows:
    """The rows of some tables at one moment, in memory."""

    def __init__(self, database: Database, parts: Sequence[sa.MetaData], *, without: Sequence[sa.Table] = ()) -> None:
        """Of the tables `without` no row is kept."""
        self._database = database
        tables = [table for part in parts for table in part.sorted_tables]
        mark = "?" if database.is_sqlite else "%s"
        self._emptying = [f"DELETE FROM {table.name}" for table in reversed(tables)]
        self._filling: list[tuple[str, list[tuple[object, ...]]]] = []
        with database.read() as connection:
            for table in tables:
                columns = [column.name for column in table.c]
                names = ", ".join(f'"{name}"' for name in columns)
                rows = [tuple(row) for row in connection.exec_driver_sql(f"SELECT {names} FROM {table.name}")]
                if rows and table not in without:
                    marks = ", ".join(mark for _ in columns)
                    self._filling.append((f"INSERT INTO {table.name} ({names}) VALUES ({marks})", rows))

    def put_back(self) -> None:
        """The tables hold these rows again, and no others."""
        with self._database.begin() as work:
            for statement in self._emptying:
                work.connection.exec_driver_sql(statement)
            for statement, rows in self._filling:
                work.connection.exec_driver_sql(statement, rows)
