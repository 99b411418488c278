"""Mutual TLS (ITI-19): contexts by BCP 195 (RFC 9325), names of certificates, and handshake failures in words."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from kernel.peer import Peer

SUITES: Final = "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:!aNULL:!eNULL:!kRSA:!PSK:!SRP"
"""For TLS 1.2: forward secrecy and authenticated encryption, which holds the four suites ITI-19 names. TLS 1.3 has no others."""
WARN_DAYS: Final = 30
NodeRefused = Callable[[Peer, str], None]
"""Told of a node that was not let in, with the subject of its certificate where that could be read, and why."""
_SHORT: Final = {
    "commonName": "CN",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "countryName": "C",
    "localityName": "L",
    "stateOrProvinceName": "ST",
    "domainComponent": "DC",
}


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Files in PEM: our certificate with its chain, our key, the authorities we trust, revocation lists if they are to count."""

    certificate: Path
    key: Path
    trust: Path | None = None
    revoked: Path | None = None


def server_context(files: TlsFiles, *, client_certificate: bool) -> ssl.SSLContext:
    """For our listeners. With `client_certificate` a node must show one that `trust` has issued and `revoked` does not name.

    Raises `OSError` (of which `ssl.SSLError` is one) or `ValueError` when the files cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _restrict(context)
    context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE | ssl.OP_NO_RENEGOTIATION
    context.load_cert_chain(files.certificate, files.key)
    if client_certificate and files.trust is None:
        raise ValueError("client certificates cannot be demanded without the authorities that issue them")
    context.verify_mode = ssl.CERT_REQUIRED if client_certificate else ssl.CERT_NONE
    _trust(context, files)
    return context


def client_context(files: TlsFiles | None, *, trust: Path | None = None, check_hostname: bool = True) -> ssl.SSLContext:
    """For our calls to others; without files we show no certificate. `check_hostname` is the FQDN validation of ITI-19 (RFC 6125).

    Without any `trust` the authorities of the operating system are believed. Raises as `server_context` does.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _restrict(context)
    context.check_hostname = check_hostname
    if files is not None:
        context.load_cert_chain(files.certificate, files.key)
    believed = trust or (files.trust if files else None)
    if believed is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    else:
        context.load_verify_locations(believed)
    if files is not None and files.revoked is not None:
        _check_revocation(context, files.revoked)
    return context


class ClientTls:
    """What we show and trust when we call others, with files that may be renewed while it is in use.

    `context` is what a caller holds for good; each handshake that begins is given the files as they are then. Files that cannot be
    used, as between the writing of a certificate and of its key, are told to `on_problem`, and the old ones stay. Raises as
    `server_context` does.
    """

    def __init__(
        self, files: TlsFiles | None, *, trust: Path | None = None, on_problem: Callable[[Exception], None] = lambda _problem: None
    ) -> None:
        self._files = files
        self._trust = trust
        self._on_problem = on_problem
        self._seen = self._stamps()
        self._present = client_context(files, trust=trust)
        self.context: ssl.SSLContext = _Renewing(self._renewed)

    def _stamps(self) -> tuple[tuple[int, int] | None, ...]:
        return (*(_stamps(self._files) if self._files else ()), _stamp(self._trust))

    def _renewed(self) -> ssl.SSLContext:
        stamps = self._stamps()
        if stamps != self._seen:
            self._seen = stamps
            try:
                self._present = client_context(self._files, trust=self._trust)
            except (OSError, ValueError) as problem:
                self._on_problem(problem)
        return self._present


class _Renewing(ssl.SSLContext):
    """A context that has each connection made by the one that is in force at its beginning."""

    def __new__(cls, _present: Callable[[], ssl.SSLContext]) -> _Renewing:
        return super().__new__(cls, ssl.PROTOCOL_TLS_CLIENT)

    def __init__(self, present: Callable[[], ssl.SSLContext]) -> None:
        self._present = present

    def wrap_socket(
        self,
        sock: socket.socket,
        server_side: bool = False,
        do_handshake_on_connect: bool = True,
        suppress_ragged_eofs: bool = True,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLSocket:
        """See `SSLContext`."""
        return self._present().wrap_socket(
            sock, server_side, do_handshake_on_connect, suppress_ragged_eofs, server_hostname, session
        )

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """See `SSLContext`."""
        return self._present().wrap_bio(incoming, outgoing, server_side, server_hostname, session)


class ServerTls:
    """The context of our listeners, with files that may be renewed while it is in use.

    `context` is what a listener holds for good; each handshake is given the files as they were last read.
    """

    def __init__(self, files: TlsFiles, *, client_certificate: bool) -> None:
        self._files = files
        self._demands = client_certificate
        self._present = server_context(files, client_certificate=client_certificate)
        self._seen = _stamps(files)
        self.context = server_context(files, client_certificate=client_certificate)
        self.context.sni_callback = self._hand_over

    def reload(self) -> None:
        """Reads the files again, for the handshakes to come. Raises as `server_context` does; the old ones then stay."""
        self._seen = _stamps(self._files)
        self._present = server_context(self._files, client_certificate=self._demands)

    @property
    def is_outdated(self) -> bool:
        """Whether a file was renewed since it was read."""
        return self._seen != _stamps(self._files)

    def _hand_over(self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        connection.context = self._present


def _stamps(files: TlsFiles) -> tuple[tuple[int, int] | None, ...]:
    """What tells a renewed file: its time and its inode."""
    return tuple(map(_stamp, (files.certificate, files.key, files.trust, files.revoked)))


def _stamp(file: Path | None) -> tuple[int, int] | None:
    try:
        found = file.stat() if file else None
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_ino) if found else None


def _restrict(context: ssl.SSLContext) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(SUITES)
    context.options |= ssl.OP_NO_COMPRESSION


def _trust(context: ssl.SSLContext, files: TlsFiles) -> None:
    if files.trust is not None:
        context.load_verify_locations(files.trust)
    if files.revoked is not None:
        _check_revocation(context, files.revoked)


def _check_revocation(context: ssl.SSLContext, revoked: Path) -> None:
    # off unless asked for; once on, an authority without a current list has its certificates refused
    context.load_verify_locations(revoked)
    context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF


def subject_of(certificate: object) -> str:
    """The distinguished name in what `getpeercert()` gave, as RFC 4514 writes it; empty without a certificate."""
    names = certificate.get("subject") if isinstance(certificate, dict) else None
    if not isinstance(names, tuple):
        return ""
    return ",".join(
        "+".join(f"{_SHORT.get(kind, kind)}={_escaped(value)}" for kind, value in relative) for relative in reversed(names)
    )


def _escaped(value: str) -> str:
    text = "".join(f"\\{c}" if c in '\\,+"<>;=' else c for c in value)
    if text.startswith(("#", " ")):
        text = f"\\{text}"
    return f"{text[:-1]}\\ " if text.endswith(" ") and len(text) > 1 else text


_REASONS: Final = (
    ("CERT_HAS_EXPIRED", "the other side's certificate has expired"),
    ("CERT_NOT_YET_VALID", "the other side's certificate is not valid yet; compare the clocks"),
    ("CERT_REVOKED", "the other side's certificate is revoked"),
    ("PEER_DID_NOT_RETURN_A_CERTIFICATE", "the other side showed no certificate, and one is demanded"),
    ("NO_SHARED_CIPHER", "the two sides share no cipher suite; ours are those of BCP 195"),
    ("UNSUPPORTED_PROTOCOL", "the other side speaks no TLS 1.2 or later"),
    ("WRONG_VERSION_NUMBER", "the other side does not speak TLS"),
    ("HTTP_REQUEST", "the other side speaks HTTP without TLS"),
    ("ALERT_UNKNOWN_CA", "the other side does not trust the authority that issued our certificate"),
    ("ALERT_CERTIFICATE_EXPIRED", "the other side finds our certificate expired"),
    ("ALERT_CERTIFICATE_REVOKED", "the other side finds our certificate revoked"),
    ("ALERT_BAD_CERTIFICATE", "the other side refuses our certificate"),
    ("ALERT_CERTIFICATE_UNKNOWN", "the other side refuses our certificate"),
    ("ALERT_UNSUPPORTED_CERTIFICATE", "our certificate is not meant for this use, says the other side"),
    ("CERTIFICATE_REQUIRED", "the other side demands a certificate and we showed none"),
    ("ALERT_PROTOCOL_VERSION", "the other side refuses our TLS versions; it may know none later than 1.1"),
    ("ALERT_HANDSHAKE_FAILURE", "the other side found no cipher suite or certificate it can use"),
    ("ALERT_ACCESS_DENIED", "the other side accepts our certificate but does not let us in"),
    ("BAD_SIGNATURE", "the other side's key does not fit its certificate"),
    ("UNEXPECTED_EOF", "the other side ended the connection within the handshake"),
)
_VERIFY_CODES: Final = {
    3: "there is no revocation list of the authority that issued the other side's certificate",
    9: "the other side's certificate is not valid yet; compare the clocks",
    10: "the other side's certificate has expired",
    12: "the revocation list has expired; until a new one is loaded every certificate is refused",
    18: "the other side's certificate is self-signed and not among those trusted",
    19: "the other side's certificate is issued by an authority that is not trusted",
    20: "the other side's certificate is issued by an authority that is not trusted",
    21: "the other side's certificate is issued by an authority that is not trusted",
    23: "the other side's certificate is revoked",
    26: "the other side's certificate is not meant for this use (extended key usage)",
    62: "the other side's certificate is for another host name",
    64: "the other side's certificate is for another address",
}


def explain(problem: OSError) -> str:
    """Why a handshake or a connection failed, for an operator to act on."""
    if isinstance(problem, ssl.SSLCertVerificationError):
        known = _VERIFY_CODES.get(problem.verify_code)
        return known or f"the other side's certificate is not accepted: {problem.verify_message}"
    if isinstance(problem, ssl.SSLError):
        reason = f"{getattr(problem, 'reason', None) or ''} {problem.strerror or ''}".upper().replace(" ", "_")
        for mark, words in _REASONS:
            if mark in reason:
                return words
        return f"TLS failed: {getattr(problem, 'reason', None) or type(problem).__name__}"
    if isinstance(problem, TimeoutError):
        return "the other side did not answer in time"
    if isinstance(problem, ConnectionRefusedError):
        return "nobody listens there"
    if isinstance(problem, ConnectionResetError | BrokenPipeError):
        return "the other side cut the connection"
    return problem.strerror or type(problem).__name__


def ends_of(files: TlsFiles) -> datetime | None:
    """When our certificate expires; None where it cannot be read."""
    try:
        return x509.load_pem_x509_certificates(files.certificate.read_bytes())[0].not_valid_after_utc
    except (OSError, ValueError):
        return None


def file_problems(files: TlsFiles, now: datetime) -> Iterator[str]:
    """What is wrong with the files, or soon will be."""
    mode = files.key.stat().st_mode & 0o777 if files.key.exists() else 0
    if mode & 0o077:
        yield f"{files.key}: others may read the key (mode {mode:03o}); set it to 600"
    try:
        certificates = x509.load_pem_x509_certificates(files.certificate.read_bytes())
    except (OSError, ValueError) as problem:
        yield f"{files.certificate}: {problem.strerror if isinstance(problem, OSError) else 'holds no certificate'}"
        return
    yield from _dates(files.certificate, certificates[0], now)
    try:
        key = serialization.load_pem_private_key(files.key.read_bytes(), password=None)
        if key.public_key() != certificates[0].public_key():
            yield f"{files.key}: the key does not fit the certificate"
    except (OSError, ValueError, TypeError) as problem:
        yield f"{files.key}: {problem.strerror if isinstance(problem, OSError) else 'holds no key, or one with a password'}"
    yield from _lists(files, now)


def _dates(path: Path, certificate: x509.Certificate, now: datetime) -> Iterator[str]:
    if certificate.not_valid_before_utc > now:
        yield f"{path}: not valid before {certificate.not_valid_before_utc:%Y-%m-%d}"
    days = (certificate.not_valid_after_utc - now).days
    if days < 0:
        yield f"{path}: expired on {certificate.not_valid_after_utc:%Y-%m-%d}"
    elif days < WARN_DAYS:
        yield f"{path}: expires in {days} days"


def _lists(files: TlsFiles, now: datetime) -> Iterator[str]:
    if files.revoked is None:
        return
    try:
        data = files.revoked.read_bytes()
    except OSError as problem:
        yield f"{files.revoked}: {problem.strerror}"
        return
    begin = b"-----BEGIN X509 CRL-----"
    for block in data.split(begin)[1:] or [b""]:
        try:
            found = x509.load_pem_x509_crl(begin + block)
        except ValueError:
            yield f"{files.revoked}: holds no revocation list"
            continue
        if found.next_update_utc is not None and found.next_update_utc < now:
            yield f"{files.revoked}: the list of {found.issuer.rfc4514_string()} has expired; every certificate of it is refused"


class TlsPipe:
    """TLS without a socket: bytes off the wire in, what they say out, bytes for the wire beside it.

    A server's unless `server_hostname` names whom we call. Unlike a wrapped socket it tells a refusal that comes after the
    handshake (TLS 1.3 judges a client's certificate last), and lets the end of a connection wait for the work.
    """

    def __init__(self, context: ssl.SSLContext, *, server_hostname: str | None = None) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        is_server = server_hostname is None
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=is_server, server_hostname=server_hostname)
        self.is_ready = False
        """Whether the handshake is done, as far as we can see."""
        self.is_ended = False
        """Whether the other side has said that nothing follows."""

    def receive(self, data: bytes = b"") -> bytes:
        """What the bytes say; a client begins with none. Raises `ssl.SSLError`; `outgoing` then holds our alert."""
        self._incoming.write(data)
        parts = []
        try:
            if not self.is_ready:
                self._tls.do_handshake()
                self.is_ready = True
            while part := self._tls.read(1 << 16):
                parts.append(part)
            self.is_ended = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.is_ended = True
        return b"".join(parts)

    def send(self, data: bytes) -> None:
        """Something to be said; `outgoing` holds it."""
        self._tls.write(data)

    def outgoing(self) -> bytes:
        """What is to be sent."""
        return self._outgoing.read()

    def close(self) -> None:
        """Says that nothing follows from us; `outgoing` holds it. The other side may still be heard."""
        try:
            self._tls.unwrap()
        except ssl.SSLError:
            return  # the other side has not answered, or is gone

    @property
    def subject(self) -> str:
        """The name in the other side's verified certificate; empty without one."""
        return subject_of(self._tls.getpeercert()) if self.is_ready else ""

    def certificate(self) -> bytes:
        """The other side's verified certificate (DER); empty without one."""
        return (self._tls.getpeercert(binary_form=True) or b"") if self.is_ready else b""

    @property
    def version(self) -> str:
        """The version agreed on, as `TLSv1.3`; empty before."""
        return self._tls.version() or ""

    @property
    def suite(self) -> str:
        """The cipher suite agreed on; empty before."""
        found = self._tls.cipher()
        return found[0] if found else ""
