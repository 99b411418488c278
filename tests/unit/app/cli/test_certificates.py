"""app.cli.certificates"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.server import HttpServer
from app.settings import HttpSettings
from kernel.tls import TlsFiles, server_context
from tests.support.certificates import Authority
from tests.support.command import hie
from tests.support.ports import free_port


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def listening(authority: Authority) -> Iterator[str]:
    """A TLS listener that demands a certificate."""
    tls = server_context(authority.issue("server"), client_certificate=True)
    server = HttpServer(lambda _environ, _start: (), "127.0.0.1:0", HttpSettings(threads=4), tls=tls)
    yield f"127.0.0.1:{server.start()}"
    server.stop()


def of(files: TlsFiles) -> tuple[str, ...]:
    return ("--cert", str(files.certificate), "--key", str(files.key), "--ca", str(files.trust))


def test_certificates_for_trials_are_made_for_each_node(tmp_path: Path) -> None:
    done = hie("cert", "make-test-ca", str(tmp_path / "ca"), "--node", "ehr.example.org", "--json")

    assert done.code == 0
    assert [row["node"] for row in done.json] == ["ehr.example.org", "localhost"]
    assert all(Path(row[kind]).is_file() for row in done.json for kind in ("certificate", "key", "trust"))


def test_no_folder_that_is_there_is_written_into(tmp_path: Path) -> None:
    assert hie("cert", "make-test-ca", str(tmp_path)).code == 2


def test_a_handshake_that_both_sides_accept_is_shown(authority: Authority, listening: str) -> None:
    done = hie("cert", "check", listening, *of(authority.issue("client")), "--json")

    assert (done.code, done.json["problem"]) == (0, "")
    assert done.json["version"].startswith("TLSv1.")


def test_a_handshake_that_one_side_refuses_fails_with_its_reason(authority: Authority, listening: str) -> None:
    done = hie("cert", "check", listening, "--ca", str(authority.trust), "--json")

    assert done.code == 1
    assert "certificate" in done.json["problem"]


def test_nobody_at_the_address_is_told(authority: Authority) -> None:
    done = hie("cert", "check", f"127.0.0.1:{free_port()}", *of(authority.issue("client")))

    assert done.code == 1
    assert "nobody listens there" in done.out


@pytest.mark.parametrize("arguments", [("nowhere",), ("127.0.0.1:1", "--cert", "x.pem")])
def test_a_wrong_call_ends_with_two(arguments: tuple[str, ...]) -> None:
    assert hie("cert", "check", *arguments).code == 2
