"""SQLite databases that hold the tables of some packages, made once and copied: the statements take longer than most tests."""

from __future__ import annotations

import shutil
from pathlib import Path

import sqlalchemy as sa


class SqliteFiles:
    """The files, one for each set of packages."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: dict[tuple[sa.MetaData, ...], Path] = {}

    def copy(self, file: Path, parts: tuple[sa.MetaData, ...]) -> None:
        """A file with these tables."""
        if parts not in self._made:
            template = self._folder / f"{len(self._made)}.db"
            engine = sa.create_engine(f"sqlite:///{template}")
            for part in parts:
                part.create_all(engine)
            engine.dispose()
            self._made[parts] = template
        shutil.copyfile(self._made[parts], file)
