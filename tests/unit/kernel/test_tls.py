"""Mutual TLS: who is let in, what is said when not."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from kernel.tls import ClientTls, ServerTls, TlsFiles, TlsPipe, client_context, explain, file_problems, server_context, subject_of
from tests.support.certificates import DAY, Authority, pem

NOW = datetime.now(UTC)  # noqa: TID251 - the certificates are of today


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def ours(authority: Authority) -> TlsFiles:
    return authority.issue("server")


@pytest.fixture(scope="module")
def theirs(authority: Authority) -> TlsFiles:
    return authority.issue("client")


def shake(server: ssl.SSLContext, client: ssl.SSLContext, *, hostname: str = "localhost") -> tuple[TlsPipe, TlsPipe]:
    """Lets two sides talk until both have judged the other. Raises what either finds wrong."""
    here, there = TlsPipe(server), TlsPipe(client, server_hostname=hostname)
    there.receive()
    for _ in range(4):
        here.receive(there.outgoing())
        there.receive(here.outgoing())
    assert here.is_ready
    assert there.is_ready
    return here, there


def refusal(server: ssl.SSLContext, client: ssl.SSLContext, **more: str) -> str:
    with pytest.raises(ssl.SSLError) as raised:
        shake(server, client, **more)
    return explain(raised.value)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_two_nodes_of_one_authority_talk(ours: TlsFiles, theirs: TlsFiles, version: ssl.TLSVersion) -> None:
    client = client_context(theirs)
    client.minimum_version = client.maximum_version = version

    here, there = shake(server_context(ours, client_certificate=True), client)
    there.send(b"hello")

    assert here.receive(there.outgoing()) == b"hello"
    assert here.subject == "CN=client,O=Tests\\, Inc.,C=US"
    assert there.subject == "CN=server,O=Tests\\, Inc.,C=US"


def test_the_end_of_one_side_is_told_and_the_other_may_still_speak(ours: TlsFiles, theirs: TlsFiles) -> None:
    here, there = shake(server_context(ours, client_certificate=True), client_context(theirs))

    there.close()
    here.receive(there.outgoing())
    here.send(b"last words")

    assert here.is_ended
    assert there.receive(here.outgoing()) == b"last words"
    here.close()
    there.receive(here.outgoing())
    assert there.is_ended


Make = Callable[[Authority, Path], TlsFiles]


def _of_another_authority(authority: Authority, folder: Path) -> TlsFiles:
    return Authority(folder, "Other CA").issue("stranger", trust=authority.trust)


def _self_signed(authority: Authority, folder: Path) -> TlsFiles:
    other = Authority(folder, "Self")
    (folder / "self.key").write_bytes(pem(other.key))
    return TlsFiles(other.trust, folder / "self.key", authority.trust)


REFUSED: list[tuple[str, Make, str]] = [
    ("expired", lambda a, _: a.issue("expired", begins=-3 * DAY, ends=-DAY), "has expired"),
    ("not yet valid", lambda a, _: a.issue("early", begins=DAY), "not valid yet"),
    ("unknown authority", _of_another_authority, "authority that is not trusted"),
    ("self-signed", _self_signed, "self-signed"),
    ("wrong use", lambda a, _: a.issue("usage", usage=ExtendedKeyUsageOID.CODE_SIGNING), "not meant for this use"),
]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize(("make", "words"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_client_with_a_bad_certificate_is_refused_with_the_reason(
    authority: Authority, ours: TlsFiles, tmp_path: Path, make: Make, words: str, version: ssl.TLSVersion
) -> None:
    client = client_context(make(authority, tmp_path), trust=authority.trust)
    client.minimum_version = client.maximum_version = version

    assert words in refusal(server_context(ours, client_certificate=True), client)


@pytest.mark.parametrize(("make", "words"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_server_with_a_bad_certificate_is_refused_with_the_reason(
    authority: Authority, theirs: TlsFiles, tmp_path: Path, make: Make, words: str
) -> None:
    server = server_context(make(authority, tmp_path), client_certificate=True)

    assert words in refusal(server, client_context(theirs))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_client_without_a_certificate_is_refused(authority: Authority, ours: TlsFiles, version: ssl.TLSVersion) -> None:
    client = client_context(None, trust=authority.trust)
    client.minimum_version = client.maximum_version = version

    assert "showed no certificate" in refusal(server_context(ours, client_certificate=True), client)


def test_a_certificate_is_not_demanded_where_the_settings_do_not(authority: Authority, ours: TlsFiles) -> None:
    here, _ = shake(server_context(ours, client_certificate=False), client_context(None, trust=authority.trust))

    assert here.subject == ""


def test_a_revoked_certificate_is_refused_and_others_are_not(authority: Authority, ours: TlsFiles) -> None:
    bad, good = authority.issue("revoked"), authority.issue("good")
    files = replace(ours, revoked=authority.revoke(bad))
    server = server_context(files, client_certificate=True)

    shake(server, client_context(good))
    assert "is revoked" in refusal(server, client_context(bad))


def test_an_expired_revocation_list_refuses_everybody(authority: Authority, ours: TlsFiles) -> None:
    files = replace(ours, revoked=authority.revoke(ends=-DAY))

    assert "revocation list has expired" in refusal(
        server_context(files, client_certificate=True), client_context(authority.issue("good2"))
    )


def test_an_authority_without_a_revocation_list_is_told(authority: Authority, ours: TlsFiles, tmp_path: Path) -> None:
    other = Authority(tmp_path, "Second CA")
    both = tmp_path / "both.pem"
    both.write_bytes(authority.trust.read_bytes() + other.trust.read_bytes())
    server = server_context(replace(ours, trust=both, revoked=authority.revoke()), client_certificate=True)

    assert "no revocation list" in refusal(server, client_context(other.issue("x"), trust=authority.trust))


def test_a_revoked_server_is_refused(authority: Authority, theirs: TlsFiles) -> None:
    bad = authority.issue("revoked-server")
    client = client_context(replace(theirs, revoked=authority.revoke(bad)))

    assert "is revoked" in refusal(server_context(bad, client_certificate=True), client)


def test_another_host_name_is_refused_unless_names_are_not_checked(ours: TlsFiles, theirs: TlsFiles) -> None:
    server = server_context(ours, client_certificate=True)

    assert "another host name" in refusal(server, client_context(theirs), hostname="elsewhere.example")
    shake(server, client_context(theirs, check_hostname=False), hostname="elsewhere.example")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("hostname", ["localhost", "127.0.0.1"])
def test_a_revocation_is_taken_without_a_restart(
    authority: Authority, ours: TlsFiles, version: ssl.TLSVersion, hostname: str
) -> None:
    bad = authority.issue("later-revoked")
    client = client_context(bad)
    client.minimum_version = client.maximum_version = version
    server = ServerTls(replace(ours, revoked=authority.revoke()), client_certificate=True)
    shake(server.context, client, hostname=hostname)

    authority.revoke(bad)
    server.reload()

    assert "is revoked" in refusal(server.context, client, hostname=hostname)


def test_an_authority_that_is_trusted_no_more_is_refused_without_a_restart(
    authority: Authority, theirs: TlsFiles, tmp_path: Path
) -> None:
    trust = tmp_path / "trust.pem"
    trust.write_bytes(authority.trust.read_bytes())
    server = ServerTls(replace(authority.issue("s"), trust=trust), client_certificate=True)
    shake(server.context, client_context(theirs))

    trust.write_bytes(Authority(tmp_path, "New CA").trust.read_bytes())
    server.reload()

    assert "not trusted" in refusal(server.context, client_context(theirs))


def test_a_new_certificate_is_taken_without_a_restart(authority: Authority, theirs: TlsFiles) -> None:
    files, fresh = authority.issue("renewed"), authority.issue("fresh")
    server = ServerTls(files, client_certificate=True)

    files.certificate.write_bytes(fresh.certificate.read_bytes())
    files.key.write_bytes(fresh.key.read_bytes())
    server.reload()

    _, there = shake(server.context, client_context(theirs))
    assert there.subject.startswith("CN=fresh")


def test_files_that_cannot_be_read_leave_the_old_ones_in_use(authority: Authority, theirs: TlsFiles) -> None:
    files = authority.issue("damaged")
    server = ServerTls(files, client_certificate=True)

    files.key.write_text("")
    with pytest.raises(ssl.SSLError):
        server.reload()

    shake(server.context, client_context(theirs))


def test_a_call_shows_the_certificate_that_is_there_when_it_begins(authority: Authority, ours: TlsFiles) -> None:
    files, fresh = authority.issue("calling"), authority.issue("calling-anew")
    client = ClientTls(files).context
    before, _ = shake(server_context(ours, client_certificate=True), client)

    files.certificate.write_bytes(fresh.certificate.read_bytes())
    files.key.write_bytes(fresh.key.read_bytes())
    after, _ = shake(server_context(ours, client_certificate=True), client)

    assert [pipe.subject[:15] for pipe in (before, after)] == ["CN=calling,O=Te", "CN=calling-anew"]


def test_a_call_trusts_who_is_trusted_when_it_begins(authority: Authority, ours: TlsFiles, tmp_path: Path) -> None:
    trust = tmp_path / "trust.pem"
    trust.write_bytes(authority.trust.read_bytes())
    client = ClientTls(None, trust=trust).context
    shake(server_context(ours, client_certificate=False), client)

    trust.write_bytes(Authority(tmp_path, "Other CA").trust.read_bytes())

    assert "not trusted" in refusal(server_context(ours, client_certificate=False), client)


def test_a_renewal_that_is_half_done_leaves_the_old_files_in_use(authority: Authority, ours: TlsFiles) -> None:
    files, fresh = authority.issue("half"), authority.issue("half-done")
    told: list[Exception] = []
    client = ClientTls(files, on_problem=told.append).context
    server = server_context(ours, client_certificate=True)

    files.certificate.write_bytes(fresh.certificate.read_bytes())
    subjects = [shake(server, client)[0].subject for _ in range(2)]
    files.key.write_bytes(fresh.key.read_bytes())
    subjects.append(shake(server, client)[0].subject)

    assert [subject.partition(",")[0] for subject in subjects] == ["CN=half", "CN=half", "CN=half-done"]
    assert len(told) == 1


@pytest.mark.parametrize("suite", ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"])
def test_a_suite_of_bcp_195_is_agreed_on(ours: TlsFiles, theirs: TlsFiles, suite: str) -> None:
    client = client_context(theirs)
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    client.set_ciphers(suite)

    shake(server_context(ours, client_certificate=True), client)


def test_no_suite_without_forward_secrecy_or_authenticated_encryption_is_offered(ours: TlsFiles) -> None:
    names = [cipher["name"] for cipher in server_context(ours, client_certificate=False).get_ciphers()]

    assert names
    assert all(name.startswith(("TLS_", "ECDHE-", "DHE-")) for name in names)
    assert all("GCM" in name or "CHACHA20" in name for name in names)
    assert {"DHE-RSA-AES128-GCM-SHA256", "DHE-RSA-AES256-GCM-SHA384"} <= set(names)
    assert {"ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384"} <= set(names)


def test_a_client_with_other_suites_is_refused(ours: TlsFiles, theirs: TlsFiles) -> None:
    client = client_context(theirs)
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    client.set_ciphers("ECDHE-ECDSA-AES128-SHA256")

    assert "no cipher suite" in refusal(server_context(ours, client_certificate=True), client)


def test_nothing_before_tls_1_2_is_spoken(ours: TlsFiles, theirs: TlsFiles) -> None:
    for context in (server_context(ours, client_certificate=True), client_context(theirs)):
        assert context.minimum_version is ssl.TLSVersion.TLSv1_2
        assert context.options & ssl.OP_NO_COMPRESSION
    assert server_context(ours, client_certificate=True).options & ssl.OP_NO_RENEGOTIATION


def test_certificates_are_not_demanded_of_nobody_in_particular(ours: TlsFiles) -> None:
    with pytest.raises(ValueError, match="authorities"):
        server_context(replace(ours, trust=None), client_certificate=True)


def test_plain_text_is_no_handshake(ours: TlsFiles) -> None:
    pipe = TlsPipe(server_context(ours, client_certificate=True))

    with pytest.raises(ssl.SSLError) as raised:
        pipe.receive(b"GET / HTTP/1.1\r\n\r\n")

    assert explain(raised.value) == "the other side speaks HTTP without TLS"


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (ConnectionRefusedError(111, "refused"), "nobody listens there"),
        (ConnectionResetError(104, "reset"), "cut the connection"),
        (TimeoutError(), "in time"),
        (OSError(113, "No route to host"), "No route to host"),
        (OSError(), "OSError"),
        (ssl.SSLError(1, "[SSL: SOMETHING_NEW] what"), "TLS failed"),
    ],
)
def test_every_failure_has_words(problem: OSError, words: str) -> None:
    assert words in explain(problem)


def test_a_name_is_written_as_rfc_4514_does() -> None:
    names = ((("countryName", "US"),), (("organizationName", 'A "b", c'), ("serialNumber", "5")), (("commonName", "#x "),))

    assert subject_of({"subject": names}) == 'CN=\\#x\\ ,O=A \\"b\\"\\, c+serialNumber=5,C=US'
    assert subject_of({}) == ""
    assert subject_of(None) == ""


def problems(files: TlsFiles) -> list[str]:
    return [text.partition(": ")[2] for text in file_problems(files, NOW)]


def test_good_files_have_no_problems(authority: Authority, ours: TlsFiles) -> None:
    assert problems(replace(ours, revoked=authority.revoke())) == []


def test_a_key_that_others_may_read_is_told(authority: Authority) -> None:
    files = authority.issue("open")
    files.key.chmod(0o644)

    assert problems(files) == ["others may read the key (mode 644); set it to 600"]


def test_a_key_of_another_certificate_is_told(authority: Authority, ours: TlsFiles) -> None:
    files = authority.issue("mixed")
    files.key.write_bytes(pem(ec.generate_private_key(ec.SECP256R1())))

    assert problems(files) == ["the key does not fit the certificate"]


@pytest.mark.parametrize(
    ("begins", "ends", "words"),
    [
        (-DAY, 10 * DAY + timedelta(hours=1), "expires in 10 days"),
        (-3 * DAY, -DAY, "expired on"),
        (DAY, 90 * DAY, "not valid before"),
    ],
)
def test_dates_are_told_in_time(authority: Authority, begins: timedelta, ends: timedelta, words: str) -> None:
    (found,) = problems(authority.issue("dated", begins=begins, ends=ends))

    assert words in found


def test_files_that_are_missing_or_something_else_are_told(authority: Authority, ours: TlsFiles, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("text")

    assert problems(replace(ours, certificate=tmp_path / "none")) == ["No such file or directory"]
    assert problems(replace(ours, certificate=tmp_path / "text")) == ["holds no certificate"]
    assert problems(replace(ours, key=tmp_path / "none")) == ["No such file or directory"]
    assert problems(replace(ours, revoked=tmp_path / "none")) == ["No such file or directory"]
    assert problems(replace(ours, revoked=tmp_path / "text")) == ["holds no revocation list"]


def test_an_expired_revocation_list_is_told(authority: Authority, ours: TlsFiles) -> None:
    (found,) = problems(replace(ours, revoked=authority.revoke(ends=-DAY)))

    assert found == "the list of CN=Test CA,O=Tests\\, Inc.,C=US has expired; every certificate of it is refused"
