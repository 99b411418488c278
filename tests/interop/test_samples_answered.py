"""HL7 v2 messages recorded from the software of others, each to the same index: the answer the profile prescribes.

In the order of a feed before its merge, and read by libraries that others wrote."""

from __future__ import annotations

from collections.abc import Iterator

import hl7
import pytest
from hl7apy.parser import parse_message
from hl7apy.validation import Validator

from app.wiring import House
from tests.support.shared import sample
from tests.support.stores import PEER, a_house
from tests.support.v2 import Error, code, errors
from tests.support.wire import field

UNSUPPORTED = [Error("MSH^1^9^1^1", "200")]
ANSWERS: dict[tuple[str, str], tuple[str, list[Error]]] = {
    ("iti-8", "a01-de.hl7"): ("AA", []),
    ("iti-8", "a01-no-pid-NEGATIVE.hl7"): ("AE", [Error("PID^1", "100")]),
    ("iti-8", "a01-mllp-framed.bin"): ("AR", [Error("MSH^1^11", "202")]),
    ("iti-8", "a01.hl7"): ("AA", []),
    ("iti-8", "a40.hl7"): ("AE", [Error("PID^1^3", "204")]),
    ("iti-9", "qbp-q23-request.hl7"): ("AE", [Error("QPD^1^3^1^4", "204")]),
    ("iti-9", "rsp-k23-ok.hl7"): ("AR", UNSUPPORTED),
    ("iti-10", "adt-a31-update-notification.hl7"): ("AA", []),
    ("iti-21", "qbp-q22-dob-domain.hl7"): ("AA", []),
    ("iti-21", "qbp-q22-id.hl7"): ("AA", []),
    ("iti-21", "qbp-q22-name.hl7"): ("AA", []),
    ("iti-21", "rsp-k22-many-phones.hl7"): ("AR", UNSUPPORTED),
    ("iti-64", "adt-a43-xad-pid-link-change.hl7"): ("AE", [Error("PID^1^3^1^4", "204"), Error("MRG^1^1^1^4", "204")]),
}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The index, in a domain that accepts every authority."""
    house = a_house(tmp_path_factory.mktemp("samples"))
    yield house
    house.close()


@pytest.mark.parametrize(("folder", "name"), ANSWERS)
def test_a_recorded_message_gets_the_prescribed_answer(house: House, folder: str, name: str) -> None:
    sent = sample(folder, name).replace(b"\r\n", b"\r").replace(b"\n", b"\r").strip(b"\x0b\x1c\r")

    answer = house.v2(sent, PEER).decode()

    assert (code(answer), errors(answer)) == ANSWERS[folder, name]
    assert field(answer, "MSA", 2) == str(hl7.parse(sent.decode()).segment("MSH")[10])


@pytest.mark.parametrize("name", ["qbp-q22-dob-domain.hl7", "qbp-q22-name.hl7"])
def test_an_answer_to_a_recorded_query_is_valid_to_others(house: House, name: str) -> None:
    sent = sample("iti-21", name).replace(b"\r\n", b"\r").replace(b"\n", b"\r").strip(b"\r")

    answer = house.v2(sent, PEER).decode()

    # hl7apy knows the first three fields of QPD only, and one value of each: the rest is of each query
    shortened = "\r".join(
        "|".join(line.split("|")[:4]).partition("~")[0] if line.startswith("QPD|") else line for line in answer.split("\r")
    )
    assert field(answer, "QAK", 2) == "NF"
    assert Validator.validate(parse_message(shortened))
