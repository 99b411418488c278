"""Secure nodes (ITI-19): which certificate stands for which system, and what that system may ask for.

Where no node is registered every certificate that is trusted may ask for everything; once one is, every other is refused. What came
without a certificate is not judged here: whoever opens a listener without TLS has decided that.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from access.settings import NodeSettings
from kernel.errors import Condition, Refused, violation
from kernel.peer import Peer

EVERYTHING: Final = "*"
_TRANSACTION: Final = re.compile(r"(?:^|\.)(iti|rad)0*(\d+)_")
_APART: Final = re.compile(r"\s*,\s*")


class Nodes:
    """The registered nodes by the subjects of their certificates."""

    def __init__(self, registered: Iterable[NodeSettings] = ()) -> None:
        self._by_subject = {_key(node.subject): node for node in registered}

    def name_of(self, subject: str) -> str:
        """What the node is called; empty for one that is not registered."""
        node = self._by_subject.get(_key(subject))
        return node.name if node else ""

    def require_known(self, peer: Peer) -> NodeSettings | None:
        """The node at the other end; None where nobody is judged. Raises `Refused` for a certificate of no registered node."""
        if not self._by_subject or not peer.certificate_subject:
            return None
        node = self._by_subject.get(_key(peer.certificate_subject))
        if node is None:
            raise _refused("the certificate is of no registered node")
        return node

    def require(self, peer: Peer, transaction: str, *, speaking_as: Iterable[str] = ()) -> None:
        """Raises `Refused` unless the node may ask for the transaction (`ITI-41`), and under every name that it speaks under:
        `facility|application` of HL7 v2, a device of HL7 v3, the sourceId of a submission set. They are looked at for a node alone
        that has names of its own.

        Without a transaction, as of an event that is served by nobody, it is enough to be registered.
        """
        node = self.require_known(peer)
        if node is None:
            return
        if transaction and not _holds(node.may, transaction):
            raise _refused(f"the node may not ask for {transaction}")
        if node.speaks_as and not all(_speaks(node.speaks_as, name) for name in speaking_as):
            raise _refused("the node may not speak as this application, device or source")

    def may(self, peer: Peer, transaction: str) -> bool:
        """Whether a registered node shows its certificate and the transaction is named among what it may ask for."""
        node = self._by_subject.get(_key(peer.certificate_subject)) if peer.certificate_subject else None
        return node is not None and _holds(node.may, transaction)


def transaction_of(door: object) -> str:
    """The transaction that a door serves, as `ITI-42`, by the file it stands in; empty for a door elsewhere."""
    found = _TRANSACTION.search(type(door).__module__)
    return f"{found[1].upper()}-{found[2]}" if found else ""


def _holds(allowed: Sequence[str], transaction: str) -> bool:
    return any(one == EVERYTHING or one.upper() == transaction for one in allowed)


def _speaks(names: Sequence[str], name: str) -> bool:
    return name in names or name.rpartition("|")[2] in names


def _key(subject: str) -> str:
    return _APART.sub(",", subject.strip()).casefold()


def _refused(why: str) -> Refused:
    return Refused(violation(Condition.NOT_ALLOWED, "TLS certificate", why))
