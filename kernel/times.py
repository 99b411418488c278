"""Clock, and instants that keep the precision they were sent with."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]
"""Gives the present instant with a time zone. Handed in; nothing else reads the clock."""

_DTM = re.compile(r"(\d{4}(?:\d{2}(?:\d{2}(?:\d{2}(?:\d{2}(?:\d{2}(?:\.\d{1,4})?)?)?)?)?)?)([+-]\d{4})?\Z", re.ASCII)
_LOWEST = "00000101000000"


def system_clock() -> datetime:
    """The clock of the machine, in UTC."""
    return datetime.now(UTC)  # noqa: TID251 - the one place that reads it


@dataclass(frozen=True, slots=True)
class Dtm:
    """A time as sent: 4 to 14 digits, perhaps a fraction and a zone. Ordered by `floor`, printed as received."""

    text: str

    @property
    def digits(self) -> str:
        """The digits without fraction and zone; their number is the precision."""
        return re.split(r"[.+-]", self.text, maxsplit=1)[0]

    @property
    def floor(self) -> int:
        """The earliest instant it may mean, as a number of 14 digits in UTC where a zone was sent, else as written."""
        return int(self._shifted(_padded(self.digits)))

    @property
    def zone(self) -> str:
        """`+hhmm`, `-hhmm` or nothing."""
        match = re.search(r"[+-]\d{4}\Z", self.text)
        return match.group() if match else ""

    def _shifted(self, digits: str) -> str:
        zone = self.zone
        if not zone or len(self.digits) < 12:
            return digits
        minutes = int(zone[1:3]) * 60 + int(zone[3:5])
        offset = timedelta(minutes=minutes if zone[0] == "+" else -minutes)
        try:
            return (datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=UTC) - offset).strftime("%Y%m%d%H%M%S")
        except (ValueError, OverflowError):
            return digits


def _padded(digits: str) -> str:
    padded = digits + _LOWEST[len(digits) :]
    return padded[:12] + "59" if padded[12:] == "60" else padded  # a leap second is not a second of its own here


def parse_dtm(text: str) -> Dtm | None:
    """A v2 TS, v3 TS or XDS DTM; None when the text is not one or names no real day or time."""
    match = _DTM.match(text)
    if match is None:
        return None
    p = _padded(match.group(1).split(".")[0])
    try:
        # not strptime, which takes twenty times as long: every entry and every query holds some of these
        datetime(int(p[:4]), int(p[4:6]), int(p[6:8]), int(p[8:10]), int(p[10:12]), int(p[12:14]), tzinfo=UTC)
    except ValueError:
        return None
    return Dtm(text)


def is_xds_dtm(text: str) -> bool:
    """DTM of XDS metadata: 4, 6, 8, 10, 12 or 14 digits in UTC, no zone, no fraction (ITI TF-3 4.2.3.1.7)."""
    return text.isascii() and text.isdigit() and parse_dtm(text) is not None


def dtm_of(instant: datetime) -> str:
    """14 digits in UTC."""
    return instant.astimezone(UTC).strftime("%Y%m%d%H%M%S")
