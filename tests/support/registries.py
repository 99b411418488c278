"""A registry in memory, that can be told to refuse, to be away, or to take the process with it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from access.subject import Subject
from ebrim.model import DocumentEntry, Submission
from kernel.errors import Condition, Rejected, Unavailable, Violation, violation


class Killed(BaseException):
    """The process ends here."""


def _nothing() -> None:
    return None


class MemoryRegistry:
    """A `RegistryPort` with the rules that a repository depends on: a set is registered once, a uniqueId keeps its hash."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.submissions: list[Submission] = []
        self.asked: list[tuple[str, ...]] = []
        self.refusal: tuple[Violation, ...] = ()
        self.warnings: tuple[Violation, ...] = ()
        self.is_away = False
        self.before: Callable[[], None] = _nothing
        self.after: Callable[[], None] = _nothing

    def register(self, submission: Submission, subject: Subject) -> Sequence[Violation]:
        """ITI-42."""
        self.before()
        self._require_presence()
        if self.refusal:
            raise Rejected(self.refusal)
        with self._lock:
            self._file(submission)
        self.after()
        return self.warnings

    def register_on_demand(self, submission: Submission, subject: Subject) -> Sequence[Violation]:
        """ITI-61."""
        self._require_presence()
        if self.refusal:
            raise Rejected(self.refusal)
        with self._lock:
            self._file(submission)
        return self.warnings

    def documents_of(self, patient_id: str, subject: Subject) -> Sequence[DocumentEntry]:
        """The stable entries of a patient."""
        self._require_presence()
        return [e for e in self._entries() if e.patient_id == patient_id and not e.is_on_demand]

    def entries(self, unique_ids: Sequence[str], subject: Subject) -> Sequence[DocumentEntry]:
        """The entries with these uniqueIds."""
        self._require_presence()
        self.asked.append(tuple(unique_ids))
        found = [entry for entry in self._entries() if entry.unique_id in unique_ids]
        if len({entry.patient_id for entry in found}) > 1:
            raise Rejected(violation(Condition.SEVERAL_PATIENTS, "", "ask for one at a time"))
        return found

    def _entries(self) -> list[DocumentEntry]:
        return [entry for submission in self.submissions for entry in submission.entries]

    def _require_presence(self) -> None:
        if self.is_away:
            raise Unavailable(violation(Condition.REGISTRY_UNAVAILABLE, "registry", "away"))

    def _file(self, submission: Submission) -> None:
        set_id = submission.submission_sets[0].unique_id
        if any(s.submission_sets[0].unique_id == set_id for s in self.submissions):
            raise Rejected(violation(Condition.UNIQUE_ID_IN_USE, "SubmissionSet01", "the set is registered"))
        hashes = {entry.unique_id: entry.hash for entry in self._entries()}
        for entry in submission.entries:
            if hashes.get(entry.unique_id, entry.hash) != entry.hash:
                raise Rejected(violation(Condition.HASH_DIFFERS, entry.id, "another hash"))
        self.submissions.append(submission)
