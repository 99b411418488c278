"""Cleaning of addresses, telephones, electronic addresses, identifiers and dates of birth."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from mpi.linkage.names import tokens_of, words

_CACHE = 50_000
_TYPES = {
    "STREET": "ST",
    "STR": "ST",
    "STRASSE": "ST",
    "STREETS": "ST",
    "AVENUE": "AV",
    "AVE": "AV",
    "AVN": "AV",
    "AVENIDA": "AV",
    "ROAD": "RD",
    "DRIVE": "DR",
    "DRV": "DR",
    "LANE": "LN",
    "COURT": "CT",
    "CRT": "CT",
    "PLACE": "PL",
    "PLAZA": "PL",
    "PLATZ": "PL",
    "BOULEVARD": "BD",
    "BLVD": "BD",
    "BVD": "BD",
    "CIRCUIT": "CIR",
    "CIRCLE": "CIR",
    "CCT": "CIR",
    "CRES": "CR",
    "CRESCENT": "CR",
    "TERRACE": "TCE",
    "TERR": "TCE",
    "TER": "TCE",
    "PARKWAY": "PKY",
    "PKWY": "PKY",
    "HIGHWAY": "HWY",
    "HIGHWY": "HWY",
    "SQUARE": "SQ",
    "WAY": "WY",
    "CLOSE": "CL",
    "GROVE": "GR",
    "GARDENS": "GDNS",
    "TRAIL": "TRL",
    "NORTH": "N",
    "SOUTH": "S",
    "EAST": "E",
    "WEST": "W",
    "NORTHEAST": "NE",
    "NORTHWEST": "NW",
    "SOUTHEAST": "SE",
    "SOUTHWEST": "SW",
    "SAINT": "ST",
    "MOUNT": "MT",
    "FORT": "FT",
    "WEG": "WG",
    "GASSE": "G",
    "RUE": "R",
    "CALLE": "C",
    "FIRST": "1ST",
    "SECOND": "2ND",
    "THIRD": "3RD",
    "FOURTH": "4TH",
    "FIFTH": "5TH",
}
_UNITS = frozenset(
    words(
        """
    APT APARTMENT UNIT SUITE STE FLAT FL ROOM RM LOT BOX NO WHG APPT DEPT PH FLOOR TOP
    """
    )
)
_DOUBLE_UNITS = (["APT"], ["APARTMENT"], ["UNIT"])
"""Words that may stand before another sign for a unit: "Apartment # 4"."""
_NOWHERE = frozenset(
    words(
        """
    UNKNOWN UNK NONE NULL NA HOMELESS NOFIXEDADDRESS NOFIXEDABODE NFA NOTKNOWN NOADDRESS TEST XX XXX
    """
    )
)
_DIGITS = re.compile(r"\D+")
_EXTENSION = re.compile(r"(?:ext\.?|x|#)\s*\d+\s*$", re.IGNORECASE)
_NOT_ALNUM = re.compile(r"[^0-9A-Z]+")
_NATIONAL_DIGITS = 9
_PHONE_LEAST = 6
_MADE_UP = ("123456789", "987654321", "012345678", "1234567", "111223333", "123121234", "078051120", "219099999")


@dataclass(frozen=True, slots=True)
class Home:
    """A cleaned address."""

    number: str = ""
    street: str = ""
    unit: str = ""
    city: str = ""
    postcode: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether it says nothing."""
        return not (self.street or self.number or self.postcode or self.city)


@lru_cache(_CACHE)
def street_of(text: str) -> tuple[str, str, str]:
    """House number, street and unit of the lines of an address, types of street and points of the compass in their short forms."""
    tokens = list(tokens_of(text.replace("#", " APT ")))
    if not tokens or "".join(tokens) in _NOWHERE:
        return "", "", ""
    unit = ""
    for at in range(len(tokens) - 2, -1, -1):
        if at + 1 < len(tokens) and tokens[at] in _UNITS and tokens[at - 1 : at] != ["PO"] and _is_unit(tokens[at + 1]):
            unit = tokens[at + 1].lstrip("0")
            del tokens[at - (tokens[at - 1 : at] in _DOUBLE_UNITS) : at + 2]
    number = next((t for t in tokens if t[0].isdigit() and not t.endswith(("ST", "ND", "RD", "TH"))), "")
    if number:
        tokens.remove(number)
    words = [_TYPES.get(_german(t), _german(t)) for t in tokens]
    return number.lstrip("0"), " ".join(words), unit


def _is_unit(token: str) -> bool:
    return len(token) == 1 or any(letter.isdigit() for letter in token)


def _german(token: str) -> str:
    for ending in ("STRASSE", "STR"):
        if token.endswith(ending) and len(token) > len(ending) + 2:
            return token[: -len(ending)] + "ST"
    return token


@lru_cache(_CACHE)
def postcode_of(text: str) -> str:
    """Letters and digits; of a US ZIP+4 the first five."""
    plain = _NOT_ALNUM.sub("", text.upper())
    if not plain or plain in _NOWHERE or len(set(plain)) == 1:
        return ""
    return plain[:5] if plain.isdigit() and len(plain) == 9 else plain


@lru_cache(_CACHE)
def city_of(text: str) -> str:
    """The town, in plain capitals and short forms."""
    tokens = tokens_of(text)
    return "" if "".join(tokens) in _NOWHERE else " ".join(_TYPES.get(t, t) for t in tokens if not t.isdigit())


@lru_cache(_CACHE)
def phone_of(text: str) -> str:
    """The last nine digits, so that country code and trunk zero do not matter; nothing for what is too short or made up."""
    digits = _DIGITS.sub("", _EXTENSION.sub("", text))
    if len(digits) < _PHONE_LEAST or _is_made_up(digits):
        return ""
    return digits[-_NATIONAL_DIGITS:]


@lru_cache(_CACHE)
def email_of(text: str) -> str:
    """Lower case, without the part after `+`; nothing when it is no address."""
    name, at, host = text.strip().lower().partition("@")
    name = name.split("+", maxsplit=1)[0]
    return f"{name}@{host}" if at and name and "." in host and name not in ("none", "noemail", "unknown", "test", "na") else ""


@lru_cache(_CACHE)
def identifier_of(text: str) -> str:
    """Letters and digits in capitals; nothing for a placeholder."""
    plain = _NOT_ALNUM.sub("", text.upper())
    if len(plain) < 4 or plain in _NOWHERE or plain.startswith(("UNKN", "NONE", "TEMP", "TEST")) or _is_made_up(plain):
        return ""
    return plain


def _is_made_up(text: str) -> bool:
    tail = text[-7:]
    return len(set(tail)) == 1 or len(set(text)) == 1 or text in _MADE_UP or text[-9:] in _MADE_UP


_BIRTH = re.compile(r"(\d{4})-?(\d{2})?-?(\d{2})?")
_PLACEHOLDER_DATES = frozenset(
    {"19000101", "18000101", "19010101", "00010101", "11111111", "99991231", "19000000", "1900", "190001"}
)
_FIRST_YEAR = 1870
_LAST_YEAR = 2100


@lru_cache(_CACHE)
def birth_of(text: str) -> str:
    """A date of birth as 8, 6 or 4 digits; nothing for what is no date or stands for "unknown"."""
    match = _BIRTH.match(text)
    if match is None:
        return ""
    year, month, day = match.group(1), match.group(2) or "", match.group(3) or ""
    if not _FIRST_YEAR <= int(year) <= _LAST_YEAR or year + month + day in _PLACEHOLDER_DATES:
        return ""
    if not month or not 1 <= int(month) <= 12:
        return year
    if not day or not 1 <= int(day) <= 31:
        return year + month
    return year + month + day
