"""Who may read the log by ITI-81 and ITI-82: registered nodes that may, and readers with a token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from hmac import compare_digest
from typing import Final

from access.nodes import Nodes
from access.subject import Subject
from arr.settings import ReaderSettings
from atna.vocabulary import HOUSE
from kernel.codes import Code
from kernel.errors import Condition, Refused, violation

AUDITOR: Final = Code("auditor", HOUSE, "auditor")
TOKEN_LENGTH: Final = 32
"""Characters of the shortest token that is taken."""


class Readers:
    """Tells who asks."""

    def __init__(self, nodes: Nodes, registered: Sequence[ReaderSettings] = ()) -> None:
        """Raises `OSError` or `ValueError` when a token's file cannot be read or holds too short a one."""
        self._nodes = nodes
        self._tokens = tuple((reader.name, _token(reader)) for reader in registered)

    def admitted(self, subject: Subject, authorization: str, transaction: str) -> Subject:
        """The subject with the reader's or node's name. Raises `Refused` with NOT_AUTHENTICATED or NOT_ALLOWED."""
        scheme, _, given = authorization.partition(" ")
        if scheme.lower() == "bearer":
            # every token is compared, so that the time taken tells nothing
            fitting = [name for name, token in self._tokens if compare_digest(token, given.strip().encode())]
            if fitting:
                return replace(subject, user=fitting[0], roles=(AUDITOR,))
            raise Refused(violation(Condition.NOT_AUTHENTICATED, "Authorization", "the token is not known"))
        if self._nodes.may(subject.peer, transaction):
            name = self._nodes.name_of(subject.peer.certificate_subject)
            return replace(subject, user=name, roles=(AUDITOR,))
        if subject.peer.certificate_subject:
            raise Refused(violation(Condition.NOT_ALLOWED, "TLS certificate", f"the node may not ask for {transaction}"))
        raise Refused(violation(Condition.NOT_AUTHENTICATED, "Authorization", "a bearer token or a node's certificate is needed"))


def _token(reader: ReaderSettings) -> bytes:
    token = reader.token_file.read_text(encoding="utf-8").strip()
    if len(token) < TOKEN_LENGTH:
        raise ValueError(f"{reader.token_file}: a token has {TOKEN_LENGTH} characters at least")
    return token.encode()
