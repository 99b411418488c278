"""How values look on a page: times, weights, identifiers, and text that is not what it seems."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

from kernel.demographics import Address, HumanName, Telecom
from kernel.identifiers import PatientId
from kernel.times import Dtm

_UNITS: Final = ((86_400, "day"), (3_600, "hour"), (60, "minute"))
_TEXT_LIMIT: Final = 200
_HIDDEN: Final = ("Cc", "Cf", "Zl", "Zp", "Co", "Cn", "Cs")
_JOINERS: Final = "\u200c\u200d"
"""Scripts of Asia need them."""


def sentence(text: str) -> str:
    """With a capital at the beginning and a full stop at the end."""
    text = text.strip()
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '!', '?')) else '.'}" if text else ""


def visible(text: str, limit: int = _TEXT_LIMIT) -> str:
    """A value of a record with what cannot be seen made visible: control characters, and such as turn the text around."""
    shown = "".join(_visible(c) for c in text[:limit])
    return f"{shown}…" if len(text) > limit else shown


def _visible(character: str) -> str:
    if unicodedata.category(character) in _HIDDEN and character not in _JOINERS:
        return f"[U+{ord(character):04X}]"
    return character


def moment(milliseconds: int) -> str:
    """A time to the minute, in UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M")


def second(milliseconds: int) -> str:
    """A time to the second, in UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def machine_time(milliseconds: int) -> str:
    """A time as `datetime` attributes want it."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def age(since: int, now: int) -> str:
    """How long ago, in the largest unit that fits."""
    seconds = max(now - since, 0) // 1000
    for size, unit in _UNITS:
        if seconds >= size:
            return counted(seconds // size, unit)
    return "less than a minute"


def counted(number: int, thing: str, things: str = "") -> str:
    """`1 day`, `3 days`."""
    return f"{number:,} {thing if number == 1 else things or thing + 's'}"


def day(time: Dtm | None) -> str:
    """A date as far as it was sent: 1984, 1984-03, 1984-03-17, with the time of day when there is one."""
    if time is None:
        return ""
    digits = time.digits
    date = "-".join(part for part in (digits[:4], digits[4:6], digits[6:8]) if part)
    clock = ":".join(part for part in (digits[8:10], digits[10:12], digits[12:14]) if part)
    return f"{date} {clock}{time.zone}".strip() if clock else date


def signed(weight: float) -> str:
    """A weight with its sign; the minus is a real one."""
    rounded = round(weight, 1)
    if rounded == 0:
        return "0.0"
    return f"{'+' if rounded > 0 else '−'}{abs(rounded):.1f}"


def percent(probability: float) -> str:
    """A probability; never 0 or 100."""
    if probability > 0.999:
        return "over 99.9 %"
    if probability < 0.001:
        return "under 0.1 %"
    return f"{probability * 100:.1f} %"


def full_name(name: HumanName | None) -> str:
    """A name in one line, the family name first."""
    if name is None:
        return ""
    first = " ".join(part for part in (name.prefix, *name.given) if part)
    whole = ", ".join(part for part in (name.family, first) if part)
    return visible(f"{whole} {name.suffix}".strip())


def address_line(address: Address) -> str:
    """An address in one line."""
    town = " ".join(part for part in (address.postcode, address.city) if part)
    parts = (*address.lines, town, address.county, address.state, address.country)
    return visible(", ".join(part for part in parts if part))


def telecom_line(telecom: Telecom) -> str:
    """A telephone number or electronic address."""
    return visible(telecom.value)


def authority_name(patient_id: PatientId) -> str:
    """What to call who gave an identifier."""
    return visible(patient_id.authority.namespace or patient_id.authority.universal_id)


def short_id(patient_id: PatientId) -> str:
    """An identifier in a sentence."""
    return f"{visible(patient_id.id)} ({authority_name(patient_id)})"


FILTERS: Final[Mapping[str, Callable[..., str]]] = {
    "sentence": sentence,
    "visible": visible,
    "moment": moment,
    "second": second,
    "machine_time": machine_time,
    "age": age,
    "counted": counted,
    "day": day,
    "signed": signed,
    "percent": percent,
    "full_name": full_name,
    "authority_name": authority_name,
}
