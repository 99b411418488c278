"""Certificates for trials, and handshakes explained."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.certificates import check_handshake, make_test_authority
from kernel.tls import TlsFiles, file_problems, server_context
from tests.support.certificates import DAY, Authority

NOW = datetime.now(UTC)  # noqa: TID251 - OpenSSL compares with the machine's clock


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, TlsFiles]:
    return make_test_authority(tmp_path_factory.mktemp("trial") / "ca", ["node.example", "10.0.0.5"], NOW)


@contextlib.contextmanager
def listening(context: ssl.SSLContext | None) -> Iterator[int]:
    """Shakes hands with whoever comes, two at the most."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)

        def run() -> None:
            for _ in range(2):
                with contextlib.suppress(OSError):
                    plain, _address = listener.accept()
                    plain.settimeout(10)
                    with plain:
                        if context is None:
                            plain.recv(65536)
                            plain.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                            continue
                        with context.wrap_socket(plain, server_side=True) as connection:
                            connection.recv(1)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield listener.getsockname()[1]


def test_nodes_of_a_trial_authority_accept_each_other(made: dict[str, TlsFiles]) -> None:
    with listening(server_context(made["localhost"], client_certificate=True)) as port:
        report = check_handshake("localhost", port, made["node.example"], now=NOW)

    assert (report.problem, report.version, report.subject) == ("", "TLSv1.3", "CN=localhost")
    assert report.issuer == "CN=Test authority\\, not for production"
    assert report.names == ("localhost", "127.0.0.1", "::1")
    assert report.suite
    assert report.advice == ()


def test_the_files_of_a_trial_authority_are_in_order(made: dict[str, TlsFiles]) -> None:
    assert set(made) == {"node.example", "10.0.0.5", "localhost"}
    for files in made.values():
        revoked = files.certificate.with_name("revoked.pem")
        assert list(file_problems(replace(files, revoked=revoked), NOW)) == []
        server_context(replace(files, revoked=revoked), client_certificate=True)


def test_an_authority_is_never_overwritten(tmp_path: Path) -> None:
    make_test_authority(tmp_path / "ca", [], NOW)

    with pytest.raises(FileExistsError):
        make_test_authority(tmp_path / "ca", [], NOW)


def test_a_missing_certificate_of_ours_is_explained(made: dict[str, TlsFiles]) -> None:
    with listening(server_context(made["localhost"], client_certificate=True)) as port:
        report = check_handshake("localhost", port, None, now=NOW, trust=made["localhost"].trust)

    assert report.problem == "the other side demands a certificate and we showed none"
    assert report.advice == ("give our certificate and key",)
    assert report.subject == "CN=localhost"


def test_an_authority_we_do_not_trust_is_named(made: dict[str, TlsFiles], tmp_path: Path) -> None:
    other = Authority(tmp_path, "Other CA")

    with listening(server_context(made["localhost"], client_certificate=False)) as port:
        report = check_handshake("localhost", port, None, now=NOW, trust=other.trust)

    assert "not trusted" in report.problem
    assert report.advice == (
        "put the authority CN=Test authority\\, not for production into the trust file, if it is the right one",
    )


def test_an_authority_of_ours_that_they_do_not_trust_is_explained(made: dict[str, TlsFiles], tmp_path: Path) -> None:
    ours = Authority(tmp_path, "Other CA").issue("us")

    with listening(server_context(made["localhost"], client_certificate=True)) as port:
        report = check_handshake("localhost", port, ours, now=NOW, trust=made["localhost"].trust)

    assert report.problem == "the other side does not trust the authority that issued our certificate"
    assert report.advice == ("the other side must put the authority of our certificate into its trust file",)


def test_another_host_name_is_explained(made: dict[str, TlsFiles]) -> None:
    with listening(server_context(made["node.example"], client_certificate=False)) as port:
        report = check_handshake("localhost", port, made["node.example"], now=NOW)

    assert report.advice == ("the certificate is for node.example, and localhost was called",)


def test_an_expired_certificate_is_explained_with_its_dates(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    expired = authority.issue("old", begins=-9 * DAY, ends=-2 * DAY)

    with listening(server_context(expired, client_certificate=False)) as port:
        report = check_handshake("localhost", port, None, now=NOW, trust=authority.trust)

    assert report.problem == "the other side's certificate has expired"
    assert report.expires is not None
    assert report.advice[0].startswith(f"valid from {report.expires - 7 * DAY:%F %R} to {report.expires:%F %R}")
    assert abs(report.expires - (NOW - 2 * DAY)) < timedelta(hours=1)


def test_a_certificate_that_ends_soon_is_told(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    soon = authority.issue("soon", ends=timedelta(days=5, hours=1))

    with listening(server_context(soon, client_certificate=False)) as port:
        report = check_handshake("localhost", port, None, now=NOW, trust=authority.trust)

    assert (report.problem, report.advice) == ("", ("the other side's certificate expires in 5 days",))


def test_a_listener_without_tls_is_told(made: dict[str, TlsFiles]) -> None:
    with listening(None) as port:
        report = check_handshake("localhost", port, made["localhost"], now=NOW)

    assert report.problem == "the other side does not speak TLS"


def test_nobody_there_is_told(made: dict[str, TlsFiles]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    assert check_handshake("127.0.0.1", port, made["localhost"], now=NOW).problem == "nobody listens there"


def test_files_of_ours_that_cannot_be_used_are_told(made: dict[str, TlsFiles], tmp_path: Path) -> None:
    (tmp_path / "text").write_text("text")

    report = check_handshake("localhost", 1, replace(made["localhost"], key=tmp_path / "text"), now=NOW)

    assert report.problem.startswith("our own files cannot be used")
    assert any("holds no key" in advice for advice in report.advice)
