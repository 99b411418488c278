"""Elements that know where they stand, as an XPath from the message's root, for the location of an error."""

from __future__ import annotations

from dataclasses import dataclass

from hl7v3.elements import child, children, local_name
from kernel.errors import Condition, rejected
from kernel.xml import Element

REPETITION_LIMIT = 1_000


@dataclass(frozen=True, slots=True)
class Node:
    """An element and its path, `/PRPA_IN201309UV02/controlActProcess/.../dataSource[2]/value`."""

    element: Element
    path: str

    def each(self, name: str) -> tuple[Node, ...]:
        """The children of that name, numbered where there are several. Raises `Rejected` over the limit."""
        found = children(self.element, name)
        if len(found) > REPETITION_LIMIT:
            raise rejected(Condition.TOO_LARGE, f"{self.path}/{name}", f"more than {REPETITION_LIMIT} repetitions")
        if len(found) == 1:
            return (Node(found[0], f"{self.path}/{name}"),)
        return tuple(Node(e, f"{self.path}/{name}[{n}]") for n, e in enumerate(found, 1))

    def one(self, *path: str) -> Node | None:
        """The first element down a path of names."""
        found = child(self.element, *path)
        return None if found is None else Node(found, "/".join((self.path, *path)))

    def at(self, attribute: str) -> str:
        """The path of an attribute."""
        return f"{self.path}/@{attribute}"


def root_of(body: Element) -> Node:
    """The message."""
    return Node(body, f"/{local_name(body)}")
