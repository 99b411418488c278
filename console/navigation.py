"""What the console has for whom: the entries at the head of every page. The first of a role is where she begins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from console.store import Role


@dataclass(frozen=True, slots=True)
class Entry:
    """A link of the head: its page, its words, whose it is, and the other pages that lie below it."""

    endpoint: str
    label: str
    role: Role
    below: tuple[str, ...] = ()

    def is_here(self, endpoint: str | None) -> bool:
        """Whether a page is this one or lies below it."""
        return endpoint == self.endpoint or endpoint in self.below


ENTRIES: Final = (
    Entry("identities.queue", "Review queue", Role.ADMINISTRATOR, ("identities.review",)),
    Entry("identities.decisions", "Decisions", Role.ADMINISTRATOR, ("identities.decision",)),
    Entry("audit.search", "Audit records", Role.AUDITOR, ("audit.record",)),
    Entry("reports.form", "Reports", Role.AUDITOR),
)


def entries(role: Role) -> tuple[Entry, ...]:
    """The entries of a role."""
    return tuple(entry for entry in ENTRIES if entry.role is role)
