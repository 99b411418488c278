"""The families of stored queries: which objects each of them finds (ITI TF-2 3.18.4.1.2.3.7)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ebrim.model import AssociationType
from kernel.errors import Condition as Fault
from kernel.errors import Rejected, violation
from registry.filing import ASSOCIATION_TYPE, AUTHOR_SEPARATOR, Term
from registry.model import LIFE_OF_STATUS, Key, Life
from registry.queries import catalogue
from registry.queries.catalogue import Definition, Family
from registry.queries.conditions import NO_TERM, Binder, Bound, Condition, matches_like, selecting, terms_of
from registry.queries.parameters import Arguments
from registry.statements import AnyOf, Statement
from registry.tables import ASSOCIATION, TERM
from registry.terms import Terms

Rows = Sequence[Any]
ENTRY, SET, FOLDER = "$XDSDocumentEntry", "$XDSSubmissionSet", "$XDSFolder"
"""How the names of the parameters on each kind of object begin."""
HAS_MEMBER: Final[Term] = (ASSOCIATION_TYPE, AssociationType.HAS_MEMBER.value)

_A = ASSOCIATION.c
_COLUMNS: Final = (_A.uuid, _A.source, _A.target, _A.status, _A.form, TERM.c.value.label("type"), _A.dictionary, _A.xml)
_ASSOCIATIONS: Final = sa.select(*_COLUMNS).join(TERM, TERM.c.id == _A.type).where(AnyOf(_A.status, "lives"))
_LIMIT: Final[sa.BindParameter[int]] = sa.bindparam("limit", type_=sa.Integer)
_OF_TYPE: Final = AnyOf(_A.type, "types")
# both ends asked for with one index each, for OR between them would read the table
_TOUCHING: Final = Statement(
    sa.union(_ASSOCIATIONS.where(AnyOf(_A.source, "uuids")), _ASSOCIATIONS.where(AnyOf(_A.target, "uuids"))).limit(_LIMIT)
)
_RELATING: Final = Statement(
    sa.union(
        _ASSOCIATIONS.where(AnyOf(_A.source, "uuids"), _OF_TYPE), _ASSOCIATIONS.where(AnyOf(_A.target, "uuids"), _OF_TYPE)
    ).limit(_LIMIT)
)
_BETWEEN: Final = Statement(_ASSOCIATIONS.where(AnyOf(_A.source, "uuids"), AnyOf(_A.target, "uuids")).limit(_LIMIT))
_LEAVING: Final = Statement(_ASSOCIATIONS.where(AnyOf(_A.source, "uuids"), _OF_TYPE).limit(_LIMIT))
_REACHING: Final = Statement(_ASSOCIATIONS.where(AnyOf(_A.target, "uuids"), _OF_TYPE).limit(_LIMIT))
_BY_UUID: Final = Statement(_ASSOCIATIONS.where(AnyOf(_A.uuid, "uuids")).limit(_LIMIT))


@dataclass(slots=True)
class Found:
    """The rows a query found, by kind; associations each once."""

    entries: Rows = ()
    submission_sets: Rows = ()
    folders: Rows = ()
    associations: Rows = ()

    def objects(self) -> Iterable[Any]:
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

    `patients` are the numbers of the identifiers it is bound to; None when it is not bound to any.
    """

    connection: Connection
    definition: Definition
    arguments: Arguments
    terms: Terms
    limit: int
    whole: bool
    patients: list[int] | None = None
    numbers: Mapping[Term, int] = field(default_factory=dict)

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
        rows = selecting(table, tuple(conditions), whole=self.whole).rows(self.connection, parameters)
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

    def associations(self, statement: Statement, uuids: Iterable[Key], types: Iterable[int] = ()) -> Rows:
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

    def bounded(self, rows: Rows) -> Rows:
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
        names = [p.name for p in self.definition.parameters if p.column == column]
        return [pattern for name in names for pattern in self.arguments.values(name)]


def too_many(limit: int) -> Rejected:
    """There is no paging in a stored query."""
    return Rejected(violation(Fault.TOO_MANY_RESULTS, "", f"more than {limit} objects; ask for references, or for less"))


def _has_author(row: Any, patterns: Sequence[str]) -> bool:
    persons = (row.authors or "").strip(AUTHOR_SEPARATOR).split(AUTHOR_SEPARATOR)
    return any(matches_like(pattern, person) for pattern in patterns for person in persons if person)


def _keys(rows: Iterable[Any]) -> list[Key]:
    return [bytes(row.uuid) for row in rows]


def _find_entries(search: Search) -> Found:
    return Found(entries=search.entries(search.ids(ENTRY)))


def _find_sets(search: Search) -> Found:
    return Found(submission_sets=search.sets())


def _find_folders(search: Search) -> Found:
    return Found(folders=search.folders(search.ids(FOLDER)))


def _all_of_patient(search: Search) -> Found:
    found = Found(entries=search.entries(), submission_sets=search.sets(), folders=search.folders())
    if found.size > search.limit:
        raise too_many(search.limit)
    keys = _keys(found.objects())
    between = search.associations(_BETWEEN, keys)
    # the membership of a folder is itself a member of its set
    found.associations = _once(between, search.associations(_BETWEEN, (*keys, *_keys(between))))
    return found


def _entries_and_associations(search: Search) -> Found:
    entries = search.entries(search.ids(ENTRY))
    return Found(entries=entries, associations=search.associations(_TOUCHING, _keys(entries)))


def _associations_of(search: Search) -> Found:
    return Found(associations=search.associations(_TOUCHING, _uuids(search)))


def _sets_of(search: Search) -> Found:
    """Sets that hold the objects, and the HasMember associations that say so (3.18.4.1.2.3.7.9)."""
    members = search.associations(_REACHING, _uuids(search), search.has_member())
    sets = search.sets(_among(row.source for row in members)) if members else ()
    known = set(_keys(sets))
    return Found(submission_sets=sets, associations=[row for row in members if bytes(row.source) in known])


def _set_and_contents(search: Search) -> Found:
    """The set, its members as far as the filters let them, and the associations between what is returned (3.18.4.1.2.3.7.10)."""
    sets = search.sets(search.ids(SET))
    members = search.associations(_LEAVING, _keys(sets), search.has_member())
    if not members:
        return Found(submission_sets=sets)
    targets = [bytes(row.target) for row in members]
    entries, folders = search.entries(_among(targets)), search.folders(_among(targets))
    shown = {*_keys(sets), *_keys(entries), *_keys(folders)}
    inner = [row for row in search.associations(_BY_UUID, targets) if bytes(row.target) in shown]
    shown.update(_keys(inner))
    return Found(entries, sets, folders, _once([row for row in members if bytes(row.target) in shown], inner))


def _folder_and_contents(search: Search) -> Found:
    """The folder, the entries in it, and the associations between them (3.18.4.1.2.3.7.11)."""
    folders = search.folders(search.ids(FOLDER))
    members = search.associations(_LEAVING, _keys(folders), search.has_member())
    entries = search.entries(_among(row.target for row in members)) if members else ()
    shown = set(_keys(entries))
    return Found(entries, folders=folders, associations=[row for row in members if bytes(row.target) in shown])


def _folders_of_entry(search: Search) -> Found:
    start = _keys(search.select("entry", search.ids(ENTRY)))
    members = search.associations(_REACHING, start, search.has_member())
    return Found(folders=search.folders(_among(row.source for row in members)) if members else ())


def _related_entries(search: Search) -> Found:
    """The entry, those related to it by the given types, and the associations; nothing when there is none (3.18.4.1.2.3.7.13)."""
    names: list[Term] = [(ASSOCIATION_TYPE, name) for name in search.arguments.values(catalogue.ASSOCIATION_TYPES.name)]
    known = search.terms.known(search.connection, names)
    types = [known[name] for name in names if name in known]
    start = _keys(search.select("entry", search.ids(ENTRY)))
    associations = search.associations(_RELATING, start, types) if types else ()
    if not associations:
        return Found()
    entries = search.entries(_among(end for row in associations for end in (row.source, row.target)))
    shown = {*_keys(entries), *start}
    kept = [row for row in associations if bytes(row.source) in shown and bytes(row.target) in shown]
    return Found(entries, associations=kept) if kept else Found()


def _uuids(search: Search) -> list[Key]:
    ((_, values),) = search.ids(catalogue.ANY_UUID.name)
    (found,) = values.values()
    assert isinstance(found, list)
    return found


def _among(keys: Iterable[Any]) -> list[Bound]:
    return [(Condition("uuid", "uuids"), {"uuids": sorted({bytes(key) for key in keys})})]


def _once(*groups: Rows) -> Rows:
    return list({bytes(row.uuid): row for rows in groups for row in rows}.values())


FAMILIES: Final[Mapping[Family, Callable[[Search], Found]]] = MappingProxyType(
    {
        Family.FIND_ENTRIES: _find_entries,
        Family.FIND_SETS: _find_sets,
        Family.FIND_FOLDERS: _find_folders,
        Family.ALL_OF_PATIENT: _all_of_patient,
        Family.ENTRIES_BY_ID: _find_entries,
        Family.ENTRIES_AND_ASSOCIATIONS: _entries_and_associations,
        Family.FOLDERS_BY_ID: _find_folders,
        Family.ASSOCIATIONS_OF: _associations_of,
        Family.SETS_OF: _sets_of,
        Family.SET_AND_CONTENTS: _set_and_contents,
        Family.FOLDER_AND_CONTENTS: _folder_and_contents,
        Family.FOLDERS_OF_ENTRY: _folders_of_entry,
        Family.RELATED_ENTRIES: _related_entries,
    }
)
