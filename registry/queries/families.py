"""The families of stored queries: which objects each of them finds (ITI TF-2 3.18.4.1.2.3.7)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Final

from registry.filing import ASSOCIATION_TYPE, Term
from registry.model import Key
from registry.queries import catalogue
from registry.queries.catalogue import Family
from registry.queries.conditions import Bound, Condition, ObjectRow
from registry.queries.search import (
    BETWEEN,
    BY_UUID,
    ENTRY,
    FOLDER,
    LEAVING,
    REACHING,
    RELATING,
    SET,
    TOUCHING,
    AssociationRow,
    Found,
    Links,
    Search,
    too_many,
)


def _keys(rows: Iterable[ObjectRow | AssociationRow]) -> list[Key]:
    return [row.uuid for row in rows]


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
    between = search.associations(BETWEEN, keys)
    # the membership of a folder is itself a member of its set
    found.associations = _once(between, search.associations(BETWEEN, (*keys, *_keys(between))))
    return found


def _entries_and_associations(search: Search) -> Found:
    entries = search.entries(search.ids(ENTRY))
    return Found(entries=entries, associations=search.associations(TOUCHING, _keys(entries)))


def _associations_of(search: Search) -> Found:
    return Found(associations=search.associations(TOUCHING, _uuids(search)))


def _sets_of(search: Search) -> Found:
    """Sets that hold the objects, and the HasMember associations that say so (3.18.4.1.2.3.7.9)."""
    members = search.associations(REACHING, _uuids(search), search.has_member())
    sets = search.sets(_among(row.source for row in members)) if members else ()
    known = set(_keys(sets))
    return Found(submission_sets=sets, associations=[row for row in members if row.source in known])


def _set_and_contents(search: Search) -> Found:
    """The set, its members as far as the filters let them, and the associations between what is returned (3.18.4.1.2.3.7.10)."""
    sets = search.sets(search.ids(SET))
    members = search.associations(LEAVING, _keys(sets), search.has_member())
    if not members:
        return Found(submission_sets=sets)
    targets = [row.target for row in members]
    entries, folders = search.entries(_among(targets)), search.folders(_among(targets))
    shown = {*_keys(sets), *_keys(entries), *_keys(folders)}
    inner = [row for row in search.associations(BY_UUID, targets) if row.target in shown]
    shown.update(_keys(inner))
    return Found(entries, sets, folders, _once([row for row in members if row.target in shown], inner))


def _folder_and_contents(search: Search) -> Found:
    """The folder, the entries in it, and the associations between them (3.18.4.1.2.3.7.11)."""
    folders = search.folders(search.ids(FOLDER))
    members = search.associations(LEAVING, _keys(folders), search.has_member())
    entries = search.entries(_among(row.target for row in members)) if members else ()
    shown = set(_keys(entries))
    return Found(entries, folders=folders, associations=[row for row in members if row.target in shown])


def _folders_of_entry(search: Search) -> Found:
    start = _keys(search.select("entry", search.ids(ENTRY)))
    members = search.associations(REACHING, start, search.has_member())
    return Found(folders=search.folders(_among(row.source for row in members)) if members else ())


def _related_entries(search: Search) -> Found:
    """The entry, those related to it by the given types, and the associations; nothing when there is none (3.18.4.1.2.3.7.13)."""
    names: list[Term] = [(ASSOCIATION_TYPE, name) for name in search.arguments.values(catalogue.ASSOCIATION_TYPES.name)]
    known = search.terms.known(search.connection, names)
    types = [known[name] for name in names if name in known]
    start = _keys(search.select("entry", search.ids(ENTRY)))
    associations = search.associations(RELATING, start, types) if types else ()
    if not associations:
        return Found()
    entries = search.entries(_among(end for row in associations for end in (row.source, row.target)))
    shown = {*_keys(entries), *start}
    kept = [row for row in associations if row.source in shown and row.target in shown]
    return Found(entries, associations=kept) if kept else Found()


def _uuids(search: Search) -> list[Key]:
    ((_, values),) = search.ids(catalogue.ANY_UUID.name)
    (found,) = values.values()
    assert isinstance(found, list)
    return found


def _among(keys: Iterable[Key]) -> list[Bound]:
    return [(Condition("uuid", "uuids"), {"uuids": sorted(set(keys))})]


def _once(*groups: Links) -> Links:
    return list({row.uuid: row for rows in groups for row in rows}.values())


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
