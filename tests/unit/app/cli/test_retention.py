"""app.cli.retention"""

from __future__ import annotations

from pathlib import Path

import pytest

from arr import verify_export
from arr.retention import file_name
from tests.support.arr import records_of
from tests.support.stores import Store

YEARS = {"HIE_ARR__RETENTION_YEARS": "5", "HIE_ARR__SEGMENT_RECORDS": "1024"}


@pytest.fixture
def old(store: Store) -> Store:
    """A store with a full segment of 2010."""
    with store.house() as house:
        house.arr.record(records_of(2010, 1030))
    return store


def test_a_segment_is_sealed_then_dropped_and_the_log_still_verified(old: Store, tmp_path: Path) -> None:
    folder = tmp_path / "exports"
    folder.mkdir()

    sealed = old.hie("audit", "seal", str(folder), "--json", **YEARS)
    told = old.hie("audit", "retain", str(folder), "--dry-run", "--json", **YEARS)
    dropped = old.hie("audit", "retain", str(folder), "--why", "five years", "--json", **YEARS)
    verified = old.hie("audit", "verify", **YEARS)

    assert [(row["first"], row["last"], row["state"]) for row in sealed.json] == [(1, 1024, "sealed")]
    assert [row["state"] for row in told.json] == ["would be dropped"]
    assert [row["state"] for row in dropped.json] == ["dropped"]
    assert "1024 dropped by signed tombstones, 0 faults" in verified.out
    key = old.data / "audit-key.pem.pub"
    assert verify_export.main([str(folder / file_name(1, 1024)), "--key", str(key)]) == 0


def test_a_held_patient_is_listed_and_released(old: Store) -> None:
    patient = "H1^^^&2.999.1.1&ISO"

    old.hie("audit", "hold", patient, "--why", "lawsuit")
    listed = old.hie("audit", "holds", "--json")
    released = old.hie("audit", "release", patient)
    again = old.hie("audit", "release", patient)

    assert [(row["patient"], row["why"]) for row in listed.json] == [(patient, "lawsuit")]
    assert (released.code, again.code) == (0, 1)


def test_the_segments_are_listed(old: Store) -> None:
    listed = old.hie("audit", "segments", "--json", **YEARS)

    assert [row["state"] for row in listed.json] == ["full", "open"]


def test_dropping_needs_a_reason_and_a_number_of_years(old: Store, tmp_path: Path) -> None:
    without_reason = old.hie("audit", "retain", str(tmp_path))
    without_years = old.hie("audit", "retain", str(tmp_path), "--why", "old")

    assert (without_reason.code, without_years.code) == (2, 1)
    assert "retention_years" in without_years.err
