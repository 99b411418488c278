"""A registry in a few lists, written apart from the product: it says what a submission, an update or a query must come to.

Objects are known by labels, which a test puts in their titles. Nothing here is fast, and nothing is shared with `registry`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

HAS_MEMBER, RPLC, APND, XFRM, XFRM_RPLC, SIGNS = "HasMember", "RPLC", "APND", "XFRM", "XFRM_RPLC", "signs"
RELATIONSHIPS = (RPLC, APND, XFRM, XFRM_RPLC)


@dataclass
class Entry:
    """A document entry: what queries ask for."""

    label: str
    patient: str
    unique_id: str
    content: str
    class_code: str
    events: frozenset[str]
    creation: str
    start: str
    author: str
    approved: bool = True
    version: int = 1
    latest: bool = True
    logical: str = ""


@dataclass
class Folder:
    """A folder."""

    label: str
    patient: str
    unique_id: str
    codes: frozenset[str]
    approved: bool = True


@dataclass
class SubmissionSet:
    """A submission set."""

    label: str
    patient: str
    unique_id: str
    source: str


@dataclass(frozen=True)
class Link:
    """An association between labels; `label` is its own, for links to links."""

    label: str
    type: str
    source: str
    target: str


@dataclass
class Submission:
    """What a source sends: entries, perhaps a folder, and links. Links of the set to its members are understood."""

    own: SubmissionSet
    entries: list[Entry]
    folder: Folder | None = None
    in_folder: list[tuple[str, str]] = field(default_factory=list)
    """Folder and entry, of the submission or registered."""
    relationships: list[tuple[str, str, str]] = field(default_factory=list)
    """Type, new entry, registered entry."""


class Oracle:
    """The state, and what may be done with it."""

    def __init__(self, known: Iterable[str]) -> None:
        self.known = set(known)
        self.merged: dict[str, str] = {}
        self.entries: dict[str, Entry] = {}
        self.folders: dict[str, Folder] = {}
        self.sets: dict[str, SubmissionSet] = {}
        self.links: list[Link] = []

    # --- patients

    def person(self, patient: str) -> str:
        """The survivor of a patient id."""
        while patient in self.merged:
            patient = self.merged[patient]
        return patient

    def same_person(self, one: str, other: str) -> bool:
        """Whether two ids are of one person."""
        return self.person(one) == self.person(other)

    # --- submissions

    def faults(self, submission: Submission) -> set[str]:
        """What a submission is refused for; empty when it is taken."""
        found = set()
        patient = submission.own.patient
        if patient not in self.known or patient in self.merged:
            found.add("PATIENT_UNKNOWN")
        if any(s.unique_id == submission.own.unique_id for s in self.sets.values()):
            found.add("UNIQUE_ID_IN_USE")
        if submission.folder and any(f.unique_id == submission.folder.unique_id for f in self.folders.values()):
            found.add("UNIQUE_ID_IN_USE")
        found |= self._document_faults(submission.entries)
        for _, _, target in submission.relationships:
            found |= self._outside(self.entries.get(target), patient)
        own = {e.label for e in submission.entries} | ({submission.folder.label} if submission.folder else set())
        for folder, entry in submission.in_folder:
            if folder not in own:
                found |= self._outside(self.folders.get(folder), patient)
            if entry not in own:
                found |= self._outside(self.entries.get(entry), patient)
        return found

    def _document_faults(self, new: list[Entry]) -> set[str]:
        found = set()
        if len({e.unique_id for e in new}) < len(new):
            found.add("UNIQUE_ID_REPEATED")
        for entry in new:
            first = next((e for e in self.entries.values() if e.unique_id == entry.unique_id), None)
            if first and first.content != entry.content:
                found.add("HASH_DIFFERS")
        return found

    def _outside(self, obj: Entry | Folder | None, patient: str) -> set[str]:
        if obj is None:
            return {"REFERENCE_UNRESOLVED"}
        found = set()
        if not obj.approved:
            found.add("TARGET_DEPRECATED")
        if obj.patient != patient and not self.same_person(obj.patient, patient):
            found.add("PATIENT_MISMATCH")
        return found

    def take(self, submission: Submission) -> None:
        """Registers a submission that has no faults."""
        own = submission.own.label
        self.sets[own] = submission.own
        for entry in submission.entries:
            entry.logical = entry.label
            self.entries[entry.label] = entry
            self._link(HAS_MEMBER, own, entry.label)
        if submission.folder:
            self.folders[submission.folder.label] = submission.folder
            self._link(HAS_MEMBER, own, submission.folder.label)
        for folder, member in submission.in_folder:
            self._link(HAS_MEMBER, own, self._link(HAS_MEMBER, folder, member))
        for type_, source, target in submission.relationships:
            self._link(type_, source, target)
        for type_, source, target in submission.relationships:
            if type_ in (RPLC, XFRM_RPLC):
                self._deprecate(target, {e.label for e in submission.entries})
                self._join_folders(own, source, target)

    def _link(self, type_: str, source: str, target: str) -> str:
        link = Link(f"link-{len(self.links)}", type_, source, target)
        self.links.append(link)
        return link.label

    def _deprecate(self, label: str, new: set[str]) -> None:
        self.entries[label].approved = False
        for link in self.links:
            is_child = link.target == label and link.type in (APND, XFRM) and link.source not in new
            if is_child and self.entries[link.source].approved:
                self._deprecate(link.source, new)

    def _join_folders(self, own: str, new: str, old: str) -> None:
        for link in list(self.links):
            folder = self.folders.get(link.source)
            if link.type == HAS_MEMBER and link.target == old and folder and folder.approved:
                present = any((x.type, x.source, x.target) == (HAS_MEMBER, link.source, new) for x in self.links)
                if not present:
                    self._link(HAS_MEMBER, own, self._link(HAS_MEMBER, link.source, new))

    # --- updates

    def set_status(self, own: SubmissionSet, label: str, approved: bool) -> None:
        """UpdateAvailabilityStatus."""
        self.sets[own.label] = own
        self.entries[label].approved = approved

    def revise(self, own: SubmissionSet, entry: Entry, old: str, propagates: bool) -> None:
        """A new version of the entry `old`."""
        former = self.entries[old]
        entry.version, entry.logical, entry.approved = former.version + 1, former.logical, former.approved
        former.approved = former.latest = False
        self.sets[own.label] = own
        self.entries[entry.label] = entry
        self._link(HAS_MEMBER, own.label, entry.label)
        for link in list(self.links) if propagates else ():
            if old not in (link.source, link.target) or link.source in self.sets:
                continue
            source = entry.label if link.source == old else link.source
            target = entry.label if link.target == old else link.target
            copy = self._link(link.type, source, target)
            if link.type == HAS_MEMBER:
                self._link(HAS_MEMBER, own.label, copy)

    # --- queries

    def find(
        self, patient: str, statuses: Iterable[bool], keep: Callable[[Entry], bool] = lambda _: True, *, level: int = 1
    ) -> set[str]:
        """FindDocuments: the labels."""
        if patient not in self.known or patient in self.merged:
            return set()
        wanted = set(statuses)
        return {
            e.label
            for e in self.entries.values()
            if self.same_person(e.patient, patient) and e.approved in wanted and keep(e) and (e.latest or level == 2)
        }

    def folders_of(self, patient: str) -> set[str]:
        """FindFolders of Approved ones."""
        if patient not in self.known or patient in self.merged:
            return set()
        return {f.label for f in self.folders.values() if self.same_person(f.patient, patient) and f.approved}

    def members(self, folder: str) -> set[str]:
        """The entries in a folder, former versions left out."""
        found = {x.target for x in self.links if x.type == HAS_MEMBER and x.source == folder}
        return {label for label in found if self.entries[label].latest}

    def related(self, label: str, types: Iterable[str]) -> tuple[set[str], set[tuple[str, str, str]]]:
        """GetRelatedDocuments: labels of entries, and links as type, source, target."""
        wanted = set(types)
        links = [x for x in self.links if x.type in wanted and label in (x.source, x.target)]
        shown = {label} | {e for x in links for e in (x.source, x.target) if e in self.entries and self.entries[e].latest}
        kept = {(x.type, x.source, x.target) for x in links if x.source in shown and x.target in shown}
        ends = {e for x in kept for e in x[1:]} if kept else set()
        return {e for e in ends if self.entries[e].latest}, kept


def is_like(pattern: str, text: str) -> bool:
    """LIKE, for patterns without characters that `fnmatch` treats apart."""
    return fnmatchcase(text, pattern.replace("%", "*").replace("_", "?"))
