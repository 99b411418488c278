"""mpi.importing.relinking and mpi.importing.relink_parts"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from kernel.errors import Rejected
from kernel.outbox import OUTBOX
from mpi.importing import relinking
from mpi.importing.relink_parts import COMPARE, PartWork
from mpi.importing.relinking import Relinking, Sizes
from mpi.tables import JOURNAL, LINK, RELINK, RELINK_PART, REVIEW
from tests.conftest import MakeDatabase
from tests.support.imports import a_batch, a_population, link, load, models_of
from tests.support.patients import PatientIndex, a_patient_index, an_affinity_domain

SMALL = Sizes(values=40, joins=5, questions=2)
RECORDS = 160


class Killed(BaseException):
    """The process is gone."""


def a_loaded_index(make_database: MakeDatabase, folder: Path, *, is_linked: bool = False) -> PatientIndex:
    """An index of made-up people."""
    index = a_patient_index(make_database, affinity=an_affinity_domain(accept_new_authorities=True))
    load(index, a_population(folder, RECORDS)[0])
    if is_linked:
        link(index)
    return index


def parts_of(index: PatientIndex) -> PartWork:
    """What a worker does."""
    return PartWork(index.index, models_of(index), index.service.prepare_anew)


def a_relinking(index: PatientIndex) -> Relinking:
    """A process that links anew in small parts."""
    return Relinking(index.index, models_of(index), a_batch(index), parts_of(index), sizes=SMALL)


def state_of(index: PatientIndex) -> tuple[object, ...]:
    """Who is who and what is asked, in the identifiers of the sources; acts and links by number."""
    with index.database.read() as connection:
        counts = [connection.scalar(sa.select(sa.func.count()).select_from(table)) for table in (LINK, JOURNAL, REVIEW)]
        weights = sorted(round(weight, 9) for weight in connection.scalars(sa.select(LINK.c.weight)) if weight is not None)
        reasons = sorted(connection.scalars(sa.select(REVIEW.c.detail)))
    return index.clusters(), counts, weights, reasons


def killed_at(step: str) -> Callable[[str], None]:
    """A process that dies when it comes to this step."""

    def tell(said: str) -> None:
        if said.startswith(step):
            raise Killed

    return tell


def test_an_index_linked_in_parts_is_as_if_it_had_been_linked_at_once(make_database: MakeDatabase, tmp_path: Path) -> None:
    index = a_loaded_index(make_database, tmp_path)
    at_once = a_batch(index).propose(model=models_of(index).in_force())

    steps: list[str] = []
    report = a_relinking(index).relink("ann", tell=steps.append)

    joins = sum(len(join.goes) for join in relinking.Explaining(at_once).planned_joins())
    assert joins > 20
    assert (report["joined"], report["passed_over"]) == (joins, 0)
    assert report["questions"] == report["questions to ask"]
    assert index.clusters() == {frozenset(c) for c in clusters_of(index, at_once.linked.automatic.tolist())}
    assert any(step.startswith("joined persons: 3 of") for step in steps)
    with index.database.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(RELINK_PART)) == 0


def clusters_of(index: PatientIndex, labels: list[int]) -> list[set[str]]:
    """The local identifiers of the records of each cluster, records being in the order of their ids."""
    names = sorted((record.id, record.local_id) for record in every_record(index))
    found: dict[int, set[str]] = {}
    for (_, name), label in zip(names, labels, strict=True):
        found.setdefault(label, set()).add(name)
    return list(found.values())


def every_record(index: PatientIndex) -> list[sa.Row[tuple[int, str]]]:
    """Ids of records."""
    with index.database.read() as connection:
        return list(connection.execute(sa.text("SELECT id, local_id FROM mpi_patient_record")))


@pytest.mark.parametrize(
    "step", ["compared 0 of", "looking for", "laying down", "joined persons: 1 of", "joined persons: 5 of", "asked: 1 of"]
)
def test_a_run_that_is_cut_short_goes_on_and_ends_in_the_same_state(
    make_database: MakeDatabase, database_url: str, tmp_path: Path, step: str
) -> None:
    if not database_url.startswith("sqlite") and step != "joined persons: 1 of":
        return  # where nothing is written that the databases could see differently
    cut = a_loaded_index(make_database, tmp_path)
    with pytest.raises(Killed):
        a_relinking(cut).relink("ann", tell=killed_at(step))
    before = state_of(cut)

    resumed = a_relinking(cut).relink("ann")

    after = state_of(cut)
    again = a_relinking(cut).relink("ann")
    assert before != after
    assert resumed["passed_over"] == 0
    assert len(after[0]) == RECORDS - int(str(resumed["joined"]))  # type: ignore[arg-type]
    assert (again["joined"], again["questions"], state_of(cut)) == (0, 0, after)


def test_what_was_compared_before_it_was_cut_short_is_not_compared_again(
    make_database: MakeDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = a_loaded_index(make_database, tmp_path)
    with pytest.raises(Killed):
        a_relinking(index).relink("ann", tell=killed_at("looking for"))
    compared: list[object] = []
    monkeypatch.setattr(relinking, "compared", compared.append)

    a_relinking(index).relink("ann")

    assert compared == []


def test_workers_compare_and_change_by_the_ids_of_parts_alone(make_database: MakeDatabase, tmp_path: Path) -> None:
    index = a_loaded_index(make_database, tmp_path)
    with pytest.raises(Killed):
        a_relinking(index).relink("ann", tell=killed_at("compared 0 of"))
    told = keys_told(index, COMPARE)

    for key in (*told, *told, "12345"):
        parts_of(index).compare(key)

    with index.database.read() as connection:
        undone = sa.select(sa.func.count()).where(RELINK_PART.c.result.is_(None))
        assert connection.scalar(undone) == 0
        assert connection.scalar(sa.select(sa.func.count()).select_from(RELINK_PART)) == len(told) > 3


def keys_told(index: PatientIndex, topic: str) -> list[str]:
    """What the workers were told."""
    with index.database.read() as connection:
        return list(connection.scalars(sa.select(OUTBOX.c.key).where(OUTBOX.c.topic == topic).order_by(OUTBOX.c.id)))


def test_a_part_changes_the_index_once_however_often_it_is_done(make_database: MakeDatabase, tmp_path: Path) -> None:
    index = a_loaded_index(make_database, tmp_path)
    with pytest.raises(Killed):
        a_relinking(index).relink("ann", tell=killed_at("joined persons: 0 of"))
    told = keys_told(index, relinking.CHANGE)

    for key in (*told, *reversed(told), "12345"):
        index.index.unit(lambda work, key=key: parts_of(index).change(work, key))  # type: ignore[misc]
    once = state_of(index)

    report = a_relinking(index).relink("ann")
    assert state_of(index)[0] == once[0]
    assert report["joined"] == RECORDS - len(index.clusters())


def test_a_dry_run_changes_nothing_and_leaves_nothing_behind(make_database: MakeDatabase, tmp_path: Path) -> None:
    index = a_loaded_index(make_database, tmp_path)
    before = state_of(index)

    report = a_relinking(index).relink("ann", is_dry=True)

    assert state_of(index) == before
    assert report["pairs of records gained"] != 0
    assert "joined" not in report
    with index.database.read() as connection:
        assert connection.execute(sa.select(RELINK)).all() == connection.execute(sa.select(RELINK_PART)).all() == []


def test_only_a_report_is_refused_while_a_run_that_changes_the_index_is_not_finished(
    make_database: MakeDatabase, tmp_path: Path
) -> None:
    index = a_loaded_index(make_database, tmp_path)
    with pytest.raises(Killed):
        a_relinking(index).relink("ann", tell=killed_at("joined persons: 1 of"))
    before = state_of(index)

    with pytest.raises(Rejected):
        a_relinking(index).relink("ann", is_dry=True)

    assert state_of(index) == before


def test_records_that_the_model_would_part_are_doubted(make_database: MakeDatabase, tmp_path: Path) -> None:
    index = a_loaded_index(make_database, tmp_path, is_linked=True)
    model = put_a_strict_model_in_force(index)

    report = a_relinking(index).relink("ann")

    assert report["model"] == model
    assert int(str(report["persons it would split"])) > 0
    assert int(str(report["records doubted"])) > 0
    assert int(str(report["links whose weight now only asks"])) > 20
    assert report["questions whose weight now links"] == 0


def put_a_strict_model_in_force(index: PatientIndex) -> str:
    """Puts a model in force that links next to nothing."""
    models = models_of(index)
    model = models.in_force()
    strict = replace(model, version="strict", thresholds=replace(model.thresholds, link=30.0))
    with index.database.begin() as work:
        models.keep(work, strict, "ann")
        models.use(work, "strict")
    return "strict"
