"""access.nodes"""

from __future__ import annotations

import pytest

from access.nodes import Nodes, transaction_of
from access.settings import NodeSettings
from hl7v2.exchange import V2Exchange
from kernel.errors import Refused
from kernel.peer import Peer
from mpi.transactions.iti08_identity_feed import PatientIdentityFeed
from repository.transactions.iti41_provide_and_register import ProvideAndRegister

NORTH = "CN=ehr.north,O=Hospital,C=CH"
NODES = Nodes(
    [
        NodeSettings(name="North", subject=NORTH, may=("ITI-41", "iti-8"), speaks_as=("ADT", "B|LAB")),
        NodeSettings(name="South", subject="CN=south", may=("*",)),
    ]
)


def a_peer(subject: str = NORTH) -> Peer:
    return Peer("10.0.0.1", "x", subject)


def test_without_registered_nodes_every_certificate_may_ask() -> None:
    Nodes().require(a_peer(), "ITI-41")


def test_what_came_without_a_certificate_is_not_judged() -> None:
    NODES.require(a_peer(""), "ITI-41")
    assert not NODES.may(a_peer(""), "ITI-41")


@pytest.mark.parametrize("transaction", ["ITI-41", "ITI-8", ""])
def test_a_node_may_ask_for_what_it_is_registered_for(transaction: str) -> None:
    NODES.require(a_peer(), transaction)


@pytest.mark.parametrize(("subject", "transaction"), [(NORTH, "ITI-4"), (NORTH, "ITI-42"), ("CN=east", "ITI-41")])
def test_what_a_node_is_not_registered_for_is_refused(subject: str, transaction: str) -> None:
    with pytest.raises(Refused):
        NODES.require(a_peer(subject), transaction)

    assert not NODES.may(a_peer(subject), transaction)


def test_a_star_is_every_transaction() -> None:
    NODES.require(a_peer("CN=south"), "ITI-99", speaking_as=["any|thing"])

    assert NODES.may(a_peer("CN=south"), "ITI-99")


@pytest.mark.parametrize(("name", "is_taken"), [("A|ADT", True), ("B|LAB", True), ("A|LAB", False), ("ADT|A", False)])
def test_a_node_speaks_under_its_own_names(name: str, is_taken: bool) -> None:
    if is_taken:
        NODES.require(a_peer(), "ITI-8", speaking_as=[name])
    else:
        with pytest.raises(Refused, match="NOT_ALLOWED"):
            NODES.require(a_peer(), "ITI-8", speaking_as=[name])


def test_every_name_has_to_be_its_own() -> None:
    NODES.require(a_peer(), "ITI-41", speaking_as=["ADT", "ADT"])

    with pytest.raises(Refused, match="NOT_ALLOWED"):
        NODES.require(a_peer(), "ITI-41", speaking_as=["ADT", "2.999.1"])


def test_names_are_not_looked_at_for_a_node_without_names_of_its_own() -> None:
    NODES.require(a_peer("CN=south"), "ITI-41", speaking_as=(pytest.fail("nobody asks") for _ in range(1)))


def test_a_subject_is_the_same_whatever_its_capitals_and_blanks() -> None:
    assert NODES.name_of("cn=EHR.north, O=Hospital , C=ch") == "North"
    assert NODES.name_of("CN=other") == ""


def test_a_door_serves_the_transaction_its_file_is_named_for() -> None:
    assert transaction_of(object.__new__(PatientIdentityFeed)) == "ITI-8"
    assert transaction_of(object.__new__(ProvideAndRegister)) == "ITI-41"
    assert transaction_of(object.__new__(V2Exchange)) == ""
