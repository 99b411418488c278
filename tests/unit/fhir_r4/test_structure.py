"""fhir_r4.structure"""

from __future__ import annotations

import pytest

from fhir_r4.json import Json
from fhir_r4.structure import shape_faults, shape_of
from kernel.errors import Condition

SHAPE = shape_of(
    "name:string! code:code at:instant on:dateTime data:base64Binary who:Reference+ kind:CodeableConcept flag:boolean part:part*"
)
TYPES = {"part": shape_of("uri:uri!")}
WHO: Json = [{"identifier": {"system": "urn:oid:1.2", "value": "7"}}]
GOOD: dict[str, Json] = {"name": "x", "who": WHO}


def faults(**given: Json) -> list[tuple[Condition, str]]:
    return [(f.condition, f.where) for f in shape_faults({**GOOD, **given}, SHAPE, "Thing", TYPES)]


@pytest.mark.parametrize(
    "good",
    [
        {},
        {"at": "2026-11-22T10:20:01Z"},
        {"at": "2026-11-22T10:20:01.123456789+05:30"},
        {"on": "2026"},
        {"on": "2026-11"},
        {"data": "QUJD\nRA=="},
        {"kind": {"coding": [{"system": "urn:x", "code": "a b"}], "text": "t"}},
        {"flag": False},
        {"part": [{"uri": "urn:x", "id": "1", "extension": [{"url": "urn:y"}]}]},
        {"_name": {"extension": []}},
        {"id": "7", "extension": [{"url": "urn:x", "valueString": "y"}]},
    ],
)
def test_what_has_the_shape_has_no_fault(good: dict[str, Json]) -> None:
    assert faults(**good) == []


@pytest.mark.parametrize(
    ("bad", "condition", "where"),
    [
        ({"name": ""}, Condition.FIELD_INVALID, "Thing.name"),
        ({"name": 7}, Condition.FIELD_INVALID, "Thing.name"),
        ({"name": None}, Condition.FIELD_INVALID, "Thing.name"),
        ({"nam": "x"}, Condition.MALFORMED, "Thing"),
        ({"who": []}, Condition.FIELD_INVALID, "Thing.who"),
        ({"who": {"display": "x"}}, Condition.FIELD_INVALID, "Thing.who"),
        ({"who": [{"display": "x"}, {}]}, Condition.FIELD_INVALID, "Thing.who[1]"),
        ({"who": [{"identifier": {"value": ["7"]}}]}, Condition.FIELD_INVALID, "Thing.who[0].identifier.value"),
        ({"code": " a"}, Condition.FIELD_INVALID, "Thing.code"),
        ({"at": "2026-11-22"}, Condition.FIELD_INVALID, "Thing.at"),
        ({"at": "2026-11-22T10:20:01"}, Condition.FIELD_INVALID, "Thing.at"),
        ({"data": "###"}, Condition.FIELD_INVALID, "Thing.data"),
        ({"flag": "true"}, Condition.FIELD_INVALID, "Thing.flag"),
        ({"part": [{}]}, Condition.FIELD_INVALID, "Thing.part[0]"),
        ({"part": [{"uri": "urn:x"}, {"id": "1"}]}, Condition.FIELD_MISSING, "Thing.part[1].uri"),
    ],
)
def test_what_has_not_is_told_with_its_place(bad: dict[str, Json], condition: Condition, where: str) -> None:
    assert faults(**bad) == [(condition, where)]


def test_what_is_required_is_missed() -> None:
    assert [(f.condition, f.where) for f in shape_faults({"id": "1"}, SHAPE, "Thing", TYPES)] == [
        (Condition.FIELD_MISSING, "Thing.name"),
        (Condition.FIELD_MISSING, "Thing.who"),
    ]


def test_a_fault_never_quotes_a_value() -> None:
    told = [f.detail for f in shape_faults({"name": 1, "Müller": 2, "who": "Müller"}, SHAPE, "Thing", TYPES)]

    assert not any("Müller" in one for one in told)
    assert any("M\\xfcller" in one for one in told)


def test_blanks_without_end_are_judged_at_once() -> None:
    assert faults(data="A" + " " * 200_000 + "!", name=" " * 200_000) != []
