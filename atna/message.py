"""The audit message (DICOM PS3.15 A.5): its model, its XML, and a reader of both dialects."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum, IntEnum
from functools import lru_cache
from typing import ClassVar, Final

from atna.vocabulary import Action
from kernel.codes import Code


class Indicator(IntEnum):
    """EventOutcomeIndicator: 0 success; 4 restarted or partly done; 8 ended without effect; 12 made unavailable."""

    SUCCESS = 0
    MINOR = 4
    SERIOUS = 8
    MAJOR = 12


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it ended, and in words why not better; the words never hold demographics."""

    indicator: Indicator
    description: str = ""

    SUCCESS: ClassVar[Outcome]
    MINOR: ClassVar[Outcome]
    SERIOUS: ClassVar[Outcome]
    MAJOR: ClassVar[Outcome]

    def because(self, description: str) -> Outcome:
        """The same outcome with a reason: condition names, error codes, ids of objects."""
        return Outcome(self.indicator, description)

    @property
    def is_success(self) -> bool:
        """Whether it ended well."""
        return self.indicator is Indicator.SUCCESS


Outcome.SUCCESS = Outcome(Indicator.SUCCESS)
Outcome.MINOR = Outcome(Indicator.MINOR)
Outcome.SERIOUS = Outcome(Indicator.SERIOUS)
Outcome.MAJOR = Outcome(Indicator.MAJOR)


class Defect(Enum):
    """What was wrong with a received message that could be read all the same."""

    OUTCOME_EMPTY = "the outcome is empty; read as success"
    OUTCOME_UNKNOWN = "the outcome is none of 0, 4, 8, 12; read as a serious failure"
    TIME_UNREADABLE = "the time of the event cannot be read"
    TIME_WITHOUT_ZONE = "the time of the event has no zone; read as UTC"
    ACTION_UNKNOWN = "the action is none of C, R, U, D, E; read as E"
    EVENT_MISSING = "the event has no code"
    PARTICIPANT_MISSING = "nobody takes part"
    SOURCE_MISSING = "the audit source has no id"
    NOT_BASE64 = "a value that should be base64 is not; kept as it stands"


@dataclass(frozen=True, slots=True)
class Participant:
    """ActiveParticipant (A.5.2): a person, a process or a machine that takes part."""

    user_id: str
    is_requestor: bool
    roles: tuple[Code, ...] = ()
    alternative_user_id: str = ""
    user_name: str = ""
    network_id: str = ""
    network_type: int | None = None


@dataclass(frozen=True, slots=True)
class AuditSource:
    """AuditSourceIdentification: the system that reports."""

    site: str
    id: str
    types: tuple[Code, ...] = ()


@dataclass(frozen=True, slots=True)
class ParticipantObject:
    """ParticipantObjectIdentification: what it was about. `name` and `query` exclude each other; codes are DICOM's numbers."""

    id: str
    id_type: Code
    type_code: int | None = None
    role: int | None = None
    life_cycle: int | None = None
    sensitivity: str = ""
    name: str = ""
    query: bytes | None = None
    details: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class AuditMessage:
    """One event: what, when, how it ended, who took part, who reports it, what it was about."""

    event: Code
    action: Action
    when: datetime
    outcome: Outcome
    participants: tuple[Participant, ...]
    source: AuditSource
    types: tuple[Code, ...] = ()
    purposes: tuple[Code, ...] = ()
    objects: tuple[ParticipantObject, ...] = ()
    defects: tuple[Defect, ...] = field(default=(), compare=False)

    def to_xml(self) -> bytes:
        """The message as UTF-8 XML without declaration; valid by the schema of DICOM 2017c."""
        parts = [
            f'<AuditMessage><EventIdentification EventActionCode="{self.action.value}" EventDateTime="{_time(self.when)}" '
            f'EventOutcomeIndicator="{self.outcome.indicator.value}"><EventID{_coded(self.event)}/>'
        ]
        parts += [f"<EventTypeCode{_coded(code)}/>" for code in self.types]
        if self.outcome.description:
            parts.append(f"<EventOutcomeDescription>{_safe(self.outcome.description)}</EventOutcomeDescription>")
        parts += [f"<PurposeOfUse{_coded(code)}/>" for code in self.purposes]
        parts.append("</EventIdentification>")
        parts += map(_participant, self.participants)
        parts.append(_source(self.source))
        parts += map(_object, self.objects)
        parts.append("</AuditMessage>")
        return "".join(parts).encode()


_SPECIAL: Final = re.compile('["&<>\x00-\x1f\ud800-\udfff\ufffe\uffff]')
_ESCAPES: Final = {'"': "&quot;", "&": "&amp;", "<": "&lt;", ">": "&gt;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}


def _safe(text: str) -> str:
    """Fit for an attribute and for content; what XML 1.0 cannot hold becomes U+FFFD."""
    if _SPECIAL.search(text) is None:
        return text
    return _SPECIAL.sub(lambda found: _ESCAPES.get(found.group(), "\ufffd"), text)


def _time(when: datetime) -> str:
    if when.tzinfo is not UTC:
        when = when.astimezone(UTC)
    return when.isoformat(timespec="milliseconds")[:-6] + "Z"


@lru_cache(maxsize=1024)
def _coded(code: Code) -> str:
    # A.5.1: originalText is required, and all we have where no display name was given is the code
    return f' csd-code="{_safe(code.code)}" codeSystemName="{_safe(code.scheme)}" originalText="{_safe(code.display or code.code)}"'


def _attribute(name: str, value: str) -> str:
    return f' {name}="{_safe(value)}"' if value else ""


def _number(name: str, value: int | None) -> str:
    return "" if value is None else f' {name}="{int(value)}"'


_REMEMBERED: Final = 400
"""Characters of the longest participant whose XML is remembered: the same ones take part again and again."""


def _participant(who: Participant) -> str:
    length = len(who.user_id) + len(who.user_name) + len(who.network_id) + len(who.alternative_user_id)
    return _written_before(who) if length <= _REMEMBERED and len(who.roles) <= 1 else _written(who)


def _written(who: Participant) -> str:
    return (
        f'<ActiveParticipant UserID="{_safe(who.user_id)}"{_attribute("AlternativeUserID", who.alternative_user_id)}'
        f'{_attribute("UserName", who.user_name)} UserIsRequestor="{"true" if who.is_requestor else "false"}"'
        f"{_attribute('NetworkAccessPointID', who.network_id)}{_number('NetworkAccessPointTypeCode', who.network_type)}>"
        f"{''.join([f'<RoleIDCode{_coded(role)}/>' for role in who.roles])}</ActiveParticipant>"
    )


_written_before: Final = lru_cache(maxsize=1024)(_written)


@lru_cache(maxsize=16)
def _source(source: AuditSource) -> str:
    return (
        f'<AuditSourceIdentification{_attribute("AuditEnterpriseSiteID", source.site)} AuditSourceID="{_safe(source.id)}">'
        f"{''.join([f'<AuditSourceTypeCode{_coded(kind)}/>' for kind in source.types])}</AuditSourceIdentification>"
    )


def _object(what: ParticipantObject) -> str:
    if what.query is not None:
        content = f"<ParticipantObjectQuery>{b64encode(what.query).decode()}</ParticipantObjectQuery>"
    elif what.name:
        content = f"<ParticipantObjectName>{_safe(what.name)}</ParticipantObjectName>"
    else:
        content = ""
    for kind, value in what.details:
        content += f'<ParticipantObjectDetail type="{_safe(kind)}" value="{b64encode(value).decode()}"/>'
    return (
        f"<ParticipantObjectIdentification{_attribute('ParticipantObjectID', what.id)}"
        f"{_number('ParticipantObjectTypeCode', what.type_code)}{_number('ParticipantObjectTypeCodeRole', what.role)}"
        f"{_number('ParticipantObjectDataLifeCycle', what.life_cycle)}"
        f"{_attribute('ParticipantObjectSensitivity', what.sensitivity)}>"
        f"<ParticipantObjectIDTypeCode{_coded(what.id_type)}/>{content}</ParticipantObjectIdentification>"
    )
