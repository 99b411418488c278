"""Reading code sets from files."""

from __future__ import annotations

from datetime import date

import pytest

from affinity.code_files import LIMIT, read_codes
from affinity.model import DomainCode
from kernel.errors import Condition, HieError, Rejected, Unreadable
from tests.support.shared import sample

XML = b"""<Codes>
<CodeType name="classCode" classScheme="urn:uuid:41a5887f-8865-4c09-adf7-e362475b143a">
 <Code code="A" codingScheme="2.999.1" display="first"/>
 <Code code="A" codingScheme="2.999.1" display="again"/>
</CodeType>
<CodeType name="mimeType"><Code code="text/plain" ext="txt"/></CodeType>
<AssigningAuthority id="&amp;2.999.5&amp;ISO" display="FIVE"/>
<AssigningAuthority id="nonsense"/>
</Codes>"""


def test_a_file_of_a_test_kit_gives_codes_and_authorities() -> None:
    file = read_codes(XML)

    assert file.codes == (DomainCode("classCode", "A", "2.999.1", "first"), DomainCode("mimeType", "text/plain", ""))
    assert [str(a) for a in file.authorities] == ["FIVE&2.999.5&ISO"]


def test_the_codes_of_the_published_affinity_domain_are_read() -> None:
    file = read_codes(sample("affinity-domain", "codes.xml"))

    assert {c.attribute for c in file.codes} >= {"classCode", "typeCode", "formatCode", "mimeType", "confidentialityCode"}
    assert len(file.codes) > 500
    assert [a.universal_id for a in file.authorities] == [f"1.3.6.1.4.1.21367.13.20.{n}000" for n in (1, 2, 3)]


def test_csv_carries_days_of_validity() -> None:
    content = "\ufeffattribute,code,scheme,display,valid_from,valid_to\ntypeCode,T,2.999.2,Überweisung,2026-01-01,\n".encode()

    file = read_codes(content)

    assert file.codes == (DomainCode("typeCode", "T", "2.999.2", "Überweisung", date(2026, 1, 1), None),)


def test_every_wrong_line_of_a_csv_is_named() -> None:
    content = b"attribute,code,scheme,valid_from\ntypeCode,T,1.2,2026\ntypeCode,,1.2,\ntypeCode,U,1.2,\ntypeCode,V,1.2,,surplus\n"

    with pytest.raises(Rejected) as refused:
        read_codes(content)

    assert [v.where for v in refused.value.violations] == ["line 2", "line 3", "line 5"]


@pytest.mark.parametrize(
    ("content", "condition"),
    [
        (b"<Codes><CodeType name=''><Code code='A'/></CodeType></Codes>", Condition.FIELD_MISSING),
        (b"<Other/>", Condition.MALFORMED),
        (b"<Codes>", Condition.MALFORMED),
        (b"<!DOCTYPE Codes [<!ENTITY e 'x'>]><Codes>&e;</Codes>", Condition.MALFORMED),
        (b"code,scheme\nA,1.2\n", Condition.MALFORMED),
        (b"attribute,code,colour\nA,1,red\n", Condition.MALFORMED),
        (b"", Condition.MALFORMED),
        ("attribute,code\ntypeCode,é\n".encode("latin-1"), Condition.CHARSET_UNSUPPORTED),
        (b'attribute,code\ntypeCode,"' + b"x" * 200_000 + b'"\n', Condition.MALFORMED),
    ],
)
def test_what_is_no_file_of_codes_is_refused(content: bytes, condition: Condition) -> None:
    with pytest.raises(HieError) as refused:
        read_codes(content)

    assert refused.value.condition is condition


def test_a_file_over_the_limit_is_refused() -> None:
    with pytest.raises(Unreadable) as refused:
        read_codes(b"x" * (LIMIT + 1))

    assert refused.value.condition is Condition.TOO_LARGE
