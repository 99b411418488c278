"""What an auditor looked for, kept under an id of its own: patients' ids stay out of addresses, histories and logs."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from typing import Final

import sqlalchemy as sa

from console.store import METADATA
from kernel.database import Database

SEARCH: Final = sa.Table(
    "console_search",
    METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("person", sa.Text, nullable=False),
    sa.Column("fields", sa.Text, nullable=False),
    sa.Column("made_at", sa.BigInteger, nullable=False),
)
_KEPT_MS: Final = 90 * 24 * 3600 * 1000


class Searches:
    """Searches by id. Auditors may hand one to another: an id opens it for everyone in the role."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, person: str, fields: Mapping[str, str]) -> str:
        """Keeps the fields of a form; the id."""
        name = secrets.token_urlsafe(9)
        with self._database.begin() as work:
            work.connection.execute(sa.delete(SEARCH).where(SEARCH.c.made_at < work.now - _KEPT_MS))
            values = {"id": name, "person": person, "fields": json.dumps(dict(fields)), "made_at": work.now}
            work.connection.execute(SEARCH.insert().values(values))
        return name

    def fields(self, name: str) -> dict[str, str] | None:
        """The fields of a search; None when there is none of that id."""
        with self._database.read() as connection:
            text = connection.execute(sa.select(SEARCH.c.fields).where(SEARCH.c.id == name)).scalar()
        return json.loads(text) if text else None
