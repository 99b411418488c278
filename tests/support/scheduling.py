"""Which process of a run on several processors is given which tests."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from xdist.scheduler.loadscope import LoadScopeScheduling

EACH_ALONE = ("tests/faults/test_kill.py", "tests/properties/")
"""Files whose tests share nothing and take long: every test may run elsewhere. Those of any other file stay together, for they
share servers that it starts."""


class Scheduler(LoadScopeScheduling):
    """File by file, in the order that the processes found."""

    def __init__(self, config: pytest.Config, log: object) -> None:
        super().__init__(config, log)  # type: ignore[arg-type]  # the hook's own
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        return nodeid if nodeid.startswith(EACH_ALONE) else nodeid.partition("::")[0]


def long_ones_first(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """The tests of files with a slow one, then the others; the order is otherwise as it was."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    return sorted(items, key=lambda item: item.path not in slow)
