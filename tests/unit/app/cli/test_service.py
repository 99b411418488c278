"""app.cli.service"""

from __future__ import annotations

import http.client
from pathlib import Path

import pytest

from tests.support.command import hie
from tests.support.ports import free_port
from tests.support.service import Service
from tests.support.stores import Store


def test_tables_that_are_behind_are_named_and_brought_up_to_date(tmp_path: Path) -> None:
    data = ("--data", str(tmp_path))

    before = hie("db", "check", *data)
    steps = hie("db", "upgrade", *data)
    again = hie("db", "upgrade", *data)
    after = hie("db", "check", *data)

    assert before.code == 1
    assert "registry: run `hie db upgrade`" in before.out
    assert "registry 0001" in steps.out
    assert (again.code, again.out) == (0, "")
    assert (after.code, after.out) == (0, "the tables are those of this release\n")


def test_settings_are_shown_with_where_they_came_from(tmp_path: Path) -> None:
    file = tmp_path / "hie.toml"
    file.write_text("[http]\nbulk = 3\n")

    done = hie("config", "show", "--why", "--json", "--config", str(file), environment={"HIE_HTTP__THREADS": "9"})

    rows = {row["setting"]: (row["value"], row["from"]) for row in done.json}
    assert rows["http.bulk"] == ("3", str(file))
    assert rows["http.threads"] == ("9", "environment")
    assert rows["mllp.listen"] == ("127.0.0.1:2575", "default")


def test_doctor_is_content_where_everything_is_there(store: Store) -> None:
    done = store.hie("doctor", "--json", HIE_HTTP__LISTEN=f"127.0.0.1:{free_port()}", HIE_MLLP__LISTEN=f"127.0.0.1:{free_port()}")

    assert {row["state"] for row in done.json} == {"ok"}
    assert done.code == 0


def test_doctor_fails_with_advice_where_something_is_missing(tmp_path: Path) -> None:
    done = hie("doctor", "--json", "--data", str(tmp_path))

    advice = [row["advice"] for row in done.json if row["state"] == "problem"]
    assert done.code == 1
    assert any("hie db upgrade" in text for text in advice)


def test_doctor_asks_a_running_service_whether_it_is_ready(service: Service) -> None:
    done = hie("doctor", "--ready", f"127.0.0.1:{service.http_port}")

    assert (done.code, done.json) == (0, {"database": "ok", "documents": "ok"})


def test_doctor_tells_by_its_exit_code_that_no_service_answers() -> None:
    assert hie("doctor", "--ready", f"127.0.0.1:{free_port()}").code == 3


def test_a_sign_in_link_that_an_operator_makes_opens_the_console_of_the_running_service(service: Service) -> None:
    done = hie("console", "link", "--role", "auditor", "--name", "Ada", "--address", service.url, "--data", str(service.data))

    connection = http.client.HTTPConnection("127.0.0.1", service.http_port, timeout=20)
    connection.request("POST", "/console/sign-in", f"link={done.out.strip().rpartition('link=')[2]}", _FORM)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    assert done.code == 0
    assert answer.status in (302, 303)
    assert "hie_session=" in (answer.getheader("Set-Cookie") or "")


_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize("role", ["", "root"])
def test_a_link_for_no_role_is_not_made(store: Store, role: str) -> None:
    done = store.hie("console", "link", "--role", role, "--name", "Ada")

    assert (done.code, done.out) == (2, "")


def test_a_role_is_granted_no_change_of_audit_records_whatever_it_is_called() -> None:
    said = hie("db", "grants", 'odd"role').out

    assert 'GRANT SELECT, INSERT ON arr_record TO "odd""role";' in said
    assert 'GRANT SELECT, INSERT, UPDATE, DELETE ON arr_head TO "odd""role";' in said
