"""What the repository asks of a registry, in this process or far away."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
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

    def register_on_demand(self, submission: Submission, subject: Subject) -> Sequence[Violation]:
        """ITI-61. Returns its warnings; raises as `register`."""
        ...

    def documents_of(self, patient_id: str, subject: Subject) -> Sequence[DocumentEntry]:
        """The Approved stable entries of a patient (CX). Raises `Unavailable`, also when they are more than one answer holds."""
        ...

    def entries(self, unique_ids: Sequence[str], subject: Subject) -> Sequence[DocumentEntry]:
        """The entries it has with these uniqueIds, which are of one patient; of any status. Raises `Unavailable`."""
        ...


class Draft(Protocol):
    """What an on-demand document would say now."""

    @property
    def mime_type(self) -> str:
        """Its MIME type."""
        ...

    @property
    def fingerprint(self) -> bytes:
        """The same as long as the document would say the same, whenever it is asked for."""
        ...

    def render(self, unique_id: str, at: datetime) -> bytes:
        """The document, with the uniqueId it is given out by."""
        ...


class OnDemandProvider(Protocol):
    """Makes documents when they are asked for (ITI TF-1 10.4.13)."""

    name: str
    """Stands in the database beside the documents it makes: it never changes."""

    def draft(self, entry: DocumentEntry, subject: Subject) -> Draft:
        """What the document of this on-demand entry would say. Raises `Unavailable` when what it is made of is not to be had."""
        ...


class RejectedByRegistry(Rejected):
    """The registry said no: it is answered in the registry's codes."""
