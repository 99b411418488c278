"""Each process of the service on a processor of its own, where it has the machine to itself.

A Python process computes in one thread at a time. When its threads are spread over the processors, each handing over of the
interpreter wakes another processor, whose caches know nothing of the work. Decision 25 says what that costs.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress

import structlog

log = structlog.get_logger("serve")


def allowed() -> Sequence[int]:
    """The processors that this process may use; none where the system does not tell."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else ()


def stay(processors: Sequence[int], number: int, pid: int = 0) -> None:
    """Keeps process `pid`, or this one, on the processor with this number, counted over again beyond the last: every thread that it
    has, and those that they start. Where the system does not let it, that is logged."""
    if not processors:
        return
    processor = processors[number % len(processors)]
    try:
        for thread in os.listdir(f"/proc/{pid or os.getpid()}/task"):
            with suppress(ProcessLookupError):  # it has ended meanwhile
                os.sched_setaffinity(int(thread), {processor})
    except OSError as problem:
        log.warning("a process is not kept on a processor", processor=processor, problem=problem.strerror or "")
