"""One shape of a patient's demographics for HL7 v2, HL7 v3 and FHIR."""

from __future__ import annotations

from dataclasses import dataclass

from kernel.identifiers import PatientId
from kernel.times import Dtm


@dataclass(frozen=True, slots=True)
class HumanName:
    """A name. `use` is the v2 name type (table 0200: L legal, M maiden, A alias, N nickname, B birth, D display, S pseudonym)."""

    family: str = ""
    given: tuple[str, ...] = ()
    prefix: str = ""
    suffix: str = ""
    use: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether it names nobody."""
        return not (self.family or any(self.given))


@dataclass(frozen=True, slots=True)
class Address:
    """An address. `use` is the v2 address type (table 0190: H home, M mailing, B business, C current, BDL birth place)."""

    lines: tuple[str, ...] = ()
    city: str = ""
    state: str = ""
    postcode: str = ""
    country: str = ""
    county: str = ""
    use: str = ""


@dataclass(frozen=True, slots=True)
class Telecom:
    """A telephone number or an electronic address.

    `kind` is the v2 equipment type (table 0202: PH, CP, FX, Internet ...), `use` the v2 use (table 0201: PRN, WPN, NET ...).
    """

    value: str
    kind: str = "PH"
    use: str = ""


@dataclass(frozen=True, slots=True)
class Demographics:
    """What one source says of a patient. Absent is None or empty; nothing is invented.

    `sex` is a code of v2 table 0001 (F M O U A N) or empty. `names` has the legal name first, former names and aliases after.
    `account` is PID-18, `national_id` PID-19.
    """

    names: tuple[HumanName, ...] = ()
    sex: str = ""
    birth: Dtm | None = None
    addresses: tuple[Address, ...] = ()
    telecoms: tuple[Telecom, ...] = ()
    mother_name: HumanName | None = None
    mother_ids: tuple[PatientId, ...] = ()
    multiple_birth: bool | None = None
    birth_order: int | None = None
    deceased: bool | None = None
    death: Dtm | None = None
    account: PatientId | None = None
    national_id: str = ""
    driver_licence: str = ""
    marital_status: str = ""
    race: str = ""
    religion: str = ""
    language: str = ""
    nationality: str = ""
    ethnicity: str = ""
    birth_place: str = ""

    @property
    def name(self) -> HumanName | None:
        """The name to show: the first that is not empty."""
        return next((n for n in self.names if not n.is_empty), None)
