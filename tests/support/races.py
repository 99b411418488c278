"""Acts at one moment, and the question whether some order of them, one after the other, explains every answer."""

from __future__ import annotations

import copy
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import permutations
from typing import Generic, TypeVar

HISTORIES = int(os.environ.get("HIE_TEST_RACES", "8"))
"""Histories of each kind of race in a run; 1,000 of each were run by hand."""
PATIENCE = 60.0
"""Seconds within which everybody has an answer."""

M = TypeVar("M")


@dataclass(frozen=True)
class Act(Generic[M]):
    """`do` does it and gives its answer; `expected` does it to a model and gives the answer that the model has for it."""

    do: Callable[[], object]
    expected: Callable[[M], object]


class AtOnce:
    """Threads that begin at one moment."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool

    def __call__(self, *acts: Callable[[], object]) -> list[object]:
        """The answers, in the order of the acts. What an act raises is raised."""
        together = threading.Barrier(len(acts))

        def run(act: Callable[[], object]) -> object:
            together.wait(PATIENCE)
            return act()

        return [done.result(PATIENCE) for done in [self._pool.submit(run, act) for act in acts]]


@contextmanager
def threads(count: int) -> Iterator[AtOnce]:
    """So many threads, for as many histories as one likes."""
    with ThreadPoolExecutor(count) as pool:
        yield AtOnce(pool)


def explained(model: M, acts: Sequence[Act[M]], answers: Sequence[object]) -> Iterator[M]:
    """What the model is after each order of the acts in which it would have given these answers."""
    for order in permutations(range(len(acts))):
        tried = copy.deepcopy(model)
        if all(acts[n].expected(tried) == answers[n] for n in order):
            yield tried
