"""What a message says of a patient: identifiers with their places, and demographics with what was not said."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from kernel.demographics import Demographics, Telecom
from kernel.errors import Violation
from kernel.identifiers import PatientId
from kernel.times import Dtm
from kernel.visit import Visit

HOME_TELECOMS = "home_telecoms"
WORK_TELECOMS = "work_telecoms"
ALL_FIELDS = frozenset(f.name for f in fields(Demographics) if f.name != "telecoms") | {HOME_TELECOMS, WORK_TELECOMS}
"""Every part of `Demographics` a message may speak of; telecoms are two parts, because PID-13 and PID-14 are."""


@dataclass(frozen=True, slots=True)
class SentIdentifier:
    """An identifier as it stood in a message, and where: the place of the id and the place of its authority.

    The authority is as sent: perhaps a namespace alone, perhaps nothing (then the sender's configuration must say).
    """

    patient_id: PatientId
    where: str
    authority_where: str


@dataclass(frozen=True, slots=True)
class PatientUpdate:
    """One patient of a feed.

    `spoken` names the parts of `demographics` the message speaks of (`ALL_FIELDS` at most). A part that is spoken of and empty
    is to be deleted; a part that is not spoken of stays as it was. `recorded` is when the source recorded it (EVN-2), where it
    says so. `others` are identifiers that the message mentions without being the source of them (v3 asOtherIDs). `warnings`
    are deviations that were tolerated. `visit` is what it says of a visit, where it does.
    """

    identifiers: tuple[SentIdentifier, ...]
    demographics: Demographics
    spoken: frozenset[str] = ALL_FIELDS
    recorded: Dtm | None = None
    others: tuple[SentIdentifier, ...] = ()
    warnings: tuple[Violation, ...] = ()
    visit: Visit | None = None

    @property
    def patient_ids(self) -> tuple[PatientId, ...]:
        """The identifiers without their places."""
        return tuple(i.patient_id for i in self.identifiers)

    def applied_to(self, stored: Demographics) -> Demographics:
        """The stored demographics after this message."""
        plain = {name: getattr(self.demographics, name) for name in self.spoken - {HOME_TELECOMS, WORK_TELECOMS}}
        home = self.demographics if HOME_TELECOMS in self.spoken else stored
        work = self.demographics if WORK_TELECOMS in self.spoken else stored
        telecoms = tuple(t for t in home.telecoms if not is_work(t)) + tuple(t for t in work.telecoms if is_work(t))
        return replace(stored, **plain, telecoms=telecoms)


@dataclass(frozen=True, slots=True)
class PatientMerge:
    """Two identifiers of one authority become one: `subsumed` ends, `survivor` stays (ITI-8 A40, ITI-44 replacementOf)."""

    survivor: SentIdentifier
    subsumed: SentIdentifier
    update: PatientUpdate


@dataclass(frozen=True, slots=True)
class LinkChange:
    """ITI-64: the domain's id of a local patient changed from `previous` to `current`; perhaps `subsumed` ended in `local`."""

    current: SentIdentifier
    local: SentIdentifier
    previous: SentIdentifier
    subsumed: SentIdentifier | None = None


def is_work(telecom: Telecom) -> bool:
    """Whether it is a business number, the kind that stands in PID-14 (table 0201: WPN)."""
    return telecom.use == "WPN"
