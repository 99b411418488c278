"""A visit as a source tells of it (HL7 v2, PV1): fields by number, each of repetitions of components of subcomponents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

Value = tuple[tuple[tuple[str, ...], ...], ...]
"""A field: repetitions, components, subcomponents."""

CLASS: Final = 2
LOCATION: Final = 3
NUMBER: Final = 19
FIELDS: Final = (CLASS, LOCATION, 7, 8, 9, 10, 14, 17, 18, NUMBER, 44, 45, 51)
"""What is kept: patient class, assigned location, attending, referring and consulting doctors, hospital service, admit source,
admitting doctor, patient type, visit number, times of admission and discharge, visit indicator."""
ASKED: Final = frozenset((CLASS, LOCATION, 7, 8, 9, 10, 17, 18, NUMBER, 51))
"""What can be asked for (ITI TF-2, 3.22.4.1.2.2), and two more."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit. In an update a field without repetitions is to be deleted, and one that is not there stays as it was."""

    fields: Mapping[int, Value] = field(default_factory=dict)

    @property
    def number(self) -> str:
        """The visit number (PV1-19.1); visits of one record without one are the same visit."""
        return self.value(NUMBER)

    @property
    def is_one(self) -> bool:
        """Whether it says more than the class of a patient, which everybody has to say."""
        return any(value for number, value in self.fields.items() if number != CLASS)

    def value(self, number: int, component: int = 1, subcomponent: int = 1) -> str:
        """One value of the first repetition; empty when it is not there."""
        return next(iter(self.values(number, component, subcomponent)), "")

    def values(self, number: int, component: int = 1, subcomponent: int = 1) -> tuple[str, ...]:
        """One value of each repetition, where it is there."""
        found = []
        for components in self.fields.get(number, ()):
            if component <= len(components) and subcomponent <= len(components[component - 1]):
                found.append(components[component - 1][subcomponent - 1])
        return tuple(text for text in found if text)

    def applied_to(self, stored: Visit) -> Visit:
        """The stored visit after this update."""
        return Visit({n: value for n, value in {**stored.fields, **self.fields}.items() if value})


@dataclass(frozen=True, slots=True)
class VisitCriterion:
    """A value of a field of the visit; a text that ends in `*` asks for what begins so. `where` it stood in the message."""

    where: str
    number: int
    component: int
    subcomponent: int
    text: str
