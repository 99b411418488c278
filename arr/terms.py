"""What records are found by: each searchable value as a number of 64 bits.

A number keeps the index small and free of names and identifiers; two values with the same number are as likely as any two random
numbers, and a search shows the record itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import IntEnum
from functools import lru_cache
from hashlib import sha256
from typing import Final

from atna.message import AuditMessage, Participant, ParticipantObject
from atna.vocabulary import ObjectRole, ObjectType
from kernel.identifiers import is_oid


class Kind(IntEnum):
    """What a value is. The numbers are stored (within the terms): never change one."""

    PATIENT = 1
    USER = 2
    ADDRESS = 3
    OBJECT = 4
    EVENT = 5
    SOURCE = 6
    ROLE = 7
    PURPOSE = 8
    OUTCOME = 9
    FLAW = 10


FLAWED: Final = "flawed"
_XUA_USER: Final = re.compile(r"([^<>]*)<([^<>@]+)(?:@([^<>]*))?>\Z")
_ENDS: Final = frozenset({"110150", "110151", "110152", "110153", "110154", "110155"})
"""Roles that say which end of a transfer somebody is, not what she does."""


@lru_cache(maxsize=1 << 16)
def term(kind: Kind, value: str) -> int:
    """The number of a value, case and space around it no matter; a patient id counts by id and authority, not by namespace."""
    text = patient_key(value) if kind is Kind.PATIENT else value.strip().casefold()
    return int.from_bytes(sha256(f"{kind.value}|{text}".encode("utf-8", "replace")).digest()[:8], "big", signed=True)


def patient_key(cx: str) -> str:
    """A CX by its id and its authority's OID, else by its namespace, else the whole text."""
    parts = cx.strip().split("^")
    if len(parts) < 4:
        return cx.strip()
    namespace, _, rest = parts[3].partition("&")
    universal = rest.partition("&")[0]
    if is_oid(universal):
        return f"{parts[0].strip()}^{universal}"
    return f"{parts[0].strip()}^{(universal or namespace).casefold()}"


def terms_of(message: AuditMessage) -> tuple[int, ...]:
    """Every term of a message, each once."""
    return tuple(dict.fromkeys(term(kind, value) for kind, value in _values(message) if value))


def _values(message: AuditMessage) -> Iterator[tuple[Kind, str]]:
    yield Kind.EVENT, message.event.code
    for code in message.types:
        yield Kind.EVENT, code.code
    yield Kind.SOURCE, message.source.id
    if not message.outcome.is_success:
        yield Kind.OUTCOME, str(message.outcome.indicator.value)
    for code in message.purposes:
        yield Kind.PURPOSE, code.code
    for participant in message.participants:
        yield from _participant_values(participant)
    for what in message.objects:
        yield _object_kind(what), what.id


def _participant_values(who: Participant) -> Iterator[tuple[Kind, str]]:
    yield Kind.USER, who.user_id
    yield Kind.USER, who.user_name
    # XUA writes alias<user@issuer> (ITI TF-2 3.40.4.2): she is found by the whole, by her alias and by her id
    parts = _XUA_USER.match(who.user_id)
    if parts is not None:
        yield Kind.USER, parts[1]
        yield Kind.USER, parts[2]
    yield Kind.ADDRESS, who.network_id
    for role in who.roles:
        if role.code not in _ENDS:
            yield Kind.ROLE, role.code


def _object_kind(what: ParticipantObject) -> Kind:
    is_patient = what.type_code == ObjectType.PERSON and what.role in (None, ObjectRole.PATIENT)
    return Kind.PATIENT if is_patient else Kind.OBJECT
