"""Who asks by SOAP without an assertion."""

from access.exchange import subject_of
from kernel.peer import Peer
from kernel.xml import parse_xml
from soap.exchange import ANONYMOUS, Addressing, Exchange

PEER = Peer("10.0.0.7", "http://here/xds/registry", "CN=node", "r-1")


def an_exchange(reply_to: str) -> Exchange:
    return Exchange(PEER, Addressing("urn:a", "urn:uuid:m", reply_to=reply_to), parse_xml(b"<a/>"))


def test_a_synchronous_sender_is_known_by_its_network_address() -> None:
    subject = subject_of(an_exchange(ANONYMOUS))

    assert (subject.source, subject.receiver, subject.message_id) == ("10.0.0.7", "http://here/xds/registry", "urn:uuid:m")
    assert subject.peer == PEER


def test_a_sender_that_names_where_answers_go_is_known_by_it() -> None:
    assert subject_of(an_exchange("http://there/answers")).source == "http://there/answers"
