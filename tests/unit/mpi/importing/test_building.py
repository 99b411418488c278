"""mpi.importing.building"""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import replace

from bench.linkage.population import COLUMNS, Population
from kernel.identifiers import AssigningAuthority
from mpi.codec import demographics_from_json
from mpi.importing.building import Arrival, Built, Job, Known, Named, build, build_apart
from mpi.importing.files import Row
from mpi.importing.layout import Layout, layout_of
from mpi.linkage.blocking import blocking_keys
from mpi.linkage.columns import from_raw
from mpi.linkage.normalise import Prepared
from tests.support.imports import JOHN, a_row

HOSPITAL = Named(2, AssigningAuthority("HOSP_A", "2.999.1.1", "ISO"))
CARD = Named(3, AssigningAuthority.of_oid("2.999.7"))
NOW = 1_700_000_000_000


def built(rows: Sequence[Mapping[str, str]], *, is_sourced: bool = True, known: Sequence[tuple[Row, str]] = ()) -> Built:
    """Rows as records 101, 102 ... of the hospital."""
    layout = layout_of(list(rows[0]))
    arrivals = tuple(arrival(layout, n, list(row.values()), is_sourced=is_sourced) for n, row in enumerate(rows))
    columns = {place: CARD for place, _ in layout.identifiers}
    return build(Job(layout, columns, 1, NOW, arrivals, tuple(Known(*pair) for pair in known)))


def arrival(layout: Layout, n: int, values: list[str], *, is_sourced: bool) -> Arrival:
    """A row that becomes a record."""
    local_id = layout.value(values, "record_id")
    return Arrival(Row(n + 2, values), 101 + n, local_id, f"A{n}", "HOSP_A", HOSPITAL, is_sourced)


def prepared_of(found: Built) -> list[Prepared]:
    """The records as they are compared."""
    return [Prepared.from_row(json.loads(str(row[-1]))) for row in found.records]


def test_a_row_becomes_a_person_a_record_its_identifiers_and_what_it_is_found_by() -> None:
    found = built([a_row("7", **{"id:2.999.7": "C-1", "recorded_on": "2020-02-02"})])

    ((record, authority, local_id, source, person, *rest),) = found.records
    assert (record, authority, local_id, source, person) == (101, 2, "7", "HOSP_A", 101)
    assert rest[:5] == [0, None, 1, NOW, 1_580_601_600_000]
    assert demographics_from_json(str(rest[5])).names[0].family == "Whitcombe"
    assert found.persons == [(101, "A0", False, False)]
    assert found.identifiers == [(2, "7", 101, "", True, False), (3, "C-1", 101, "", False, False)]
    assert [row[3] for row in found.names] == ["WHITCOMBE"]
    assert [row[3] for row in found.places] == ["MILLPORT"]
    assert [row[2] for row in found.contacts] == [101]


def test_records_are_cleaned_as_the_columns_of_a_batch_are() -> None:
    rows = [row for _, row in Population(11).records(400)]
    columns = from_raw({name: [row[name] for row in rows] for name in COLUMNS})

    found = prepared_of(built(rows))

    for place, prepared in enumerate(found):
        expected = columns.prepared(place)
        same = replace(prepared, local_ids=expected.local_ids, source_id=expected.source_id, flags=expected.flags)
        assert same == expected


def test_the_keys_are_those_of_each_record_and_lie_in_their_order() -> None:
    rows = [row for _, row in Population(11).records(50)]

    found = built(rows)

    wanted = {(key, 101 + n) for n, prepared in enumerate(prepared_of(found)) for key in blocking_keys(prepared)}
    pairs = list(zip(found.keys.tolist(), found.owners.tolist(), strict=True))
    assert set(pairs) == wanted
    assert pairs == sorted(pairs)


def test_a_source_that_no_row_names_counts_nothing_in_comparison() -> None:
    named, unnamed = (prepared_of(built([a_row("7")], is_sourced=is_sourced))[0] for is_sourced in (True, False))

    assert named.source_id == "2.999.1.1:7"
    assert unnamed.source_id == ""


def test_an_identifier_of_the_domain_in_a_further_column_is_a_claim() -> None:
    layout = layout_of(["record_id", "id:1"])
    job = Job(layout, {1: Named(1, AssigningAuthority("XAD"))}, 1, NOW, (arrival(layout, 0, ["7", "D"], is_sourced=True),))

    assert build(job).identifiers == [(1, "D", 101, "", False, True), (2, "7", 101, "", True, False)]


def test_one_identifier_in_two_columns_is_written_once() -> None:
    layout = layout_of(["record_id", "id:1", "id:2"])
    columns = {1: CARD, 2: CARD}

    found = build(Job(layout, columns, 1, NOW, (arrival(layout, 0, ["7", "C", "C"], is_sourced=True),)))

    assert [row[1] for row in found.identifiers] == ["7", "C"]


def test_a_known_row_is_unchanged_or_doubted() -> None:
    rows = [a_row("7"), a_row("8", JOHN)]
    stored = str(built([rows[0]]).records[0][-2])
    pairs = [(Row(2, list(rows[0].values())), stored), (Row(3, list(a_row("7", given="Maria").values())), stored)]

    found = built([rows[0]], known=pairs)

    assert found.unchanged == 1
    assert [(d.row.line, d.taken) for d in found.doubts] == [(3, False)]


def test_a_job_goes_to_another_process_whole_and_what_it_builds_comes_back_without_it() -> None:
    layout = layout_of(list(a_row("7")))
    first = arrival(layout, 0, list(a_row("7").values()), is_sourced=True)
    known = Known(Row(3, list(a_row("8").values()), "torn"), "{}")
    job = Job(layout, {1: CARD}, 1, NOW, (first,), (known,))

    sent = pickle.loads(pickle.dumps(job))
    apart = build_apart(sent)

    assert sent == job
    assert apart.records == build(job).records
    assert apart.job.arrivals == apart.job.known == ()
