"""What OpenMRS sends (registrationcore, santedb-mpiclient), shape by shape: refused by a strict domain, taken where it is listed as
lenient, each deviation with a word to the operator. Over MLLP and by HTTP POST."""

from __future__ import annotations

import base64
import http.client
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from hl7v2.mllp import END, START
from tests.support.service import Service, running
from tests.support.v2 import birth_of, code, errors, identifiers, query_status
from tests.support.wire import MllpWire, field

LOCAL = "a5d38e09-efcb-4d91-a526-50ce1ba5011a"
"""OpenMRS names its authorities by a UUID or by a plain name, in the namespace, in the universal id, or in both."""
DOMAIN = {
    "HIE_MATCHING__MODE": "inline",
    "HIE_AFFINITY__AUTHORITIES": f"""[{{namespace = "OMRS", oid = "2.999.50.1", aliases = ["OpenMRS ID", "{LOCAL}"]}},
        {{namespace = "CODE_ST", oid = "2.999.50.3", aliases = ["Code ST"]}}]""",
    "HIE_AFFINITY__SOURCES": """[{application = "OpenMRS", facility = "LENIENT", authorities = ["OMRS", "CODE_ST"], lenient = true},
        {application = "OpenMRS", facility = "STRICT", authorities = ["OMRS", "CODE_ST"]}]""",
}


@dataclass(frozen=True)
class Clinic:
    """An OpenMRS of a facility, at one service."""

    service: Service
    facility: str

    def message(self, kind: str, *segments: str, version: str = "2.3.1") -> bytes:
        """As HAPI writes it there: UUID as control id, MSH-15, no zone."""
        control_id = uuid.uuid4()  # noqa: TID251 - a client's own
        head = f"MSH|^~\\&|OpenMRS|{self.facility}|MPI|HIE|20261122101500||{kind}|{control_id}|P|{version}|||AL"
        return "\r".join((head, *segments, "")).encode()

    def send(self, kind: str, *segments: str, version: str = "2.3.1") -> str:
        with MllpWire(self.service.mllp_port) as wire:
            return wire.send(self.message(kind, *segments, version=version))

    def warned(self) -> str:
        """What the operator reads of this facility."""
        lines = (self.service.data / "stderr.log").read_text().splitlines()
        return "\n".join(line for line in lines if "deviation tolerated" in line and f"{self.facility}|OpenMRS" in line)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service where one clinic is listed as lenient and another is not."""
    with running(tmp_path_factory.mktemp("openmrs") / "data", DOMAIN) as service:
        yield service


@pytest.fixture
def lenient(service: Service) -> Clinic:
    return Clinic(service, "LENIENT")


@pytest.fixture
def strict(service: Service) -> Clinic:
    return Clinic(service, "STRICT")


NAMES = {
    "101": "Toussaint^Marie",
    "102": "Baptiste^Yolette",
    "103": "Charles^Ketlie",
    "104": "Delva^Nadege",
    "105": "Estime^Rosemond",
    "106": "Fleury^Guerda",
    "107": "Germain^Islande",
    "108": "Hyppolite^Wilner",
    "109": "Jeudy^Carline",
    "110": "Laguerre^Mirlande",
}


def person(local_id: str, *, cx4: str = f"{LOCAL}&{LOCAL}&L", birth: str = "", rest: str = "F") -> str:
    """A PID of OpenMRS; `rest` begins at PID-8."""
    ids = f"{local_id}^^^{cx4}^PI~ST-{local_id}^^^Code ST&Code ST&PI^PT"
    return f"PID|||{ids}||{NAMES[local_id]}|Anne|{birth or birth_of(local_id)}|{rest}"


PHONE = "|||Rue 3^^Delmas^Ouest^^HT||3701-0000^PRN^PH^^^^3701-0000"
DEAD = f"F{PHONE}" + "|" * 16 + "01240505|Y"
FEEDS = {
    "EVN and PV1 missing": (["EVN", "PV1"], person("101"), ()),
    "EVN to the minute": ([], person("102"), ("EVN|A01|202611221015", "PV1||I")),
    "authority as plain name": ([], person("103", cx4="OpenMRS ID"), ("EVN|A01|20261122", "PV1||I")),
    "arbitrary type": ([], person("104", cx4="OpenMRS ID&OpenMRS ID&XYZ"), ("EVN|A01|20261122", "PV1||I")),
    "estimated birth": ([], person("105", birth="1984"), ("EVN|A01|20261122", "PV1||I")),
    "sex empty": ([], person("106", rest=""), ("EVN|A01|20261122", "PV1||I")),
    "number twice": ([], person("107", rest="F" + PHONE), ("EVN|A01|20261122", "PV1||I")),
    "nonsense year of death": ([], person("108", rest=DEAD), ("EVN|A01|20261122", "PV1||I")),
    "mother and next of kin": (
        [],
        person("109"),
        ("EVN|A01|20261122", "NK1|1|Joseph^Anne|MTH", "NK1|2|Joseph^Luc|FTH", "NK1|3|X|PAR", "PV1||I"),
    ),
}


def feed(clinic: Clinic, name: str, event: str = "A01") -> str:
    _, pid, others = FEEDS[name]
    before = [s for s in others if s.startswith("EVN")]
    return clinic.send(f"ADT^{event}^ADT_A01", *before, pid, *(s for s in others if s not in before))


@pytest.mark.parametrize("name", FEEDS)
@pytest.mark.parametrize("event", ["A01", "A08"])
def test_every_shape_of_a_feed_is_taken_from_a_lenient_source(lenient: Clinic, name: str, event: str) -> None:
    answer = feed(lenient, name, event)

    assert code(answer) == "AA", answer


def test_the_operator_reads_of_each_deviation(lenient: Clinic) -> None:
    feed(lenient, "EVN and PV1 missing", "A04")
    feed(lenient, "authority as plain name", "A04")

    warned = lenient.warned()
    assert all(f'"where": "{place}"' in warned for place in ("EVN", "PV1", "MSH-10"))
    assert '"condition": "AUTHORITY_UNKNOWN"' in warned
    assert "Toussaint" not in warned


@pytest.mark.parametrize(
    ("name", "expected"),
    [("EVN and PV1 missing", {"EVN^1"}), ("arbitrary type", {"PID^1^3"})],
)
def test_a_strict_source_is_told_what_is_wrong(strict: Clinic, name: str, expected: set[str]) -> None:
    answer = feed(strict, name)

    assert code(answer) == "AE"
    assert expected <= {e.where for e in errors(answer)}
    assert "deviation tolerated" not in strict.warned().replace("MSH-10", "") or "EVN" not in strict.warned()


def test_candidates_are_found_by_the_query_of_another_name_without_rcp(lenient: Clinic) -> None:
    feed(lenient, "estimated birth")

    answer = lenient.send(
        "QBP^Q22^QBP_Q21",
        "QPD|Q22^Find Candidates^HL7|t1|@PID.5.1^Estime~@PID.5.2^Rosemond~@PID.7^1984~@PID.8^|||||^^^Code ST",
        version="2.5",
    )

    assert (code(answer), query_status(answer)) == ("AA", "OK")
    assert identifiers(answer) == ["ST-105^2.999.50.3"]
    assert {w.where for w in errors(answer)} == set()
    assert all(f'"where": "{place}"' in lenient.warned() for place in ("QPD-1", "RCP"))


def test_somebody_is_found_by_identifier_with_the_authority_as_text_and_by_address(lenient: Clinic) -> None:
    feed(lenient, "number twice")

    by_id = lenient.send(
        "QBP^Q22^QBP_Q21", f"QPD|Q22^Find Candidates^HL7|t2|@PID.3.1^107~@PID.3.4^{LOCAL}|||||^^^Code ST&Code ST&PI", version="2.5"
    )
    by_place = lenient.send(
        "QBP^Q22^QBP_Q21", "QPD|Q22^Find Candidates^HL7|t3|@PID.5.1^Germain~@PID.11.3^Delmas~@PID.11.6^HT", version="2.5"
    )

    assert identifiers(by_id) == ["ST-107^2.999.50.3"]
    assert field(by_place, "QAK", 2) == "OK"
    assert field(by_id, "PID", 13) == "3701-0000^PRN^PH"  # in its first component, once


def test_undeclared_latin_1_is_given_back_as_it_came_with_a_word_to_the_operator(lenient: Clinic) -> None:
    pid = person("110").replace("Anne", "Hélène")
    with MllpWire(lenient.service.mllp_port) as wire:
        fed = wire.send(lenient.message("ADT^A01^ADT_A01", "EVN|A01|20261122", pid, "PV1||I").decode().encode("latin-1"))
    found = lenient.send("QBP^Q22^QBP_Q21", f"QPD|Q22^Find Candidates^HL7|t5|@PID.3.1^110~@PID.3.4^{LOCAL}", "RCP|I", version="2.5")

    assert code(fed) == "AA"
    assert field(found, "PID", 6) == "Hélène"
    assert '"where": "MSH-18"' in lenient.warned()


def test_an_identifier_made_up_to_find_nobody_finds_nobody(lenient: Clinic) -> None:
    answer = lenient.send(
        "QBP^Q23^QBP_Q21", "QPD|IHE PIX Query|t4|XX-NORETURN--XX-7^^^OpenMRS ID|^^^Code ST", "RCP|I", version="2.5"
    )

    assert (code(answer), query_status(answer)) == ("AE", "AE")
    assert [(e.where, e.code) for e in errors(answer)] == [("QPD^1^3^1^1", "204")]


def test_a_framed_message_is_taken_by_http_post_with_credentials_and_answered_in_a_frame(lenient: Clinic) -> None:
    _, pid, others = FEEDS["sex empty"]
    connection = http.client.HTTPConnection("127.0.0.1", lenient.service.http_port, timeout=20)
    basic = base64.b64encode(b"openmrs:secret").decode()

    connection.request(
        "POST",
        "/hl7",
        START + lenient.message("ADT^A08^ADT_A01", others[0], pid, *others[1:]) + END,
        {"Content-Type": "application/hl7-v2+er7", "Authorization": f"Basic {basic}"},
    )
    response = connection.getresponse()
    answer = response.read()
    connection.close()

    assert (response.status, response.headers["Content-Type"]) == (200, "application/hl7-v2+er7; charset=utf-8")
    assert answer.startswith(START + b"MSH|")
    assert answer.endswith(END)
    assert code(answer.strip(START).decode()) == "AA"


def test_no_patient_is_told_to_the_log(lenient: Clinic) -> None:
    log = Path(lenient.service.data / "stderr.log").read_text()

    assert not [name for name in NAMES.values() if name.partition("^")[0] in log]
    assert "3701-0000" not in log
