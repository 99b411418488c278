"""The data types of XDS metadata as they stand in slots and identifiers (ITI TF-3 4.2.3.1.7).

Each `problem_with_...` says what is wrong with a text, or None; what it says never repeats the text, which may name a person.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from kernel.identifiers import is_entry_uuid, is_oid, parse_cx
from kernel.times import is_xds_dtm

_HEX = re.compile(r"[0-9a-fA-F]+\Z")
_DIGITS = re.compile(r"[0-9]{1,19}\Z")
_LANGUAGE = re.compile(r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*\Z")
_MIME_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+(?:\s*;.*)?\Z", re.DOTALL)
_INFO = re.compile(r"PID-[1-9][0-9]?\|")
_EXTENSION_LIMIT = 16
_SHA1_HEX = 40
_ASSIGNING_PARTS = 3


@dataclass(frozen=True, slots=True)
class Hd:
    """An assigning authority or organisation id, `namespace&universalId&type`."""

    namespace: str = ""
    universal_id: str = ""
    type: str = ""

    @property
    def is_iso(self) -> bool:
        """Whether it is an OID and says so."""
        return self.type == "ISO" and is_oid(self.universal_id)


@dataclass(frozen=True, slots=True)
class Xcn:
    """A person: id, name parts, assigning authority."""

    id: str = ""
    family: str = ""
    given: str = ""
    further: str = ""
    suffix: str = ""
    prefix: str = ""
    authority: Hd = Hd()


@dataclass(frozen=True, slots=True)
class Xon:
    """An organisation: name, its id and who gave it; the id may be an OID by itself."""

    name: str
    id: str = ""
    authority: Hd = Hd()


@dataclass(frozen=True, slots=True)
class Cxi:
    """An element of referenceIdList: id, who gave it, its kind and home community."""

    id: str
    authority: Hd = Hd()
    type_code: str = ""
    home_community_id: str = ""


@dataclass(frozen=True, slots=True)
class Recipient:
    """An intendedRecipient: organisation, person and telecom texts, any of them empty."""

    organisation: str = ""
    person: str = ""
    telecom: str = ""


def _part(parts: list[str], number: int) -> str:
    """Component `number`, counted from 1."""
    return parts[number - 1] if len(parts) >= number else ""


def parse_hd(text: str) -> Hd:
    """The three subcomponents, absent ones empty."""
    parts = text.split("&")
    return Hd(_part(parts, 1), _part(parts, 2), _part(parts, 3))


def parse_xcn(text: str) -> Xcn:
    """The components XDS gives a meaning; never fails."""
    parts = text.split("^")
    number, family, given, further, suffix, prefix = (_part(parts, n) for n in range(1, 7))
    return Xcn(number, family, given, further, suffix, prefix, parse_hd(_part(parts, 9)))


def parse_xon(text: str) -> Xon:
    """The components XDS gives a meaning; never fails."""
    parts = text.split("^")
    return Xon(_part(parts, 1), _part(parts, 10), parse_hd(_part(parts, 6)))


def parse_cxi(text: str) -> Cxi:
    """The components XDS gives a meaning; never fails."""
    parts = text.split("^")
    return Cxi(_part(parts, 1), parse_hd(_part(parts, 4)), _part(parts, 5), _part(parts, 6))


def parse_recipient(text: str) -> Recipient:
    """The three parts between bars, absent ones empty."""
    parts = text.split("|")
    return Recipient(_part(parts, 1), _part(parts, 2), _part(parts, 3))


def problem_with_xcn(text: str) -> str | None:
    """An id, or a family and a given name; an id with an authority has an OID there."""
    person = parse_xcn(text)
    if not person.id and not (person.family and person.given):
        return "XCN holds neither an id nor family and given names"
    if person.id and person.authority != Hd() and not person.authority.is_iso:
        return "XCN component 9 is not &OID&ISO"
    return None


def problem_with_xon(text: str) -> str | None:
    """A name; an id that is not an OID has an authority that is one."""
    organisation = parse_xon(text)
    if not organisation.name:
        return "XON component 1, the name, is empty"
    if organisation.id and not is_oid(organisation.id) and not organisation.authority.is_iso:
        return "XON component 10 is no OID and component 6 is not &OID&ISO"
    return None


def problem_with_xtn(text: str) -> str | None:
    """An electronic address (component 3 Internet, 4 the address) or a telephone number."""
    parts = text.split("^")
    if _part(parts, 3) == "Internet":
        return None if "@" in _part(parts, 4) else "XTN component 4 is not an electronic address"
    if _part(parts, 1) or _part(parts, 7) or _part(parts, 12):
        return None
    return "XTN holds neither an electronic address nor a telephone number"


def problem_with_cx(text: str) -> str | None:
    """`id^^^&OID&ISO` and nothing else."""
    return None if parse_cx(text) is not None else "not of the form id^^^&OID&ISO"


def problem_with_cxi(text: str) -> str | None:
    """`id^^^&OID&ISO^type`: an id and its kind; an authority, when named, by OID or namespace."""
    reference = parse_cxi(text)
    if not reference.id:
        return "CXi component 1, the id, is empty"
    if not reference.type_code:
        return "CXi component 5, the identifier type code, is empty"
    if reference.authority.universal_id and not reference.authority.is_iso:
        return "CXi component 4 is not &OID&ISO"
    return None


def problem_with_recipient(text: str) -> str | None:
    """`XON|XCN|XTN`, at least one part filled, each filled part right."""
    recipient = parse_recipient(text)
    if recipient == Recipient() or text.count("|") >= _ASSIGNING_PARTS:
        return "not of the form XON|XCN|XTN with at least one part"
    return (
        (problem_with_xon(recipient.organisation) if recipient.organisation else None)
        or (problem_with_xcn(recipient.person) if recipient.person else None)
        or (problem_with_xtn(recipient.telecom) if recipient.telecom else None)
    )


def problem_with_oid(text: str) -> str | None:
    """An OID of 64 characters at most."""
    return None if is_oid(text) else "not an OID of at most 64 characters"


def problem_with_unique_id(text: str) -> str | None:
    """The uniqueId of a DocumentEntry: an OID, perhaps `^` and an extension of at most 16 characters."""
    oid, caret, extension = text.partition("^")
    if not is_oid(oid):
        return "does not begin with an OID of at most 64 characters"
    if caret and not 1 <= len(extension) <= _EXTENSION_LIMIT:
        return "the extension after ^ has not 1 to 16 characters"
    return None


def problem_with_uuid(text: str) -> str | None:
    """`urn:uuid:` with a lower-case UUID."""
    return None if is_entry_uuid(text) else "not urn:uuid: with a lower-case UUID"


def problem_with_dtm(text: str) -> str | None:
    """4, 6, 8, 10, 12 or 14 digits that name a day and time."""
    return None if is_xds_dtm(text) else "not a DTM of 4, 6, 8, 10, 12 or 14 digits"


def problem_with_hash(text: str) -> str | None:
    """SHA-1 in hex."""
    return None if len(text) == _SHA1_HEX and _HEX.match(text) else "not a SHA-1 of 40 hex digits"


def problem_with_size(text: str) -> str | None:
    """A non-negative integer."""
    return None if _DIGITS.match(text) else "not a non-negative integer"


def problem_with_language(text: str) -> str | None:
    """A language tag of RFC 3066."""
    return None if _LANGUAGE.match(text) else "not a language tag"


def problem_with_mime_type(text: str) -> str | None:
    """type/subtype, perhaps with parameters."""
    return None if _MIME_TYPE.match(text) else "not a MIME type"


def problem_with_home(text: str) -> str | None:
    """`urn:oid:` and an OID, 64 characters at most."""
    prefix = "urn:oid:"
    fits = text.startswith(prefix) and len(text) <= 64 and is_oid(text[len(prefix) :])
    return None if fits else "not urn:oid: with an OID, of at most 64 characters"


def problem_with_source_patient_info(text: str) -> str | None:
    """`PID-n|value`; the value may be empty."""
    return None if _INFO.match(text) else "not of the form PID-n|value"
