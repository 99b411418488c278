"""Questions to the patient index and their answers, in one shape for HL7 v2, HL7 v3 and FHIR (ITI-9, 21, 22, 45, 47).

Every part carries `where` it stood in the message, in the words of its language, so that a violation can point at it.
"""

from __future__ import annotations

from dataclasses import dataclass

from kernel.demographics import Address, Demographics
from kernel.errors import Violation
from kernel.identifiers import AssigningAuthority, PatientId
from kernel.patient_update import SentIdentifier
from kernel.times import Dtm
from kernel.visit import Visit, VisitCriterion


@dataclass(frozen=True, slots=True)
class WantedAuthority:
    """An assigning authority whose identifiers are asked for, as sent."""

    authority: AssigningAuthority
    where: str


@dataclass(frozen=True, slots=True)
class CrossReferenceQuery:
    """ITI-9 / ITI-45: which identifiers correspond to this one; no `wanted` asks for those of every authority.

    `tag` is QPD-2 in v2, `root^extension` of the queryId in v3.
    """

    identifier: SentIdentifier
    wanted: tuple[WantedAuthority, ...] = ()
    tag: str = ""
    warnings: tuple[Violation, ...] = ()


@dataclass(frozen=True, slots=True)
class NameCriterion:
    """A name to look for: every part given must agree. A text that ends in `*` asks for what begins so.

    `fuzzy` asks for names that sound or look alike (v3 `use="SRCH"`).
    """

    where: str
    family: str = ""
    given: tuple[str, ...] = ()
    prefix: str = ""
    suffix: str = ""
    fuzzy: bool = False


@dataclass(frozen=True, slots=True)
class BirthCriterion:
    """A birth time from `low` to `high`, both included, to the precision each was sent with; equal for a single value."""

    where: str
    low: Dtm | None = None
    high: Dtm | None = None


@dataclass(frozen=True, slots=True)
class SexCriterion:
    """A code of v2 table 0001."""

    where: str
    sex: str


@dataclass(frozen=True, slots=True)
class AddressCriterion:
    """Parts of an address; every part given must agree, a text that ends in `*` asks for what begins so."""

    where: str
    address: Address


@dataclass(frozen=True, slots=True)
class TelecomCriterion:
    """A telephone number or electronic address, without scheme."""

    where: str
    value: str


@dataclass(frozen=True, slots=True)
class DemographicsQuery:
    """ITI-21 / ITI-47: who fits this description. Different parts must all hold; of one part's several values any one may.

    Of `identifiers` every one must hold when `every_identifier` (v2), else any one (v3). `limit` is the size of a page, None
    without a wish. `continuation` is the pointer a page was left with (v2 DSC-1). `minimum_degree` is the least confidence wanted,
    0 to 100. `tag` is QPD-2 in v2, `root^extension` of the queryId in v3. `visits` is what must be true of one visit, which is
    then shown (ITI-22); None where nobody asks for visits.
    """

    identifiers: tuple[SentIdentifier, ...] = ()
    every_identifier: bool = False
    names: tuple[NameCriterion, ...] = ()
    birth: tuple[BirthCriterion, ...] = ()
    sex: tuple[SexCriterion, ...] = ()
    addresses: tuple[AddressCriterion, ...] = ()
    telecoms: tuple[TelecomCriterion, ...] = ()
    mothers: tuple[NameCriterion, ...] = ()
    accounts: tuple[SentIdentifier, ...] = ()
    wanted: tuple[WantedAuthority, ...] = ()
    minimum_degree: int | None = None
    limit: int | None = None
    continuation: str = ""
    tag: str = ""
    warnings: tuple[Violation, ...] = ()
    visits: tuple[VisitCriterion, ...] | None = None

    @property
    def is_empty(self) -> bool:
        """Whether it describes nobody in particular."""
        return not (
            self.identifiers
            or self.names
            or self.birth
            or self.sex
            or self.addresses
            or self.telecoms
            or self.mothers
            or self.accounts
            or self.visits
        )


@dataclass(frozen=True, slots=True)
class DemographicsHit:
    """One person that fits: the identifiers to disclose, with full authorities, and the confidence of 0 to 100 where known.

    `lacking` names wanted authorities in which this person has no identifier (ITI-47 says so with a nullFlavor).
    """

    identifiers: tuple[PatientId, ...]
    demographics: Demographics
    confidence: int | None = None
    lacking: tuple[AssigningAuthority, ...] = ()
    visit: Visit | None = None


@dataclass(frozen=True, slots=True)
class DemographicsPage:
    """A page of hits: how many there are in all, how many come after it, and the pointer to them (empty on the last page)."""

    hits: tuple[DemographicsHit, ...]
    total: int
    remaining: int = 0
    pointer: str = ""
