"""app.cli.clients: each command speaks the real transaction to a running service."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.support import messages as m
from tests.support.brokers import wait_for
from tests.support.command import Done, hie
from tests.support.ports import free_port
from tests.support.service import Service

AUTHORITY = "HOSP_A&2.999.1.1&ISO"


def somebody(local_id: str) -> bytes:
    """An announcement of a person like no other."""
    digest = hashlib.sha256(local_id.encode()).hexdigest()
    letters = "".join(chr(ord("a") + int(c, 16)) for c in digest)
    return m.adt(
        local_id,
        name=f"{letters[:9].title()}^{letters[9:16].title()}",
        birth=f"19{int(digest[:4], 16) % 90 + 10}{int(digest[4:6], 16) % 12 + 1:02}15",
        address=f"{int(digest[6:8], 16)} {letters[16:24].title()} Rd^^{letters[24:32].title()}^^{int(digest[8:12], 16):05}^US",
        phone=f"^PRN^PH^^^{int(digest[12:15], 16):04}^{int(digest[15:20], 16):07}",
    )


class At:
    """The client commands, pointed at a service."""

    def __init__(self, service: Service, folder: Path) -> None:
        self.folder = folder
        self.urls = ("--url", service.url)
        self.mllp = ("--mllp", f"127.0.0.1:{service.mllp_port}")

    def feed(self, *messages: bytes) -> Done:
        files = []
        for number, message in enumerate(messages):
            file = self.folder / f"{number}.hl7"
            file.write_bytes(message)
            files.append(str(file))
        return hie("feed", *files, *self.mllp, "--json")

    def announced(self, local_id: str) -> str:
        """Feeds a patient; her identifier in the affinity domain."""
        assert self.feed(somebody(local_id)).code == 0
        found = hie("pix", f"{local_id}^^^{AUTHORITY}", "--domain", f"&{m.XAD_OID}&ISO", *self.mllp, "--json")
        cx: str = found.json[0]["cx"]
        return cx

    def submitted(self, patient: str, content: bytes = b"A letter.", *options: str) -> Done:
        file = self.folder / "letter.txt"
        file.write_bytes(content)
        return hie("submit", str(file), "--patient", patient, *options, *self.urls, "--json")


@pytest.fixture
def at(service: Service, tmp_path: Path) -> At:
    return At(service, tmp_path)


def test_feed_shows_how_each_message_was_acknowledged(at: At) -> None:
    done = at.feed(m.adt("FEED-1", control_id="ONE"), m.adt("FEED-1", control_id="TWO"))

    assert done.code == 0
    assert [(row["message"], row["answer"], row["errors"]) for row in done.json] == [("ONE", "AA", []), ("TWO", "AA", [])]


def test_feed_fails_when_one_message_is_refused_and_says_why(at: At) -> None:
    done = at.feed(m.adt("FEED-3"), m.adt("FEED-4").replace(b"PID|", b"ZID|"))

    assert done.code == 1
    assert [row["answer"] for row in done.json] == ["AA", "AE"]
    assert "PID" in done.json[1]["errors"][0]


@pytest.mark.parametrize("language", [(), ("--v3",)], ids=["v2", "v3"])
def test_pix_gives_the_identifier_of_the_affinity_domain_in_either_language(at: At, language: tuple[str, ...]) -> None:
    cx = at.announced("PIX-1")

    done = hie("pix", f"PIX-1^^^{AUTHORITY}", "--domain", f"&{m.XAD_OID}&ISO", *language, *at.urls, *at.mllp, "--json")

    assert done.code == 0
    assert [row["cx"] for row in done.json] == [cx]


@pytest.mark.parametrize("language", [(), ("--v3",)], ids=["v2", "v3"])
def test_pix_of_an_unknown_identifier_fails_with_the_servers_word(at: At, language: tuple[str, ...]) -> None:
    done = hie("pix", f"NOBODY^^^{AUTHORITY}", *language, *at.urls, *at.mllp)

    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("error: ")


@pytest.mark.parametrize("language", [(), ("--v3",)], ids=["v2", "v3"])
def test_pdq_finds_by_name_and_birth_in_either_language(at: At, language: tuple[str, ...]) -> None:
    at.feed(m.adt("PDQ-1", name="Zwingli^Ursina", birth="19510203"))

    asked = hie("pdq", "--family", "Zwing*", "--birth", "19510203", *language, *at.urls, *at.mllp, "--json")

    assert asked.code == 0
    assert [(row["family"], row["given"], row["birth"]) for row in asked.json] == [("Zwingli", "Ursina", "19510203")]


def test_a_question_that_nobody_matches_is_answered_with_nothing(at: At) -> None:
    done = hie("pdq", "--family", "Nobody-is-called-this", *at.mllp)

    assert (done.code, done.out, done.err) == (0, "", "nothing found\n")


def test_a_document_comes_back_as_it_was_sent(at: At) -> None:
    content = bytes(range(256)) * 400
    patient = at.announced("DOC-1")

    sent = at.submitted(patient, content, "--mime-type", "application/octet-stream")
    found = hie("find", "--patient", patient, *at.urls, "--json")
    unique_id = found.json[0]["unique_id"]
    got = hie("retrieve", unique_id, "--out", str(at.folder / "copy"), *at.urls, "--json")

    assert (sent.code, found.code, got.code) == (0, 0, 0)
    assert unique_id == sent.json[0]["unique_id"]
    assert (at.folder / "copy").read_bytes() == content


def test_a_document_that_replaces_another_takes_its_place(at: At) -> None:
    patient = at.announced("DOC-2")
    at.submitted(patient)
    (old,) = hie("find", "--patient", patient, *at.urls, "--json").json

    new = at.submitted(patient, b"A better letter.", "--replaces", old["entry_uuid"]).json[0]
    found = hie("find", "--patient", patient, *at.urls, "--json").json

    assert [document["unique_id"] for document in found] == [new["unique_id"]]


def test_a_document_of_an_unknown_patient_is_refused_with_the_code_of_the_profile(at: At) -> None:
    done = at.submitted(m.cx("NOBODY"))

    assert done.code == 1
    assert "not known to the affinity domain" in done.err


def test_retrieving_what_nobody_registered_fails(at: At) -> None:
    done = hie("retrieve", "2.25.4711", "--out", str(at.folder), *at.urls)

    assert done.code == 1
    assert list(at.folder.iterdir()) == []


def test_what_is_not_drawn_for_a_terminal_is_separated_by_tabs(at: At) -> None:
    at.announced("TAB-1")

    done = hie("pix", f"TAB-1^^^{AUTHORITY}", *at.mllp)

    head, row = done.out.splitlines()[:2]
    assert head.split("\t") == ["id", "authority", "cx"]
    assert len(row.split("\t")) == 3


@pytest.mark.parametrize(
    "command",
    [("pix", "1^^^&2.999&ISO", "--mllp"), ("pdq", "--family", "X", "--mllp")],
    ids=["pix", "pdq"],
)
def test_a_server_that_is_away_is_told_by_the_exit_code(command: tuple[str, ...]) -> None:
    done = hie(*command, f"127.0.0.1:{free_port()}")

    assert done.code == 3
    assert "127.0.0.1" in done.err


def test_a_soap_server_that_is_away_is_told_by_the_exit_code() -> None:
    done = hie("find", "--patient", m.cx("1"), "--url", f"http://127.0.0.1:{free_port()}")

    assert done.code == 3


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        (("pdq", "--birth", "yesterday"), "--birth"),
        (("pix", "1^^^&2.999&ISO", "--mllp", "nowhere"), "--mllp"),
        (("pix", "1^^^&2.999&ISO", "--domain", "&&"), "--domain"),
        (("submit", "/nowhere/at-all", "--patient", "1^^^&2.999&ISO"), "files"),
    ],
)
def test_a_command_that_is_called_wrongly_names_the_option(arguments: tuple[str, ...], option: str) -> None:
    done = hie(*arguments)

    assert done.code == 2
    assert option in done.err.lower()


def test_the_address_may_stand_in_the_environment(service: Service) -> None:
    done = hie("find", "--patient", m.cx("1"), environment={"HIE_CLIENT_URL": service.url})

    assert (done.code, done.err) == (0, "nothing found\n")


def test_what_the_client_did_is_on_the_record(at: At, service: Service) -> None:
    patient = at.announced("AUDIT-1")
    at.submitted(patient)
    of_her = ("--patient", patient, "--patient", f"AUDIT-1^^^{AUTHORITY}")

    def events() -> set[str]:
        return {row["event"] for row in hie("audit", "search", *of_her, "--data", str(service.data), "--json").json}

    wait_for(lambda: events() >= {"ITI-8", "ITI-9", "ITI-41", "ITI-42"})


CDA = """<?xml version="1.0"?><ClinicalDocument xmlns="urn:hl7-org:v3">
<code code="11502-2" codeSystem="2.16.840.1.113883.6.1" displayName="Laboratory report"/><title>Blood count</title>
<effectiveTime value="20260114103000+0100"/><languageCode code="de-CH"/>
<recordTarget><patientRole><id root="{root}" extension="{extension}"/></patientRole></recordTarget></ClinicalDocument>"""


def test_a_cda_document_fills_in_its_own_metadata_and_options_win(service: Service, tmp_path: Path) -> None:
    at = At(service, tmp_path)
    patient = at.announced("CDA-1")
    file = tmp_path / "report.xml"
    file.write_text(CDA.format(root=m.XAD_OID, extension=patient.partition("^")[0]))

    plain = hie("submit", str(file), *at.urls, "--json")
    changed = hie("submit", str(file), "--type-code", "X^Other^2.999.1", "--title", "Mine", *at.urls, "--json")
    found = {row["title"]: row for row in hie("find", "--patient", patient, *at.urls, "--json").json}

    assert (plain.code, changed.code) == (0, 0), (plain.err, changed.err)
    assert found["Blood count"]["type_code"] == "11502-2^^2.16.840.1.113883.6.1"
    assert found["Blood count"]["creation_time"] == "20260114093000"
    assert found["Mine"]["type_code"] == "X^^2.999.1"


def test_a_document_that_does_not_say_whose_it_is_needs_to_be_told(service: Service, tmp_path: Path) -> None:
    file = tmp_path / "letter.txt"
    file.write_text("A letter.")

    done = hie("submit", str(file), "--url", service.url)

    assert done.code == 2
    assert "--patient" in done.err
