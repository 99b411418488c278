"""Links the index anew in small parts and is killed (-9) at a step: `python -m tests.support.relinking DATA STEP`."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from app.cli.common import settings_of
from app.wiring import House
from mpi.importing.relinking import Relinking, Sizes

SMALL = Sizes(values=40, joins=3, questions=2)


def main(data: Path, step: str) -> None:
    """Begins or goes on, as `hie mpi relink` does."""
    house = House(settings_of(None).settings, data)

    def tell(said: str) -> None:
        if step and said.startswith(step):
            os.kill(os.getpid(), signal.SIGKILL)

    Relinking(house.index, house.models, house.batch, house.relink_parts, sizes=SMALL).relink("ann", tell=tell)
    house.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
