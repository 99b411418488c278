"""Subject: who asks, from where, in what role, for what purpose."""

from __future__ import annotations

from dataclasses import dataclass

from kernel.codes import Code
from kernel.peer import Peer


@dataclass(frozen=True, slots=True)
class Subject:
    """The one who asks.

    `source` names the asking system as its protocol does: `facility|application` of MSH for v2, the sender device's OID for v3, the
    wsa:ReplyTo address or the network address for XDS, a client id for FHIR. `receiver` names us the same way (MSH-6|MSH-5, or
    the endpoint URI). `message_id` is MSH-10, the v3 message id or wsa:MessageID. `user` is a person's id where an assertion or a
    session names one, `roles` and `purposes` come from the same place.
    """

    peer: Peer
    source: str
    receiver: str
    message_id: str = ""
    user: str = ""
    roles: tuple[Code, ...] = ()
    purposes: tuple[Code, ...] = ()
