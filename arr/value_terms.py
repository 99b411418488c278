"""The terms of one value as it stands in the XML of a message: in UTF-8, with nothing but the five entities."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from arr.terms import Kind, detail_words, term, user_values, words_of

Terms = tuple[int, ...]
Draw = Callable[[bytes], Terms]

_SHORT: Final = 256
"""Bytes of the longest value whose terms are remembered."""
_ENTITIES: Final = (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&apos;", "'"), ("&amp;", "&"))


class NotPlain(Exception):
    """A value that the full reader has to judge."""


def text_of(value: bytes) -> str:
    """The value itself."""
    text = value.decode()
    if "&" in text:
        for name, character in _ENTITIES:
            text = text.replace(name, character)
    return text


def _remembering(draw: Draw) -> Draw:
    """Remembers what was drawn of short values: the same users, systems and patients come again and again."""
    known = lru_cache(maxsize=1 << 14)(draw)
    return lambda value: known(value) if len(value) <= _SHORT else draw(value)


def _of(kind: Kind, *values: str) -> Terms:
    return tuple(term(kind, value) for value in values if value)


@_remembering
def of_user_id(value: bytes) -> Terms:
    """Of a UserID."""
    return _of(Kind.USER, *user_values(text_of(value)))


@_remembering
def of_user_name(value: bytes) -> Terms:
    """Of a UserName, as a whole."""
    return _of(Kind.USER, text_of(value))


@_remembering
def of_name_words(value: bytes) -> Terms:
    """Of the words of a UserName."""
    return _of(Kind.WORD, *words_of(text_of(value)))


@_remembering
def of_alternative(value: bytes) -> Terms:
    """Of an AlternativeUserID."""
    return _of(Kind.ALTERNATIVE, text_of(value))


@_remembering
def of_address(value: bytes) -> Terms:
    """Of a NetworkAccessPointID."""
    return _of(Kind.ADDRESS, text_of(value).strip())


@_remembering
def of_source(value: bytes) -> Terms:
    """Of an AuditSourceID."""
    return _of(Kind.SOURCE, text_of(value))


@_remembering
def of_patient(value: bytes) -> Terms:
    """Of a ParticipantObjectID that is a patient's."""
    return _of(Kind.PATIENT, text_of(value))


@_remembering
def of_object(value: bytes) -> Terms:
    """Of another ParticipantObjectID."""
    return _of(Kind.OBJECT, text_of(value))


@_remembering
def of_detail(value: bytes) -> Terms:
    """Of the words of a detail. Raises `NotPlain` where it is not base64."""
    try:
        data = b64decode("".join(text_of(value).split()), validate=True)
    except ValueError:
        raise NotPlain from None
    return _of(Kind.WORD, *detail_words(data))
