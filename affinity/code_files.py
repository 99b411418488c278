"""Code sets in files: the `codes.xml` of IHE test kits, and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from affinity.model import DomainCode
from kernel.errors import Condition, Rejected, Unreadable, Violation, violation
from kernel.identifiers import AssigningAuthority, is_oid
from kernel.xml import Element, parse_xml

LIMIT: Final = 16 << 20
"""Bytes of a file."""
COLUMNS: Final = ("attribute", "code", "scheme", "display", "valid_from", "valid_to")
_REQUIRED: Final = ("attribute", "code")


@dataclass(frozen=True, slots=True)
class CodeFile:
    """What a file holds. A code that stands in it twice counts once."""

    codes: tuple[DomainCode, ...]
    authorities: tuple[AssigningAuthority, ...] = ()


def read_codes(content: bytes) -> CodeFile:
    """Reads either form. Raises `Unreadable` for what is neither, `Rejected` with every line that is wrong."""
    if len(content) > LIMIT:
        raise Unreadable(violation(Condition.TOO_LARGE, "file", f"more than {LIMIT} bytes"))
    start = content.removeprefix(b"\xef\xbb\xbf").lstrip()
    return _read_xml(content) if start.startswith(b"<") else _read_csv(content)


def _read_xml(content: bytes) -> CodeFile:
    root = parse_xml(content, limit=LIMIT)
    if root.tag != "Codes":
        raise Unreadable(violation(Condition.MALFORMED, "file", "the root element of a file of codes is Codes"))
    found: dict[tuple[str, str, str], DomainCode] = {}
    wrong: list[Violation] = []
    for group in root.iter("CodeType"):
        attribute = group.get("name", "").strip()
        for element in group.iter("Code"):
            code = _xml_code(attribute, element)
            if not attribute or not code.code:
                wrong.append(violation(Condition.FIELD_MISSING, f"line {element.sourceline}", "CodeType name or code is missing"))
            else:
                found.setdefault((code.attribute, code.code, code.scheme), code)
    if wrong:
        raise Rejected(wrong)
    return CodeFile(tuple(found.values()), tuple(_xml_authorities(root)))


def _xml_code(attribute: str, element: Element) -> DomainCode:
    code, scheme, display = (element.get(name, "").strip() for name in ("code", "codingScheme", "display"))
    return DomainCode(attribute, code, scheme, display)


def _xml_authorities(root: Element) -> Iterator[AssigningAuthority]:
    for element in root.iter("AssigningAuthority"):
        parts = element.get("id", "").split("&")
        if len(parts) == 3 and is_oid(parts[1]):
            yield AssigningAuthority.of_oid(parts[1], parts[0] or element.get("display", "").strip())


def _read_csv(content: bytes) -> CodeFile:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Unreadable(violation(Condition.CHARSET_UNSUPPORTED, "file", "a CSV file is in UTF-8")) from None
    rows = csv.DictReader(io.StringIO(text, newline=""))
    names = tuple(rows.fieldnames or ())
    if not set(_REQUIRED) <= set(names) or not set(names) <= set(COLUMNS):
        raise Unreadable(violation(Condition.MALFORMED, "line 1", f"the columns of a file of codes are {', '.join(COLUMNS)}"))
    found: dict[tuple[str, str, str], DomainCode] = {}
    wrong: list[Violation] = []
    try:
        for row in rows:
            code = _csv_code(row)
            if code is None:
                wrong.append(violation(Condition.FIELD_INVALID, f"line {rows.line_num}", "attribute, code or a date is not right"))
            else:
                found.setdefault((code.attribute, code.code, code.scheme), code)
    except csv.Error:
        raise Unreadable(violation(Condition.MALFORMED, f"line {rows.line_num}", "this is not CSV")) from None
    if wrong:
        raise Rejected(wrong)
    return CodeFile(tuple(found.values()))


def _csv_code(row: Mapping[str | None, str | None]) -> DomainCode | None:
    texts = {name: (row.get(name) or "").strip() for name in COLUMNS}
    if None in row or not all(texts[name] for name in _REQUIRED):
        return None
    try:
        first, last = (date.fromisoformat(texts[name]) if texts[name] else None for name in ("valid_from", "valid_to"))
    except ValueError:
        return None
    code = DomainCode(texts["attribute"], texts["code"], texts["scheme"], texts["display"])
    return replace(code, valid_from=first, valid_to=last)
