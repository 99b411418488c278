"""Messages packed for keeping: zstd with a dictionary of the words that audit messages share."""

from __future__ import annotations

import threading
import zlib
from functools import cache
from pathlib import Path
from typing import Final

import zstandard

PLAIN: Final = 0
SHARED_WORDS: Final = 1
"""Packed with the first dictionary, which is frozen: better words come in a second one. A checksum leads what was packed."""
LIMIT: Final = 64 << 20
"""Bytes that unpacking gives at most."""
_LEVEL: Final = 3
_CHECKSUM: Final = 4
_AS_IT_IS: Final = bytes((PLAIN,))
_PACKED: Final = bytes((SHARED_WORDS,))
_local = threading.local()


def packed(data: bytes) -> tuple[int, bytes]:
    """How it was packed, and the packed bytes."""
    compressor: zstandard.ZstdCompressor | None = getattr(_local, "compressor", None)
    if compressor is None:
        compressor = zstandard.ZstdCompressor(level=_LEVEL, dict_data=_words())
        _local.compressor = compressor
    small = compressor.compress(data)
    small = _checksum(small) + small
    return (SHARED_WORDS, small) if len(small) < len(data) else (PLAIN, data)


def unpacked(packing: int, data: bytes) -> bytes:
    """The bytes again. Raises `ValueError` when they are damaged."""
    if packing == PLAIN:
        return data
    if packing != SHARED_WORDS:
        raise ValueError("packed in an unknown way")
    decompressor: zstandard.ZstdDecompressor | None = getattr(_local, "decompressor", None)
    if decompressor is None:
        decompressor = zstandard.ZstdDecompressor(dict_data=_words())
        _local.decompressor = decompressor
    checksum, small = data[:_CHECKSUM], data[_CHECKSUM:]
    if checksum != _checksum(small):
        raise ValueError("the packed bytes are damaged")
    try:
        if zstandard.frame_content_size(small) > LIMIT:
            raise ValueError("larger than anything that was packed")
        return decompressor.decompress(small, max_output_size=LIMIT)
    except zstandard.ZstdError:
        raise ValueError("the packed bytes are damaged") from None


def carried(data: bytes) -> bytes:
    """A message as it is carried in the outbox: how it was packed, in one byte, and the packed bytes."""
    packing, small = packed(data)
    return bytes((packing,)) + small


def delivered(message: bytes) -> tuple[int, bytes, bytes]:
    """How a carried message was packed, its packed bytes, and itself. What was not packed, or was damaged, is taken as it is."""
    if message[:1] == _PACKED:
        try:
            return SHARED_WORDS, message[1:], unpacked(SHARED_WORDS, message[1:])
        except ValueError:
            return PLAIN, message, message
    data = message.removeprefix(_AS_IT_IS)
    return PLAIN, data, data


def _checksum(small: bytes) -> bytes:
    """Of the packed bytes, not of what they hold: zstd has bits that may be one thing or the other and unpack to the same."""
    return zlib.crc32(small).to_bytes(_CHECKSUM, "big")


@cache
def _words() -> zstandard.ZstdCompressionDict:
    data = Path(__file__).with_name("words-1.zdict").read_bytes()
    words = zstandard.ZstdCompressionDict(data, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
    words.precompute_compress(level=_LEVEL)
    return words
