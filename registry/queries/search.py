"""A stored query at work: the steps that the families put together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from affinity.model import Meant
from ebrim.model import AssociationType
from kernel.errors import Condition as Fault
from kernel.errors import Rejected, violation
from kernel.statements import AnyOf, Parameters, Statement
from registry.filing import ASSOCIATION_TYPE, AUTHOR_SEPARATOR, Term
from registry.model import LIFE_OF_STATUS, Key, Life
from registry.queries import catalogue
from registry.queries.catalogue import Definition
from registry.queries.conditions import NO_TERM, Binder, Bound, Condition, ObjectRow, matches_like, selecting, terms_of
from registry.queries.parameters import Arguments
from registry.tables import ASSOCIATION, TERM
from registry.terms import Terms

T = TypeVar("T")
Rows = Sequence[ObjectRow]
Links = Sequence["AssociationRow"]
ENTRY, SET, FOLDER = "$XDSDocumentEntry", "$XDSSubmissionSet", "$XDSFolder"
"""How the names of the parameters on each kind of object begin."""
HAS_MEMBER: Final[Term] = (ASSOCIATION_TYPE, AssociationType.HAS_MEMBER.value)


class AssociationRow(NamedTuple):
    """An association that was found."""

    uuid: Key
    source: Key
    target: Key
    status: int
    form: int
    type: str
    dictionary: int
    xml: bytes | None


_A = ASSOCIATION.c
_COLUMNS: Final = (_A.uuid, _A.source, _A.target, _A.status, _A.form, TERM.c.value.label("type"), _A.dictionary, _A.xml)
_ASSOCIATIONS: Final = sa.select(*_COLUMNS).join(TERM, TERM.c.id == _A.type).where(AnyOf(_A.status, "lives"))
_FROM: Final = AnyOf(_A.source, "uuids")
_TO: Final = AnyOf(_A.target, "uuids")
_OF_TYPE: Final = AnyOf(_A.type, "types")


def _statement(selected: sa.Select[Any] | sa.CompoundSelect[Any]) -> Statement[AssociationRow]:
    return Statement(selected.limit(sa.bindparam("limit", type_=sa.Integer)), AssociationRow._make)


# both ends are asked for with an index each: OR between them would read the whole table
TOUCHING: Final = _statement(sa.union(_ASSOCIATIONS.where(_FROM), _ASSOCIATIONS.where(_TO)))
"""Associations that lead from or to one of the objects."""
RELATING: Final = _statement(sa.union(_ASSOCIATIONS.where(_FROM, _OF_TYPE), _ASSOCIATIONS.where(_TO, _OF_TYPE)))
"""Those among them of certain types."""
BETWEEN: Final = _statement(_ASSOCIATIONS.where(_FROM, _TO))
"""Associations with both ends among the objects."""
LEAVING: Final = _statement(_ASSOCIATIONS.where(_FROM, _OF_TYPE))
"""Associations of certain types that lead from one of the objects."""
REACHING: Final = _statement(_ASSOCIATIONS.where(_TO, _OF_TYPE))
"""Associations of certain types that lead to one of the objects."""
BY_UUID: Final = _statement(_ASSOCIATIONS.where(AnyOf(_A.uuid, "uuids")))
"""Associations by their own ids."""


@dataclass(slots=True)
class Found:
    """The rows a query found, by kind; associations each once."""

    entries: Rows = ()
    submission_sets: Rows = ()
    folders: Rows = ()
    associations: Links = ()

    def objects(self) -> Iterable[ObjectRow]:
        """Everything that belongs to a patient."""
        yield from self.entries
        yield from self.submission_sets
        yield from self.folders

    @property
    def size(self) -> int:
        """How many objects there are."""
        return len(self.entries) + len(self.submission_sets) + len(self.folders) + len(self.associations)


@dataclass(slots=True)
class Search:
    """One query at work: what it asks, where, and how much it may find.

    `patients` are the numbers of the identifiers it is bound to; None when it is not bound to any, or to the one who is `meant`.
    With `audit` what is found is put on record by the statement that finds it (`Statement.rows_on_record`).
    """

    connection: Connection
    definition: Definition
    arguments: Arguments
    terms: Terms
    limit: int
    whole: bool
    patients: list[int] | None = None
    meant: Meant | None = None
    audit: Parameters | None = None
    numbers: Mapping[Term, int] = field(default_factory=dict)
    has_found: bool = False
    """Whether the last SELECT gave anything, also what was left out afterwards."""

    def __post_init__(self) -> None:
        """Looks up the numbers of the terms that the query names."""
        self.numbers = self.terms.known(self.connection, list(terms_of(self.definition.parameters, self.arguments)))

    @property
    def is_first_level(self) -> bool:
        """Whether the answer hides what only metadata update has made (`$MetadataLevel` 1, the default)."""
        return self.arguments.single(catalogue.LEVEL.name) != "2"

    def ids(self, prefix: str) -> list[Bound]:
        """The condition that names the object of this kind that the query starts from."""
        chosen = [p for p in self.definition.parameters if p.is_id and p.name.startswith(prefix)]
        return list(Binder(self.connection, self.numbers).bound(chosen, self.arguments))

    def filters(self, prefix: str) -> list[Bound]:
        """The conditions on objects of this kind that the query finds, and on their patients."""
        chosen = [p for p in self.definition.parameters if not p.is_id and p.name.startswith(prefix)]
        found = list(Binder(self.connection, self.numbers).bound(chosen, self.arguments))
        if self.patients is not None:
            found.insert(0, (Condition("patient", "patients"), {"patients": self.patients}))
        return found

    def select(self, table: str, bound: Iterable[Bound]) -> Rows:
        """The rows that meet every condition. Raises `Rejected` beyond the limit."""
        conditions: list[Condition] = []
        parameters: dict[str, object] = {"limit": self.limit + 1}
        for condition, values in bound:
            conditions.append(condition)
            parameters.update(values)
        if self.meant is not None:
            parameters.update(self.meant.parameters)
        select = self.meant.select if self.meant is not None else None
        statement = selecting(table, tuple(conditions), whole=self.whole, meant=select)
        if self.audit is None:
            rows = statement.rows(self.connection, parameters)
        else:
            rows = statement.rows_on_record(self.connection, parameters, self.audit)
        self.has_found = bool(rows)
        return self.bounded(rows)

    def entries(self, start: Iterable[Bound] = ()) -> Rows:
        """The entries among those to start from that the filters let through. Where a type may be asked for and is not, stable
        ones (3.18.4.1.2.3.6.2)."""
        bound = [*start, *self.filters(ENTRY)]
        if catalogue.ENTRY_TYPE.name in self.definition.by_name and catalogue.ENTRY_TYPE.name not in self.arguments:
            bound.append((Condition("stable", ""), {}))
        if self.is_first_level:
            bound += [(Condition("latest", ""), {}), (Condition("online", ""), {})]
        return self._by_author(self.select("entry", bound))

    def sets(self, start: Iterable[Bound] = ()) -> Rows:
        """The submission sets among those to start from that the filters let through."""
        return self._by_author(self.select("submission_set", [*start, *self.filters(SET)]))

    def folders(self, start: Iterable[Bound] = ()) -> Rows:
        """The folders among those to start from that the filters let through."""
        bound = [*start, *self.filters(FOLDER)]
        if self.is_first_level:
            bound += [(Condition("latest_folder", ""), {}), (Condition("approved_folder", ""), {})]
        return self.select("folder", bound)

    def associations(self, statement: Statement[AssociationRow], uuids: Iterable[Key], types: Iterable[int] = ()) -> Links:
        """Associations by their ends; Approved ones unless others are asked for."""
        wanted = sorted(set(uuids))
        if not wanted:
            return ()
        asked = self.arguments.values(catalogue.ASSOCIATION_STATUS.name)
        lives = [int(Life.APPROVED)] if self.is_first_level and not asked else [int(LIFE_OF_STATUS[a]) for a in asked]
        parameters = {"uuids": wanted, "lives": lives or [int(life) for life in Life], "limit": self.limit + 1}
        if types:
            parameters["types"] = sorted(types)
        return self.bounded(statement.rows(self.connection, parameters))

    def has_member(self) -> list[int]:
        """The number of HasMember, as a list of types."""
        return [self.terms.known(self.connection, [HAS_MEMBER]).get(HAS_MEMBER, NO_TERM)]

    def bounded(self, rows: Sequence[T]) -> Sequence[T]:
        """The rows, unless there are too many. Raises `Rejected`."""
        if len(rows) > self.limit:
            raise too_many(self.limit)
        return rows

    def _by_author(self, rows: Rows) -> Rows:
        """LIKE on one author at a time: in SQL `%` may have run from one author into the next."""
        keep, leave = self._author_patterns("authors"), self._author_patterns("authors:not")
        if keep:
            rows = [row for row in rows if _has_author(row, keep)]
        return [row for row in rows if not _has_author(row, leave)] if leave else rows

    def _author_patterns(self, column: str) -> list[str]:
        names = [name for name in self.arguments.slots if self.definition.by_name[name].column == column]
        return [pattern for name in names for pattern in self.arguments.values(name)]


def too_many(limit: int) -> Rejected:
    """There is no paging in a stored query."""
    return Rejected(violation(Fault.TOO_MANY_RESULTS, "", f"more than {limit} objects; ask for references, or for less"))


def _has_author(row: ObjectRow, patterns: Sequence[str]) -> bool:
    persons = (row.authors or "").strip(AUTHOR_SEPARATOR).split(AUTHOR_SEPARATOR)
    return any(matches_like(pattern, person) for pattern in patterns for person in persons if person)
