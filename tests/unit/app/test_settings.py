"""app.settings"""

from __future__ import annotations

from pathlib import Path

import pytest

from app.settings import SettingsProblem, load_settings, shown


def written(folder: Path, text: str) -> Path:
    file = folder / "hie.toml"
    file.write_text(text)
    return file


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    file = written(tmp_path, '[http]\nlisten = "127.0.0.1:1"\nthreads = 5\nbulk = 4\n')

    loaded = load_settings(file, {"HIE_HTTP__THREADS": "6", "HIE_HTTP__LISTEN": "127.0.0.1:2"}, {"http.listen": "127.0.0.1:3"})

    http = loaded.settings.http
    assert (http.listen, http.threads, http.bulk) == ("127.0.0.1:3", 6, 4)
    assert loaded.origins == {"http.listen": "command line", "http.threads": "environment", "http.bulk": str(file)}


@pytest.mark.parametrize("name", ["HIE_HTTP__THREADZ", "HIE_HTTQ__THREADS", "HIE_NONSENSE"])
def test_an_unknown_name_in_the_environment_stops_the_start_and_is_named(name: str) -> None:
    with pytest.raises(SettingsProblem) as stopped:
        load_settings(None, {name: "1"})

    assert name.removeprefix("HIE_").lower().replace("__", ".") in str(stopped.value)
    assert "no such setting" in str(stopped.value)


def test_an_unknown_name_in_the_file_stops_the_start_and_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsProblem) as stopped:
        load_settings(written(tmp_path, "[mllp]\nport = 2575\n"), {})

    assert "mllp.port" in str(stopped.value)


def test_every_wrong_value_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(SettingsProblem) as stopped:
        load_settings(written(tmp_path, "[http]\nthreads = 0\nbulk = 'many'\n"), {})

    assert "http.threads" in str(stopped.value)
    assert "http.bulk" in str(stopped.value)


def test_the_affinity_domain_reads_as_others_write_it(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        """
[affinity]
authority = { namespace = "XAD", oid = "2.999.1" }
[[affinity.authorities]]
namespace = "HOSP_A"
oid = "2.999.1.1"
aliases = ["HOSPITAL A"]
[[affinity.sources]]
application = "ADT"
facility = "A"
authorities = ["HOSP_A"]
""",
    )

    affinity = load_settings(file, {}).settings.affinity

    assert affinity.authority.oid == "2.999.1"
    assert affinity.authorities[0].aliases == ("HOSPITAL A",)
    assert affinity.sources[0].authorities == ("HOSP_A",)


def test_a_file_that_is_no_toml_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsProblem, match=r"hie\.toml"):
        load_settings(written(tmp_path, "[http\n"), {})


def test_a_password_in_an_address_is_not_shown(tmp_path: Path) -> None:
    loaded = load_settings(None, {"HIE_BROKER__URL": "amqp://hie:geheim@broker:5672//"})

    text = "\n".join(" ".join(row) for row in shown(loaded))

    assert "geheim" not in text
    assert "broker.url amqp://hie:***@broker:5672// environment" in text


@pytest.mark.parametrize("listen", ["8080", ":8080", "127.0.0.1:", "127.0.0.1:http", "127.0.0.1:65536", "127.0.0.1:-1"])
def test_an_address_that_cannot_be_listened_on_stops_the_start(listen: str) -> None:
    with pytest.raises(SettingsProblem) as stopped:
        load_settings(None, {"HIE_MLLP__LISTEN": listen})

    assert str(stopped.value) == "mllp.listen (environment): host:port is needed, as 127.0.0.1:8080"


@pytest.mark.parametrize(
    "url", ["", "here", "mysql://hie@db/hie", "postgres://hie@db/hie", "sqlite:affinity.db", "postgresql+psycopg://db"]
)
def test_a_database_that_is_not_spoken_with_stops_the_start(url: str) -> None:
    with pytest.raises(SettingsProblem) as stopped:
        load_settings(None, {"HIE_DATABASE__URL": url})

    wanted = "database.url (environment): sqlite:///FILE is needed, or postgresql+psycopg://USER@HOST/NAME"
    assert str(stopped.value) == wanted


@pytest.mark.parametrize("url", ["", "redis", "amqp:", "http://mq", "kafka://mq", "redis://", "memory://here"])
def test_a_broker_that_is_not_spoken_with_stops_the_start(url: str) -> None:
    with pytest.raises(SettingsProblem) as stopped:
        load_settings(None, {"HIE_BROKER__URL": url})

    assert str(stopped.value) == "broker.url (environment): memory:// is needed, or amqp://USER@HOST//, or redis://HOST/0"


def test_an_empty_address_is_no_listener() -> None:
    assert load_settings(None, {"HIE_MLLP__LISTEN": ""}).settings.mllp.listen == ""


def test_what_a_full_repository_misses_must_be_kept_by_our_own() -> None:
    with pytest.raises(SettingsProblem, match="mark needs our own"):
        load_settings(None, {"HIE_AUDIT__SPOOL_POLICY": "mark", "HIE_AUDIT__LOCAL": "false"})
