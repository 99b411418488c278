"""Logs: one object a line, nothing of a patient."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from kernel.logs import bound, configure_logs

CANARY = "Zeppelin-4711"


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def fail() -> None:
    raise KeyError(CANARY)


def test_a_line_is_one_object_with_time_and_level(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("INFO", "json")

    structlog.get_logger("x").info("it happened", count=3, where="a\nb")

    (line,) = lines(capsys)
    assert (line["event"], line["count"], line["where"], line["level"]) == ("it happened", 3, "a\nb", "info")
    assert str(line["timestamp"]).endswith("Z")


def test_what_is_below_the_level_is_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("WARNING", "json")

    structlog.get_logger("x").info("quiet")

    assert lines(capsys) == []


def test_everything_within_an_exchange_carries_its_id_and_nothing_after(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("INFO", "json")

    with bound(request_id="r1"):
        structlog.get_logger("x").info("inside")
    structlog.get_logger("x").info("outside")

    inside, outside = lines(capsys)
    assert inside["request_id"] == "r1"
    assert "request_id" not in outside


def test_a_traceback_names_places_and_never_what_the_exception_quotes(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("INFO", "json")

    try:
        fail()
    except KeyError:
        structlog.get_logger("x").exception("it broke")

    text = capsys.readouterr().err
    assert CANARY not in text
    line = json.loads(text)
    assert line["exception"] == "KeyError"
    assert line["trace"][-1].endswith(" fail")


@pytest.mark.parametrize(
    "name", ["spyne", "spyne.protocol.xml", "zeep.transports", "celery.app.trace", "sqlalchemy.engine", "urllib3", "any"]
)
@pytest.mark.parametrize("level", [logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR])
def test_the_words_of_libraries_are_never_written(capsys: pytest.CaptureFixture[str], name: str, level: int) -> None:
    configure_logs("DEBUG", "json")

    try:
        fail()
    except KeyError:
        logging.getLogger(name).log(level, "body: %s", CANARY, exc_info=True)

    text = capsys.readouterr().err
    assert CANARY not in text
    assert all(isinstance(json.loads(line), dict) for line in text.splitlines())


def test_that_a_library_has_something_to_say_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("INFO", "json")

    logging.getLogger("kombu").warning("words")

    (line,) = lines(capsys)
    assert (line["logger"], line["level"]) == ("kombu", "warning")


def test_text_for_a_terminal_leaves_out_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("INFO", "text")

    try:
        fail()
    except KeyError:
        structlog.get_logger("x").exception("it broke")

    text = capsys.readouterr().err
    assert "it broke" in text
    assert CANARY not in text
