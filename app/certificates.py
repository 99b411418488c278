"""Certificates for trials, and why a TLS handshake with somebody fails, in words."""

from __future__ import annotations

import ipaddress
import os
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from kernel.tls import TlsFiles, TlsPipe, client_context, explain, file_problems

AUTHORITY_LIFE: Final = timedelta(days=730)
NODE_LIFE: Final = timedelta(days=365)
SECONDS: Final = 10.0
ASSENT_SECONDS: Final = 1.5
_GRACE: Final = timedelta(minutes=5)
"""Certificates begin so long ago, for clocks that differ."""


@dataclass(frozen=True, slots=True)
class HandshakeReport:
    """What a handshake with somebody came to. `problem` is empty when both sides accepted each other."""

    problem: str
    version: str = ""
    suite: str = ""
    subject: str = ""
    issuer: str = ""
    names: tuple[str, ...] = ()
    expires: datetime | None = None
    advice: tuple[str, ...] = ()


def make_test_authority(folder: Path, nodes: Sequence[str], now: datetime) -> dict[str, TlsFiles]:
    """An authority for trials in a new folder, and a certificate for each node (a host name or address) and for localhost.

    Not for production: its key lies beside what it has issued. Raises `FileExistsError` when the folder is there.
    """
    folder.mkdir(mode=0o700, parents=False, exist_ok=False)
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("Test authority, not for production")
    certificate = (
        _certificate(name, name, key.public_key(), now, AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(_usage(is_authority=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    trust = folder / "authority.pem"
    trust.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    _write_key(folder / "authority.key", key)
    revoked = x509.CertificateRevocationListBuilder().issuer_name(name).last_update(now - _GRACE).next_update(now + NODE_LIFE)
    (folder / "revoked.pem").write_bytes(revoked.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    return {node: _issue(folder, name, key, node, now) for node in dict.fromkeys((*nodes, "localhost"))}


def check_handshake(
    host: str, port: int, files: TlsFiles | None, *, now: datetime, trust: Path | None = None, check_hostname: bool = True
) -> HandshakeReport:
    """Shakes hands with a listener as we would in earnest, and says what came of it and what to do. Sends nothing else."""
    ours = tuple(file_problems(files, now)) if files else ()
    try:
        context = client_context(files, trust=trust, check_hostname=check_hostname)
    except (OSError, ValueError) as problem:
        return HandshakeReport(f"our own files cannot be used: {_words(problem)}", advice=ours)
    pipe = TlsPipe(context, server_hostname=host)
    try:
        with socket.create_connection((host, port), timeout=SECONDS) as connection:
            _shake(pipe, connection)
            _hear_refusal(pipe, connection)
    except OSError as problem:
        seen = _unverified(host, port)
        return _report(explain(problem), pipe, seen, (*_advice(problem, seen, host, now), *ours))
    return _report("", pipe, pipe.certificate(), (*_expiry(pipe.certificate(), now), *ours))


def _shake(pipe: TlsPipe, connection: socket.socket) -> None:
    data = b""
    while True:
        try:
            pipe.receive(data)
        except ssl.SSLError:
            with suppress(OSError):  # why the handshake failed matters more than whether they hear of it
                connection.sendall(pipe.outgoing())
            raise
        connection.sendall(pipe.outgoing())
        if pipe.is_ready:
            return
        data = connection.recv(1 << 16)
        if not data:
            raise ConnectionResetError("ended within the handshake")


def _hear_refusal(pipe: TlsPipe, connection: socket.socket) -> None:
    """TLS 1.3 judges our certificate after we think the handshake done: waits for the alert, for a sign of assent, or a while.

    Says nothing meanwhile: who has refused us and closed would answer with a reset, and the alert would be lost.
    """
    connection.settimeout(ASSENT_SECONDS)
    try:
        if data := connection.recv(1 << 16):
            pipe.receive(data)  # session tickets are given to those who are accepted
    except TimeoutError:
        pass
    pipe.close()
    with suppress(OSError):
        connection.sendall(pipe.outgoing())


def _unverified(host: str, port: int) -> bytes:
    """The certificate a listener shows, believed by nobody; empty when it shows none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection((host, port), timeout=SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=host) as connection,
        ):
            return connection.getpeercert(binary_form=True) or b""
    except OSError:
        return b""


def _report(problem: str, pipe: TlsPipe, seen: bytes, advice: tuple[str, ...]) -> HandshakeReport:
    if not seen:
        return HandshakeReport(problem, pipe.version, pipe.suite, advice=advice)
    certificate = x509.load_der_x509_certificate(seen)
    return HandshakeReport(
        problem,
        pipe.version,
        pipe.suite,
        certificate.subject.rfc4514_string(),
        certificate.issuer.rfc4514_string(),
        _names(certificate),
        certificate.not_valid_after_utc,
        advice,
    )


def _advice(problem: OSError, seen: bytes, host: str, now: datetime) -> Iterator[str]:
    if isinstance(problem, ssl.SSLCertVerificationError) and seen:
        certificate = x509.load_der_x509_certificate(seen)
        if problem.verify_code in (18, 19, 20, 21):
            yield f"put the authority {certificate.issuer.rfc4514_string()} into the trust file, if it is the right one"
        elif problem.verify_code in (62, 64):
            yield f"the certificate is for {', '.join(_names(certificate)) or 'no host name'}, and {host} was called"
        elif problem.verify_code in (9, 10):
            begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
            yield f"valid from {begins:%F %R} to {ends:%F %R}; it is {now:%F %R}"
    elif isinstance(problem, ssl.SSLError) and "CERTIFICATE_REQUIRED" in str(getattr(problem, "reason", "")).upper():
        yield "give our certificate and key"
    elif isinstance(problem, ssl.SSLError) and "UNKNOWN_CA" in str(getattr(problem, "reason", "")).upper():
        yield "the other side must put the authority of our certificate into its trust file"


def _expiry(seen: bytes, now: datetime) -> Iterator[str]:
    if seen:
        days = (x509.load_der_x509_certificate(seen).not_valid_after_utc - now).days
        if days < 30:
            yield f"the other side's certificate expires in {days} days"


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return (*found.get_values_for_type(x509.DNSName), *map(str, found.get_values_for_type(x509.IPAddress)))


def _words(problem: Exception) -> str:
    return explain(problem) if isinstance(problem, OSError) else str(problem)


def _issue(folder: Path, issuer: x509.Name, issuer_key: ec.EllipticCurvePrivateKey, node: str, now: datetime) -> TlsFiles:
    key = ec.generate_private_key(ec.SECP256R1())
    addresses: list[x509.GeneralName] = [_address(node)]
    if node == "localhost":
        addresses += [_address("127.0.0.1"), _address("::1")]
    certificate = (
        _certificate(_name(node), issuer, key.public_key(), now, NODE_LIFE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(addresses), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        .add_extension(_usage(is_authority=False), critical=True)
        .sign(issuer_key, hashes.SHA256())
    )
    stem = node.replace(":", "_").replace("/", "_")
    files = TlsFiles(folder / f"{stem}.pem", folder / f"{stem}.key", folder / "authority.pem")
    files.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    _write_key(files.key, key)
    return files


def _certificate(
    name: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(issuer).public_key(key)
    builder = builder.serial_number(x509.random_serial_number())
    return builder.not_valid_before(now - _GRACE).not_valid_after(now + life)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common[:64])])


def _address(node: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(node))
    except ValueError:
        return x509.DNSName(node)


def _usage(*, is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        encipher_only=False,
        decipher_only=False,
    )


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    text = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(text)
