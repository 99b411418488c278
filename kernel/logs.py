"""Logs: one JSON object a line (or text), with the request's id, without patient data."""

from __future__ import annotations

import json
import logging
import sys
from typing import Final, Literal

import structlog
from structlog.typing import EventDict, WrappedLogger

_SILENCED: Final = {
    "spyne": logging.CRITICAL,  # prints whole request bodies
    "zeep": logging.WARNING,  # prints envelopes at DEBUG
    "urllib3": logging.WARNING,  # prints addresses with their queries
    "celery": logging.WARNING,
    "celery.app.trace": logging.CRITICAL,  # prints tracebacks with the values of SQL statements
    "kombu": logging.WARNING,
    "sqlalchemy": logging.WARNING,  # prints statements with their values
    "werkzeug": logging.ERROR,
}
_TRACE_LIMIT: Final = 30


def _without_values(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """A traceback as places in the code; the messages of foreign exceptions may quote what was sent and are left out."""
    problem = event.pop("exc_info", None)
    if problem is True:
        problem = sys.exc_info()
    if isinstance(problem, BaseException):
        problem = (type(problem), problem, problem.__traceback__)
    if not problem or problem[1] is None:
        return event
    event["exception"] = type(problem[1]).__name__
    places, trace = [], problem[2]
    while trace is not None:
        code = trace.tb_frame.f_code
        places.append(f"{code.co_filename.rpartition('/')[2]}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    event["trace"] = places[-_TRACE_LIMIT:]
    return event


class _OfLibraries(logging.Formatter):
    """What a library logs: who, and the kind and place of an exception. Its own words may quote what was sent."""

    def format(self, record: logging.LogRecord) -> str:
        event = {"event": "a library reports", "logger": record.name, "level": record.levelname.lower()}
        problem = record.exc_info if isinstance(record.exc_info, tuple) and record.exc_info[1] is not None else None
        return json.dumps(_without_values(None, "", {**event, "exc_info": problem}))


def configure_logs(level: str, form: Literal["json", "text"]) -> None:
    """Sets up logging for the process: to standard error, ours and that of the libraries."""
    number = logging.getLevelNamesMapping()[level]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_OfLibraries())
    logging.basicConfig(level=max(number, logging.WARNING), handlers=[handler], force=True)
    for name, least in _SILENCED.items():
        logging.getLogger(name).setLevel(max(least, number))
    last = structlog.processors.JSONRenderer(ensure_ascii=False) if form == "json" else structlog.dev.ConsoleRenderer(colors=False)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _without_values,
            last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


class bound:
    """Everything logged inside carries these values: a request's id, a door's name; never patient data."""

    __slots__ = ("_tokens", "_values")

    def __init__(self, **values: str) -> None:
        self._values = values

    def __enter__(self) -> None:
        """From now on."""
        self._tokens = structlog.contextvars.bind_contextvars(**self._values)

    def __exit__(self, *_: object) -> None:
        """No more."""
        structlog.contextvars.reset_contextvars(**self._tokens)
