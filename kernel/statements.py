"""Statements of SQLAlchemy Core, compiled once and run with their parameters: the same statement on SQLite and PostgreSQL.

Compiling and typing anew for every execution costs more than the statement does. A list is one parameter on PostgreSQL
(`= ANY`), and as many as it has members on SQLite.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import Connection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

from kernel.database import execute_text
from kernel.outbox import AUDIT_INSERT

Parameters = Mapping[str, object]
R = TypeVar("R")

_LIST = re.compile(r"\(:(\w+)__list\)")
_FOUND: Final = "WITH found AS MATERIALIZED ("
_IF_FOUND: Final = " WHERE (SELECT count(*) FROM found) BETWEEN 1 AND %(limit)s::bigint - 1) SELECT * FROM found"
_ARRAYS = {sa.Text: "text", sa.LargeBinary: "bytea", sa.BigInteger: "bigint", sa.Integer: "bigint", sa.SmallInteger: "bigint"}


class _Condition(sa.ColumnElement[bool]):
    """What is true of a row or not."""

    inherit_cache = False
    type = sa.Boolean()
    _is_implicitly_boolean = True  # or SQLite would be asked for `... = 1`, and use no index


class _Compared(_Condition):
    """`column` against the parameter `name`."""

    def __init__(self, column: sa.ColumnElement[Any], name: str) -> None:
        self.column = column
        self.name = name


class AnyOf(_Compared):
    """`column` equals one of the values of the list parameter `name`."""


@compiles(AnyOf, "sqlite")
def _in_list(element: AnyOf, compiler: SQLCompiler, **how: object) -> str:
    return f"{compiler.process(element.column, **how)} IN (:{element.name}__list)"


@compiles(AnyOf, "postgresql")
def _any_array(element: AnyOf, compiler: SQLCompiler, **how: object) -> str:
    array = next(name for kind, name in _ARRAYS.items() if isinstance(element.column.type, kind))
    return f"{compiler.process(element.column, **how)} = ANY(%({element.name})s::{array}[])"


class AmongSelected(_Condition):
    """`column` equals one of the values that `selected`, of one column, finds. They are found first, and then looked up in an
    index: whatever is known of the tables, no other plan is thought of."""

    def __init__(self, column: sa.ColumnElement[Any], selected: sa.Select[Any]) -> None:
        self.column = column
        self.selected = selected


@compiles(AmongSelected, "sqlite")
def _in_selected(element: AmongSelected, compiler: SQLCompiler, **how: object) -> str:
    return f"{compiler.process(element.column, **how)} IN ({compiler.process(element.selected)})"


@compiles(AmongSelected, "postgresql")
def _any_selected(element: AmongSelected, compiler: SQLCompiler, **how: object) -> str:
    return f"{compiler.process(element.column, **how)} = ANY(ARRAY({compiler.process(element.selected)}))"


class Matches(_Compared):
    """`column` matches the pattern parameter `name`, made by `pattern_for`; case matters."""


@compiles(Matches, "sqlite")
def _glob(element: Matches, compiler: SQLCompiler, **how: object) -> str:
    return f"{compiler.process(element.column, **how)} GLOB :{element.name}"


@compiles(Matches, "postgresql")
def _like(element: Matches, compiler: SQLCompiler, **how: object) -> str:
    return f"{compiler.process(element.column, **how)} LIKE %({element.name})s"


def pattern_for(connection: Connection, like: str) -> str:
    """The pattern of a stored query (`%` any run, `_` one character, nothing escaped) as the database wants it."""
    if connection.dialect.name == "postgresql":
        return like.replace("\\", "\\\\")
    return re.sub(r"[][*?]", lambda found: f"[{found.group()}]", like).replace("%", "*").replace("_", "?")


def literal_pattern(connection: Connection, text: str) -> str:
    """A pattern that stands for the text itself."""
    if connection.dialect.name == "postgresql":
        return re.sub(r"([\\%_])", r"\\\1", text)
    return re.sub(r"[][*?]", lambda found: f"[{found.group()}]", text)


def for_postgres(parameters: Parameters) -> Parameters:
    """Numbers as text of no type: the driver would give each its smallest type, and prepare a statement for every mixture."""
    return {name: _untyped(value) for name, value in parameters.items()}


def _untyped(value: object) -> object:
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list) and value and isinstance(value[0], int):
        return f"{{{','.join(map(str, value))}}}"
    return value


class Statement(Generic[R]):
    """A statement compiled on first use for each kind of database; `row` makes its rows of the columns in their order."""

    __slots__ = ("_clause", "_compiled", "_row")

    def __init__(self, clause: sa.Executable, row: Callable[[Iterable[Any]], R]) -> None:
        self._clause = clause
        self._row = row
        self._compiled: dict[str, tuple[str, Parameters]] = {}

    def run(self, connection: Connection, parameters: Parameters) -> int:
        """Executes it and gives the number of rows it touched. Lists are given as lists."""
        return execute_text(connection, *self.written(connection, parameters)).rowcount

    def rows(self, connection: Connection, parameters: Parameters) -> list[R]:
        """Executes it and gives every row."""
        return [self._row(row) for row in execute_text(connection, *self.written(connection, parameters)).fetchall()]

    def rows_on_record(self, connection: Connection, parameters: Parameters, audit: Parameters) -> list[R]:
        """As `rows`, and a unit of work with `audit` (`Database.audit_parameters`), for a statement with a `limit` on PostgreSQL.

        The messages are kept when something is found, but less than the limit. Then they are committed when the rows are there.
        """
        text, values = self.written(connection, {**parameters, **audit})
        text = f"{_FOUND}{text}), told AS ({AUDIT_INSERT}{_IF_FOUND}"
        found = execute_text(connection, text, values).fetchall()
        return [self._row(row) for row in found]

    def written(self, connection: Connection, parameters: Parameters) -> tuple[str, Parameters]:
        """Its text and parameters, as `execute_text` takes them."""
        name = connection.dialect.name
        text, constants = self._compiled.get(name) or self._compile(connection)
        values = {**constants, **parameters}
        if name == "postgresql":
            return text, for_postgres(values)
        return _spread(text, values) if "__list)" in text else (text, values)

    def _compile(self, connection: Connection) -> tuple[str, Parameters]:
        name = connection.dialect.name
        dialect = sqlite.dialect(paramstyle="named") if name == "sqlite" else connection.dialect
        assert isinstance(self._clause, sa.ClauseElement)
        compiled = self._clause.compile(dialect=dialect)
        constants = {key: value for key, value in compiled.params.items() if value is not None}
        self._compiled[name] = str(compiled), constants
        return self._compiled[name]


def _spread(text: str, parameters: Parameters) -> tuple[str, Parameters]:
    """SQLite knows no arrays: a parameter for each member of a list."""
    spread = {name: value for name, value in parameters.items() if not isinstance(value, list)}

    def members(found: re.Match[str]) -> str:
        name = found.group(1)
        values = parameters[name]
        assert isinstance(values, list)
        spread.update((f"{name}_{number}", value) for number, value in enumerate(values))
        return f"({', '.join(f':{name}_{number}' for number in range(len(values)))})"

    return _LIST.sub(members, text), spread
