"""app.cli.on_demand"""

from __future__ import annotations

import pytest

from tests.support import messages as m
from tests.support.audit import a_subject
from tests.support.stores import Store


def known(store: Store) -> str:
    """The affinity domain's identifier of a patient."""
    return store.feed(m.adt("1"), m.pix_query("1"))[1].partition("PID||")[2].lstrip("|").partition("^")[0]


def test_a_summary_is_registered_for_a_patient(store: Store) -> None:
    patient = m.cx(known(store))

    done = store.hie("on-demand", "add", "--patient", patient, "--title", "All of it", "--json")

    assert done.code == 0, done.err
    with store.house() as house:
        (entry,) = house.registry_port.entries([done.json["unique_id"]], a_subject())
    assert (entry.is_on_demand, entry.title_text, entry.patient_id) == (True, "All of it", patient)
    assert [value.code.key for value in entry.type_codes] == [("60591-5", "2.16.840.1.113883.6.1")]


def test_its_confidentiality_codes_are_those_that_are_named(store: Store) -> None:
    patient = m.cx(known(store))

    codes = ("--confidentiality", "N^^2.999.1", "--confidentiality", "R^restricted^2.999.1")
    done = store.hie("on-demand", "add", "--patient", patient, *codes, "--json")

    assert done.code == 0, done.err

    with store.house() as house:
        (entry,) = house.registry_port.entries([done.json["unique_id"]], a_subject())
    assert [value.code.key for value in entry.confidentiality_codes] == [("N", "2.999.1"), ("R", "2.999.1")]


def test_a_patient_nobody_knows_gets_none(store: Store) -> None:
    done = store.hie("on-demand", "add", "--patient", m.cx("NOBODY"))

    assert done.code == 1
    assert "patient" in done.err


@pytest.mark.parametrize("code", ["N", "N^2.999.1", "^^2.999.1"])
def test_a_code_without_its_scheme_is_a_wrong_call(store: Store, code: str) -> None:
    assert store.hie("on-demand", "add", "--patient", m.cx("1"), "--confidentiality", code).code == 2
