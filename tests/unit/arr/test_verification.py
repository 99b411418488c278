"""Is the log what was recorded?"""

from __future__ import annotations

from pathlib import Path

import pytest

from arr.tables import METADATA
from arr.verification import Fault, FaultKind
from kernel.database import Database
from tests.conftest import MakeDatabase
from tests.support.arr import a_service, some_records
from tests.support.clocks import TickingClock


@pytest.fixture
def database(make_database: MakeDatabase) -> Database:
    return make_database(METADATA)


@pytest.mark.parametrize("count", [0, 1, 2, 10, 1001])
def test_a_log_that_nobody_touched_is_whole(database: Database, count: int) -> None:
    service = a_service(database, every=100)
    service.record(some_records(count))

    report = service.verify(None, deep=True)

    assert (report.faults, report.records, report.is_whole) == ((), count, True)
    assert report.signed_up_to == count


def test_without_a_key_nothing_is_said_to_be_signed(database: Database) -> None:
    service = a_service(database, signer=None)
    service.record(some_records(3))

    report = service.verify(None)

    assert (report.is_whole, report.signed_up_to) == (True, 0)


def test_a_log_signed_by_somebody_else_is_not_believed(database: Database, tmp_path: Path) -> None:
    from arr.signing import make_signer

    a_service(database, signer=make_signer(tmp_path / "k")).record(some_records(3))

    report = a_service(database).verify(None)

    assert Fault(FaultKind.HEAD_UNSIGNED, 3) in report.faults


def test_progress_is_told(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    service = a_service(database)
    service.record(some_records(10_001))
    seen: list[int] = []

    service.verify(None, progress=seen.append)

    assert seen == [10_000]


def test_appending_goes_on_while_the_log_is_verified(database: Database) -> None:
    service = a_service(database)
    service.record(some_records(10_000))

    report = service.verify(None, progress=lambda _: service.record(some_records(5)))

    assert report.is_whole
    assert service.verify(None).records == 10_005


def test_a_log_is_whole_after_its_signer_changed(database: Database, tmp_path: Path) -> None:
    from arr.service import AuditService
    from arr.settings import ArrSettings
    from arr.signing import Trust, load_keys, make_signer
    from tests.support.audit import CONTEXT

    make_signer(tmp_path / "old")
    old = make_signer(tmp_path / "older")
    a_service(database, signer=old, every=2).record(some_records(4))
    trusted = load_keys((tmp_path / "older.pub").read_bytes())

    service = AuditService(
        database,
        clock=TickingClock(),
        context=CONTEXT,
        new_log_id=lambda: "log-2",
        settings=ArrSettings(),
        trust=Trust(make_signer(tmp_path / "new"), trusted),
    )
    service.record(some_records(1))

    assert service.verify(None).is_whole
