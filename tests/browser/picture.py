"""Takes the picture of a review for the documents anew: `python -m tests.browser.picture`. The people in it are invented."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import sqlalchemy as sa

from console.store import Role
from kernel.database import Database
from kernel.demographics import Address, Demographics, HumanName, Telecom
from kernel.outbox import METADATA as OUTBOX
from kernel.times import Dtm
from tests.browser.conftest import a_chromium, served
from tests.support.clocks import TickingClock
from tests.support.console import Desk
from tests.support.patients import CLINIC, LAB, PatientIndex, an_id, an_update

PICTURE = Path(__file__).resolve().parents[2] / "docs" / "images" / "console-review.png"
WIDTH = 1200
SCALE = 0.7
"""Small enough for a page of text, and a file below 200 KB."""
MAREN = Demographics(
    names=(HumanName("Okafor-Lindqvist", ("Maren", "Ngozi")), HumanName("Okafor", ("Maren",), use="M")),
    sex="F",
    birth=Dtm("19790214"),
    addresses=(Address(("7 Harbour Lane",), "Northfield", "ME", "04120", "US"),),
    telecoms=(Telecom("207-555-0144"),),
    mother_name=HumanName("Okafor", ("Adaeze",)),
    multiple_birth=True,
    birth_order=1,
)
NEARLY_MAREN = replace(
    MAREN,
    names=(HumanName("Lindquist", ("Maren", "N")),),
    birth=Dtm("19790224"),
    addresses=(Address(("7 Harbor Lane",), "Northfield", "ME", "04120", "US"),),
    telecoms=(Telecom("(207) 555-0441"),),
    birth_order=2,
)


def a_pair(index: PatientIndex) -> int:
    """Two records that may be of one person, or of twins; the id of the review."""
    index.feed(an_update(an_id("A-10482"), demographics=MAREN))
    index.work()
    index.feed(an_update(an_id("B-2231", CLINIC), an_id("L-90-113", LAB), demographics=NEARLY_MAREN))
    index.work()
    (summary,) = index.viewing.reviews()
    return summary.review.id


def take(where: Path) -> None:
    """Takes the picture."""
    clock = TickingClock()
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/affinity.db", clock=clock)

        def make_database(*metadata: sa.MetaData) -> Database:
            for part in (OUTBOX, *metadata):
                part.create_all(database.engine)
            return database

        desk = Desk(make_database, clock)
        review = a_pair(desk.index)
        with a_chromium() as browser, served(desk, browser) as desks:
            link = desks.link(Role.ADMINISTRATOR, "Ada Bergström")
            with desks.person(
                link, color_scheme="light", viewport={"width": WIDTH, "height": 900}, device_scale_factor=SCALE
            ) as page:
                page.goto(f"/console/identities/reviews/{review}")
                chart = page.locator("svg.chart").bounding_box()
                assert chart is not None
                height = chart["y"] + chart["height"] + 24
                page.screenshot(path=where, full_page=True, clip={"x": 0, "y": 0, "width": WIDTH, "height": height})
        database.close()


if __name__ == "__main__":
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    take(PICTURE)
