"""mpi.linkage.candidates"""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.linkage.population import COLUMNS, Population
from mpi.linkage import blocking
from mpi.linkage.blocking import blocking_keys
from mpi.linkage.candidates import candidate_pairs, keys_of, mix_columns, rule_keys
from mpi.linkage.columns import from_prepared, from_raw
from mpi.linkage.normalise import Prepared
from tests.support.people import RECORDS


@given(parts=st.lists(st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1)), min_size=1, max_size=5))
def test_columns_mix_to_the_keys_of_single_records(parts: list[tuple[int, int]]) -> None:
    one, other = (np.array(values, np.uint64) for values in zip(*parts, strict=True))

    mixed = mix_columns("birth_family", one, other).view(np.int64).tolist()

    assert mixed == [blocking.mix("birth_family", *pair) for pair in parts]


def test_every_rule_but_that_of_identifiers_is_applied_to_columns() -> None:
    columns = from_raw({name: [row[name] for _, row in Population(5).records(50)] for name in COLUMNS})

    assert {rule for rule, _ in rule_keys(columns)} == set(blocking.RULES) - {"identifier"}


@settings(max_examples=50)
@given(records=st.lists(RECORDS, min_size=2, max_size=5))
def test_a_batch_finds_the_pairs_that_share_a_key(records: list[Prepared]) -> None:
    columns = from_prepared(records)
    kept = [columns.prepared(index) for index in range(columns.size)]
    keys = [set(blocking_keys(record)) for record in kept]
    wanted = {(a, b) for a in range(len(kept)) for b in range(a + 1, len(kept)) if keys[a] & keys[b]}

    found = {(pair // columns.size, pair % columns.size) for pair in candidate_pairs(columns).tolist()}

    assert found == wanted


def test_a_value_many_records_share_brings_no_pairs() -> None:
    columns = from_raw({"phone": ["(555) 123-4567"] * 100, "record_id": [str(n) for n in range(100)]})

    assert len(candidate_pairs(columns)) == 0


def test_pairs_are_ordered_and_each_once() -> None:
    columns = from_raw({name: [row[name] for _, row in Population(6).records(400)] for name in COLUMNS})

    pairs = candidate_pairs(columns).tolist()

    assert pairs == sorted(pairs)
    assert max(Counter(pairs).values()) == 1
    assert all(pair // columns.size < pair % columns.size for pair in pairs)


@settings(max_examples=50)
@given(records=st.lists(RECORDS, min_size=1, max_size=4))
def test_keys_for_the_store_are_those_of_each_record(records: list[Prepared]) -> None:
    owners, keys = keys_of(from_prepared(records), [record.source_id for record in records])

    for index, record in enumerate(records):
        assert sorted(keys[owners == index].tolist()) == sorted(blocking_keys(record))
