"""From identifiers as sent to identifiers of known authorities, and whether this sender may feed them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import structlog

from affinity.model import Authority, Consumer, Source
from affinity.service import AffinityService
from kernel.errors import Condition, Rejected, Violation, violation, warning
from kernel.identifiers import AssigningAuthority, PatientId
from kernel.patient_update import LinkChange, PatientMerge, PatientUpdate, SentIdentifier
from mpi.model import Located, LocatedChange, LocatedUpdate, Stored

MOST: Final = 100
"""Identifiers of one message, or authorities of one question; a patient has fewer."""

log = structlog.get_logger("mpi.authorities")
_SEES_ALL: Final = Consumer("", "")
_SEES_NOTHING: Final = Consumer("", "", frozenset())


class Authorities:
    """The assigning authorities as the index asks for them."""

    def __init__(self, affinity: AffinityService) -> None:
        self._affinity = affinity

    @property
    def own(self) -> Authority:
        """The affinity domain's authority."""
        return self._affinity.domain().own

    def source(self, name: str) -> Source | None:
        """The source as `Subject.source` names it."""
        return self._affinity.domain().source_named(name)

    def is_lenient(self, name: str) -> bool:
        """Whether deviations of this source are tolerated."""
        source = self.source(name)
        return source is not None and source.lenient

    def patient_id(self, authority: int, value: str, type_code: str = "") -> PatientId:
        """An identifier with its authority in full."""
        return PatientId(value, self._affinity.authority(authority).authority, type_code)

    def patient_ids(self, stored: Iterable[Stored]) -> tuple[PatientId, ...]:
        """Identifiers of a record with their authorities in full."""
        return tuple(self.patient_id(i.authority, i.value, i.type_code) for i in stored)

    def find(self, sent: AssigningAuthority, source: str) -> Authority | None:
        """Which authority a question means; None for one that is not known, or that the system that asks may not see."""
        found = self._affinity.find(sent)
        if found is None and self.is_lenient(source):
            found = _tolerated(self._affinity.find(sent, lenient=True), source)
        return found if found is None or self.consumer(source).may_see(found.key) else None

    def known(self, sent: AssigningAuthority) -> Authority | None:
        """Which authority is meant; None for one that is not known."""
        return self._affinity.find(sent)

    def consumer(self, name: str) -> Consumer:
        """The system that asks, as `Subject.source` names it; one that is not listed sees what the settings say of such."""
        listed = self._affinity.domain().consumer_named(name)
        if listed is not None:
            return listed
        return _SEES_NOTHING if self._affinity.settings.listed_consumers_only else _SEES_ALL

    def subscribers(self) -> tuple[Consumer, ...]:
        """The consumers that are told of changes."""
        return tuple(c for c in self._affinity.domain().consumers if c.notify)

    def locate_update(self, update: PatientUpdate, sender: str) -> LocatedUpdate:
        """The identifiers of a feed; outside of any unit of work, for new authorities may be taken in.

        Raises `Rejected` with every authority that is unknown, or when there is none that this source may feed.
        """
        require_few([*update.identifiers, *update.others], update.identifiers[0].where)
        source = self.source(sender)
        feedable: list[Located] = []
        others: list[Located] = []
        found: list[Violation] = []
        for sent in update.identifiers:
            authority = self._named(sent, sender, source)
            if authority is None:
                found.append(_unknown(sent, is_tolerated=source is not None and source.lenient))
                continue
            located = Located(sent, authority.key, PatientId(sent.patient_id.id, authority.authority, sent.patient_id.type_code))
            (feedable if self._may_feed(source, authority) else others).append(located)
        for sent in update.others:
            authority = self._named(sent, sender, source)
            if authority is None:
                found.append(_unknown(sent, is_tolerated=True))
            else:
                others.append(Located(sent, authority.key, PatientId(sent.patient_id.id, authority.authority)))
        if any(v.is_error for v in found):
            raise Rejected(found)
        if not feedable:
            first = (others[0].sent if others else update.identifiers[0]).authority_where
            found.append(violation(Condition.SOURCE_NOT_ALLOWED, first, "this source may feed none of these authorities"))
            raise Rejected(found)
        return LocatedUpdate(tuple(feedable), tuple(others), update, (*update.warnings, *found))

    def locate_pair(self, merge: PatientMerge, sender: str) -> tuple[Located, Located]:
        """Survivor and subsumed. Raises `Rejected` when an authority is unknown, not the source's, or they are not the same."""
        survivor, subsumed = self.locate_two((merge.survivor, merge.subsumed), sender)
        if survivor.authority != subsumed.authority:
            detail = "the identifiers of a merge have one authority"
            raise Rejected(violation(Condition.MERGE_IMPOSSIBLE, merge.subsumed.authority_where, detail))
        return survivor, subsumed

    def locate_two(self, two: tuple[SentIdentifier, SentIdentifier], sender: str) -> tuple[Located, Located]:
        """Two identifiers that a source may feed. Raises `Rejected` when an authority is unknown or not the source's."""
        source = self.source(sender)
        found: list[Violation] = []
        pair: list[Located] = []
        for sent in two:
            authority = self._named(sent, sender, source)
            if authority is None:
                found.append(_unknown(sent, is_tolerated=False))
            elif not self._may_feed(source, authority):
                detail = "this source may not feed this authority"
                found.append(violation(Condition.SOURCE_NOT_ALLOWED, sent.authority_where, detail))
            else:
                pair.append(Located(sent, authority.key, PatientId(sent.patient_id.id, authority.authority)))
        if found:
            raise Rejected(found)
        return pair[0], pair[1]

    def locate_change(self, change: LinkChange, sender: str) -> LocatedChange:
        """The identifiers of a move: two of the affinity domain, which the source may feed, and one or two of a local authority.

        Raises `Rejected` when an authority is unknown, not the source's, or not the one that it should be.
        """
        current, previous = self.locate_two((change.current, change.previous), sender)
        locals_ = (change.local,) if change.subsumed is None else (change.local, change.subsumed)
        detail = "not the authority of the affinity domain"
        found = [
            violation(Condition.AUTHORITY_UNKNOWN, i.sent.authority_where, detail)
            for i in (current, previous)
            if i.authority != self.own.key
        ]
        known = [(sent, self._named(sent, sender, None)) for sent in locals_]
        found += [_unknown(sent, is_tolerated=False) for sent, authority in known if authority is None]
        located = [Located(s, a.key, PatientId(s.patient_id.id, a.authority)) for s, a in known if a is not None]
        detail = "one authority, not that of the affinity domain, for the local identifiers"
        for local in located:
            if local.authority == self.own.key or local.authority != located[0].authority:
                found.append(violation(Condition.MERGE_IMPOSSIBLE, local.sent.authority_where, detail))
        if found:
            raise Rejected(found)
        return LocatedChange(current, previous, located[0], located[1] if len(located) > 1 else None)

    def _may_feed(self, source: Source | None, authority: Authority) -> bool:
        if source is None:
            return self._affinity.settings.accept_new_authorities
        return authority.key in source.authorities

    def _named(self, sent: SentIdentifier, sender: str, source: Source | None) -> Authority | None:
        authority = sent.patient_id.authority
        if authority.namespace or authority.universal_id:
            if source is not None and source.lenient and self._affinity.find(authority) is None:
                found = _tolerated(self._affinity.find(authority, lenient=True), sender)
                if found is not None:
                    return found
            return self._affinity.authority_of(authority)
        if source is not None and source.authorities:
            # ITI TF-2 3.8.4.1.2: the authority that configuration gives to this sender stands in
            return self._affinity.authority(source.authorities[0])
        if source is None and sender.strip("|"):
            return self._affinity.authority_of(AssigningAuthority(namespace=sender.strip("|").replace("|", ".")))
        return None


def _tolerated(found: Authority | None, source: str) -> Authority | None:
    """An authority that a lenient source calls by a name which is strictly none: with a word to the operator."""
    if found is not None:
        log.warning("deviation tolerated", condition=Condition.AUTHORITY_UNKNOWN.name, authority=found.name, source=source)
    return found


def _unknown(sent: SentIdentifier, *, is_tolerated: bool) -> Violation:
    told = warning if is_tolerated else violation
    authority = sent.patient_id.authority
    if not authority.namespace and not authority.universal_id:
        return told(
            Condition.AUTHORITY_UNKNOWN, sent.authority_where, "no authority is named, and none is configured for this source"
        )
    return told(Condition.AUTHORITY_UNKNOWN, sent.authority_where, "the assigning authority is not known")


def require_few(things: Sequence[object], where: str) -> None:
    """Raises `Rejected` for more than anybody needs, before each is looked up."""
    if len(things) > MOST:
        raise Rejected(violation(Condition.FIELD_INVALID, where, f"at most {MOST} are taken"))


def unknown_authorities(wanted: Sequence[tuple[Authority | None, str]]) -> tuple[Violation, ...]:
    """A violation for each authority of a question that is not known."""
    detail = "the assigning authority is not known"
    return tuple(violation(Condition.AUTHORITY_UNKNOWN, where, detail) for found, where in wanted if found is None)
