"""The only module that imports celery: binds the jobs to their names, publishes and consumes."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog
from celery import Celery
from celery.platforms import SecurityWarning
from celery.worker import state

log = structlog.get_logger("worker")
Jobs = Mapping[str, Callable[..., None]]

_PUBLISH_RETRY = {"max_retries": 1, "interval_start": 0, "interval_step": 0.1, "interval_max": 0.2}
_POLLING = {"memory": 0.02, "filesystem": 0.02}
"""The polling transports idle for a second unless told otherwise."""
EMBEDDED = "memory://"
_NUDGE = "hie.nudge"


def make_celery(broker_url: str, *, queue: str = "hie") -> Celery:
    """A Celery application whose messages are JSON with ids only, acknowledged after the work."""
    # kombu warns of an address without a host
    app = Celery("hie", broker=f"{EMBEDDED}localhost" if broker_url == EMBEDDED else broker_url)
    scheme = broker_url.partition(":")[0]
    options: dict[str, Any] = {"socket_connect_timeout": 2, "socket_timeout": 10} if scheme.startswith("redis") else {}
    if scheme in _POLLING:
        options["polling_interval"] = _POLLING[scheme]
    if scheme.startswith("redis"):
        options |= {"visibility_timeout": 3600, "unacked_restore_throttle": 1}
    app.conf.update(
        accept_content=["json"],
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options=options,
        broker_heartbeat=10,
        event_queue_expires=60,
        task_acks_late=True,
        task_default_queue=queue,
        task_ignore_result=True,
        task_reject_on_worker_lost=True,
        task_serializer="json",
        worker_enable_remote_control=False,
        worker_hijack_root_logger=False,
        worker_prefetch_multiplier=4,
        worker_redirect_stdouts=False,
        worker_send_task_events=False,
    )
    return app


def publisher(app: Celery) -> Callable[[str, Sequence[object]], None]:
    """Sends a job's name and arguments; gives up after one more try, so that a broker that is away blocks nobody for long."""

    def publish(name: str, arguments: Sequence[object]) -> None:
        app.send_task(name, args=tuple(arguments), retry=True, retry_policy=_PUBLISH_RETRY)

    return publish


def bind(app: Celery, jobs: Jobs) -> None:
    """Gives each job its name."""
    for name, act in jobs.items():
        app.task(act, name=name, bind=False, typing=False, shared=False)  # of this application alone


class EmbeddedWorker:
    """A worker in a thread of this process, one job at a time."""

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._worker: Any = None
        app.task(_nothing, name=_NUDGE, shared=False)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="celery", daemon=True)

    def start(self) -> None:
        """Begins to consume."""
        self._worker = _consumer(self._app)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._worker.start()
        finally:
            self._ended.set()

    def stop(self) -> None:
        """Ends after the job in hand."""
        if self._worker is not None:
            self._worker.should_stop = 0
            state.should_stop = 0  # the flag that the blocking loop looks at
            if self._app.conf.broker_url.startswith(EMBEDDED):
                # an idle loop looks only every two seconds, and waits as long again before it ends
                self._app.send_task(_NUDGE)
                self._app.send_task(_NUDGE)
            self._ended.wait(timeout=15)
            state.should_stop = None


def _nothing() -> None:
    """A job that only wakes the loop."""


def run_worker(app: Celery) -> None:
    """Consumes in this thread until the process is told to stop."""
    _consumer(app).start()


def _consumer(app: Celery) -> Any:
    with warnings.catch_warnings():
        # running as root is dangerous with pickled messages; ours are JSON and hold ids
        warnings.simplefilter("ignore", SecurityWarning)
        return app.Worker(pool="solo", concurrency=1, loglevel="ERROR", quiet=True, without_gossip=True, without_mingle=True)


def is_broker_there(broker_url: str) -> bool:
    """Whether a connection to the broker can be made within two seconds."""
    app = make_celery(broker_url)
    try:
        with app.connection_for_write(connect_timeout=2) as connection:
            connection.ensure_connection(max_retries=1, timeout=2)
    except Exception:  # what the broker's library raises is its own
        return False
    return True
