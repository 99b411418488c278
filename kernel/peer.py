"""The other end of a connection."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end and which of our addresses it called.

    `address` is the network address; `certificate_subject` the distinguished name of a verified client certificate, empty
    without one; `endpoint` the URI or host:port of ours that was called; `request_id` names the exchange in logs.
    """

    address: str
    endpoint: str
    certificate_subject: str = ""
    request_id: str = ""
