"""How strictly the affinity domain's code sets are enforced: per attribute and per source."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Final, Literal

from pydantic import Field

from ebrim.model import Submission
from kernel.peer import Peer
from registry.sources import KnownSource

Attribute = Literal[
    "classCode",
    "typeCode",
    "formatCode",
    "healthcareFacilityTypeCode",
    "practiceSettingCode",
    "confidentialityCode",
    "eventCodeList",
    "contentTypeCode",
    "folderCodeList",
    "associationDocumentation",
    "mimeType",
]


class Enforcement(Enum):
    """What happens to a code that is not in its code set, or not valid today."""

    REFUSE = "refuse"
    WARN = "warn"
    OFF = "off"


class CodeRule(KnownSource):
    """How codes of a source are judged; of several rules that fit the first counts, and without any a code is refused."""

    attributes: tuple[Attribute, ...] = Field((), description="The attributes it is about; without any, all.")
    enforce: Enforcement = Field(description="refuse, warn, or off.")


Enforcing = Callable[[str], Enforcement]
"""What happens to a code of an attribute."""


def strict(_: str) -> Enforcement:
    """What holds without rules."""
    return Enforcement.REFUSE


def enforcing(peer: Peer, submission: Submission, rules: Sequence[CodeRule]) -> Enforcing:
    """The rules that fit a submission."""
    fitting = [rule for rule in rules if rule.is_source(peer, submission)]
    if not fitting:
        return strict
    return lambda attribute: next((r.enforce for r in fitting if not r.attributes or attribute in r.attributes), _DEFAULT)


_DEFAULT: Final = Enforcement.REFUSE
