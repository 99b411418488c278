"""What was changed in the settings since the service last began: nodes, sources, listeners, policies; on the record by name."""

from __future__ import annotations

import getpass
import json
import os
import socket
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

import structlog
from pydantic import BaseModel

from access.subject import Subject
from affinity import store
from app.settings import Settings, masked
from atna.participants import AuditContext
from atna.system_events import settings_changed
from kernel.database import Database, Work
from kernel.peer import Peer

IN_ONE_RECORD: Final = 50
VALUE_LENGTH: Final = 2_000
"""Characters of a value on the record."""
_NAMES: Final = ("name", "namespace", "attribute", "subject")
"""What an item of a list is known by; the first of these that it has."""
Change = tuple[str, str | None, str | None]
"""A setting's name, and its value before and after; None where there was none, or is none any more."""

log = structlog.get_logger("settings")


def tell_changes(database: Database, context: AuditContext, settings: Settings) -> tuple[Change, ...]:
    """Compares with the last start, and puts what is different on the record, with the user who starts the service.

    The first start has nothing to compare with. Raises `Unavailable`.
    """
    present = described(settings)

    def tell(work: Work) -> tuple[Change, ...]:
        before = store.last_settings(work.connection)
        changes = tuple(_changes(before, present)) if before else ()
        if before != present:
            store.keep_settings(work.connection, present)
        when = datetime.fromtimestamp(work.now / 1000, UTC)
        for first in range(0, len(changes), IN_ONE_RECORD):
            part = changes[first : first + IN_ONE_RECORD]
            work.audit(settings_changed(context, _starter(), when=when, changes=part).to_xml())
        return changes

    changes = database.attempt(tell)
    if changes:
        log.info("settings changed since the last start", names=[name for name, _, _ in changes])
    return changes


def described(settings: Settings) -> dict[str, str]:
    """Every setting in force by its name, secrets masked; the items of a list each under a name of its own."""
    return dict(_described(settings, ""))


def _described(section: BaseModel, path: str) -> Iterator[tuple[str, str]]:
    for name in type(section).model_fields:
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            yield from _described(value, f"{path}{name}.")
        elif isinstance(value, tuple) and (not value or isinstance(value[0], BaseModel)):
            yield from _items(value, f"{path}{name}")
        else:
            yield f"{path}{name}", _bounded(masked(str(value)))


def _items(items: tuple[BaseModel, ...], path: str) -> Iterator[tuple[str, str]]:
    seen: dict[str, int] = {}
    for item in items:
        name = _name(item)
        seen[name] = seen.get(name, 0) + 1
        number = f"#{seen[name]}" if seen[name] > 1 else ""
        yield f"{path}[{name}{number}]", _bounded(_text(item))


def _bounded(value: str) -> str:
    """A long value by its beginning, and by what tells it from another with the same."""
    if len(value) <= VALUE_LENGTH:
        return value
    return f"{value[:VALUE_LENGTH]}... sha256:{sha256(value.encode()).hexdigest()}"


def _name(item: BaseModel) -> str:
    application = getattr(item, "application", None)
    if isinstance(application, str):
        return f"{getattr(item, 'facility', '')}|{application}"
    return next((str(getattr(item, name)) for name in _NAMES if getattr(item, name, None)), "")[:200]


def _text(item: BaseModel) -> str:
    values = {name: masked(value) if isinstance(value, str) else value for name, value in item.model_dump(mode="json").items()}
    return json.dumps(values, ensure_ascii=False, sort_keys=True)


def _changes(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Change]:
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            yield name, before.get(name), after.get(name)


def _starter() -> Subject:
    """Whoever starts the service, as the operating system knows her."""
    host = socket.gethostname()
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = f"uid {os.getuid()}"
    return Subject(Peer("127.0.0.1", f"{host}:hie"), source=host, receiver=host, user=user)
