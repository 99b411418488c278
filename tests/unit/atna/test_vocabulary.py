"""The codes of audit messages."""

from __future__ import annotations

from atna import vocabulary
from atna.vocabulary import Transaction
from kernel.codes import Code


def test_every_transaction_is_named_once_and_under_its_number() -> None:
    rows = {name: value for name, value in vars(vocabulary).items() if isinstance(value, Transaction)}

    assert {name.replace("_", "-") for name in rows} == {row.name for row in rows.values()}


def test_the_code_of_a_transaction_is_in_the_scheme_of_ihe() -> None:
    assert vocabulary.ITI_42.code == Code("ITI-42", "IHE Transactions", "Register Document Set-b")
