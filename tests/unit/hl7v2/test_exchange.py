"""hl7v2.exchange"""

from __future__ import annotations

from tests.support.hl7 import adt, v2_exchange


def test_an_exchange_gives_the_header_of_its_message() -> None:
    exchange = v2_exchange(adt("A08"))

    assert exchange.header.event == "A08"
