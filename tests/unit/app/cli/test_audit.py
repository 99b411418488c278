"""app.cli.audit"""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from tests.support import messages as m
from tests.support.stores import Store

PATIENT = "AUD-1^^^HOSP_A&2.999.1.1&ISO"


@pytest.fixture
def audited(store: Store) -> Store:
    """A store where one patient was announced."""
    assert "MSA|AA|" in store.feed(m.adt("AUD-1"))[0]
    return store


def test_the_records_of_a_patient_are_found(audited: Store) -> None:
    done = audited.hie("audit", "search", "--patient", PATIENT, "--json")

    assert [(row["event"], row["action"], row["outcome"]) for row in done.json] == [("ITI-8", "C", 0)]
    assert PATIENT in done.json[0]["about"]


@pytest.mark.parametrize(
    ("narrowed", "count"),
    [
        (("--event", "ITI-8"), 1),
        (("--event", "ITI-43"), 0),
        (("--day", "2001-01-01"), 0),
        (("--since", "2001-01-01"), 1),
        (("--until", "2001-01-01T00:00:00"), 0),
        (("--user", "nobody"), 0),
        (("--outcome", "0", "--source", "affinity"), 1),
        (("--outcome", "8"), 0),
        (("--text", "nonsense"), 0),
        (("--object", "urn:x"), 0),
        (("--purpose", "TREATMENT"), 0),
        (("--role", "doctor"), 0),
    ],
)
def test_a_search_can_be_narrowed(audited: Store, narrowed: tuple[str, ...], count: int) -> None:
    done = audited.hie("audit", "search", "--patient", PATIENT, *narrowed, "--json")

    assert len(done.json) == count


def test_that_somebody_searched_is_itself_found(audited: Store) -> None:
    audited.hie("audit", "search", "--patient", PATIENT)
    with audited.house():
        pass

    done = audited.hie("audit", "search", "--event", "110101", "--json")

    assert len(done.json) == 1


def test_who_saw_a_patient_is_told_as_a_table_a_pdf_and_csv(audited: Store, tmp_path: Path) -> None:
    shown = audited.hie("audit", "report", "who-saw", "--patient", PATIENT, "--json")
    files = audited.hie(
        "audit", "report", "who-saw", "--patient", PATIENT, "--pdf", str(tmp_path / "r.pdf"), "--csv", str(tmp_path / "r.csv")
    )

    assert [row["What"] for row in shown.json] == ["Patient Identity Feed (ITI-8)"]
    assert files.code == 0
    assert (tmp_path / "r.pdf").read_bytes().startswith(b"%PDF")
    assert "ITI-8" in (tmp_path / "r.csv").read_text()


def test_a_report_that_needs_a_patient_says_so(audited: Store) -> None:
    done = audited.hie("audit", "report", "who-saw")

    assert done.code == 1
    assert "name it" in done.err


def test_an_untouched_log_is_whole(audited: Store) -> None:
    done = audited.hie("audit", "verify", "--deep")

    assert done.code == 0
    assert " 0 faults" in done.out


def test_a_record_that_was_changed_below_the_service_is_found_and_fails_the_command(audited: Store) -> None:
    database = sqlite3.connect(audited.data / "affinity.db")
    database.execute("DROP TRIGGER arr_record_no_update")
    database.execute("UPDATE arr_record SET outcome = 8")
    database.commit()
    database.close()

    done = audited.hie("audit", "verify", "--deep", "--json")

    assert done.code == 1
    assert done.json


def test_a_record_is_proved_against_the_signed_head(audited: Store) -> None:
    done = audited.hie("audit", "prove", "1", "--json")

    assert done.code == 0
    assert set(done.json) == {"record", "hash", "path", "head"}


def test_there_is_no_proof_of_a_record_that_is_not_there(audited: Store) -> None:
    assert audited.hie("audit", "prove", "4711").code == 1


def test_an_export_is_one_line_of_json_for_each_record(audited: Store) -> None:
    file = audited.data.parent / "export.jsonl"

    done = audited.hie("audit", "export", "--patient", PATIENT, "--out", str(file))
    piped = audited.hie("audit", "export", "--patient", PATIENT)

    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert (done.code, done.out) == (0, "")
    assert len([line for line in piped.out.splitlines() if line]) == len(lines)
    assert lines


def test_an_export_writes_over_no_file(audited: Store) -> None:
    file = audited.data.parent / "export.jsonl"
    file.write_text("kept")

    done = audited.hie("audit", "export", "--out", str(file))

    assert (done.code, file.read_text()) == (2, "kept")
