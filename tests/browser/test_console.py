"""An administrator settles doubtful pairs, an auditor follows what was done: in Chromium, on the whole service."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, expect

from console.store import Role
from tests.browser.conftest import Product
from tests.support import messages as m
from tests.support.brokers import wait_for

pytestmark = pytest.mark.browser
BIRCH = "BIRCH&2.999.10.2&ISO"
SENIOR = "Rivera^Lena^Maria^SR"
JUNIOR = "Rivera^Lena^Maria^JR"


def a_doubtful_pair(product: Product) -> None:
    """Announces two records that matching does not dare to link."""
    product.feed(m.adt("A4711", name=SENIOR), m.adt("B99", name=JUNIOR, authority=BIRCH, sender="ADT|B"))


def in_the_queue(page: Page, pairs: int = 1) -> None:
    """Waits until matching has put the pairs into the queue."""

    def is_there() -> bool:
        page.goto("/console/identities/reviews")
        return page.locator("table.queue tbody tr").count() == pairs

    wait_for(is_there)


def records_of(page: Page, **fields: str) -> list[str]:
    """Searches; the events found, newest first."""
    page.get_by_role("link", name="Audit records").first.click()
    for label, value in fields.items():
        page.get_by_label(label.replace("_", " "), exact=label == "to").fill(value)
    page.get_by_role("button", name="Search").click()
    return [" ".join(text.split()) for text in page.locator("main tbody tr td:nth-child(3)").all_inner_texts()]


def test_an_administrator_compares_decides_and_takes_back(product: Product) -> None:
    with product.person(product.link(Role.ADMINISTRATOR)) as page:
        a_doubtful_pair(product)
        in_the_queue(page)

        page.get_by_role("link", name="person?").click()
        expect(page.get_by_role("row", name="Suffix").first).to_contain_text("junior and senior differ")
        expect(page.get_by_role("img", name="Match weight")).to_be_visible()
        page.get_by_label("Comment").fill("same passport")
        page.get_by_role("button", name="The same person").click()
        expect(page.get_by_role("status")).to_contain_text("Decided: the same person.")
        expect(page.get_by_text("No pair waits.")).to_be_visible()

        page.get_by_role("link", name="Decisions").first.click()
        page.get_by_role("link", name="Review decided: the same person").click()
        expect(page.get_by_text("same passport")).to_be_visible()
        page.get_by_label("Reason").fill("her daughter's passport")
        page.get_by_role("button", name="Take it back").click()

        expect(page.get_by_role("status")).to_contain_text("everything is as it was before")
        expect(page.get_by_role("button", name="The same person")).to_be_visible()


def test_an_auditor_finds_what_was_done_by_patient_user_and_day_and_opens_it(product: Product) -> None:
    with product.person(product.link(Role.ADMINISTRATOR)) as page:
        a_doubtful_pair(product)
        in_the_queue(page)
        page.get_by_role("link", name="Review the next pair").click()
        page.get_by_role("button", name="Not the same").click()
        expect(page.get_by_role("status")).to_contain_text("Decided: not the same person.")
    today = datetime.now(UTC).strftime("%Y-%m-%d")  # noqa: TID251 - the service's clock is the machine's

    with product.person(product.link(Role.AUDITOR)) as page:
        wait_for(lambda: any("Review decided" in event for event in records_of(page, User="administrator")))
        of_patient = records_of(page, User="", Patient=f"B99^^^{BIRCH}")
        of_day = records_of(page, Patient="", Day=today)
        of_another_day = records_of(page, Day="2020-01-01")
        records_of(page, Day="", User="administrator")
        page.get_by_role("row", name="Review decided").get_by_role("link").click()

        expect(page.get_by_role("heading", name="Review decided")).to_be_visible()
        expect(page.get_by_role("row", name="administrator").first).to_contain_text("127.0.0.1")
        expect(page.get_by_text("verdict: different").first).to_be_visible()
        assert of_patient.count("Patient Identity Feed ITI-8") == 1
        assert "Review decided review" in of_patient  # found by any identifier of hers
        assert len(of_day) > 4
        assert of_another_day == []
