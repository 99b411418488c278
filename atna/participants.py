"""Who takes part: the two ends of an exchange, the person behind it, and our own process."""

from __future__ import annotations

import ipaddress
import os
import socket
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from access.subject import Subject
from atna.message import AuditSource, Outcome, Participant
from atna.vocabulary import APPLICATION, DESTINATION, SOURCE, SOURCE_TYPE_SERVER, NetworkType
from kernel.codes import Code
from kernel.errors import Condition, HieError, Unavailable
from kernel.peer import Peer

_REMEMBERED: Final = 400
"""Characters of the longest end of an exchange that is remembered: the same ones take part again and again."""
UNKNOWN: Final = "unknown"
"""UserID is required; this stands where not even an address is known."""


@dataclass(frozen=True, slots=True)
class AuditContext:
    """Which system reports: its id and site, the process as the operating system knows it, and the host's name or address."""

    source_id: str
    enterprise_site: str
    process_id: str
    host: str
    source_type: Code = SOURCE_TYPE_SERVER

    @property
    def source(self) -> AuditSource:
        """As it stands in a message."""
        return AuditSource(self.enterprise_site, self.source_id, (self.source_type,))


def this_process(source_id: str, enterprise_site: str) -> AuditContext:
    """The context of the running process."""
    return AuditContext(source_id, enterprise_site, str(os.getpid()), socket.gethostname())


class Side(Enum):
    """Which end of the request we are."""

    SENDER = "sender"
    RECEIVER = "receiver"


def calling(endpoint: str, *, source: str, message_id: str = "", user: str = "", on_behalf_of: Subject | None = None) -> Subject:
    """The subject of a request that we send: `endpoint` is a URI or host:port, `source` is our name in that protocol.

    With `on_behalf_of` the person, her roles and purposes are those of the request that made us send this one.
    """
    address = urlsplit(endpoint if "://" in endpoint else f"//{endpoint}").hostname or ""
    return Subject(
        peer=Peer(address=address, endpoint=endpoint, request_id=on_behalf_of.peer.request_id if on_behalf_of else ""),
        source=source,
        receiver=endpoint,
        message_id=message_id,
        user=user or (on_behalf_of.user if on_behalf_of else ""),
        roles=on_behalf_of.roles if on_behalf_of else (),
        purposes=on_behalf_of.purposes if on_behalf_of else (),
    )


def outcome_of(error: BaseException) -> Outcome:
    """How an act ended that raised: serious when the request was at fault, major when we were."""
    if not isinstance(error, HieError):
        return Outcome.MAJOR.because(Condition.INTERNAL.name)
    found = dict.fromkeys(f"{v.condition.name}: {v.condition.value}" for v in error.violations if v.is_error)
    ours = isinstance(error, Unavailable) or error.condition in (Condition.INTERNAL, Condition.CONTENT_DAMAGED)
    return (Outcome.MAJOR if ours else Outcome.SERIOUS).because("; ".join(found))


def both_ends(context: AuditContext, subject: Subject, side: Side, *, reverse: bool = False) -> tuple[Participant, ...]:
    """Source and destination of an exchange, then the person who wants it.

    The sender of the request asks for it (UserIsRequestor). `reverse` is for retrieves, where the source of the data is the
    receiver of the request (ITI TF-2 3.43.5).
    """
    is_ours = side is Side.SENDER
    sender = _end(context, subject, name=subject.source, is_ours=is_ours, is_requestor=True, role=_role(reverse))
    receiver = _end(context, subject, name=subject.receiver, is_ours=not is_ours, is_requestor=False, role=_role(not reverse))
    ends = (receiver, sender) if reverse else (sender, receiver)
    return (*ends, *person(subject))


def person(subject: Subject) -> tuple[Participant, ...]:
    """The human requestor with her roles, when one is known."""
    return (Participant(subject.user, True, subject.roles),) if subject.user else ()


def user_at(subject: Subject) -> Participant:
    """A person at a console, a command line or an API, with the address she works from."""
    address = subject.peer.address
    return Participant(
        user_id=subject.user or subject.source or address or UNKNOWN,
        is_requestor=True,
        roles=subject.roles,
        network_id=address,
        network_type=network_type(address),
    )


def our_process(context: AuditContext, *roles: Code, user_id: str = "") -> Participant:
    """This application as it takes part."""
    return Participant(
        user_id=user_id or context.source_id,
        is_requestor=False,
        roles=roles or (APPLICATION,),
        alternative_user_id=context.process_id,
        network_id=context.host,
        network_type=network_type(context.host),
    )


@lru_cache(maxsize=4096)
def network_type(address: str) -> NetworkType | None:
    """Whether it is an address or a name; None when there is none."""
    if not address:
        return None
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return NetworkType.MACHINE
    return NetworkType.ADDRESS


def _role(is_destination: bool) -> Code:
    return DESTINATION if is_destination else SOURCE


def _end(context: AuditContext, subject: Subject, *, name: str, is_ours: bool, is_requestor: bool, role: Code) -> Participant:
    address = context.host if is_ours else subject.peer.address
    process, certificate = (context.process_id, "") if is_ours else ("", subject.peer.certificate_subject)
    make = _made_before if len(name) + len(certificate) <= _REMEMBERED else _made
    return make(name, address, process, certificate, is_requestor, role is DESTINATION)


def _made(name: str, address: str, process: str, certificate: str, is_requestor: bool, is_destination: bool) -> Participant:
    return Participant(
        user_id=name or address or UNKNOWN,
        is_requestor=is_requestor,
        roles=(_role(is_destination),),
        alternative_user_id=process,
        user_name=certificate,
        network_id=address or UNKNOWN,
        network_type=network_type(address or UNKNOWN),
    )


_made_before: Final = lru_cache(maxsize=1024)(_made)
