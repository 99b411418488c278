"""The auditor's pages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from arr.model import Channel, Received
from atna.message import Indicator, Outcome
from atna.reader import read
from atna.syslog import Sender, encode
from console.audit import wanted_of
from console.store import Role
from tests.support.audit import PATIENT, WHEN, an_event
from tests.support.console import Browser, Desk

AT = int(WHEN.timestamp() * 1000)
OTHER = "99^^^&1.2.3.4.5.1&ISO"


@pytest.fixture
def carla(desk: Desk) -> Browser:
    """An auditor's browser."""
    return desk.signed_in(Role.AUDITOR, "carla")


def record(desk: Desk, *messages: bytes) -> None:
    """Has the repository take these messages from another system."""
    frames = (encode(message, Sender("emr", "app", "1"), WHEN) for message in messages)
    desk.audit.record([Received(frame, Channel.TLS, AT, "10.0.0.9", "CN=emr") for frame in frames])


def found(carla: Browser, **fields: str) -> list[str]:
    """The users in the list after a search."""
    carla.open("/audit")
    answer = carla.send("/audit", **fields)
    if answer.status_code == 302:
        carla.follow(answer)
    return [cell.text for cell in carla.all("//tbody/tr/td[3]/bdi")]


def three_events(desk: Desk) -> None:
    """Of two patients, two days and three users, one of them in vain."""
    record(
        desk,
        an_event(user="dr.a").to_xml(),
        an_event(user="dr.b", when=WHEN + timedelta(days=1)).to_xml(),
        an_event(user="dr.c", patient=OTHER, outcome=Outcome.SERIOUS).to_xml(),
    )


@pytest.mark.parametrize(
    ("fields", "users"),
    [
        ({}, ["dr.b", "dr.c", "dr.a"]),
        ({"patient": PATIENT}, ["dr.b", "dr.a"]),
        ({"patient": " 4711^^^HOSP&1.2.3.4.5.1&ISO "}, ["dr.b", "dr.a"]),
        ({"user": "DR.C"}, ["dr.c"]),
        ({"event": "110101"}, ["dr.b", "dr.c", "dr.a"]),
        ({"event": "iti-43"}, []),
        ({"day": "2026-11-22"}, ["dr.c", "dr.a"]),
        ({"day": "2026-11-22", "until": "2026-11-23"}, ["dr.b", "dr.c", "dr.a"]),
        ({"until": "2026-11-22"}, ["dr.c", "dr.a"]),
        ({"outcome": "failure"}, ["dr.c"]),
        ({"outcome": "0"}, ["dr.b", "dr.a"]),
        ({"outcome": "flawed"}, []),
        ({"text": "security log"}, ["dr.b", "dr.c", "dr.a"]),
        ({"text": "security nothing"}, []),
        ({"object": "urn:log", "user": "dr.b"}, ["dr.b"]),
        ({"source": "mpi-1", "user": "dr.b"}, ["dr.b"]),
        ({"role": "nobody"}, []),
        ({"purpose": "TREATMENT"}, []),
        ({"patient": PATIENT, "day": "2026-11-23"}, ["dr.b"]),
    ],
)
def test_records_are_found_by_what_is_asked(desk: Desk, carla: Browser, fields: dict[str, str], users: list[str]) -> None:
    three_events(desk)

    assert found(carla, **fields) == users


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"day": "22.11.2026"}, "Write the day as 2026-11-22."),
        ({"day": "9999-12-31"}, "Write the day as 2026-11-22."),
        ({"until": "0001-01-01"}, "Write the day as 2026-11-22."),
        ({"day": "2026-11-23", "until": "2026-11-22"}, "The last day is before the first."),
        ({"patient": "4711"}, "Write the identifier with its assigning authority"),
        ({"outcome": "99"}, "Choose one of the list."),
    ],
)
def test_a_search_that_cannot_be_meant_finds_nothing_and_says_what_to_write(
    desk: Desk, carla: Browser, fields: dict[str, str], words: str
) -> None:
    three_events(desk)

    users = found(carla, **fields)

    assert users == []
    assert words in carla.words
    assert [i.get("name") for i in carla.all("//*[@aria-invalid='true']")] == [list(fields)[-1]]


def test_a_search_keeps_what_was_written_and_its_address_keeps_none_of_it(desk: Desk, carla: Browser) -> None:
    carla.open("/audit")

    answer = carla.send("/audit", patient=PATIENT, user="dr.a")
    carla.follow(answer)

    assert "4711" not in answer.headers["Location"]
    assert carla.all("//input[@name='patient']/@value") == [PATIENT]


def test_a_search_that_is_not_kept_any_more_says_so(carla: Browser) -> None:
    assert carla.open("/audit?search=nothing").status_code == 404
    assert "not kept any more" in carla.words


def test_older_records_are_on_the_next_page(desk: Desk, carla: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    three_events(desk)
    monkeypatch.setattr("console.audit.PAGE_SIZE", 2)

    carla.open("/audit")
    first = [cell.text for cell in carla.all("//tbody/tr/td[3]/bdi")]
    carla.open(carla.all("//a[@rel='next']/@href")[0].removeprefix("/console"))
    second = [cell.text for cell in carla.all("//tbody/tr/td[3]/bdi")]

    assert (first, second) == (["dr.b", "dr.c"], ["dr.a"])


@pytest.mark.parametrize("cursor", ["x", "1-", f"{10**30}-1", f"1-{10**30}", "-5-1"])
def test_a_cursor_that_is_none_begins_at_the_newest(desk: Desk, carla: Browser, cursor: str) -> None:
    three_events(desk)

    answer = carla.open("/audit", query_string={"before": cursor})

    assert answer.status_code == 200
    assert len(carla.all("//tbody/tr")) == 3


def test_a_record_shows_who_what_and_the_bytes_as_received(desk: Desk, carla: Browser) -> None:
    message = an_event(user="dr.a", outcome=Outcome.SERIOUS.because("not allowed")).to_xml()
    record(desk, message)

    carla.open("/audit/1")

    assert "serious failure" in carla.words
    for text in ("dr.a", "not allowed", PATIENT, "tls from 10.0.0.9, CN=emr"):
        assert text in carla.words
    assert carla.all("//pre")[-1].text.endswith(message.decode())


def test_what_cannot_be_read_is_shown_as_it_came(desk: Desk, carla: Browser) -> None:
    desk.audit.record([Received(b"<13>1 not an audit message <script>alert(1)</script>\x00\xff", Channel.UDP, AT)])

    carla.open("/audit")
    line = carla.words
    carla.open("/audit/1")

    assert "unreadable" in line
    assert "<script>alert(1)</script>" in carla.words
    assert carla.all("//script[not(@src)]") == []


def test_an_unreadable_record_is_found_as_flawed(desk: Desk, carla: Browser) -> None:
    record(desk, b"nothing", an_event(user="dr.a").to_xml())
    carla.open("/audit")

    carla.follow(carla.send("/audit", outcome="flawed"))

    assert len(carla.all("//tbody/tr")) == 1
    assert "cannot be read" in carla.words


def test_names_in_a_record_are_text_and_nothing_else(desk: Desk, carla: Browser) -> None:
    record(desk, an_event(user='"><img src=x onerror=alert(1)>', patient="<b>x</b>^^^&1.2.3&ISO").to_xml())

    for path in ("/audit", "/audit/1"):
        carla.open(path)

        assert carla.all("//main//img | //main//b") == []
        assert "<b>x</b>^^^&1.2.3&ISO" in carla.words


def test_a_record_that_never_was_is_told_so(carla: Browser) -> None:
    assert carla.open("/audit/4711").status_code == 404


def test_searching_and_opening_are_recorded_with_the_patient_searched_for(desk: Desk, carla: Browser) -> None:
    three_events(desk)
    desk.forward_audit()
    carla.open("/audit")
    carla.follow(carla.send("/audit", patient=PATIENT))
    carla.open("/audit/1")

    messages = [read(xml) for xml in desk.forward_audit()]

    assert [m.event.code for m in messages] == ["110101"] * 3
    assert {m.participants[0].user_id for m in messages} == {"carla"}
    assert PATIENT in {o.id for o in messages[1].objects}


def test_a_day_is_the_whole_of_it() -> None:
    wanted = wanted_of({"day": "2026-11-22"}).search

    assert (wanted.since, wanted.until) == (datetime(2026, 11, 22, tzinfo=UTC), datetime(2026, 11, 23, tzinfo=UTC))


def test_any_failure_is_every_outcome_but_success() -> None:
    assert set(wanted_of({"outcome": "failure"}).search.outcomes) == set(Indicator) - {Indicator.SUCCESS}
