"""mpi.importing.clusters"""

from __future__ import annotations

from pathlib import Path

from mpi.importing.clusters import ClusterRow, Links
from mpi.model import LinkKind
from tests.conftest import MakeDatabase
from tests.support.imports import JOHN, a_file, a_row, exported, exported_clusters, link, load
from tests.support.patients import ADMINISTRATOR, CLINIC, LAB, PatientIndex, a_patient_index, an_id


def an_index(make_database: MakeDatabase, folder: Path) -> PatientIndex:
    """1, 2 and 3 are Mary, 4 and 5 are John; matching has found out."""
    index = a_patient_index(make_database)
    mary = [a_row("1"), a_row("2", source="CLINIC_B"), a_row("3", source="LAB")]
    load(index, a_file(folder, [*mary, a_row("4", JOHN), a_row("5", JOHN, source="LAB")]))
    link(index)
    return index


def test_each_record_has_one_row_with_its_cluster_and_why_it_is_there(make_database: MakeDatabase, tmp_path: Path) -> None:
    rows = exported(an_index(make_database, tmp_path), Links.ALL)

    assert [row.record_id for row in rows] == ["1", "2", "3", "4", "5"]
    assert [row.kind for row in rows] == [LinkKind.INITIAL, *[LinkKind.AUTOMATIC] * 2, LinkKind.INITIAL, LinkKind.AUTOMATIC]
    assert len({row.cluster_id for row in rows}) == 2
    assert [row.weight is None for row in rows] == [True, False, False, True, False]


def test_a_row_of_the_file_has_a_weight_of_four_places_or_none() -> None:
    assert ClusterRow("R1", 7, LinkKind.AUTOMATIC, 12.34567).texts == ("R1", "7", "automatic", "12.3457")
    assert ClusterRow("R1", 7, LinkKind.INITIAL, None).texts == ("R1", "7", "initial", "")


def test_what_an_administrator_linked_counts_when_all_links_do(make_database: MakeDatabase, tmp_path: Path) -> None:
    index = an_index(make_database, tmp_path)

    index.stewardship.link(index.record(an_id("5", LAB)).id, index.record(an_id("1")).id, ADMINISTRATOR)

    assert exported_clusters(index, Links.ALL) == {frozenset("12345")}
    assert exported_clusters(index, Links.AUTO) == {frozenset("123"), frozenset("45")}
    assert {row.record_id: row.kind for row in exported(index, Links.AUTO)}["4"] is LinkKind.INITIAL


def test_a_record_linked_by_hand_alone_is_a_cluster_of_its_own(make_database: MakeDatabase, tmp_path: Path) -> None:
    index = a_patient_index(make_database)
    load(index, a_file(tmp_path, [a_row("1"), a_row("4", JOHN)]))
    index.stewardship.link(index.record(an_id("1")).id, index.record(an_id("4")).id, ADMINISTRATOR)

    assert exported_clusters(index, Links.AUTO) == {frozenset("1"), frozenset("4")}
    assert exported_clusters(index, Links.ALL) == {frozenset("14")}


def test_a_link_that_was_taken_back_counts_no_more(make_database: MakeDatabase, tmp_path: Path) -> None:
    index = an_index(make_database, tmp_path)
    by_hand = index.stewardship.link(index.record(an_id("5", LAB)).id, index.record(an_id("1")).id, ADMINISTRATOR)
    index.stewardship.undo(by_hand, ADMINISTRATOR)
    index.stewardship.unlink(index.record(an_id("2", CLINIC)).id, ADMINISTRATOR)

    assert exported_clusters(index, Links.AUTO) == {frozenset("13"), frozenset("2"), frozenset("45")}


def test_what_matching_adds_to_a_person_made_by_hand_is_told_by_the_journal(make_database: MakeDatabase, tmp_path: Path) -> None:
    index = a_patient_index(make_database)
    load(index, a_file(tmp_path, [a_row("4", JOHN), a_row("1", sex="")]))
    index.stewardship.link(index.record(an_id("4")).id, index.record(an_id("1")).id, ADMINISTRATOR)
    load(index, a_file(tmp_path, [a_row("2", source="CLINIC_B")], "more.csv"), is_queued=True)
    index.work()

    for cluster in exported_clusters(index, Links.AUTO):
        assert len(cluster & {"1", "4"}) < 2


def test_an_empty_index_has_no_rows(make_database: MakeDatabase) -> None:
    assert exported(a_patient_index(make_database)) == []
