"""app.ground"""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from app.certificates import check_handshake
from app.ground import database_url, with_password
from app.settings import SettingsProblem
from app.wiring import House
from kernel.errors import Unavailable
from kernel.times import system_clock
from tests.support.certificates import Authority
from tests.support.stores import a_house, some_settings


def test_the_embedded_database_lies_below_the_data_folder(tmp_path: Path) -> None:
    assert database_url(some_settings(), tmp_path) == f"sqlite:///{tmp_path}/affinity.db"


def test_nobody_else_on_the_machine_reads_the_data_folder(tmp_path: Path) -> None:
    a_house(tmp_path / "data").close()

    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700


def test_a_database_with_a_path_of_its_own_stays_where_it_is(tmp_path: Path) -> None:
    assert database_url(some_settings(database__url="sqlite:////var/lib/x.db"), tmp_path) == "sqlite:////var/lib/x.db"


@pytest.mark.parametrize(
    ("url", "whole"),
    [
        ("postgresql+psycopg://hie@database/hie", "postgresql+psycopg://hie:p%40ss%2F1@database/hie"),
        ("amqp://hie@broker:5672//", "amqp://hie:p%40ss%2F1@broker:5672//"),
        ("redis://hie@broker:6379/0", "redis://hie:p%40ss%2F1@broker:6379/0"),
    ],
)
def test_a_password_from_a_file_is_put_into_the_address(tmp_path: Path, url: str, whole: str) -> None:
    file = tmp_path / "password"
    file.write_text("p@ss/1\n")

    assert with_password(url, file) == whole


def test_a_password_file_that_is_missing_is_a_fault_of_the_settings() -> None:
    with pytest.raises(SettingsProblem, match="/nowhere/at-all"):
        with_password("postgresql+psycopg://hie@database/hie", Path("/nowhere/at-all"))


def test_the_embedded_database_is_brought_up_to_date_at_the_start(tmp_path: Path) -> None:
    house = House(some_settings(), tmp_path)
    before = house.behind()

    house.migrate_or_refuse()
    after = house.behind()
    house.close()

    assert before
    assert after == ()


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_a_server_that_holds_tables_is_changed_by_nobody_but_the_operator(database_url: str, tmp_path: Path) -> None:
    engine = sa.create_engine(database_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE somebody_elses (id INTEGER)")
    house = House(some_settings(database__url=database_url), tmp_path)

    with pytest.raises(Unavailable) as refused:
        house.migrate_or_refuse()
    house.close()

    assert "hie db upgrade" in refused.value.detail
    assert sa.inspect(engine).get_table_names() == ["somebody_elses"]
    engine.dispose()


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_an_empty_server_is_filled(database_url: str, tmp_path: Path) -> None:
    house = a_house(tmp_path, database__url=database_url)
    late = house.behind()
    house.close()

    assert late == ()


def test_a_tls_listener_without_a_certificate_is_a_fault_of_the_settings(tmp_path: Path) -> None:
    house = a_house(tmp_path, mllp__listen="", mllp__listen_tls="127.0.0.1:0")

    with pytest.raises(SettingsProblem, match=r"tls\.certificate"):
        house.mllp_listeners()
    house.close()


def test_a_tls_listener_uses_the_certificate_of_the_settings(tmp_path: Path) -> None:
    files = Authority(tmp_path).issue("server")
    named = {"tls__certificate": str(files.certificate), "tls__key": str(files.key), "tls__trust": str(files.trust)}
    house = a_house(tmp_path, mllp__listen="", mllp__listen_tls="127.0.0.1:0", **named)

    (listener,) = house.mllp_listeners()
    port = listener.start()
    report = check_handshake("127.0.0.1", port, files, now=system_clock())
    listener.stop()
    house.close()

    assert (report.problem, report.subject) == ("", "CN=server,O=Tests\\, Inc.,C=US")
