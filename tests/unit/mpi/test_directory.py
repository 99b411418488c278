"""What patient ids of the affinity domain stand for."""

from __future__ import annotations

from kernel.identifiers import AssigningAuthority, PatientId
from tests.conftest import MakeDatabase
from tests.support.patients import ADMINISTRATOR, CLINIC, OTTO, XAD, PatientIndex, a_patient_index, an_id, an_update


def joined(make_database: MakeDatabase) -> tuple[PatientIndex, PatientId, PatientId]:
    """Two persons that an administrator joined, the survivor's identifier first."""
    index = a_patient_index(make_database)
    index.feed(an_update(an_id("1")))
    index.feed(an_update(an_id("2", CLINIC), demographics=OTTO))
    one, two = index.affinity_id(an_id("1")), index.affinity_id(an_id("2", CLINIC))
    index.stewardship.link(index.record(an_id("1")).id, index.record(an_id("2", CLINIC)).id, ADMINISTRATOR)
    return index, one, two


def test_an_identifier_joined_to_another_goes_on_meaning_the_person(make_database: MakeDatabase) -> None:
    index, one, two = joined(make_database)

    standings = [index.directory.standing(i) for i in (one, two)]

    for standing in standings:
        assert (standing.known, standing.active, standing.survivor) == (True, True, one)
        assert set(standing.all_ids) == {one, two}


def test_taking_back_a_link_gives_each_identifier_its_own_meaning_again(make_database: MakeDatabase) -> None:
    index, one, two = joined(make_database)

    index.stewardship.undo(index.viewing.acts()[0].id, ADMINISTRATOR)

    assert index.directory.standing(two).all_ids == (two,)
    assert index.directory.standing(one).all_ids == (one,)


def test_an_identifier_nobody_was_given_is_unknown(make_database: MakeDatabase) -> None:
    index, _, _ = joined(make_database)

    for stranger in (an_id("404", XAD), an_id("1"), PatientId("1", AssigningAuthority("", "2.999.77", "ISO"))):
        standing = index.directory.standing(stranger)
        assert (standing.known, standing.active, standing.survivor, standing.all_ids) == (False, False, stranger, (stranger,))


def test_an_open_connection_is_used(make_database: MakeDatabase) -> None:
    index, one, two = joined(make_database)

    with index.database.begin() as work:
        standing = index.directory.standing(two, work.connection)

    assert standing.survivor == one


def test_identifiers_may_come_as_metadata_write_them(make_database: MakeDatabase) -> None:
    index, one, _ = joined(make_database)

    standing = index.directory.standing(PatientId(one.id, AssigningAuthority.of_oid(XAD.universal_id)))

    assert standing.survivor == one


def test_every_identifier_of_a_person_is_told_whichever_one_asks_with(make_database: MakeDatabase) -> None:
    index, one, two = joined(make_database)

    found = [set(index.directory.identifiers(asked.cx)) for asked in (one, two, an_id("1"), an_id("2", CLINIC))]

    assert found[0] >= {one.cx, two.cx, an_id("1").cx, an_id("2", CLINIC).cx}
    assert all(other == found[0] for other in found)


def test_an_identifier_that_was_merged_away_is_still_the_persons(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database)
    index.feed(an_update(an_id("1")))
    index.feed(an_update(an_id("9"), demographics=OTTO))
    index.merge(an_id("1"), an_id("9"))

    assert set(index.directory.identifiers(an_id("1").cx)) == set(index.directory.identifiers(an_id("9").cx))
    assert an_id("9").cx in index.directory.identifiers(an_id("1").cx)


def test_an_authority_goes_by_its_name_as_well(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database)
    index.feed(an_update(an_id("1")))

    assert f"1^^^{an_id('1').authority.namespace}" in index.directory.identifiers(an_id("1").cx)


def test_nobody_is_known_by_what_no_source_gave(make_database: MakeDatabase) -> None:
    index, _, _ = joined(make_database)

    assert index.directory.identifiers(an_id("404").cx) == ()
    assert index.directory.identifiers("1^^^&2.999.77&ISO") == ()
    assert index.directory.identifiers("nonsense") == ()


def said(index: PatientIndex, patient_id: PatientId) -> set[tuple[str, bool]] | None:
    """What the directory says as a part of a statement."""
    meant = index.directory.meant(patient_id)
    if meant is None:
        return None
    with index.database.read() as connection:
        return {(cx, bool(is_survivor)) for cx, is_survivor in connection.execute(meant.select, dict(meant.parameters))}


def test_as_a_part_of_a_statement_it_says_the_same(make_database: MakeDatabase) -> None:
    index, one, two = joined(make_database)
    index.feed(an_update(an_id("3")))
    alone = index.affinity_id(an_id("3"))

    assert said(index, one) == said(index, two) == {(one.cx, True), (two.cx, False)}
    assert said(index, alone) == {(alone.cx, True)}
    assert said(index, an_id("404", XAD)) == set()
    assert said(index, an_id("1")) is None


def test_an_identifier_that_its_source_merged_away_means_nobody_in_a_statement(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database)
    index.feed(an_update(an_id("1", XAD)))
    index.feed(an_update(an_id("2", XAD), demographics=OTTO))
    index.merge(an_id("1", XAD), an_id("2", XAD))

    assert index.directory.standing(an_id("2", XAD)).active is False
    assert said(index, an_id("2", XAD)) == set()
    assert said(index, an_id("1", XAD)) == {(an_id("1", XAD).cx, True), (an_id("2", XAD).cx, False)}
