"""What the repository asks of a registry, in this process or far away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from access.subject import Subject
from ebrim.model import DocumentEntry, Submission
from kernel.errors import Rejected, Violation


class RegistryPort(Protocol):
    """A document registry."""

    def register(self, submission: Submission, subject: Subject) -> Sequence[Violation]:
        """ITI-42. Returns its warnings.

        Raises `Rejected` when the registry said no and stored nothing, `Unavailable` when it is not known what it did.
        """
        ...

    def entries(self, unique_ids: Sequence[str], subject: Subject) -> Sequence[DocumentEntry]:
        """The entries it has with these uniqueIds, which are of one patient; of any status. Raises `Unavailable`."""
        ...


class RejectedByRegistry(Rejected):
    """The registry said no: it is answered in the registry's codes."""
