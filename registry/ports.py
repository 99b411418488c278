"""What the registry asks of others: an index of patients, and the code sets of the affinity domain."""

from __future__ import annotations

from enum import Enum
from typing import Protocol

from sqlalchemy.engine import Connection

from affinity.model import Meant, Standing
from kernel.codes import Code
from kernel.identifiers import PatientId


class PatientDirectory(Protocol):
    """Who a patient id means: a Master Patient Index.

    Asked anew for every submission and query, so that a merge, or its undoing, moves no row of the registry.
    """

    def standing(self, patient_id: PatientId, connection: Connection | None = None) -> Standing:
        """What the identifier stands for; read through `connection` where one is open. Raises `Unavailable`."""
        ...

    def meant(self, patient_id: PatientId) -> Meant | None:
        """The same for an index in the database of the registry; None where `standing` has to be asked."""
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
