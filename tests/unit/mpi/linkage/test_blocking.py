"""mpi.linkage.blocking"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import given

from mpi.linkage.blocking import KEYS_VERSION, blocking_keys, mix, part_hash
from mpi.linkage.normalise import Prepared
from mpi.linkage.places import Home
from tests.support.people import RECORDS, a_record


@given(record=RECORDS)
def test_keys_are_signed_64_bit_numbers_each_once_and_few(record: Prepared) -> None:
    keys = blocking_keys(record)

    assert len(set(keys)) == len(keys) <= 96
    assert all(-(1 << 63) <= key < 1 << 63 and key for key in keys)


def test_keys_are_the_same_in_another_process() -> None:
    code = (
        "from mpi.linkage.blocking import blocking_keys\n"
        "from mpi.linkage.normalise import Prepared\n"
        "print(blocking_keys(Prepared(given='ANNA', families=('MULLER',), birth='19700503')))"
    )

    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout

    assert printed.strip() == str(blocking_keys(Prepared(given="ANNA", families=("MULLER",), birth="19700503")))


def test_stored_keys_stay_valid_until_their_version_changes() -> None:
    assert KEYS_VERSION == 1
    assert mix("identifier", part_hash("A:1")) == -659748893328015407
    assert mix("birth_family", part_hash("19700503"), part_hash("M46")) == 7662099245593187961


@pytest.mark.parametrize(
    "changes",
    [
        {"birth": "19700305"},
        {"given": "ANNE", "families": ("SMITH",), "homes": ()},
        {"birth": "", "homes": (), "phones": (), "emails": ()},
        {"families": ("SMITH", "MULLER"), "birth": "19710101", "homes": (), "phones": ()},
        {"given": "MULLER", "middle": "", "families": ("ANNA",), "homes": (), "phones": ()},
        {"given": "", "families": (), "birth": "", "homes": ()},
    ],
)
def test_a_record_is_found_though_much_of_it_changed(changes: dict[str, object]) -> None:
    here, there = a_record(), a_record(**{"source_id": "B:9", "local_ids": (), **changes})

    assert set(blocking_keys(here)) & set(blocking_keys(there))


def test_a_former_address_is_enough_to_be_found() -> None:
    there = Home("7", "OAK RD", "", "SHELBYVILLE", "99999")
    moved = Prepared(given="ANNA", families=("MULLER",), homes=(Home("1", "NEW RD", "", "X", "1"), there))
    old = Prepared(given="ANNE", families=("SMITH",), homes=(there,))

    assert set(blocking_keys(moved)) & set(blocking_keys(old))


def test_an_empty_record_has_no_keys() -> None:
    assert blocking_keys(Prepared()) == ()
    assert mix("telephone", 0) == 0


def test_records_with_nothing_in_common_share_no_key() -> None:
    other = Prepared(given="JOHN", families=("SMITH",), birth="20010911", phones=("559999123",), source_id="B:2")

    assert not set(blocking_keys(replace(a_record(), emails=()))) & set(blocking_keys(other))
