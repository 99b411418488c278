"""soap.served"""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from lxml import etree

from kernel.xml import parse_xml
from soap.exchange import BodySchema
from soap.faults import SoapFault
from soap.served import by_action
from tests.support.soap import ASK_OPERATION, PROVIDE_OPERATION, TellingDoor

SCHEMA = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:test">
  <xs:element name="Ask"><xs:complexType><xs:attribute name="age" type="xs:int"/></xs:complexType></xs:element>
</xs:schema>"""


def a_schema() -> etree.XMLSchema:
    return etree.XMLSchema(parse_xml(SCHEMA.encode()))


def test_an_alias_leads_to_the_same_operation() -> None:
    found = by_action([TellingDoor(ASK_OPERATION)], lambda _: None)

    assert found["urn:test:Ask"] is found["urn:test:AskOld"]


def test_two_doors_with_one_action_are_a_mistake_at_the_start() -> None:
    twin = replace(PROVIDE_OPERATION, action=ASK_OPERATION.action)

    with pytest.raises(ValueError, match="urn:test:Ask"):
        by_action([TellingDoor(ASK_OPERATION), TellingDoor(twin)], lambda _: None)


def test_two_doors_with_one_name_are_a_mistake_at_the_start() -> None:
    twin = replace(PROVIDE_OPERATION, name=ASK_OPERATION.name)

    with pytest.raises(ValueError, match="named Ask"):
        by_action([TellingDoor(ASK_OPERATION), TellingDoor(twin)], lambda _: None)


def test_a_body_of_another_operation_is_refused_and_the_right_one_named() -> None:
    served = by_action([TellingDoor(ASK_OPERATION)], lambda _: None)[ASK_OPERATION.action]

    with pytest.raises(SoapFault) as refused:
        served.require_root(parse_xml(b'<Remove xmlns="urn:test"/>'))

    assert "{urn:test}Ask" in refused.value.reason


def test_other_roots_of_an_operation_are_its_own() -> None:
    operation = replace(ASK_OPERATION, other_roots=("{urn:old}Ask",))
    served = by_action([TellingDoor(operation)], lambda _: None)[operation.action]

    served.require_root(parse_xml(b'<Ask xmlns="urn:old"/>'))


def test_a_body_that_breaks_its_schema_is_told_line_and_element_but_no_value() -> None:
    operation = replace(ASK_OPERATION, schema=BodySchema.XDS)
    served = by_action([TellingDoor(operation)], lambda _: a_schema())[operation.action]

    with pytest.raises(SoapFault) as refused:
        served.require_valid(parse_xml(b'\n<Ask xmlns="urn:test" age="Smith"/>'))

    assert "line 2" in refused.value.reason
    assert "Ask" in refused.value.reason
    assert "Smith" not in refused.value.reason


def test_a_body_without_a_schema_is_not_checked() -> None:
    served = by_action([TellingDoor(ASK_OPERATION)], lambda _: a_schema())[ASK_OPERATION.action]

    served.require_valid(parse_xml(b'<Ask xmlns="urn:test" age="Smith"/>'))


def test_reports_of_many_threads_do_not_mix() -> None:
    operation = replace(ASK_OPERATION, schema=BodySchema.XDS)
    served = by_action([TellingDoor(operation)], lambda _: a_schema())[operation.action]

    def report(number: int) -> bool:
        try:
            served.require_valid(parse_xml(f'<Ask xmlns="urn:test" wrong{number}="1"/>'.encode()))
        except SoapFault as fault:
            return set(re.findall(r"wrong(\d+)", fault.reason)) == {str(number)}
        return False

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(report, range(400)))
