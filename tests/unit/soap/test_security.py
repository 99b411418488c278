"""soap.security"""

from __future__ import annotations

import pytest

from kernel.errors import Condition
from kernel.xml import Element, parse_xml
from soap.envelope import SECURITY, read_envelope
from soap.faults import WSSE, SoapFault
from soap.security import find_security
from tests.support.soap import an_envelope


def found(headers: str, limit: int = 1000) -> Element | None:
    return find_security(read_envelope(parse_xml(an_envelope(headers=headers))).headers, limit=limit)


def a_security(text: str = "") -> str:
    return f'<w:Security xmlns:w="{WSSE}" s:mustUnderstand="1"><t xmlns="urn:t">{text}</t></w:Security>'


def test_the_header_is_handed_over_as_it_stands() -> None:
    security = found(a_security("token"))

    assert security is not None
    assert security.tag == SECURITY
    assert security.findtext("{urn:t}t") == "token"


def test_without_one_there_is_none() -> None:
    assert found("") is None


def test_one_that_is_too_long_is_refused() -> None:
    with pytest.raises(SoapFault) as refused:
        found(a_security("x" * 2000))

    assert refused.value.condition is Condition.TOO_LARGE


def test_one_for_somebody_else_is_not_ours() -> None:
    assert found(f'<w:Security xmlns:w="{WSSE}" s:role="urn:gateway"/>') is None
