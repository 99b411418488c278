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
from itertools import islice
from typing import Final

from atna.message import AuditMessage, Participant
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
    WORD = 11
    OBJECT_KIND = 12
    ALTERNATIVE = 13


FLAWED: Final = "flawed"
_REMEMBERED: Final = 256
"""Characters of the longest value whose number is remembered."""
_DETAIL_BYTES: Final = 2_000
_XUA_USER: Final = re.compile(r"([^<>]*)<([^<>@]+)(?:@([^<>]*))?>\Z")
_ENDS: Final = frozenset({"110150", "110151", "110152", "110153", "110154", "110155"})
"""Roles that say which end of a transfer somebody is, not what she does."""


_WORD: Final = re.compile(r"[^\W_]+(?:[.:@'-][^\W_]+)*")
WORD_LENGTH: Final = 3
"""Characters of the shortest word that is found."""
WORDS_LIMIT: Final = 100
"""Words of one message at the most."""
TYPES: Final = (0, 1, 2, 3, 4)
ROLES: Final = range(27)
"""ParticipantObjectTypeCode and ParticipantObjectTypeCodeRole; 0 stands for none."""


def term(kind: Kind, value: str) -> int:
    """The number of a value, case and space around it no matter; a patient id counts by id and authority, not by namespace."""
    return _remembered(kind, value) if len(value) <= _REMEMBERED else _number(kind, value)


def _number(kind: Kind, value: str) -> int:
    text = patient_key(value) if kind is Kind.PATIENT else value.strip().casefold()
    return int.from_bytes(sha256(f"{kind.value}|{text}".encode("utf-8", "replace")).digest()[:8], "big", signed=True)


_remembered: Final = lru_cache(maxsize=1 << 16)(_number)


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


def words_of(text: str) -> tuple[str, ...]:
    """The words of a text as they are found: in one case, each once."""
    return tuple(dict.fromkeys(word for word in _WORD.findall(text.casefold()) if len(word) >= WORD_LENGTH))


def object_kind(type_code: int | None, role: int | None) -> str:
    """What an object is, as a value: type and role together."""
    return f"{int(type_code or 0)}/{int(role or 0)}"


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
        yield identified(what.type_code, what.role), what.id
        yield Kind.OBJECT_KIND, object_kind(what.type_code, what.role)
    for word in islice(message_words(message), WORDS_LIMIT):
        yield Kind.WORD, word


def message_words(message: AuditMessage) -> Iterator[str]:
    """The words of what no other term finds: names, reasons, details."""
    yield from words_of(message.outcome.description)
    for who in message.participants:
        yield from words_of(who.user_name)
    for what in message.objects:
        yield from words_of(what.name)
        for _, value in what.details:
            yield from detail_words(value)


def detail_words(value: bytes) -> tuple[str, ...]:
    """The words at the beginning of an object's detail."""
    return words_of(value[:_DETAIL_BYTES].decode("utf-8", "replace"))


def user_values(user_id: str) -> tuple[str, ...]:
    """What a user is found by: XUA writes alias<user@issuer> (ITI TF-2 3.40.4.2), which is all of it, her alias and her id."""
    parts = _XUA_USER.match(user_id)
    return (user_id,) if parts is None else (user_id, parts[1], parts[2])


def _participant_values(who: Participant) -> Iterator[tuple[Kind, str]]:
    for user in user_values(who.user_id):
        yield Kind.USER, user
    yield Kind.USER, who.user_name
    yield Kind.ALTERNATIVE, who.alternative_user_id
    yield Kind.ADDRESS, who.network_id
    for role in who.roles:
        if role.code not in _ENDS:
            yield Kind.ROLE, role.code


def identified(type_code: int | None, role: int | None) -> Kind:
    """What the id of an object of this type and role is the id of: a patient, or something else."""
    is_patient = type_code == ObjectType.PERSON and role in (None, ObjectRole.PATIENT)
    return Kind.PATIENT if is_patient else Kind.OBJECT
