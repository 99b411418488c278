"""The Subject of a SOAP request that brings no assertion: the system at the other end."""

from __future__ import annotations

from access.subject import Subject
from soap.exchange import ANONYMOUS, Exchange


def subject_of(exchange: Exchange) -> Subject:
    """Who asks: the address answers go to where one was named, else where the request came from (ITI TF-2 3.18.5)."""
    reply_to = exchange.addressing.reply_to
    return Subject(
        peer=exchange.peer,
        source=exchange.peer.address if reply_to in ("", ANONYMOUS) else reply_to,
        receiver=exchange.peer.endpoint,
        message_id=exchange.addressing.message_id,
    )
