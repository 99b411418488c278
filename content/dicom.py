"""The head of a DICOM file (PS3.10), as far as metadata ask for it: a key object selection is shared as a document (RAD-68).

Only what stands before the image is read, in little endian, explicit or implicit; anything else says nothing.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from typing import Final

from content.facts import SILENCE, DocumentFacts, component, in_utc
from kernel.codes import Code
from kernel.identifiers import AssigningAuthority, PatientId, is_oid

PREAMBLE: Final = 128
MAGIC: Final = b"DICM"
HEAD: Final = 1 << 20
"""Bytes that are read of a file."""
KEY_OBJECT_SELECTION: Final = "1.2.840.10008.5.1.4.1.1.88.59"
STUDY_UID: Final = "urn:ihe:iti:xds:2016:studyInstanceUID"
_UID_SCHEME: Final = "1.2.840.10008.2.6.1"
_EXPLICIT: Final = "1.2.840.10008.1.2.1"
_IMPLICIT: Final = "1.2.840.10008.1.2"
_LONG: Final = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"))
_UNDEFINED: Final = 0xFFFFFFFF
_STOP: Final = 0x0020000E
"""Everything of interest stands before it: elements are in the order of their tags (PS3.5 7.1)."""
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_DEPTH: Final = 16
_CHARSETS: Final = {"": "ascii", "ISO_IR 6": "ascii", "ISO_IR 100": "latin-1", "ISO_IR 192": "utf-8"}


def facts_of_dicom(data: bytes) -> DocumentFacts:
    """Of the first bytes of a file that has its magic; nothing where they cannot be read. Who a key object is of, what it is,
    when its content was made and which study it belongs to."""
    try:
        meta = dict(_elements(data, PREAMBLE + len(MAGIC), 0x00030000, is_explicit=True))
        syntax = _text(meta, 0x00020010)
        if syntax not in (_EXPLICIT, _IMPLICIT):
            return SILENCE
        at = PREAMBLE + len(MAGIC) + 12 + struct.unpack("<I", meta[0x00020000])[0]
        found = dict(_elements(data, at, _STOP, is_explicit=syntax == _EXPLICIT))
    except (struct.error, KeyError, ValueError):
        return SILENCE
    sop_class, unique_id, study = (_text(found, tag) for tag in (0x00080016, 0x00080018, 0x0020000D))
    is_key_object = sop_class == KEY_OBJECT_SELECTION
    zone = _text(found, 0x00080201)
    return DocumentFacts(
        mime_type="application/dicom",
        unique_id=unique_id if is_oid(unique_id) else "",
        title=_text(found, 0x00081030),
        creation_time=_instant(found, 0x00080023, 0x00080033, zone),
        service_start=_instant(found, 0x00080020, 0x00080030, zone),
        format_code=Code(sop_class, _UID_SCHEME, "Key Object Selection Document") if is_key_object else SILENCE.format_code,
        patient_ids=tuple(_patient_ids(found)),
        patient_info=tuple(_patient_info(found)),
        reference_ids=(f"{study}^^^^{STUDY_UID}",) if is_oid(study) else (),
    )


def _elements(data: bytes, at: int, stop: int, *, is_explicit: bool) -> Iterator[tuple[int, bytes]]:
    """Tags and values up to a tag; sequences are passed over. Raises `struct.error` and `ValueError`."""
    while at + 8 <= len(data):
        tag, begin, length = _head(data, at, is_explicit=is_explicit)
        if tag >= stop:
            return
        if length == _UNDEFINED:
            at = _behind_sequence(data, begin, is_explicit=is_explicit, depth=0)
            continue
        at = begin + length
        yield tag, data[begin:at]


def _head(data: bytes, at: int, *, is_explicit: bool) -> tuple[int, int, int]:
    """Tag, where the value begins, and its length."""
    group, element = struct.unpack_from("<HH", data, at)
    tag = group << 16 | element
    if not is_explicit or group == 0xFFFE:
        return tag, at + 8, struct.unpack_from("<I", data, at + 4)[0]
    if data[at + 4 : at + 6] in _LONG:
        return tag, at + 12, struct.unpack_from("<I", data, at + 8)[0]
    return tag, at + 8, struct.unpack_from("<H", data, at + 6)[0]


def _behind_sequence(data: bytes, at: int, *, is_explicit: bool, depth: int) -> int:
    """Where a sequence or an item of undefined length ends (PS3.5 7.5.2)."""
    if depth > _DEPTH:
        raise ValueError("sequences inside sequences")
    while True:
        tag, begin, length = _head(data, at, is_explicit=is_explicit)
        if tag in (_SEQUENCE_END, _ITEM_END):
            return begin
        is_open = length == _UNDEFINED
        at = _behind_sequence(data, begin, is_explicit=is_explicit, depth=depth + 1) if is_open else begin + length


def _text(found: Mapping[int, bytes], tag: int) -> str:
    charset = found.get(0x00080005, b"").decode("ascii", "replace").strip(" \0")
    try:
        return found.get(tag, b"").decode(_CHARSETS.get(charset, "ascii")).strip(" \0")
    except UnicodeDecodeError:
        return ""  # better nothing than a name that is not hers


def _instant(found: Mapping[int, bytes], day: int, time: int, zone: str) -> str:
    """A date, with its time only where it is known in which zone that is."""
    date = _text(found, day)
    return in_utc(f"{date}{_text(found, time)}{zone}" if zone and _text(found, time) else date)


def _patient_ids(found: Mapping[int, bytes]) -> Iterator[PatientId]:
    """Where the issuer is an OID; a name of an issuer is no assigning authority."""
    number, issuer = _text(found, 0x00100020), _text(found, 0x00100021)
    if number and number == component(number) and is_oid(issuer):
        yield PatientId(number, AssigningAuthority.of_oid(issuer))


def _patient_info(found: Mapping[int, bytes]) -> Iterator[str]:
    yield from (f"PID-3|{identifier.cx}" for identifier in _patient_ids(found))
    # PN is family^given^middle^prefix^suffix, XPN has the last two the other way round (PS3.5 6.2.1)
    parts = [component(part) for part in _text(found, 0x00100010).partition("=")[0].split("^")]
    family, given, middle, prefix, suffix, *_ = [*parts, *[""] * 5]
    if family:
        yield "PID-5|" + "^".join((family, given, middle, suffix, prefix)).rstrip("^")
    birth, sex = in_utc(_text(found, 0x00100030)), _text(found, 0x00100040)
    if birth:
        yield f"PID-7|{birth}"
    if sex in ("M", "F", "O"):
        yield f"PID-8|{sex}"
