"""The index trains its model by itself while it is young: each time the number of its records has doubled."""

from __future__ import annotations

from typing import Final

import structlog

from mpi import store
from mpi.importing.linking import BatchLinking
from mpi.index import Index
from mpi.linkage.linking import ENOUGH_TO_TRAIN
from mpi.linkage.model import Model
from mpi.matching import AUTHOR
from mpi.models import Models

GROWTH: Final = 2
"""A model is as good as the number of records per person it has seen; that grows with the index."""

log = structlog.get_logger("mpi.learning")


class Learning:
    """Trains in a worker; what it trains is in force at once, and `hie mpi model use` takes it back for good."""

    def __init__(self, index: Index, models: Models, batch: BatchLinking) -> None:
        self._index = index
        self._models = models
        self._batch = batch

    def learn(self) -> Model | None:
        """Trains where it is time; gives the new model. Where a person chose a model, that one stays."""
        most = self._index.matching.learn_records
        seen = self._seen()
        if seen is None or seen >= most:
            return None
        with self._index.database.read() as connection:
            records = store.record_count(connection)
        if records < max(ENOUGH_TO_TRAIN, GROWTH * seen):
            return None
        if records > most:
            log.info("too many records to learn from unasked; `hie mpi train` does", records=records)
            return None
        model = self._batch.train(AUTHOR)
        log.info("model learned", version=model.version, records=model.population)
        return model

    def _seen(self) -> int | None:
        """How many records the model in force was trained on; None when a person chose it: trained it, or went back to it."""
        newest, *_ = versions = self._models.versions()
        if not newest.is_in_force or newest.author not in ("", AUTHOR):
            return None
        return newest.records if len(versions) > 1 else 0
