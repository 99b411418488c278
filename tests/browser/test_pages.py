"""How the pages behave in a browser: by keys alone, without script, at any size, in the dark."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from console.store import Role
from kernel.demographics import HumanName
from kernel.times import Dtm
from mpi.model import Review
from mpi.stewardship import Verdict
from tests.browser.conftest import Desks
from tests.support.patients import ADMINISTRATOR, LENA
from tests.support.reviews import doubt

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)]
CONTRAST = Path(__file__).with_name("contrast.js").read_text(encoding="utf-8")
_PEOPLE = (
    ("Rivera", "Lena", "19840317"),
    ("Quist", "Berta", "19330724"),
    ("Okafor", "Ngozi", "19790214"),
    ("Ito", "Aiko", "20010911"),
)


def doubts(desks: Desks, count: int) -> list[Review]:
    """Doubtful pairs of so many people."""
    return [
        doubt(desks.desk.index, number, replace(LENA, names=(HumanName(family, (given,)),), birth=Dtm(birth)))
        for number, (family, given, birth) in enumerate(_PEOPLE[:count], 1)
    ]


@contextmanager
def administrator(desks: Desks, **options: object) -> Iterator[Page]:
    """An administrator's browser."""
    with desks.person(desks.link(Role.ADMINISTRATOR), **options) as page:
        yield page


def focused(page: Page) -> str:
    """The name of what has the focus."""
    name: str = page.evaluate("() => (document.activeElement.innerText || document.activeElement.id || '').trim()")
    return name


def press(page: Page, key: str) -> None:
    """Presses a key once the page has something for it, and its script listens."""
    expect(page.locator(f"[data-key={key}]")).to_be_visible()
    expect(page.locator("html[data-keys]")).to_have_count(1)
    page.keyboard.press(key)


def test_pairs_are_cleared_by_one_key_each(desks: Desks) -> None:
    doubts(desks, 4)
    with administrator(desks) as page:
        press(page, "n")
        for key, words in (
            ("s", "the same person"),
            ("d", "not the same person"),
            ("s", "the same person"),
            ("d", "not the same person"),
        ):
            expect(page.get_by_role("button", name="The same person")).to_be_visible()
            page.keyboard.press(key)
            expect(page.get_by_role("status")).to_contain_text(f"Decided: {words}.")

        expect(page.get_by_text("No pair waits.")).to_be_visible()


def test_a_slip_is_taken_back_by_one_key(desks: Desks) -> None:
    doubts(desks, 1)
    with administrator(desks) as page:
        press(page, "n")
        press(page, "d")
        expect(page.get_by_role("status")).to_contain_text("Decided: not the same person.")

        press(page, "u")

        expect(page.get_by_role("status")).to_contain_text("everything is as it was before")
        expect(page.get_by_role("button", name="The same person")).to_be_visible()


def test_a_comment_is_written_without_deciding_and_sent_without_a_mouse(desks: Desks) -> None:
    (review,) = doubts(desks, 1)
    with administrator(desks) as page:
        page.goto(f"/console/identities/reviews/{review.id}")

        press(page, "c")
        page.keyboard.type("seen and decided")
        page.keyboard.press("Escape")
        press(page, "s")

        expect(page.get_by_role("status")).to_contain_text("Decided: the same person.")
    (decided,), _ = desks.desk.index.viewing.decisions(ADMINISTRATOR)
    assert decided.act.comment == "seen and decided"


def test_single_keys_can_be_switched_off_and_stay_off(desks: Desks) -> None:
    (review,) = doubts(desks, 1)
    with administrator(desks) as page:
        page.get_by_label("Single keys work").uncheck()
        page.goto(f"/console/identities/reviews/{review.id}")

        page.keyboard.press("s")

        expect(page.locator("kbd").first).to_be_hidden()
        expect(page.get_by_role("button", name="The same person")).to_be_visible()
        assert page.get_by_role("status").count() == 0


def test_the_whole_way_is_gone_by_tab_and_enter_with_the_focus_always_seen(desks: Desks) -> None:
    (review,) = doubts(desks, 1)
    with administrator(desks) as page:
        page.goto(f"/console/identities/reviews/{review.id}")
        passed: list[str] = []

        while not (passed and passed[-1].startswith("The same person")):
            page.keyboard.press("Tab")
            passed.append(focused(page))
            outline = page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle")
            assert outline != "none", passed[-1]
            assert len(passed) < 30, passed
        page.keyboard.press("Enter")

        assert passed[0] == "Skip to the content"
        expect(page.get_by_role("status")).to_contain_text("Decided: the same person.")


def test_the_first_stop_leads_past_the_head_of_the_page(desks: Desks) -> None:
    with administrator(desks) as page:
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")

        assert "Sign out" not in focused(page)
        assert page.evaluate("() => document.querySelector('header').contains(document.activeElement)") is False


def test_everything_works_without_script(desks: Desks) -> None:
    (review,) = doubts(desks, 1)
    with administrator(desks, java_script_enabled=False) as page:
        page.goto(f"/console/identities/reviews/{review.id}")
        page.get_by_role("button", name="Not the same").click()
        page.get_by_role("button", name="Take back").click()

        assert "everything is as it was before" in page.locator("main").inner_text()
        assert page.get_by_label("Single keys work").is_hidden()


def test_a_button_that_is_pressed_twice_decides_once(desks: Desks) -> None:
    (review,) = doubts(desks, 1)
    with administrator(desks) as page:
        page.goto(f"/console/identities/reviews/{review.id}")

        page.get_by_role("button", name="The same person").dblclick()

        expect(page.get_by_role("status")).to_contain_text("Decided: the same person.")
    decided, _ = desks.desk.index.viewing.decisions(ADMINISTRATOR)
    assert len(decided) == 1


def test_a_script_that_got_into_a_page_does_not_run(desks: Desks) -> None:
    with administrator(desks) as page:
        page.evaluate(
            "() => { const s = document.createElement('script'); s.textContent = 'window.ran = true'; document.body.append(s); }"
        )

        assert page.evaluate("() => window.ran === undefined")
    assert "Content Security Policy" in desks.complaints.pop()


def test_a_link_that_was_used_is_told_so_and_how_to_get_another(desks: Desks) -> None:
    link = desks.link(Role.AUDITOR)
    with desks.person(link) as page:
        page.get_by_role("button", name="Sign out").click()

        page.goto(link)

        expect(page.get_by_role("alert")).to_contain_text("has been used or has expired")
        expect(page.get_by_text("hie console link --role auditor")).to_be_visible()


def all_pages(desks: Desks) -> dict[Role, tuple[str, ...]]:
    """Every kind of page, with something on it."""
    waiting, settled = doubts(desks, 2)
    act = desks.desk.index.stewardship.resolve_review(settled.id, Verdict.SAME, ADMINISTRATOR, "same passport")
    desks.desk.forward_audit()
    return {
        Role.ADMINISTRATOR: (
            "/console/sign-in",
            "/console/identities/reviews",
            f"/console/identities/reviews/{waiting.id}",
            f"/console/identities/reviews/{settled.id}",
            "/console/identities/decisions",
            f"/console/identities/decisions/{act}",
        ),
        Role.AUDITOR: ("/console/audit", "/console/audit/1", "/console/audit/reports"),
    }


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_its_ground(desks: Desks, scheme: str) -> None:
    faint: list[object] = []

    for role, addresses in all_pages(desks).items():
        with desks.person(desks.link(role), color_scheme=scheme) as page:
            for address in addresses:
                page.goto(address)
                faint += page.evaluate(CONTRAST)

    assert faint == []


def test_nothing_but_tables_and_charts_has_to_be_moved_sideways_at_four_times_the_size(desks: Desks) -> None:
    wide: list[str] = []

    for role, addresses in all_pages(desks).items():
        with desks.person(desks.link(role), viewport={"width": 320, "height": 256}) as page:
            for address in addresses:
                page.goto(address)
                if page.evaluate("() => document.documentElement.scrollWidth > 320"):
                    wide.append(address)

    assert wide == []


def test_every_control_has_a_name_and_is_large_enough_to_hit(desks: Desks) -> None:
    faults: list[str] = []

    for role, addresses in all_pages(desks).items():
        with desks.person(desks.link(role)) as page:
            for address in addresses:
                page.goto(address)
                page.evaluate("() => document.querySelectorAll('details').forEach(folded => { folded.open = true })")
                for control in page.locator("button, input:not([type=hidden]), select, textarea, nav a").all():
                    box = control.bounding_box()
                    snapshot = control.aria_snapshot()
                    if box and (box["height"] < 24 or box["width"] < 24) and "checkbox" not in snapshot:
                        faults.append(f"{address} small: {snapshot}")
                    if '"' not in snapshot:
                        faults.append(f"{address} nameless: {snapshot}")

    assert faults == []


def test_tables_have_captions_and_pages_one_heading_and_a_title_without_names(desks: Desks) -> None:
    faults: list[str] = []

    for role, addresses in all_pages(desks).items():
        with desks.person(desks.link(role)) as page:
            for address in addresses:
                page.goto(address)
                if page.locator("table:not(:has(caption))").count():
                    faults.append(f"{address}: a table without a caption")
                if page.locator("h1").count() != 1:
                    faults.append(f"{address}: not one heading")
                if any(family in page.title() for family, _, _ in _PEOPLE):
                    faults.append(f"{address}: a name in the title")

    assert faults == []
