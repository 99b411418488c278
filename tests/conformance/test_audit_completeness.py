"""Of a long mix of transactions, done and refused, each is on the record once: nothing is missing and nothing is there twice."""

from __future__ import annotations

import os
import random
import secrets
from collections import Counter
from typing import Final

import pytest

from tests.conformance.conftest import NewPatient
from tests.conformance.test_audit_trail import PLAYS, Play, Scene
from tests.support.checked import CheckedMllpWire, CheckedSoapWire
from tests.support.trail import Trail

COUNT = int(os.environ.get("HIE_TEST_AUDIT_MIX", "150"))
"""Exchanges; the whole proof is with 10,000."""
PATIENTS = 5
ALSO: Final = {
    "documents are provided": (("ITI-42", "0"),),
    "a provision is refused by the registry": (("ITI-42", "8"),),
    "a document is retrieved": (("ITI-41", "0"), ("ITI-42", "0")),
}
"""What an exchange brings about besides its own record: our repository registers at our registry."""
TRANSACTIONS: Final = frozenset({"ITI-9", "ITI-18", "ITI-21", "ITI-41", "ITI-42", "ITI-43", "ITI-45", "ITI-47", "ITI-51", "ITI-61"})
"""Those whose exchanges leave exactly these records, whatever was played before."""
LEFT_OUT: Final = frozenset({"a document is not there", "another one is"})


def mix() -> list[Play]:
    """What is played."""
    return [p for p in PLAYS if p.transaction in TRANSACTIONS and p.count == 1 and p.name not in LEFT_OUT]


@pytest.mark.slow
def test_every_exchange_of_a_mix_is_on_the_record_once(
    soap: CheckedSoapWire, mllp: CheckedMllpWire, new_patient: NewPatient, trail: Trail
) -> None:
    seed = secrets.randbits(32)
    chance = random.Random(seed)
    patients = [new_patient() for _ in range(PATIENTS)]
    plays = mix()
    mark = trail.settled()

    expected: Counter[tuple[str, str]] = Counter()
    for number in range(COUNT):
        play = plays[number] if number < len(plays) else chance.choice(plays)
        play.act(Scene(soap, mllp, chance.choice(patients)))
        expected.update([(play.transaction, play.outcome), *ALSO.get(play.name, ())])

    trail.settled()
    found: Counter[tuple[str, str]] = Counter()
    for transaction in TRANSACTIONS:
        found.update((transaction, record.outcome) for record in trail.since(mark, transaction))
    assert found == expected, f"seed {seed}"


def test_the_mix_holds_every_transaction_that_it_speaks_of() -> None:
    assert {play.transaction for play in mix()} == TRANSACTIONS
    assert set(ALSO) <= {play.name for play in mix()}
