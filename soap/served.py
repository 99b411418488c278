"""What is served: doors by their actions, and the check of a body before its door sees it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence

from lxml import etree

from kernel.xml import Element, schema_faults
from soap.exchange import BodySchema, Door, Operation
from soap.faults import sender_fault

Schemas = Callable[[BodySchema], etree.XMLSchema | None]
"""Gives the schema of a body; called twice for each when a `SoapDoor` is built, and best gives a fresh one each time."""

FAULTS_SHOWN = 5
_NAME_LIMIT = 200


class BodyCheck:
    """A compiled schema. lxml keeps the log of a validation on the schema itself, so reports are made one at a time on another."""

    def __init__(self, which: BodySchema, schemas: Schemas) -> None:
        self._schema, self._reporter = (None, None) if which is BodySchema.NONE else (schemas(which), schemas(which))
        self._lock = threading.Lock()

    def judge(self, operation: Operation, body: Element) -> None:
        """Raises `SoapFault` for a body that is not valid, with lines and elements, without values."""
        if self._schema is None or self._reporter is None or self._schema.validate(body):
            return
        with self._lock:
            found = schema_faults(self._reporter, body)
        raise sender_fault(f"the body breaks the schema of {operation.name}: {'; '.join(found[:FAULTS_SHOWN])}")


class Served:
    """A door, and what is prepared for it once."""

    def __init__(self, door: Door, check: BodyCheck) -> None:
        self.door = door
        self.operation = door.operation
        self._roots = frozenset((self.operation.root, *self.operation.other_roots))
        self._check = check

    def require_root(self, body: Element) -> None:
        """Raises `SoapFault` when the body is not one of this operation: what is dispatched is what is acted upon."""
        if body.tag not in self._roots:
            name, own = str(body.tag)[:_NAME_LIMIT], self.operation.root
            raise sender_fault(f"the body {name} does not belong to the action of {self.operation.name}; {own} does")

    def require_valid(self, body: Element) -> None:
        """Raises `SoapFault` when the body breaks its schema."""
        self._check.judge(self.operation, body)


def by_action(doors: Sequence[Door], schemas: Schemas) -> Mapping[str, Served]:
    """Every action and alias with what serves it. Raises `ValueError` when two doors claim one action or one name."""
    checks = {which: BodyCheck(which, schemas) for which in {door.operation.schema for door in doors}}
    found: dict[str, Served] = {}
    names: set[str] = set()
    for served in [Served(door, checks[door.operation.schema]) for door in doors]:
        operation = served.operation
        if operation.name in names:
            raise ValueError(f"two operations are named {operation.name}")
        names.add(operation.name)
        for action in (operation.action, *operation.other_actions):
            if found.setdefault(action, served) is not served:
                raise ValueError(f"two operations serve the action {action}")
    return found
