"""Events that are no transaction: start and stop, logins, alerts, what administrators and auditors do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import Final

from access.subject import Subject
from atna import vocabulary as v
from atna.message import AuditMessage, Outcome, Participant, ParticipantObject
from atna.participants import UNKNOWN, AuditContext, network_type, our_process, user_at
from atna.vocabulary import Action, LifeCycle, ObjectRole, ObjectType
from kernel.codes import Code
from kernel.peer import Peer

AUDIT_LOG: Final = "Security Audit Log"
_REASON: Final = "reason"


class IdentityAct(Enum):
    """What an administrator does to a patient's identity."""

    VIEW = ("view", "Patient record viewed", Action.READ)
    LINK = ("link", "Records linked", Action.UPDATE)
    UNLINK = ("unlink", "Records unlinked", Action.UPDATE)
    MERGE = ("merge", "Identifiers merged", Action.UPDATE)
    UNDO = ("undo", "Decision taken back", Action.UPDATE)
    REVIEW = ("review", "Review decided", Action.UPDATE)

    def __init__(self, code: str, display: str, action: Action) -> None:
        self.code = Code(code, v.HOUSE, display)
        self.action = action


@dataclass(frozen=True, slots=True)
class _Deed:
    """What all events of one person's act say."""

    context: AuditContext
    subject: Subject
    when: datetime
    outcome: Outcome

    def event(
        self, event: Code, action: Action, *objects: ParticipantObject, kind: Code | None = None, is_requestor: bool = True
    ) -> AuditMessage:
        """The event, with the person and our process taking part."""
        return AuditMessage(
            event=event,
            action=action,
            when=self.when,
            outcome=self.outcome,
            participants=(
                replace(user_at(self.subject), is_requestor=is_requestor),
                our_process(self.context, user_id=self.subject.receiver),
            ),
            source=self.context.source,
            types=() if kind is None else (kind,),
            purposes=self.subject.purposes,
            objects=objects,
        )


def application_started(
    context: AuditContext, *, when: datetime, launcher: str, outcome: Outcome = Outcome.SUCCESS
) -> AuditMessage:
    """Application Start; `launcher` is the user or service that started the process."""
    return _activity(context, v.APPLICATION_START, when, launcher, outcome)


def application_stopped(
    context: AuditContext, *, when: datetime, launcher: str, outcome: Outcome = Outcome.SUCCESS
) -> AuditMessage:
    """Application Stop."""
    return _activity(context, v.APPLICATION_STOP, when, launcher, outcome)


def logged_in(context: AuditContext, subject: Subject, *, when: datetime, outcome: Outcome) -> AuditMessage:
    """Login, also the one that failed."""
    return _Deed(context, subject, when, outcome).event(v.USER_AUTHENTICATION, Action.EXECUTE, kind=v.LOGIN)


def logged_out(
    context: AuditContext, subject: Subject, *, when: datetime, outcome: Outcome = Outcome.SUCCESS, by_inactivity: bool = False
) -> AuditMessage:
    """Logout; a session that timed out was not ended by its user."""
    deed = _Deed(context, subject, when, outcome)
    return deed.event(v.USER_AUTHENTICATION, Action.EXECUTE, kind=v.LOGOUT, is_requestor=not by_inactivity)


def audit_log_used(
    context: AuditContext,
    subject: Subject,
    *,
    when: datetime,
    outcome: Outcome,
    uris: Sequence[str],
    query: bytes | None = None,
    patient_ids: Sequence[str] = (),
) -> AuditMessage:
    """Audit Log Used (A.5.3.2): what was read or searched, and the patients it was about.

    A search with its terms stands beside the log as an object of its own: name and query exclude each other.
    """
    logs = tuple(ParticipantObject(uri, v.URI, ObjectType.SYSTEM, ObjectRole.SECURITY_RESOURCE, name=AUDIT_LOG) for uri in uris)
    asked = (
        ()
        if query is None
        else (ParticipantObject("", Code("10", "RFC-3881", "Search Criteria"), ObjectType.SYSTEM, ObjectRole.QUERY, query=query),)
    )
    deed = _Deed(context, subject, when, outcome)
    return deed.event(v.AUDIT_LOG_USED, Action.READ, *logs, *asked, *_patients(patient_ids))


def node_authentication_failed(context: AuditContext, *, when: datetime, peer: Peer, reason: str = "") -> AuditMessage:
    """Security Alert, Node Authentication: a node that was not let in (ITI TF-2 3.19.5)."""
    address = peer.address
    user = peer.certificate_subject or address or UNKNOWN
    other = Participant(user, True, network_id=address, network_type=network_type(address))
    alert = ParticipantObject(
        peer.endpoint,
        v.URI,
        ObjectType.SYSTEM,
        ObjectRole.SECURITY_RESOURCE,
        details=((_REASON, reason.encode()),) if reason else (),
    )
    return AuditMessage(
        event=v.SECURITY_ALERT,
        action=Action.EXECUTE,
        when=when,
        outcome=Outcome.SERIOUS.because(reason),
        participants=(our_process(context), other),
        source=context.source,
        types=(v.NODE_AUTHENTICATION,),
        objects=(alert,),
    )


def message_unreadable(context: AuditContext, *, when: datetime, peer: Peer, reason: str, count: int = 1) -> AuditMessage:
    """Security Alert: what a peer sent is no message of the protocol. `count` messages at once where there were many; of what was
    received nothing is told."""
    address = peer.address
    other = Participant(
        peer.certificate_subject or address or UNKNOWN, True, network_id=address, network_type=network_type(address)
    )
    details = ((_REASON, reason.encode()), ("messages", str(count).encode()))
    where = ParticipantObject(peer.endpoint, v.URI, ObjectType.SYSTEM, ObjectRole.SECURITY_RESOURCE, details=details)
    return AuditMessage(
        event=v.SECURITY_ALERT,
        action=Action.EXECUTE,
        when=when,
        outcome=Outcome.MINOR.because(reason),
        participants=(our_process(context), other),
        source=context.source,
        types=(v.UNREADABLE,),
        objects=(where,),
    )


def audit_recording(context: AuditContext, *, when: datetime, target: str, is_stopped: bool, waiting: int) -> AuditMessage:
    """Security Alert, Audit Recording Stopped or Started: too many messages wait for a repository, or no longer too many."""
    where = ParticipantObject(
        target, v.URI, ObjectType.SYSTEM, ObjectRole.SECURITY_RESOURCE, details=(("messages waiting", str(waiting).encode()),)
    )
    why = f"{waiting} messages wait for {target}"
    return AuditMessage(
        event=v.SECURITY_ALERT,
        action=Action.EXECUTE,
        when=when,
        outcome=Outcome.MINOR.because(why) if is_stopped else Outcome.SUCCESS,
        participants=(replace(our_process(context), is_requestor=True),),
        source=context.source,
        types=(v.RECORDING_STOPPED if is_stopped else v.RECORDING_STARTED,),
        objects=(where,),
    )


def security_configuration_changed(
    context: AuditContext,
    subject: Subject,
    *,
    when: datetime,
    outcome: Outcome,
    changed: str,
    details: Sequence[tuple[str, bytes]] = (),
) -> AuditMessage:
    """Security Alert, Security Configuration: codes, authorities, sources, nodes, accounts; `changed` is the URI of the thing."""
    thing = ParticipantObject(
        changed, v.URI, ObjectType.SYSTEM, ObjectRole.SECURITY_RESOURCE, LifeCycle.AMENDMENT, details=tuple(details)
    )
    deed = _Deed(context, subject, when, outcome)
    return deed.event(v.SECURITY_ALERT, Action.EXECUTE, thing, kind=v.SECURITY_CONFIGURATION)


def settings_changed(
    context: AuditContext, subject: Subject, *, when: datetime, changes: Sequence[tuple[str, str | None, str | None]]
) -> AuditMessage:
    """Security Alert, Security Configuration: settings that were changed between two starts, by whoever starts the service.

    Each change is a name, what stood there before and what does now; None stands for nothing.
    """
    things = [
        ParticipantObject(
            f"urn:affinity:setting:{name}",
            v.URI,
            ObjectType.SYSTEM,
            ObjectRole.SECURITY_RESOURCE,
            _life_cycle(before, after),
            details=tuple((kind, value.encode()) for kind, value in (("before", before), ("after", after)) if value is not None),
        )
        for name, before, after in changes
    ]
    deed = _Deed(context, subject, when, Outcome.SUCCESS)
    return deed.event(v.SECURITY_ALERT, Action.EXECUTE, *things, kind=v.SECURITY_CONFIGURATION)


def _life_cycle(before: str | None, after: str | None) -> LifeCycle:
    if before is None:
        return LifeCycle.ORIGINATION
    return LifeCycle.AMENDMENT if after is not None else LifeCycle.PERMANENT_ERASURE


def emergency_access(
    context: AuditContext, subject: Subject, *, when: datetime, outcome: Outcome, patient_id: str, reason: str
) -> AuditMessage:
    """Security Alert, Emergency Override: a refusal was overridden for this patient, with the reason given."""
    patients = _patients([patient_id], ((_REASON, reason.encode()),))
    deed = _Deed(context, subject, when, outcome)
    return deed.event(v.SECURITY_ALERT, Action.EXECUTE, *patients, kind=v.EMERGENCY_OVERRIDE)


def identity_act(
    context: AuditContext,
    subject: Subject,
    *,
    when: datetime,
    outcome: Outcome,
    act: IdentityAct,
    patient_ids: Sequence[str],
    details: Sequence[tuple[str, bytes]] = (),
) -> AuditMessage:
    """Patient Record: an administrator views, links, unlinks, merges, takes back or decides."""
    patients = _patients(patient_ids, tuple(details))
    return _Deed(context, subject, when, outcome).event(v.PATIENT_RECORD, act.action, *patients, kind=act.code)


def exported(
    context: AuditContext,
    subject: Subject,
    *,
    when: datetime,
    outcome: Outcome,
    what: str,
    destination: str,
    patient_ids: Sequence[str] = (),
) -> AuditMessage:
    """Export: data left the system in a file; `what` names the set, `destination` where it went."""
    receiver = Participant(destination or UNKNOWN, False, (v.DESTINATION,))
    data = ParticipantObject(what, v.URI, ObjectType.SYSTEM, ObjectRole.REPORT, LifeCycle.EXPORT)
    message = _Deed(context, subject, when, outcome).event(v.EXPORT, Action.READ, data, *_patients(patient_ids))
    return replace(message, participants=(*message.participants, receiver))


def imported(
    context: AuditContext,
    subject: Subject,
    *,
    when: datetime,
    outcome: Outcome,
    what: str,
    origin: str,
    details: Sequence[tuple[str, bytes]] = (),
) -> AuditMessage:
    """Import: data came into the system in a file; `what` names the set, `origin` where it came from, details are counts."""
    sender = Participant(origin or UNKNOWN, False, (v.SOURCE,))
    kinds = (v.URI, ObjectType.SYSTEM, ObjectRole.REPORT, LifeCycle.ORIGINATION)
    data = ParticipantObject(what, *kinds, details=tuple(details))
    message = _Deed(context, subject, when, outcome).event(v.IMPORT, Action.CREATE, data)
    return replace(message, participants=(sender, *message.participants))


def _activity(context: AuditContext, kind: Code, when: datetime, launcher: str, outcome: Outcome) -> AuditMessage:
    who = Participant(
        launcher or UNKNOWN,
        True,
        (v.APPLICATION_LAUNCHER,),
        network_id=context.host,
        network_type=network_type(context.host),
    )
    return AuditMessage(
        event=v.APPLICATION_ACTIVITY,
        action=Action.EXECUTE,
        when=when,
        outcome=outcome,
        participants=(our_process(context), who),
        source=context.source,
        types=(kind,),
    )


def _patients(patient_ids: Sequence[str], details: tuple[tuple[str, bytes], ...] = ()) -> tuple[ParticipantObject, ...]:
    return tuple(
        ParticipantObject(patient_id, v.PATIENT_NUMBER, ObjectType.PERSON, ObjectRole.PATIENT, details=details)
        for patient_id in dict.fromkeys(patient_ids)
        if patient_id
    )
