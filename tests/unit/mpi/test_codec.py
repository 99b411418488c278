"""Demographics as JSON."""

from __future__ import annotations

import json
from dataclasses import fields

from hypothesis import given
from hypothesis import strategies as st

from kernel.demographics import Address, Demographics, HumanName, Telecom
from kernel.identifiers import AssigningAuthority, PatientId
from kernel.times import Dtm
from mpi.codec import demographics_from_json, demographics_to_json

texts = st.text(max_size=12)
lists = st.lists(texts, max_size=3).map(tuple)
names = st.builds(HumanName, texts, lists, texts, texts, texts)
ids = st.builds(PatientId, texts, st.builds(AssigningAuthority, texts, texts, texts), texts)
everyone = st.builds(
    Demographics,
    names=st.lists(names, max_size=2).map(tuple),
    sex=texts,
    birth=st.none() | st.sampled_from([Dtm("1984"), Dtm("19840317101500.1234+0100")]),
    addresses=st.lists(st.builds(Address, lists, texts, texts, texts, texts, texts, texts), max_size=2).map(tuple),
    telecoms=st.lists(st.builds(Telecom, texts, texts, texts), max_size=2).map(tuple),
    mother_name=st.none() | names,
    mother_ids=st.lists(ids, max_size=2).map(tuple),
    multiple_birth=st.none() | st.booleans(),
    birth_order=st.none() | st.integers(min_value=0, max_value=9),
    deceased=st.none() | st.booleans(),
    death=st.none() | st.just(Dtm("2020")),
    account=st.none() | ids,
    **dict.fromkeys(("national_id", "driver_licence", "marital_status", "race", "religion", "language"), texts),
    **dict.fromkeys(("nationality", "ethnicity", "birth_place"), texts),
)


@given(everyone)
def test_what_is_kept_is_given_back(demographics: Demographics) -> None:
    assert demographics_from_json(demographics_to_json(demographics)) == demographics


def test_what_is_empty_takes_no_room() -> None:
    assert demographics_to_json(Demographics()) == "{}"
    assert json.loads(demographics_to_json(Demographics(deceased=False, birth_order=0))) == {"deceased": False, "birth_order": 0}


def test_every_attribute_is_kept() -> None:
    person = HumanName("a", ("b",))
    full: dict[str, object] = {
        f.name: {"names": (person,), "addresses": (Address(("x",)),), "telecoms": (Telecom("1"),)}.get(f.name, "text")
        for f in fields(Demographics)
    }
    full |= {"birth": Dtm("1984"), "death": Dtm("2020"), "mother_name": person, "mother_ids": (), "account": None}
    full |= {"multiple_birth": True, "birth_order": 1, "deceased": False}
    demographics = Demographics(**full)  # type: ignore[arg-type]

    assert demographics_from_json(demographics_to_json(demographics)) == demographics
