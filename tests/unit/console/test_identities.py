"""The administrator's pages: the queue, a pair, a decision and its taking back."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from atna.reader import read
from atna.vocabulary import Action
from console.store import Role
from kernel.demographics import Address, Demographics, HumanName
from kernel.times import Dtm
from mpi.model import Review, ReviewState
from mpi.stewardship import Verdict
from tests.support.audit import a_subject
from tests.support.clocks import TickingClock
from tests.support.console import Browser, Desk
from tests.support.patients import CLINIC, LAB, LENA, OTTO, an_id, an_update
from tests.support.reviews import doubt

REVIEWS = "/identities/reviews"
DECISIONS = "/identities/decisions"
BRUNO = a_subject(source="console", user="bruno")
BERTA = Demographics(
    names=(HumanName("Quist", ("Berta",)),),
    sex="F",
    birth=Dtm("19330724"),
    addresses=(Address(("3 Quay",), "Lakemouth", postcode="4131"),),
)
HOSTILE = replace(LENA, names=(HumanName("<img src=x onerror=alert(1)>", ('"><script>alert(1)</script>', "\u202eanna")),))


@pytest.fixture
def anna(desk: Desk) -> Browser:
    """An administrator's browser."""
    return desk.signed_in(Role.ADMINISTRATOR)


def state_of(desk: Desk, review: Review) -> ReviewState:
    """Where a review stands."""
    return desk.index.viewing.review(review.id, BRUNO).review.state


def decided(anna: Browser, review: Review, verdict: str = "same", **fields: str) -> Browser:
    """Opens a pair and answers; the page that follows."""
    anna.open(f"{REVIEWS}/{review.id}")
    anna.follow(anna.send(f"{REVIEWS}/{review.id}/decide", verdict=verdict, **fields))
    return anna


def the_act(anna: Browser) -> str:
    """Where the latest decision is."""
    anna.open(DECISIONS)
    address: str = anna.all("//tbody//th/a/@href")[0]
    return address.removeprefix("/console")


# --- the queue -------------------------------------------------------------------------------------------------------------


def test_an_empty_queue_says_so(anna: Browser) -> None:
    anna.open(REVIEWS)

    assert "No pair waits." in anna.words


def test_the_queue_shows_both_names_with_identifiers_in_full(desk: Desk, anna: Browser) -> None:
    doubt(desk.index)

    anna.open(REVIEWS)

    assert "1 pair waits" in anna.words
    for text in ("Rivera, Lena Maria JR", "B1 CLINIC_B 2.999.1.2", "Rivera, Lena Maria SR", "A1 HOSP_A 2.999.1.1", "1984-03-17"):
        assert text in anna.words


def test_the_queue_gives_reason_band_weight_and_probability(desk: Desk, anna: Browser) -> None:
    review = doubt(desk.index)

    anna.open(REVIEWS)

    assert "Same person? One is the junior or senior of the other." in anna.words
    assert re.search(rf"strong weight \+{review.weight:.1f}, over 99\.9 %", anna.words)


def test_the_queue_tells_how_long_a_pair_waits_and_who_has_it_in_hand(desk: Desk, anna: Browser, clock: TickingClock) -> None:
    review = doubt(desk.index)
    clock.present += timedelta(hours=3)
    anna = desk.signed_in(Role.ADMINISTRATOR)
    desk.index.stewardship.lease(review.id, BRUNO)

    anna.open(REVIEWS)

    assert "3 hours bruno" in anna.words


def test_the_queue_comes_page_by_page_without_a_gap(desk: Desk, anna: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, demographics in enumerate((LENA, OTTO, BERTA), 1):
        doubt(desk.index, number, demographics)
    monkeypatch.setattr("console.identities.PAGE_SIZE", 2)

    anna.open(REVIEWS)
    first = anna.all("//tbody//th/a/@href")
    anna.open(anna.all("//a[@rel='next']/@href")[0].removeprefix("/console"))
    second = anna.all("//tbody//th/a/@href")

    assert (len(first), len(second), len({*first, *second})) == (2, 1, 3)
    assert anna.all("//a[@rel='next']") == []


@pytest.mark.parametrize("cursor", ["", "x", "1.0_", "_5", "1.0_x", "nan_1", "1e999_99999999999999999999", "--"])
def test_a_cursor_that_is_none_breaks_nothing(anna: Browser, cursor: str) -> None:
    assert anna.open(REVIEWS, query_string={"after": cursor}).status_code == 200


def test_whoever_sees_the_queue_leaves_a_record_that_names_the_patients(desk: Desk, anna: Browser) -> None:
    doubt(desk.index)
    desk.forward_audit()

    anna.open(REVIEWS)

    (message,) = map(read, desk.forward_audit())
    assert message.types[0].code == "view"
    assert message.participants[0].user_id == "anna"
    assert len(message.objects) == 2


# --- a pair ----------------------------------------------------------------------------------------------------------------


def test_a_pair_shows_what_differs_by_mark_and_sign(desk: Desk, anna: Browser) -> None:
    review = doubt(desk.index)

    anna.open(f"{REVIEWS}/{review.id}")

    (suffix,) = anna.all("//table[@class='compare']//tr[th='Suffix']")
    assert ["".join(cell.itertext()) for cell in suffix.findall("td")[:2]] == ["JR", "SR"]
    assert [mark.text for mark in suffix.iter("mark")] == ["JR", "SR"]
    assert "≠ junior and senior differ" in " ".join("".join(suffix.itertext()).split())


def test_the_weights_of_the_table_add_up_to_the_total(desk: Desk, anna: Browser) -> None:
    review = doubt(desk.index)

    anna.open(f"{REVIEWS}/{review.id}")

    (table,) = anna.all("//table[caption[contains(., 'The same as a table')]]")
    last = table.xpath("tbody/tr[last()]/td[last()]")[0].text
    (drawn,) = anna.all("//*[local-name()='svg']/*[local-name()='title']")
    assert last == f"+{review.weight:.1f}"
    assert last in drawn.text


def test_a_pair_tells_who_will_answer_together(desk: Desk, anna: Browser) -> None:
    review = doubt(desk.index)

    anna.open(f"{REVIEWS}/{review.id}")

    kept, lost = (desk.index.affinity_id(an_id(*i)).id for i in (("A1",), ("B1", CLINIC)))
    assert "B1 (CLINIC_B) and A1 (HOSP_A) will answer together" in anna.words
    assert f"both go by {kept}. {lost} stays known" in anna.words


def test_what_a_record_says_is_text_and_nothing_else(desk: Desk, anna: Browser) -> None:
    review = doubt(desk.index, 1, HOSTILE)

    for path in (REVIEWS, f"{REVIEWS}/{review.id}"):
        anna.open(path)

        assert anna.all("//script[not(@src)] | //main//img") == []
        assert "<img src=x onerror=alert(1)>" in anna.words
        assert "[U+202E]anna" in anna.words


def test_a_pair_that_never_was_is_told_so(anna: Browser) -> None:
    assert anna.open(f"{REVIEWS}/4711").status_code == 404
    assert "no such review" in anna.words


def test_opening_a_pair_takes_it_in_hand_and_others_only_look(desk: Desk, anna: Browser) -> None:
    review = doubt(desk.index)
    bruno = desk.signed_in(Role.ADMINISTRATOR, "bruno")

    anna.open(f"{REVIEWS}/{review.id}")
    bruno.open(f"{REVIEWS}/{review.id}")
    answer = bruno.send(f"{REVIEWS}/{review.id}/decide", verdict="same")
    bruno.follow(answer)

    assert "anna has this pair in hand until" in bruno.words
    assert "Your answer was not taken." in bruno.words
    assert bruno.all("//button[@name='verdict']") == []
    assert state_of(desk, review) is ReviewState.OPEN


def test_a_pair_is_free_again_when_its_time_is_over(desk: Desk, anna: Browser, clock: TickingClock) -> None:
    review = doubt(desk.index)
    anna.open(f"{REVIEWS}/{review.id}")
    clock.present += timedelta(seconds=901)
    bruno = desk.signed_in(Role.ADMINISTRATOR, "bruno")

    bruno.open(f"{REVIEWS}/{review.id}")

    assert len(bruno.all("//button[@name='verdict']")) == 2


def test_signing_out_gives_every_pair_back(desk: Desk, anna: Browser) -> None:
    one, other = doubt(desk.index, 1), doubt(desk.index, 2, OTTO)
    anna.open(f"{REVIEWS}/{one.id}")
    anna.open(f"{REVIEWS}/{other.id}")

    anna.send("/sign-out")

    assert desk.index.stewardship.lease(one.id, BRUNO)
    assert desk.index.stewardship.lease(other.id, BRUNO)


def test_leaving_a_pair_gives_it_back_and_goes_on_to_the_next(desk: Desk, anna: Browser) -> None:
    one, other = doubt(desk.index, 1), doubt(desk.index, 2, OTTO)
    anna.open(f"{REVIEWS}/{one.id}")

    answer = anna.send(f"{REVIEWS}/{one.id}/skip")

    assert answer.headers["Location"] == f"/console{REVIEWS}/{other.id}"
    assert desk.index.stewardship.lease(one.id, BRUNO)


def test_the_next_pair_is_the_heaviest_that_nobody_has_in_hand(desk: Desk, anna: Browser) -> None:
    one, other = doubt(desk.index, 1), doubt(desk.index, 2, OTTO)
    heavy, light = sorted((one, other), key=lambda review: -review.weight)
    desk.index.stewardship.lease(heavy.id, BRUNO)

    assert anna.open(f"{REVIEWS}/next").headers["Location"] == f"/console{REVIEWS}/{light.id}"


def test_where_nothing_is_next_the_queue_is(anna: Browser) -> None:
    assert anna.open(f"{REVIEWS}/next").headers["Location"] == f"/console{REVIEWS}"


def test_persons_of_several_records_stand_as_columns_under_their_heads(desk: Desk, anna: Browser) -> None:
    review = doubt(desk.index)
    desk.index.feed(an_update(an_id("L1", LAB), demographics=OTTO))
    lab, clinic = (desk.index.record(i).id for i in (an_id("L1", LAB), an_id("B1", CLINIC)))
    desk.index.stewardship.link(clinic, lab, BRUNO)

    anna.open(f"{REVIEWS}/{review.id}")

    heads = anna.all("//table[@class='compare']/thead/tr[1]/th/@colspan")
    columns = anna.all("//table[@class='compare']/thead/tr[2]/th")
    assert list(heads) == ["2", "1"]
    assert ["".join(th.itertext()).split()[:2] for th in columns[1:4]] == [["B1", "CLINIC_B"], ["L1", "LAB"], ["A1", "HOSP_A"]]
    assert "B1 (CLINIC_B), L1 (LAB) and A1 (HOSP_A) will answer together" in anna.words


def test_a_record_that_lost_its_likeness_is_asked_about_against_the_rest_of_its_person(desk: Desk, anna: Browser) -> None:
    desk.index.feed(an_update(an_id("A1")))
    desk.index.work()
    desk.index.feed(an_update(an_id("B1", CLINIC)))
    desk.index.work()
    desk.index.feed(an_update(an_id("B1", CLINIC), demographics=BERTA), action=Action.UPDATE)
    desk.index.work()
    (summary,) = desk.index.viewing.reviews()

    decided(anna, summary.review, "different")
    anna.open(f"{REVIEWS}/{summary.review.id}")

    assert "Still the same?" in anna.words
    assert desk.index.local_ids(an_id("A1")) == []


def test_a_merge_against_a_decision_says_that_the_decision_comes_first(desk: Desk, anna: Browser) -> None:
    desk.index.feed(an_update(an_id("A1")))
    desk.index.feed(an_update(an_id("A2"), demographics=OTTO))
    one, other = (desk.index.record(an_id(i)).id for i in ("A1", "A2"))
    desk.index.stewardship.link(one, other, BRUNO)
    desk.index.stewardship.unlink(other, BRUNO)
    desk.index.merge(an_id("A1"), an_id("A2"))
    (summary,) = desk.index.viewing.reviews()

    decided(anna, summary.review)

    assert "Merge against a decision" in anna.words
    assert "An earlier decision keeps records of these persons apart; take it back first." in anna.words
    assert anna.all("//*[local-name()='svg']") == []


# --- deciding --------------------------------------------------------------------------------------------------------------


def test_the_same_joins_the_two_and_goes_on_to_the_next_pair(desk: Desk, anna: Browser) -> None:
    one, other = doubt(desk.index, 1), doubt(desk.index, 2, OTTO)
    anna.open(f"{REVIEWS}/{one.id}")

    answer = anna.send(f"{REVIEWS}/{one.id}/decide", verdict="same", comment="same passport")
    anna.follow(answer)

    assert answer.headers["Location"] == f"/console{REVIEWS}/{other.id}"
    assert "Decided: the same person." in anna.words
    assert desk.index.local_ids(an_id("A1")) == [an_id("B1", CLINIC)]


def test_not_the_same_keeps_the_two_apart(desk: Desk, anna: Browser) -> None:
    review = doubt(desk.index)

    decided(anna, review, "different")

    assert state_of(desk, review) is ReviewState.DIFFERENT
    assert desk.index.local_ids(an_id("A1")) == []


def test_an_answer_that_is_none_changes_nothing(desk: Desk, anna: Browser) -> None:
    review = doubt(desk.index)
    anna.open(f"{REVIEWS}/{review.id}")

    answer = anna.send(f"{REVIEWS}/{review.id}/decide", verdict="perhaps")

    assert answer.status_code == 400
    assert state_of(desk, review) is ReviewState.OPEN


def test_a_pair_that_somebody_else_decided_meanwhile_says_what_was_decided(desk: Desk, anna: Browser, clock: TickingClock) -> None:
    review = doubt(desk.index)
    anna.open(f"{REVIEWS}/{review.id}")
    desk.index.stewardship.give_back(review.id, a_subject(user="anna"))
    desk.index.stewardship.resolve_review(review.id, Verdict.DIFFERENT, BRUNO, "twins")

    anna.follow(anna.send(f"{REVIEWS}/{review.id}/decide", verdict="same"))

    assert "Your answer was not taken. This review was settled before." in anna.words
    assert "This pair is settled: not the same person , by bruno" in anna.words
    assert "“ twins ”" in anna.words
    assert desk.index.local_ids(an_id("A1")) == []


def test_a_decision_is_taken_back_from_the_notice_at_once(desk: Desk, anna: Browser) -> None:
    review = doubt(desk.index)
    decided(anna, review)
    (target,) = anna.all("//form[button/@data-key='u']/@action")

    anna.follow(anna.send(target.removeprefix("/console")))

    assert "Taken back: everything is as it was before the decision." in anna.words
    assert state_of(desk, review) is ReviewState.OPEN
    assert desk.index.local_ids(an_id("A1")) == []
    assert len(anna.all("//button[@name='verdict']")) == 2


def test_no_page_of_a_decision_names_a_patient_in_its_address(desk: Desk, anna: Browser) -> None:
    review = doubt(desk.index)
    decided(anna, review)

    addresses = [*anna.all("//@href"), *anna.all("//@action")]

    assert addresses
    assert not any(re.search(r"rivera|lena|1984|A1\b|B1\b|passport", address, re.IGNORECASE) for address in addresses)


# --- decisions -------------------------------------------------------------------------------------------------------------


def test_decisions_tell_who_decided_what_about_whom_and_why(desk: Desk, anna: Browser) -> None:
    decided(anna, doubt(desk.index), comment="same <b>passport</b>")

    anna.open(DECISIONS)

    for text in ("Review decided: the same person", "Rivera, Lena Maria JR", "B1 CLINIC_B", "anna", "same <b>passport</b>"):
        assert text in anna.words


def test_a_decision_is_taken_back_with_a_reason_and_both_are_told(desk: Desk, anna: Browser) -> None:
    decided(anna, doubt(desk.index))
    act = the_act(anna)
    anna.open(act)

    anna.send(f"{act}/take-back", comment="it was her sister")
    anna.open(DECISIONS)

    rows = [" ".join("".join(row.itertext()).split()) for row in anna.all("//tbody/tr")]
    assert rows[0].startswith("Taken back")
    assert "it was her sister" in rows[0]
    assert "taken back" in rows[1]


def test_what_was_taken_back_cannot_be_taken_back_again_and_says_why(desk: Desk, anna: Browser) -> None:
    decided(anna, doubt(desk.index))
    act = the_act(anna)
    anna.open(act)
    anna.send(f"{act}/take-back", comment="once")

    answer = anna.send(f"{act}/take-back", comment="twice")

    assert answer.status_code == 409
    assert "This cannot be taken back now." in anna.words
    assert "This act was taken back by" in anna.words


def test_a_decision_that_others_build_on_names_and_leads_to_them(desk: Desk, anna: Browser) -> None:
    review = doubt(desk.index)
    decided(anna, review)
    first = the_act(anna)
    desk.index.feed(an_update(an_id("L1", LAB), demographics=OTTO))
    records = [desk.index.record(i).id for i in (an_id("A1"), an_id("B1", CLINIC), an_id("L1", LAB))]
    unlink = desk.index.stewardship.unlink(records[1], BRUNO)
    anna.open(first)

    answer = anna.send(f"{first}/take-back", comment="no")

    assert answer.status_code == 409
    assert "A later decision : This later act builds on it; take it back first." in anna.words
    assert f"/console{DECISIONS}/{unlink}" in anna.all("//main//div[@role='alert']//a/@href")


def test_links_of_matching_stand_apart_and_can_be_taken_back_too(desk: Desk, anna: Browser) -> None:
    desk.index.feed(an_update(an_id("A1")))
    desk.index.work()
    desk.index.feed(an_update(an_id("B1", CLINIC)))
    desk.index.work()
    anna.open(DECISIONS)
    people = anna.words
    anna.open(f"{DECISIONS}?by=matching")
    act = anna.all("//tbody//th/a/@href")[0].removeprefix("/console")

    anna.open(act)
    anna.send(f"{act}/take-back", comment="two sisters")

    assert "Nothing was decided yet." in people
    assert "What matching had joined is kept apart from then on." in anna.words
    assert desk.index.local_ids(an_id("A1")) == []


def test_decisions_come_page_by_page(desk: Desk, anna: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.identities.PAGE_SIZE", 1)
    decided(anna, doubt(desk.index, 1))
    decided(anna, doubt(desk.index, 2, OTTO))

    anna.open(DECISIONS)
    first = anna.all("//tbody//th/a/@href")
    anna.open(anna.all("//a[@rel='next']/@href")[0].removeprefix("/console"))
    second = anna.all("//tbody//th/a/@href")

    assert len({*first, *second}) == 2


@pytest.mark.parametrize("query", [{"by": "nobody"}, {"before": "x"}, {"before": "9" * 40}, {"before": "-1"}])
def test_an_address_of_decisions_that_is_bent_breaks_nothing(anna: Browser, query: dict[str, str]) -> None:
    assert anna.open(DECISIONS, query_string=query).status_code == 200


def test_a_decision_that_never_was_is_told_so(anna: Browser) -> None:
    statuses = [anna.open(f"{DECISIONS}/4711").status_code, anna.send(f"{DECISIONS}/4711/take-back").status_code]

    assert statuses == [404, 404]
