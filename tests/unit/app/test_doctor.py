"""app.doctor"""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from app.doctor import Finding, examine
from tests.support.ports import free_port
from tests.support.stores import a_house, some_settings


class Disk(NamedTuple):
    """As `shutil.disk_usage` tells it."""

    total: int
    used: int
    free: int


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def found(data: Path, **changes: str) -> dict[str, Finding]:
    """The findings by the first word of their names; nothing listens on the usual ports."""
    listen = {"http__listen": f"127.0.0.1:{free_port()}", "mllp__listen": f"127.0.0.1:{free_port()}"}
    findings = examine(some_settings(**{**listen, **changes}), data)
    return {finding.name.partition(" ")[0]: finding for finding in findings}


def test_a_store_that_is_up_to_date_has_no_problem(tmp_path: Path) -> None:
    a_house(tmp_path).close()

    assert {finding.state for finding in found(tmp_path).values()} == {"ok"}


def test_every_problem_comes_with_advice(tmp_path: Path, taken: int) -> None:
    problems = [f for f in found(tmp_path, mllp__listen=f"127.0.0.1:{taken}").values() if f.state != "ok"]

    assert {finding.name.partition(" ")[0] for finding in problems} == {"MLLP", "tables"}
    assert all(finding.advice for finding in problems)


def test_a_port_in_use_is_named(tmp_path: Path, taken: int) -> None:
    finding = found(tmp_path, http__listen=f"127.0.0.1:{taken}")["HTTP"]

    assert (finding.state, str(taken) in finding.name) == ("problem", True)
    assert "choose another port" in finding.advice


def test_a_listener_that_is_switched_off_needs_no_port(tmp_path: Path) -> None:
    assert "MLLP" not in found(tmp_path, mllp__listen="")


def test_a_database_that_is_away_is_a_problem_and_the_rest_is_examined(tmp_path: Path) -> None:
    findings = found(tmp_path, database__url=f"postgresql+psycopg://hie@127.0.0.1:{free_port()}/hie")

    assert findings["database"].state == "problem"
    assert findings["broker"].state == "ok"


def test_a_broker_that_is_away_is_a_problem(tmp_path: Path) -> None:
    finding = found(tmp_path, broker__url=f"redis://127.0.0.1:{free_port()}/0")["broker"]

    assert finding.state == "problem"
    assert "broker.url" in finding.advice


def test_a_disk_with_little_room_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Disk(1 << 30, 1 << 20, (1 << 30) - 1))

    assert found(tmp_path)["data"].state == "problem"


def test_a_secret_file_that_is_missing_is_a_problem_and_no_trace(tmp_path: Path) -> None:
    findings = found(tmp_path, database__url="postgresql+psycopg://hie@127.0.0.1/hie", database__password_file="/nowhere/at-all")

    assert findings["services"].state == "problem"
    assert "/nowhere/at-all" in findings["services"].advice
