"""What the registry asks of others: an index of patients, and the code sets of the affinity domain."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from sqlalchemy.engine import Connection

from kernel.codes import Code
from kernel.identifiers import PatientId


@dataclass(frozen=True, slots=True)
class Standing:
    """What an identifier of the affinity domain stands for at the moment.

    `active` is False for an identifier subsumed by another. `survivor` is the identifier its documents are shown with, `all_ids`
    every identifier of the same person, the survivor among them. An unknown one is its own survivor and the only one.
    """

    known: bool
    active: bool
    survivor: PatientId
    all_ids: tuple[PatientId, ...]


class PatientDirectory(Protocol):
    """Who a patient id means: a Master Patient Index.

    Asked anew for every submission and query, so that a merge, or its undoing, moves no row of the registry.
    """

    def standing(self, patient_id: PatientId, connection: Connection | None = None) -> Standing:
        """What the identifier stands for; read through `connection` where one is open. Raises `Unavailable`."""
        ...


class Verdict(Enum):
    """What a code set says of a code."""

    ACCEPT = "accept"
    WARN = "warn"
    REFUSE = "refuse"


class CodeSets(Protocol):
    """The code sets of the affinity domain."""

    def accepts(self, attribute: str, code: Code) -> Verdict:
        """Whether an attribute may hold a code.

        `attribute` is classCode, typeCode, formatCode, healthcareFacilityTypeCode, practiceSettingCode, confidentialityCode,
        eventCodeList, contentTypeCode, folderCodeList, associationDocumentation or mimeType (with an empty scheme). Before a code
        set was imported for the attribute the verdict is WARN, afterwards REFUSE for a code that is not in it.
        """
        ...
