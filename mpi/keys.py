"""Numbers of records, and identifiers in the affinity domain."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from typing import Final

EPOCH_MS: Final = 1_577_836_800_000
"""The first of January 2020: time before it is not needed, bits are."""
_RANDOM_BITS: Final = 20
AFFINITY_ID_LENGTH: Final = 13
"""Appendix E of ITI TF-2 lets an identifier have 15 characters."""
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Without I, L, O and U, which are misread or make words."""


class KeySource:
    """Keys of 62 bits that grow with time, so that a smaller one is older; no two processes make the same."""

    def __init__(self, random_bits: Callable[[int], int] = secrets.randbits) -> None:
        self._random_bits = random_bits
        self._lock = threading.Lock()
        self._last = 0

    def __call__(self, now: int) -> int:
        """A new key; `now` is milliseconds since 1970."""
        wanted = (max(now - EPOCH_MS, 0) << _RANDOM_BITS) | self._random_bits(_RANDOM_BITS)
        with self._lock:
            self._last = max(wanted, self._last + 1)
            return self._last


def new_affinity_id() -> str:
    """An identifier nobody can guess: 65 random bits in 13 characters."""
    return "".join(_ALPHABET[byte & 31] for byte in secrets.token_bytes(AFFINITY_ID_LENGTH))
