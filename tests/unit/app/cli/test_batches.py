"""app.cli.batches"""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner, Result

from app.cli.root import app
from arr.packing import delivered
from kernel.outbox import AUDIT_OUTBOX
from mpi.linkage.shipped import shipped_model
from tests.support.audit import schema_faults
from tests.support.imports import JOHN, a_file, a_population, a_row

OPEN = {"HIE_AFFINITY__ACCEPT_NEW_AUTHORITIES": "true"}


def run(folder: Path, *arguments: str) -> Result:
    """A command on the data folder `data`."""
    return CliRunner().invoke(app, ["mpi", *arguments, "--data", str(folder / "data")], env=OPEN)


def rows_of(path: Path) -> list[dict[str, str]]:
    """The rows of a file."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(autouse=True)
def _no_settings_of_this_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_records_are_imported_linked_at_once_and_exported(tmp_path: Path) -> None:
    path = a_file(tmp_path, [a_row("1"), a_row("2", source="B"), a_row("3", JOHN), a_row("", JOHN)])

    done = run(tmp_path, "import", str(path), "--match", "batch", "--json")
    exported = run(tmp_path, "export-clusters", str(tmp_path / "out.csv"), "--links", "auto")

    assert (done.exit_code, exported.exit_code) == (0, 0)
    told = json.loads(done.stdout)
    assert (told["rows"], told["added"], told["refused"], told["joined"]) == (4, 3, 1, 1)
    assert [row["reason"] for row in rows_of(tmp_path / "records.errors.csv")] == ["record_id is empty"]
    found = rows_of(tmp_path / "out.csv")
    assert list(found[0]) == ["record_id", "cluster_id", "link_kind", "match_weight"]
    assert found[0]["cluster_id"] == found[1]["cluster_id"] != found[2]["cluster_id"]
    assert not (tmp_path / "out.csv.part").exists()


def test_nothing_is_linked_where_nobody_asked(tmp_path: Path) -> None:
    run(tmp_path, "import", str(a_file(tmp_path, [a_row("1"), a_row("2", source="B")])), "--match", "none")

    exported = run(tmp_path, "export-clusters", "-")

    assert [line.split(",")[2] for line in exported.stdout.split()] == ["link_kind", "initial", "initial"]


def test_an_import_of_nothing_but_bad_rows_fails(tmp_path: Path) -> None:
    assert run(tmp_path, "import", str(a_file(tmp_path, [a_row("")]))).exit_code == 1


def test_a_file_without_record_ids_is_refused_and_that_is_on_the_record(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("family\nNg\n")

    done = run(tmp_path, "import", str(path))

    assert done.exit_code == 1
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'data' / 'affinity.db'}")
    with engine.connect() as connection:
        (message,) = connection.scalars(sa.select(AUDIT_OUTBOX.c.message))
    engine.dispose()
    told = delivered(message)[2]
    assert schema_faults(told) == []
    assert b"110107" in told


def test_thresholds_are_calibrated_where_there_is_enough_to_go_by(tmp_path: Path) -> None:
    run(tmp_path, "import", str(a_population(tmp_path, 1500)[0]), "--match", "batch")

    done = run(tmp_path, "calibrate", "--target", "0.95", "--json")
    too_strict = run(tmp_path, "calibrate", "--target", "0.99999")

    told = json.loads(done.stdout)
    assert told["of these wrong at the most"] <= 0.05 * told["pairs a machine would link"]
    listed = json.loads(run(tmp_path, "model", "list", "--json").stdout)
    assert [row["model"] for row in listed if row["in force"]] == [told["model"]]
    assert too_strict.exit_code == 1


def test_a_model_is_trained_put_in_force_and_taken_back(tmp_path: Path) -> None:
    path, _ = a_population(tmp_path, 1200)
    run(tmp_path, "import", str(path), "--match", "none")

    trained = json.loads(run(tmp_path, "train", "--json").stdout)
    relinked = json.loads(run(tmp_path, "relink", "--dry-run", "--json").stdout)
    back = run(tmp_path, "model", "use", shipped_model().version)
    models = json.loads(run(tmp_path, "model", "list", "--json").stdout)

    assert (trained["records"], trained["in force"]) == (1200, True)
    assert relinked["model"] == trained["model"]
    assert relinked["persons joined"] > 100
    assert trained["model"] in back.stdout
    assert [(m["model"], m["in force"]) for m in models] == [(trained["model"], ""), (shipped_model().version, "yes")]


def test_relinking_joins_what_the_model_in_force_joins(tmp_path: Path) -> None:
    run(tmp_path, "import", str(a_file(tmp_path, [a_row("1"), a_row("2", source="B")])), "--match", "none")

    told = json.loads(run(tmp_path, "relink", "--json").stdout)

    assert (told["persons joined"], told["pairs of records gained"], told["joined"]) == (1, 1, 1)


def test_how_groups_are_served_is_told_by_group(tmp_path: Path) -> None:
    run(tmp_path, "import", str(a_file(tmp_path, [a_row("1"), a_row("2", source="B"), a_row("3", JOHN)])), "--match", "batch")

    told = json.loads(run(tmp_path, "fairness", "--json").stdout)

    groups = {row["group"]: row for row in told}
    assert groups["everybody"]["records"] == 3
    assert groups["women"]["recall"] == 1.0
    assert groups["men"]["precision"] is None


def test_an_import_that_workers_are_to_link_teaches_a_young_index_first(tmp_path: Path) -> None:
    path, _ = a_population(tmp_path, 1100)

    told = json.loads(run(tmp_path, "import", str(path), "--match", "queued", "--json").stdout)

    (in_force,) = [row for row in json.loads(run(tmp_path, "model", "list", "--json").stdout) if row["in force"]]
    assert told["model learned"] == in_force["model"]
    assert in_force["records"] == told["added"]
