"""Places in a message, `PID-3[2].4.2`, and how an acknowledgement writes them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_PLACE = re.compile(
    r"(?P<segment>[A-Z][A-Z0-9]{2})(?:\[(?P<occurrence>\d{1,6})\])?"
    r"(?:-(?P<field>\d{1,4})(?:\[(?P<repetition>\d{1,6})\])?(?:\.(?P<component>\d{1,4})(?:\.(?P<subcomponent>\d{1,4}))?)?)?\Z"
)


@dataclass(frozen=True, slots=True)
class Place:
    """A segment, and perhaps field, repetition, component and subcomponent of it, all counted from 1; 0 stands for not said."""

    segment: str
    occurrence: int = 1
    field: int = 0
    repetition: int = 0
    component: int = 0
    subcomponent: int = 0

    @property
    def parts(self) -> tuple[str, ...]:
        """The components of ERR-2 in HL7 2.5 (ERL): segment, its sequence, field, repetition, component, subcomponent."""
        numbers = [self.field, self.repetition, self.component, self.subcomponent]
        while numbers and not numbers[-1]:
            numbers.pop()
        if len(numbers) > 1 and not numbers[1]:
            numbers[1] = 1
        return (self.segment, str(self.occurrence), *map(str, numbers))


@lru_cache(maxsize=1024)
def parse_place(text: str) -> Place | None:
    """The place a text names; None when it is not one."""
    match = _PLACE.match(text)
    if match is None:
        return None
    numbers = {name: int(value) for name, value in match.groupdict(default="0").items() if name != "segment"}
    numbers["occurrence"] = numbers["occurrence"] or 1
    return Place(match["segment"], **numbers)
