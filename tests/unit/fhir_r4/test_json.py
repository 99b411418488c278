"""fhir_r4.json"""

from __future__ import annotations

from fhir_r4.json import coding, concept, made, written


def test_what_is_empty_is_not_there() -> None:
    assert made(a="", b=None, c=[], d={}, e=0, f=False, class_="x") == {"e": 0, "f": False, "class": "x"}


def test_a_concept_without_a_code_is_text() -> None:
    assert concept("", "", "seen") == {"text": "seen"}
    assert concept("urn:s", "c") == {"coding": [{"system": "urn:s", "code": "c"}]}


def test_a_code_without_a_system_has_none() -> None:
    assert coding("", "c", "d") == {"code": "c", "display": "d"}


def test_letters_of_every_script_are_written_as_they_are() -> None:
    assert written({"n": "Ægir"}) == '{"n":"Ægir"}'.encode()


def test_half_a_character_does_not_break_the_answer() -> None:
    assert written({"n": "\ud800"}) == b'{"n":"?"}'
