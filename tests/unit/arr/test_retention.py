"""Segments are sealed, exported, and dropped when their time is over."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from arr import verify_export
from arr.model import AuditSearch
from arr.reports import Asked, Kind, make_report
from arr.retention import Fate, State, Why, file_name
from arr.signing import public_pem
from arr.tables import METADATA
from kernel.database import Database
from kernel.errors import Refused, Rejected, Unavailable
from kernel.outbox import AUDIT_OUTBOX
from tests.conftest import MakeDatabase
from tests.support.arr import SIGNER, a_retention, a_service, records_of
from tests.support.audit import a_subject
from tests.unit.arr.test_partitions import on_postgres

AUDITOR = a_subject(user="auditor")
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For what is not about SQL."""
OTHER = "OTHER^^^&2.999.1.1&ISO"


@pytest.fixture
def database(make_database: MakeDatabase) -> Database:
    """Two full segments of 2015 and one of 2026, the second with another patient, and some records more."""
    made = make_database(METADATA)
    service = a_service(made, every=100, segment=1024)
    for some in (records_of(2015, 1024), records_of(2016, 1023), records_of(2016, 1, OTHER), records_of(2026, 1100)):
        service.record(some)
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key.pub"
    path.write_bytes(public_pem(SIGNER.public_key))
    return path


def sealed(database: Database, folder: Path) -> None:
    list(a_retention(database).seal(folder, AUDITOR))


def dropped(database: Database, folder: Path) -> list[Fate]:
    return list(a_retention(database).retain(folder, AUDITOR, "too old"))


def gone(fates: Sequence[Fate]) -> list[int]:
    return [fate.segment.first for fate in fates if fate.kept_because is None]


def told(database: Database) -> list[str]:
    with database.read() as connection:
        return [bytes(m).decode() for m in connection.execute(sa.select(AUDIT_OUTBOX.c.message)).scalars()]


def test_only_full_segments_are_sealed_and_each_is_recorded(database: Database, folder: Path) -> None:
    retention = a_retention(database)

    first = list(retention.seal(folder, AUDITOR, datetime(2020, 1, 1, tzinfo=UTC)))
    then = list(retention.seal(folder, AUDITOR))

    assert [(s.first, s.last) for s in first] == [(1, 1024), (1025, 2048)]
    assert [(s.first, s.last) for s in then] == [(2049, 3072)]
    assert [s.state for s in retention.segments(AUDITOR)] == [State.SEALED] * 3 + [State.OPEN]
    assert sum("urn:affinity:audit:1025-2048" in message for message in told(database)) == 1
    assert a_service(database).verify(None, deep=True).is_whole


@on_sqlite
def test_the_export_of_a_segment_is_verified_alone(database: Database, folder: Path, key: Path) -> None:
    sealed(database, folder)

    for first in (1, 1025, 2049):
        assert verify_export.main([str(folder / file_name(first, first + 1023)), "--key", str(key)]) == 0


@on_sqlite
def test_an_export_that_lacks_a_record_is_not_that_of_the_segment(database: Database, folder: Path, key: Path) -> None:
    sealed(database, folder)
    path = folder / file_name(1, 1024)
    lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    path.write_bytes(gzip.compress(b"".join([*lines[:5], *lines[6:]])))

    assert verify_export.main([str(path), "--key", str(key)]) == 1
    assert [f.kept_because for f in dropped(database, folder)] == [Why.NOT_EXPORTED, None]


def test_the_log_is_whole_across_what_was_dropped(database: Database, folder: Path) -> None:
    sealed(database, folder)

    fates = dropped(database, folder)

    service = a_service(database, segment=1024)
    report = service.verify(None, deep=True)
    assert gone(fates) == [1, 1025]
    assert (report.faults, report.records, report.dropped, report.signed_up_to) == ((), 1100, 2048, 3148)
    assert [s.state for s in a_retention(database).segments(AUDITOR)] == [State.DROPPED] * 2 + [State.SEALED, State.OPEN]
    assert dropped(database, folder) == []
    service.record(records_of(2026, 2000))
    assert service.verify(None, deep=True).is_whole


def test_what_remains_is_found_proven_and_exported(database: Database, folder: Path, key: Path) -> None:
    sealed(database, folder)
    dropped(database, folder)
    service = a_service(database)

    path = folder / "rest.jsonl"
    path.write_bytes(b"".join(service.export(AuditSearch(), AUDITOR)))

    assert verify_export.main([str(path), "--key", str(key)]) == 0
    assert len(path.read_text().splitlines()) == 1101
    assert service.prove(2049, AUDITOR) is not None
    assert service.prove(3148, AUDITOR) is not None
    assert service.prove(5, AUDITOR) is None


@on_sqlite
@pytest.mark.parametrize(("before", "is_proven"), [(1024, True), (2048, True), (2500, True), (1500, False), (1, False)])
def test_growth_is_proven_from_where_records_are_or_a_segment_ended(
    database: Database, folder: Path, before: int, is_proven: bool
) -> None:
    sealed(database, folder)
    dropped(database, folder)

    assert (a_service(database).prove_growth(before, AUDITOR) is not None) == is_proven


@on_sqlite
@pytest.mark.parametrize(("since", "is_told"), [(None, True), (2016, True), (2020, False)])
def test_a_report_says_that_records_of_its_time_were_dropped(
    database: Database, folder: Path, since: int | None, is_told: bool
) -> None:
    sealed(database, folder)
    dropped(database, folder)
    begin = datetime(since, 1, 1, tzinfo=UTC) if since else None

    report = make_report(
        a_service(database), Asked(Kind.WHO_SAW, patient=OTHER, since=begin), AUDITOR, datetime(2026, 11, 22, tzinfo=UTC)
    )

    told = "2048 records, the last of which came on 2016-01-01: their time was over"
    assert (("Not in the log any more", told) in report.about) == is_told


@on_sqlite
def test_each_dropping_is_recorded_with_its_reason(database: Database, folder: Path) -> None:
    sealed(database, folder)

    dropped(database, folder)

    found = [m for m in told(database) if "urn:affinity:audit:1-1024" in m and 'EventActionCode="D"' in m]
    assert len(found) == 1


@on_sqlite
def test_a_rehearsal_drops_nothing(database: Database, folder: Path) -> None:
    sealed(database, folder)

    fates = list(a_retention(database).retain(folder, AUDITOR, "", is_rehearsal=True))

    assert gone(fates) == [1, 1025]
    assert a_service(database).verify(None).records == 3148


@on_sqlite
def test_a_moment_before_which_to_drop_narrows(database: Database, folder: Path) -> None:
    sealed(database, folder)

    fates = a_retention(database).retain(folder, AUDITOR, "old", before=datetime(2015, 12, 31, tzinfo=UTC))

    assert gone(list(fates)) == [1]


@on_sqlite
@pytest.mark.parametrize("years", [None, 12])
def test_what_must_be_kept_is_kept(database: Database, folder: Path, years: int | None) -> None:
    sealed(database, folder)

    with pytest.raises(Rejected):
        list(a_retention(database, years=years).retain(folder, AUDITOR, "old", before=datetime(2015, 12, 31, tzinfo=UTC)))


@on_sqlite
def test_without_a_seal_nothing_is_dropped(database: Database, folder: Path) -> None:
    assert dropped(database, folder) == []
    assert a_service(database).verify(None).records == 3148


@on_sqlite
def test_without_a_key_nothing_is_sealed(database: Database, folder: Path) -> None:
    with pytest.raises(Unavailable):
        list(a_retention(database, signed=False).seal(folder, AUDITOR))


def test_the_segments_of_a_held_patient_stay_until_she_is_released(database: Database, folder: Path) -> None:
    class Directory:
        def identifiers(self, patient: str) -> tuple[str, ...]:
            return (OTHER,) if patient == "MERGED^^^&2.999.1.1&ISO" else ()

    retention = a_retention(database, directory=Directory())
    sealed(database, folder)
    retention.hold("MERGED^^^&2.999.1.1&ISO", "lawsuit", AUDITOR)

    fates = list(retention.retain(folder, AUDITOR, "too old"))
    held = retention.holds(AUDITOR)
    was_held = retention.release("MERGED^^^&2.999.1.1&ISO", AUDITOR)

    assert [fate.kept_because for fate in fates] == [None, Why.HELD]
    assert ([(one.patient, one.why) for one in held], was_held) == ([("MERGED^^^&2.999.1.1&ISO", "lawsuit")], True)
    assert not retention.release("MERGED^^^&2.999.1.1&ISO", AUDITOR)
    assert gone(dropped(database, folder)) == [1025]
    assert a_service(database).verify(None, deep=True).is_whole


@on_sqlite
def test_a_segment_that_is_not_what_was_recorded_is_not_sealed(database: Database, folder: Path) -> None:
    with database.engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER arr_record_no_update")
        connection.execute(sa.text("UPDATE arr_record SET origin = replace(origin, 'local', 'udp') WHERE sequence = 1030"))
    found = []

    with pytest.raises(Unavailable):
        found += [segment.first for segment in a_retention(database).seal(folder, AUDITOR)]

    assert [path.name for path in folder.glob("*.gz")] == [file_name(1, 1024)]


def test_the_segment_after_a_dropped_one_is_sealed(database: Database, folder: Path) -> None:
    sealed(database, folder)
    dropped(database, folder)
    a_service(database, segment=1024).record(records_of(2026, 1000))

    assert [s.first for s in a_retention(database).seal(folder, AUDITOR)] == [3073]
    assert a_service(database).verify(None, deep=True).is_whole


@on_sqlite
def test_the_seal_at_the_end_of_an_export_is_the_one_that_is_kept(database: Database, folder: Path) -> None:
    sealed(database, folder)

    last = json.loads(gzip.decompress((folder / file_name(1, 1024)).read_bytes()).splitlines()[-1])

    with database.read() as connection:
        kept = connection.execute(sa.text("SELECT note FROM arr_seal WHERE first = 1")).scalar_one()
    assert last["seal"] == kept


class TestOnPostgres:
    pytestmark = on_postgres

    def test_only_the_role_that_owns_the_tables_drops(self, database: Database, folder: Path) -> None:
        sealed(database, folder)
        role = database.engine.url.database
        with database.engine.begin() as connection:
            connection.exec_driver_sql(f"CREATE ROLE adder_{role}")
            for table in ("arr_record", "arr_term", "arr_head", "arr_hold", "arr_seal", "arr_block", "audit_outbox"):
                connection.exec_driver_sql(f"GRANT SELECT, INSERT ON {table} TO adder_{role}")
            connection.exec_driver_sql(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO adder_{role}")

        @sa.event.listens_for(database.engine, "begin")
        def _as_adder(connection: sa.Connection) -> None:
            connection.exec_driver_sql(f"SET LOCAL ROLE adder_{role}")

        try:
            with pytest.raises(Refused):
                dropped(database, folder)
        finally:
            sa.event.remove(database.engine, "begin", _as_adder)
            with database.engine.begin() as connection:
                connection.exec_driver_sql(f"DROP OWNED BY adder_{role}")
                connection.exec_driver_sql(f"DROP ROLE adder_{role}")
        assert a_service(database).verify(None).records == 3148

    def test_dropping_waits_for_no_reader_for_long(self, database: Database, folder: Path) -> None:
        sealed(database, folder)

        with database.read() as reader:
            reader.execute(sa.text("SELECT count(*) FROM arr_record")).scalar_one()
            with pytest.raises(Unavailable):
                dropped(database, folder)

        assert gone(dropped(database, folder)) == [1, 1025]
