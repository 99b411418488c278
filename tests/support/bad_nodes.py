"""Nodes that a secure listener must not let in, one of each kind of the connectathons' tests."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtendedKeyUsageOID

from kernel.tls import TlsFiles, TlsPipe, client_context
from tests.support.certificates import DAY, Authority, pem

SECONDS = 20.0


@dataclass(frozen=True)
class BadNode:
    """A node and the words its refusal must hold; `pretends` puts another node's certificate on the wire."""

    kind: str
    files: TlsFiles | None
    words: str
    pretends: TlsFiles | None = None


def bad_nodes(authority: Authority, folder: Path, revoked: TlsFiles) -> list[BadNode]:
    """The eight; `revoked` is the node that the listener's revocation list names."""
    stranger = Authority(folder, "Other CA")
    itself = Authority(folder, "Self")
    (folder / "self.key").write_bytes(pem(itself.key))
    liar, victim = _alike(authority)
    return [
        BadNode("unknown authority", stranger.issue("stranger", trust=authority.trust), "authority that is not trusted"),
        BadNode("expired", authority.issue("expired", begins=-3 * DAY, ends=-DAY), "has expired"),
        BadNode("not yet valid", authority.issue("early", begins=DAY), "not valid yet"),
        BadNode("revoked", revoked, "revoked"),
        BadNode("wrong key", liar, "key does not fit", victim),
        BadNode("wrong use", authority.issue("usage", usage=ExtendedKeyUsageOID.CODE_SIGNING), "not meant for this use"),
        BadNode("self-signed", TlsFiles(itself.trust, folder / "self.key", authority.trust), "self-signed"),
        BadNode("no certificate", None, "showed no certificate"),
    ]


def is_let_in(port: int, node: BadNode, trust: Path, say: bytes) -> bool:
    """Whether the listener answers, or at least keeps open, a connection on which the node has said something."""
    context = client_context(node.files, trust=trust)
    swap: Callable[[bytes], bytes] = bytes
    if node.pretends is not None and node.files is not None:
        # the certificate is in clear text up to TLS 1.2
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        own, other = _der(node.files), _der(node.pretends)

        def swap(data: bytes) -> bytes:
            return data.replace(own, other)

    pipe = TlsPipe(context, server_hostname="localhost")
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as connection:
        pipe.receive()
        while not pipe.is_ready:
            connection.sendall(swap(pipe.outgoing()))
            if not (data := connection.recv(65536)):
                return False
            pipe.receive(data)
        pipe.send(say)
        connection.sendall(swap(pipe.outgoing()))
        while data := connection.recv(65536):
            if pipe.receive(data):
                return True
        return pipe.is_ended  # a listener that lets in ends what it has taken with its closing alert
    return False


def _alike(authority: Authority) -> tuple[TlsFiles, TlsFiles]:
    """Two nodes whose certificates are of the same length, so that one can stand for the other on the wire."""
    for _ in range(50):
        one, other = authority.issue("liar"), authority.issue("lair")
        if len(_der(one)) == len(_der(other)):
            return one, other
    raise AssertionError("no two certificates of one length")


def _der(files: TlsFiles) -> bytes:
    return x509.load_pem_x509_certificate(files.certificate.read_bytes()).public_bytes(serialization.Encoding.DER)
