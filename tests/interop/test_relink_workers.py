"""Linking the index anew over workers behind a real broker, with the process that leads it and a worker killed on the way."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import sqlalchemy as sa

from bench.topology import ROOT, Topology, domain
from mpi.relink_store import PartKind
from mpi.tables import RELINK, RELINK_PART
from tests.support import postgres
from tests.support.brokers import rabbitmq_program, wait_for
from tests.support.imports import a_population
from tests.support.service import OPEN_DOMAIN

RECORDS = 150
pytestmark = [pytest.mark.slow, pytest.mark.postgres, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def topology() -> Iterator[Topology]:
    """A service and two workers, RabbitMQ between them; nothing is matched but what is asked for."""
    if not (postgres.is_available() and rabbitmq_program()):
        pytest.skip("RabbitMQ or PostgreSQL is not on this machine")
    more = {"HIE_WORKER__LEASE_SECONDS": "2", "HIE_MATCHING__LEARN_RECORDS": "0"}
    with domain(services=1, workers=2, storage="files", more=more) as topology:
        yield topology


def hie(environment: Mapping[str, str], data: Path, *arguments: str) -> None:
    """A command."""
    command = [sys.executable, "-m", "app.cli", "mpi", *arguments, "--data", str(data)]
    subprocess.run(command, env={**os.environ, **environment}, cwd=ROOT, check=True, capture_output=True, timeout=300)


def clusters(environment: Mapping[str, str], data: Path) -> set[frozenset[str]]:
    """Which records are together."""
    hie(environment, data, "export-clusters", str(data / "out.csv"))
    found: dict[str, set[str]] = {}
    with (data / "out.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            found.setdefault(row["cluster_id"], set()).add(row["record_id"])
    return {frozenset(members) for members in found.values()}


def killed_at(environment: Mapping[str, str], data: Path, step: str) -> None:
    """A process that links anew in small parts until it comes to this step."""
    command = [sys.executable, "-m", "tests.support.relinking", str(data), step]
    done = subprocess.run(command, env={**os.environ, **environment}, cwd=ROOT, check=False, capture_output=True, timeout=300)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()[-2000:]


def test_workers_do_the_parts_of_a_run_whose_leader_was_killed_and_it_ends_as_if_nobody_had_been(
    topology: Topology, tmp_path: Path
) -> None:
    path, _ = a_population(tmp_path, RECORDS)
    alone, shared = tmp_path / "alone", tmp_path / "shared"
    here = {**OPEN_DOMAIN, "HIE_MATCHING__LEARN_RECORDS": "0"}
    for folder, environment in ((alone, here), (shared, topology.environment)):
        folder.mkdir()
        hie(environment, folder, "import", str(path), "--match", "none")
    hie(here, alone, "relink")
    engine = sa.create_engine(topology.environment["HIE_DATABASE__URL"])

    def parts(*kinds: PartKind) -> tuple[int, int]:
        """Parts that are done, and all."""
        wanted = RELINK_PART.c.kind.in_([kind.value for kind in kinds or PartKind])
        with engine.connect() as connection:
            done, total = connection.execute(sa.select(sa.func.count(RELINK_PART.c.result), sa.func.count()).where(wanted)).one()
        return done, total

    killed_at(topology.environment, shared, "compared 0 of")
    wait_for(lambda: parts()[0] == parts()[1], 60)
    compared = parts()[1]
    killed_at(topology.environment, shared, "joined persons: 0 of")
    os.killpg(topology.workers[0].pid, signal.SIGKILL)
    wait_for(lambda: parts(PartKind.JOIN)[0] == parts(PartKind.JOIN)[1], 120)
    joined = parts(PartKind.JOIN)[1]
    hie(topology.environment, shared, "relink")

    expected = clusters(here, alone)
    assert min(compared, joined) > 3
    assert len(expected) < RECORDS - 30
    assert clusters(topology.environment, shared) == expected
    assert parts() == (0, 0)
    with engine.connect() as connection:
        assert set(connection.scalars(sa.select(RELINK.c.state))) == {"done"}
    engine.dispose()
