"""Collects what is wrong with a message: every fault in one answer."""

from __future__ import annotations

from kernel.errors import Condition, Rejected, Violation, violation, warning


class Findings:
    """Violations found while a message is read."""

    def __init__(self, *, lenient: bool) -> None:
        """`lenient` makes warnings of what is `tolerated`."""
        self.lenient = lenient
        self.found: list[Violation] = []

    def error(self, condition: Condition, where: str, detail: str) -> None:
        """A fault that nobody is forgiven."""
        self.found.append(violation(condition, where, detail))

    def tolerated(self, condition: Condition, where: str, detail: str) -> None:
        """A fault, and from a lenient source a warning."""
        self.found.append((warning if self.lenient else violation)(condition, where, detail))

    def warn(self, condition: Condition, where: str, detail: str) -> None:
        """A deviation that does no harm."""
        self.found.append(warning(condition, where, detail))

    def has_error_at(self, place: str) -> bool:
        """Whether a fault was found at a place or within it."""
        return any(v.is_error and v.where.startswith(place) for v in self.found)

    def warnings(self) -> tuple[Violation, ...]:
        """The warnings. Raises `Rejected` with everything when there is an error among it."""
        if any(v.is_error for v in self.found):
            raise Rejected(self.found)
        return tuple(self.found)
