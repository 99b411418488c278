"""The tables of the affinity domain."""

from __future__ import annotations

from datetime import date

from affinity import store
from affinity.model import DomainCode, Origin, Source
from kernel.identifiers import AssigningAuthority
from tests.conftest import MakeDatabase

A = AssigningAuthority("A", "2.999.1", "ISO")
B = AssigningAuthority("B")


def test_an_authority_keeps_its_key_through_every_change(make_database: MakeDatabase) -> None:
    database = make_database(store.METADATA)

    with database.begin() as work:
        connection = work.connection
        assert store.add_authority(connection, B, Origin.FEED)
        key = store.authorities(connection)[0].key
        store.set_authority(connection, key, AssigningAuthority("B", "2.999.2", "ISO"))
        store.set_origin(connection, key, Origin.DATABASE)
        store.set_aliases(connection, key, ["b", "bee"])

    with database.read() as connection:
        (found,) = store.authorities(connection)
    assert (found.key, str(found.authority), found.aliases, found.origin) == (key, "B&2.999.2&ISO", ("b", "bee"), Origin.DATABASE)


def test_a_name_belongs_to_one_authority(make_database: MakeDatabase) -> None:
    database = make_database(store.METADATA)

    with database.begin() as work:
        assert store.add_authority(work.connection, A, Origin.DATABASE)
        assert not store.add_authority(work.connection, AssigningAuthority("A"), Origin.DATABASE)
        assert not store.add_authority(work.connection, AssigningAuthority("C", "2.999.1", "ISO"), Origin.DATABASE)
        assert len(store.authorities(work.connection)) == 1


def test_the_universal_id_decides_which_authority_is_found(make_database: MakeDatabase) -> None:
    database = make_database(store.METADATA)

    with database.begin() as work:
        store.add_authority(work.connection, B, Origin.DATABASE)
        store.add_authority(work.connection, A, Origin.DATABASE)
        found = store.find_authority(work.connection, AssigningAuthority("B", "2.999.1", "ISO"))
        nobody = store.find_authority(work.connection, AssigningAuthority("Z"))

    assert found is not None
    assert found.authority == A
    assert nobody is None


def test_a_source_is_replaced_as_a_whole(make_database: MakeDatabase) -> None:
    database = make_database(store.METADATA)

    with database.begin() as work:
        connection = work.connection
        store.add_authority(connection, A, Origin.DATABASE)
        store.add_authority(connection, B, Origin.DATABASE)
        one, two = (a.key for a in store.authorities(connection))
        store.put_source(connection, Source("ADT", "", (one,)))
        store.put_source(connection, Source("ADT", "", (two, one), lenient=True))
        kept = store.sources(connection)
        store.drop_source(connection, "ADT", "")
        left = store.sources(connection)

    assert kept == (Source("ADT", "", (two, one), lenient=True),)
    assert left == ()


def test_codes_are_added_replaced_and_taken_away_by_attribute(make_database: MakeDatabase) -> None:
    database = make_database(store.METADATA)
    first = DomainCode("classCode", "A", "1.2", "old", date(2026, 1, 1), date(2026, 2, 1))

    with database.begin() as work:
        store.put_codes(work.connection, [first, DomainCode("typeCode", "A", "1.2")])
        store.put_codes(work.connection, [DomainCode("classCode", "A", "1.2", "new")])
        store.put_codes(work.connection, [])
        both = store.codes(work.connection)
        store.drop_codes(work.connection, "classCode")
        left = store.codes(work.connection)

    assert both.codes("classCode") == (DomainCode("classCode", "A", "1.2", "new"),)
    assert left.attributes == ("typeCode",)


def test_the_version_counts_changes(make_database: MakeDatabase) -> None:
    database = make_database(store.METADATA)

    with database.begin() as work:
        before = store.version(work.connection)
        store.raise_version(work.connection)
        store.raise_version(work.connection)
        after = store.version(work.connection)

    assert (before, after) == (0, 2)
