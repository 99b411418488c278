"""The models of record linkage that the index has, and the one that is in force. A change reaches every process within seconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection

from kernel.database import Database, Work, insert_into
from kernel.errors import Condition, rejected
from mpi.linkage.model import Model
from mpi.linkage.shipped import shipped_model
from mpi.tables import MODEL, MODEL_IN_FORCE

REFRESH_SECONDS: Final = 5.0
"""For so long a process may go by the model before."""

log = structlog.get_logger("mpi.models")


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """A model as a list shows it; `created_at` is milliseconds since 1970, `records` how many it was trained on."""

    version: str
    created_at: int
    author: str
    records: int
    is_in_force: bool


class Models:
    """Keeps models and says which one is in force: the shipped one until another is put in its place."""

    def __init__(self, database: Database, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._monotonic = monotonic
        self._model = shipped_model()
        self._looked_at = -REFRESH_SECONDS

    def in_force(self) -> Model:
        """The model matching goes by: the same object until it changes."""
        now = self._monotonic()
        if now - self._looked_at >= REFRESH_SECONDS:
            with self._database.read() as connection:
                version = _version_in_force(connection)
                if version != self._model.version:
                    self._model = _read(connection, version)
                    log.info("model in force", version=version)
            self._looked_at = now
        return self._model

    def model(self, version: str) -> Model:
        """A model by its version. Raises `Rejected` when there is none."""
        with self._database.read() as connection:
            return _read(connection, version)

    def versions(self) -> tuple[ModelVersion, ...]:
        """Every model, the newest first and the shipped one last."""
        statement = sa.select(MODEL.c.version, MODEL.c.created_at, MODEL.c.author, MODEL.c.records)
        with self._database.read() as connection:
            rows = connection.execute(statement.order_by(MODEL.c.created_at.desc(), MODEL.c.version)).all()
            current = _version_in_force(connection)
        shipped = shipped_model()
        found = [ModelVersion(*row, is_in_force=row.version == current) for row in rows]
        return (*found, ModelVersion(shipped.version, 0, "", 0, shipped.version == current))

    def keep(self, work: Work, model: Model, author: str) -> None:
        """Adds a model to those the index has. Raises `Rejected` when its version is taken."""
        row = {
            "version": model.version,
            "created_at": work.now,
            "author": author,
            "records": model.population,
            "document": model.to_json(),
        }
        statement = insert_into(work.connection, MODEL).values(row).on_conflict_do_nothing().returning(MODEL.c.version)
        if model.version == shipped_model().version or work.connection.execute(statement).first() is None:
            raise rejected(Condition.IDENTIFIER_DUPLICATE, "model", f"there is a model {model.version} already")

    def use(self, work: Work, version: str) -> str:
        """Puts a model in force; gives the version of the one before. Raises `Rejected` when there is no such model."""
        before = _version_in_force(work.connection)
        _read(work.connection, version)
        work.connection.execute(MODEL_IN_FORCE.delete())
        if version != shipped_model().version:
            work.connection.execute(MODEL_IN_FORCE.insert().values(only=1, version=version))
        self._looked_at = self._monotonic() - REFRESH_SECONDS
        return before


def version_name(kind: str, now: int) -> str:
    """A version that tells how and when a model came to be; `now` is milliseconds since 1970."""
    return f"{kind}-{datetime.fromtimestamp(now / 1000, UTC):%Y%m%dT%H%M%S}.{now % 1000:03}"


def _version_in_force(connection: Connection) -> str:
    found = connection.scalar(sa.select(MODEL_IN_FORCE.c.version))
    return shipped_model().version if found is None else found


def _read(connection: Connection, version: str) -> Model:
    if version == shipped_model().version:
        return shipped_model()
    text = connection.scalar(sa.select(MODEL.c.document).where(MODEL.c.version == version))
    if text is None:
        raise rejected(Condition.IDENTIFIER_UNKNOWN, "model", f"there is no model {version}")
    return Model.from_json(text)
