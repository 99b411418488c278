"""app.ports"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.ports import LocalRegistry
from app.wiring import House
from ebrim.reader import read_submission
from kernel.errors import Condition
from kernel.xml import parse_xml
from repository.ports import RejectedByRegistry
from tests.support import messages as m
from tests.support.audit import a_subject
from tests.support.stores import PEER, a_house

SUBJECT = a_subject(source="repository")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A store where one patient is known."""
    made = a_house(tmp_path)
    yield made
    made.close()


def known(house: House) -> str:
    house.v2(m.adt("1"), PEER)
    answer = house.v2(m.pix_query("1"), PEER).decode()
    return m.cx(answer.partition("PID||")[2].lstrip("|").partition("^")[0])


def test_what_is_registered_is_found_by_its_unique_id(house: House) -> None:
    port, entry = LocalRegistry(house.registry), m.Entry(known(house))

    port.register(read_submission(parse_xml(m.submission(entry).encode())), SUBJECT)
    (found,) = port.entries([entry.unique_id, "2.25.4711"], SUBJECT)

    assert [identifier.value for identifier in found.unique_ids] == [entry.unique_id]


def test_a_refusal_of_the_registry_is_told_as_one(house: House) -> None:
    stranger = replace(m.Entry(known(house)), patient=m.cx("NOBODY"))

    with pytest.raises(RejectedByRegistry) as refused:
        LocalRegistry(house.registry).register(read_submission(parse_xml(m.submission(stranger).encode())), SUBJECT)

    assert Condition.PATIENT_UNKNOWN in {violation.condition for violation in refused.value.violations}
