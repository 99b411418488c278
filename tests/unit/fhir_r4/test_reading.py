"""fhir_r4.reading"""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_r4.json import written
from fhir_r4.reading import DEPTH, entries_of, read_resource
from kernel.errors import Condition, Unreadable

VALUES = st.sampled_from([None, True, -15, "", ']}"\\ é', [], [1, {"resource": [2]}], {}, {"entry": [{"resource": {}}]}])


def test_a_byte_order_mark_is_taken() -> None:
    assert read_resource(b'\xef\xbb\xbf{"resourceType":"AuditEvent"}', limit=100) == {"resourceType": "AuditEvent"}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b'"AuditEvent"',
        b'{"a":1',
        b'{"a":1} {"b":2}',
        b'{"a":1,"a":2}',
        b'{"a":NaN}',
        b'{"a":"\xff"}',
        b"{'a':1}",
        b'{"a":' + b"9" * 5_000 + b"}",
    ],
)
def test_what_is_not_one_json_object_is_unreadable(data: bytes) -> None:
    with pytest.raises(Unreadable) as raised:
        read_resource(data, limit=1 << 20)

    assert raised.value.condition is Condition.MALFORMED


@pytest.mark.parametrize("data", [b'{"a":"' + b"x" * 100 + b'"}', b'{"a":' + b"[" * DEPTH + b"]" * DEPTH + b"}"])
def test_what_is_too_large_or_too_deep_is_unreadable(data: bytes) -> None:
    with pytest.raises(Unreadable) as raised:
        read_resource(data, limit=100)

    assert raised.value.condition is Condition.TOO_LARGE


def test_brackets_within_texts_are_no_depth() -> None:
    assert read_resource(written({"a": "[" * 200 + '"{'}), limit=1_000) == {"a": "[" * 200 + '"{'}


@pytest.mark.parametrize("entry", [{"a": 1}, [1], "x"])
def test_entries_that_are_no_objects_are_unreadable(entry: object) -> None:
    with pytest.raises(Unreadable):
        entries_of(json.dumps({"entry": entry}).encode(), limit=1_000, entries=5)


def test_too_many_entries_are_refused() -> None:
    with pytest.raises(Unreadable):
        entries_of(b'{"entry":[{},{}]}', limit=1_000, entries=1)


def test_a_bundle_without_entries_has_none() -> None:
    assert entries_of(b'{ "type" : "batch" }', limit=1_000, entries=5) == ({"type": "batch"}, ())


def test_a_resource_is_cut_out_as_it_came() -> None:
    data = b'{"entry" :\n[ {"request":{"entry":[1]}, "resource" : {"n": 1.50, "t":"\\u00e9]}"} } , {"x":{}} ] ,"type":"batch"}'

    _, cuts = entries_of(data, limit=1_000, entries=5)

    assert [cut.text for cut in cuts] == ['{"n": 1.50, "t":"\\u00e9]}"}', ""]


@given(st.lists(st.dictionaries(st.sampled_from(["resource", "request", "fullUrl"]), VALUES), max_size=4), st.integers(0, 4))
def test_every_cut_means_what_its_entry_holds(entries: list[dict[str, object]], indent: int) -> None:
    data = json.dumps({"type": "batch", "entry": entries, "total": 1}, indent=indent or None).encode()

    _, cuts = entries_of(data, limit=1 << 20, entries=10)

    assert [json.loads(cut.text) if cut.text else None for cut in cuts] == [entry.get("resource") for entry in entries]
