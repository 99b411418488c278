"""app.cli.identities"""

from __future__ import annotations

from pathlib import Path

import pytest

from kernel.xml import parse_xml
from mpi import notice_store
from tests.support import messages as m
from tests.support.stores import Store

A, B = "HOSP_A&2.999.1.1&ISO", "HOSP_B&2.999.1.2&ISO"
ONE, OTHER = f"A-1^^^{A}", f"B-1^^^{B}"


@pytest.fixture
def two(store: Store) -> Store:
    """Two people of two hospitals who have little in common."""
    answers = store.feed(
        m.adt("A-1", authority=A, sender="ADT|A"),
        m.adt("B-1", authority=B, sender="ADT|B", name="Okafor^Daniel", birth="19580312", sex="M", address="4 Quarry^^Lake"),
    )
    assert all("MSA|AA|" in answer for answer in answers)
    return store


def identifiers(store: Store, local: str) -> str:
    """The answer to a PIX query for every identifier of the person."""
    return store.feed(m.pix_query(local.partition("^")[0], authority=local.split("^^^")[1], wanted=""))[0]


def test_why_two_records_match_or_not_is_told_field_by_field(two: Store) -> None:
    table = two.hie("mpi", "match", ONE, OTHER)
    rows = two.hie("mpi", "match", ONE, OTHER, "--json")

    assert table.code == 0
    assert "match weight" in table.out
    assert "decision" in table.out
    assert {"field", "level", "weight", "frequency"} == set(rows.json[0])


def test_the_weights_are_drawn_into_a_file_that_names_nobody(two: Store, tmp_path: Path) -> None:
    drawing = tmp_path / "match.svg"

    asked = two.hie("mpi", "match", ONE, OTHER, "--svg", str(drawing))

    text = drawing.read_text(encoding="utf-8")
    assert asked.code == 0
    assert parse_xml(text.encode()).tag.endswith("svg")
    assert "Match weight" in text
    assert "Okafor" not in text


def test_two_records_are_linked_and_taken_apart_again(two: Store) -> None:
    linked = two.hie("mpi", "link", ONE, OTHER, "--comment", "one person")
    together = identifiers(two, ONE)
    unlinked = two.hie("mpi", "unlink", OTHER)
    apart = identifiers(two, ONE)

    assert (linked.code, unlinked.code) == (0, 0)
    assert "B-1" in together
    assert "B-1" not in apart


def test_an_act_is_taken_back_by_its_number(two: Store) -> None:
    linked = two.hie("mpi", "link", ONE, OTHER)
    number = linked.out.split("act ")[1].partition(";")[0]

    undone = two.hie("mpi", "undo", number, "--comment", "a mistake")
    acts = two.hie("mpi", "acts", "--json")

    assert undone.code == 0
    assert "B-1" not in identifiers(two, ONE)
    taken_back = next(row for row in acts.json if str(row["act"]) == number)
    assert taken_back["taken back by"] == acts.json[0]["act"]


def test_acts_tell_who_did_what_and_why(two: Store) -> None:
    two.hie("mpi", "link", ONE, OTHER, "--comment", "told by the clerk")

    latest = two.hie("mpi", "acts", "--limit", "1", "--json").json[0]

    assert latest["comment"] == "told by the clerk"
    assert latest["author"]
    assert latest["kind"] == "link"


def test_two_identifiers_of_one_authority_are_merged(store: Store) -> None:
    store.feed(m.adt("A-1"), m.adt("A-2", name="Rivera^L", birth="19840318"))

    merged = store.hie("mpi", "merge", f"A-1^^^{A}", f"A-2^^^{A}")

    assert merged.code == 0
    assert "A-2" not in identifiers(store, f"A-1^^^{A}").partition("PID|")[2]


@pytest.mark.parametrize(
    "arguments",
    [("match", ONE, f"NOBODY^^^{A}"), ("link", ONE, f"NOBODY^^^{A}"), ("unlink", f"NOBODY^^^{A}"), ("undo", "4711")],
)
def test_what_is_not_there_fails_in_a_sentence(two: Store, arguments: tuple[str, ...]) -> None:
    done = two.hie("mpi", *arguments)

    assert done.code == 1
    assert done.err.startswith("error: ")


def test_an_identifier_that_is_none_is_told(two: Store) -> None:
    done = two.hie("mpi", "unlink", "nonsense")

    assert done.code in (1, 2)
    assert "Traceback" not in done.err


def test_what_waits_for_a_consumer_is_shown_tried_again_and_given_up(store: Store) -> None:
    listed = '[{application = "PORTAL", facility = "CITY", notify = "mllp://127.0.0.1:1"}]'
    domain = {"HIE_AFFINITY__CONSUMERS": listed}
    with store.house() as house, house.database.begin() as work:
        notice_store.put(work.connection, "CITY|PORTAL", 1, ((1, "A-1"), (2, "B-1")), "n1", work.now)

    queues = store.hie("mpi", "notices", "--json", **domain)
    waiting = store.hie("mpi", "notices", "--consumer", "CITY|PORTAL", "--json", **domain)
    number = str(waiting.json[0]["notice"])
    answers = [store.hie("mpi", "notices", option, number, **domain) for option in ("--retry", "--drop", "--drop")]

    assert [(q["consumer"], q["waiting"], q["refused"]) for q in queues.json] == [("CITY|PORTAL", 1, 0)]
    assert [(n["state"], n["identifiers"]) for n in waiting.json] == [("waiting", 2)]
    assert [a.code for a in answers[:2]] == [0, 0]
    assert answers[2].code != 0
