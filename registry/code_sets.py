"""The code sets of the affinity domain as the registry asks for them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from affinity.model import CodeStanding
from affinity.service import AffinityService
from kernel.codes import Code
from kernel.times import Clock
from registry.ports import Verdict

_VERDICTS: Final[Mapping[CodeStanding, Verdict]] = MappingProxyType(
    {
        CodeStanding.KNOWN: Verdict.ACCEPT,
        CodeStanding.EXPIRED: Verdict.REFUSE,
        CodeStanding.UNKNOWN: Verdict.REFUSE,
        CodeStanding.UNREGULATED: Verdict.WARN,
    }
)


class DomainCodeSets:
    """Asks the affinity domain, for the present day."""

    def __init__(self, affinity: AffinityService, *, clock: Clock) -> None:
        self._affinity = affinity
        self._clock = clock

    def accepts(self, attribute: str, code: Code) -> Verdict:
        """Whether an attribute may hold a code today."""
        return _VERDICTS[self._affinity.codes.standing(attribute, code.code, code.scheme, self._clock().date())]
