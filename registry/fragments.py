"""How an object's XML is kept: compressed with a dictionary of our own, which makes 8 KB of entry into half a kilobyte.

Each row carries the number of its dictionary. A dictionary is never changed and never removed, for rows depend on it; a better one
gets the next number and becomes `NEWEST` (`scripts/train_dictionary.py`). Number 0 is no dictionary.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

import zstandard

from ebrim.model import Association, DocumentEntry, Slot
from ebrim.namespaces import RIM
from ebrim.reader import read_association, read_entry
from ebrim.uuids import SLOT_SUBMISSION_SET_STATUS
from ebrim.writer import finish, render
from kernel.errors import Condition, Unavailable, violation
from kernel.xml import Element, parse_xml
from registry.model import Key, uuid_of

NEWEST: Final = 1
LEVEL: Final = 5
"""Half the time of level 9 for 5 % more bytes; level 3 would take a third of the time for 20 % more."""
FRAGMENT_LIMIT: Final = 32 << 20
"""Bytes of one object's XML; a damaged frame cannot claim more."""

STORED: Final = 0
"""The form of an association whose XML is kept."""
_PLAIN: Final[Mapping[int, tuple[Slot, ...]]] = MappingProxyType(
    {
        1: (Slot(SLOT_SUBMISSION_SET_STATUS, ("Original",)),),
        2: (Slot(SLOT_SUBMISSION_SET_STATUS, ("Reference",)),),
        3: (),
    }
)
"""The slots of the associations that nearly all are: their columns say everything, and no XML is kept."""
_FORMS: Final = {slots: form for form, slots in _PLAIN.items()}

_threads = threading.local()


@cache
def _dictionary(number: int) -> zstandard.ZstdCompressionDict:
    path = Path(__file__).with_name(f"dictionary_{number}.zdict")
    return zstandard.ZstdCompressionDict(path.read_bytes() if number else b"")


def _compressor() -> zstandard.ZstdCompressor:
    found: zstandard.ZstdCompressor | None = getattr(_threads, "compressor", None)
    if found is None:
        parameters = zstandard.ZstdCompressionParameters.from_level(
            LEVEL, format=zstandard.FORMAT_ZSTD1_MAGICLESS, write_content_size=True, write_dict_id=False
        )
        found = zstandard.ZstdCompressor(dict_data=_dictionary(NEWEST), compression_params=parameters)
        _threads.compressor = found
    return found


def _decompressor(number: int) -> zstandard.ZstdDecompressor:
    known: dict[int, zstandard.ZstdDecompressor] = _threads.__dict__.setdefault("decompressors", {})
    if number not in known:
        known[number] = zstandard.ZstdDecompressor(dict_data=_dictionary(number), format=zstandard.FORMAT_ZSTD1_MAGICLESS)
    return known[number]


def pack(xml: bytes) -> bytes:
    """The compressed form, to be stored with `NEWEST`."""
    return _compressor().compress(xml)


def unpack(dictionary: int, data: bytes) -> bytes:
    """The XML of a row. Raises `Unavailable` when the row is damaged."""
    try:
        return _decompressor(dictionary).decompress(data, max_output_size=FRAGMENT_LIMIT)
    except (zstandard.ZstdError, OSError) as problem:
        damaged = violation(Condition.CONTENT_DAMAGED, "registry", "the stored metadata of an object cannot be read")
        raise Unavailable(damaged) from problem


def form_of(association: Association) -> int:
    """The number of the form that says everything of a new association, or `STORED`."""
    if association.documentation or association.title or association.version not in ("", "1"):
        return STORED
    return _FORMS.get(association.slots, STORED)


@cache
def _template(form: int, type_: str) -> tuple[bytes, ...]:
    """The XML cut at its ids: text, number of the id, text and so on."""
    ids = [f"urn:uuid:0000000{n}-0000-4000-8000-000000000000" for n in range(3)]
    xml = render(Association(id=ids[0], type=type_, source=ids[1], target=ids[2], slots=_PLAIN[form]))
    return tuple(re.split(rb"urn:uuid:0000000([0-2])-0000-4000-8000-000000000000", xml))


def read_entry_of(dictionary: int, data: bytes) -> DocumentEntry:
    """The entry of a row, its open places empty."""
    return read_entry(_opened(unpack(dictionary, data)))


def read_association_of(form: int, type_: str, dictionary: int, data: bytes | None) -> Association:
    """What an association of a row says beside its columns: slots, documentation, name. Its ids are for the columns to say."""
    if data is None:
        return Association(id="", type=type_, source="", target="", slots=_PLAIN[form])
    return read_association(_opened(unpack(dictionary, data)))


def _opened(stored: bytes) -> Element:
    wrapped = b'<RegistryObjectList xmlns="%s">%s</RegistryObjectList>' % (RIM.encode(), finish(stored, "", " "))
    return parse_xml(wrapped, limit=FRAGMENT_LIMIT)[0]


def plain_association(form: int, type_: str, key: Key, source: Key, target: Key) -> bytes:
    """The stored form (with the status left open) of an association whose XML is not kept."""
    ids = tuple(uuid_of(part).encode() for part in (key, source, target))
    pieces = _template(form, type_)
    return b"".join(ids[int(piece)] if number % 2 else piece for number, piece in enumerate(pieces))
