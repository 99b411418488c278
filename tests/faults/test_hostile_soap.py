"""Hostile SOAP at the door, in process: every message is refused by a fault, quickly, in bounded memory, and leaves nothing."""

from __future__ import annotations

import resource
import socket
import time

import pytest

from tests.support import attacks
from tests.support.attacks import Attack
from tests.support.soap import Served, a_multipart, an_envelope, in_chunks, mtom_type

SECONDS = 5.0
GROWTH = 256 << 20
CHUNK = 1 << 16

XML = dict(attacks.xml_attacks())
MTOM = dict(attacks.mtom_attacks())
ADDRESSING = dict(attacks.addressing_attacks())
ACTIONS = dict(attacks.action_attacks())


@pytest.fixture(autouse=True)
def no_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing in here may open a connection, not even to this machine."""

    def refuse(*_: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def high_water() -> int:
    """The most memory this process ever had resident, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def refused(attack: Attack) -> None:
    served = Served()
    data, content_type = attack()
    before, began = high_water(), time.perf_counter()

    reply = served.post(in_chunks(data, CHUNK), content_type)

    took, grown = time.perf_counter() - began, high_water() - before
    assert reply.code in ("Sender", "VersionMismatch", "MustUnderstand")
    assert reply.status in ((400, 415) if reply.code == "Sender" else (500,))
    assert len(reply.data) < 10_000
    assert reply.reason
    assert served.bugs == []
    assert served.ask.asked + served.provide.asked == []
    assert served.stage.all_aborted
    assert took < SECONDS
    assert grown < GROWTH


@pytest.mark.parametrize("name", XML)
def test_hostile_xml_is_refused(name: str) -> None:
    refused(XML[name])


@pytest.mark.parametrize("name", MTOM)
def test_hostile_mtom_is_refused(name: str) -> None:
    refused(MTOM[name])


@pytest.mark.parametrize("name", ADDRESSING)
def test_an_answer_is_never_sent_elsewhere(name: str) -> None:
    refused(ADDRESSING[name])


@pytest.mark.parametrize("name", ACTIONS)
def test_what_is_dispatched_is_what_is_acted_upon(name: str) -> None:
    refused(ACTIONS[name])


def test_the_corpus_is_as_large_as_it_was_meant_to_be() -> None:
    assert len(XML) >= 80
    assert len(MTOM) >= 120
    assert len(ACTIONS) >= 20


@pytest.mark.parametrize(
    "block",
    [
        '<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/hostname" parse="text"/>',
        '<h xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:schemaLocation="urn:test http://127.0.0.1:9/x.xsd"/>',
        '<?xml-stylesheet href="http://127.0.0.1:9/x.xsl" type="text/xsl"?>',
        "<a:To>http://198.51.100.1/elsewhere</a:To>",
        "<!-- nothing -->" * 1000,
    ],
)
def test_what_others_would_fetch_is_data_here(block: str) -> None:
    served = Served()

    reply = served.post(an_envelope(headers=block))

    assert reply.status == 200
    (exchange,) = served.ask.asked
    assert all("root:" not in "".join(header.itertext()) for header in exchange.headers.values())


def test_a_good_message_is_still_answered_after_all_of_that() -> None:
    served = Served()
    for attack in (*MTOM.values(),)[:20]:
        served.post(*attack())

    assert served.post(a_multipart(an_envelope()), mtom_type()).status == 200
