"""Parameters of stored queries: what they may hold, and how the slots of a request become typed values (ITI TF-2 3.18.4.1.2)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Final

from ebrim.model import EntryType
from ebrim.query import ParsedSlot, QuerySlot, StoredQuery, parse_slot
from ebrim.uuids import DOCUMENT_OFFLINE, DOCUMENT_ONLINE
from kernel.errors import Condition, Rejected, Violation, violation
from kernel.identifiers import is_entry_uuid, parse_cx
from kernel.times import is_xds_dtm
from registry.model import LIFE_OF_STATUS

PATTERN_LIMIT: Final = 512
WILDCARD_LIMIT: Final = 20
"""Of `%`, for the time that matching takes grows with their number."""


class Kind(Enum):
    """What a parameter holds."""

    PATIENT_ID = "patient id (CX)"
    STATUS = "availability status"
    CODE = "code^^scheme"
    TIME = "DTM"
    PATTERN = "text, % and _ are wildcards"
    TEXT = "text"
    ENTRY_TYPE = "objectType of an entry"
    AVAILABILITY = "documentAvailability"
    UUID = "entryUUID"
    LEVEL = "1 or 2"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter. `column` is what it is compared with: `registry.queries.conditions` knows how.

    Several values are joined with OR; where `is_anded`, several slots of the name with AND.
    """

    name: str
    kind: Kind
    column: str = ""
    is_required: bool = False
    is_multiple: bool = False
    is_anded: bool = False
    is_id: bool = False
    """Whether it names the object that the query starts from, and is no filter on what it finds."""


Values = tuple[str, ...]
"""The values of one slot, joined with OR."""


@dataclass(frozen=True, slots=True)
class Arguments:
    """The parameters that were given, by name: a tuple of slots, joined with AND."""

    slots: Mapping[str, tuple[Values, ...]] = field(default_factory=dict)

    def __contains__(self, name: str) -> bool:
        """Whether the parameter was given."""
        return name in self.slots

    def values(self, name: str) -> Values:
        """The values of the first slot of a parameter; none when it was not given."""
        found = self.slots.get(name)
        return found[0] if found else ()

    def single(self, name: str) -> str:
        """The value of a single-valued parameter; empty when it was not given."""
        return next(iter(self.values(name)), "")


@dataclass(frozen=True, slots=True)
class Choice:
    """Parameters of which one has to be given: exactly one, or at least one; optional, at most one."""

    names: tuple[str, ...]
    is_exclusive: bool = True
    is_optional: bool = False


_ALLOWED: Final[Mapping[Kind, frozenset[str]]] = MappingProxyType(
    {
        Kind.STATUS: frozenset(LIFE_OF_STATUS),
        Kind.AVAILABILITY: frozenset({DOCUMENT_ONLINE, DOCUMENT_OFFLINE}),
        Kind.ENTRY_TYPE: frozenset(t.value for t in EntryType),
    }
)
"""Values outside are passed over: another registry may know more of them."""


def _problem_with_code(text: str) -> str | None:
    parts = text.split("^")
    is_code = len(parts) == 3 and parts[0] and not parts[1] and parts[2]
    return None if is_code else "not of the form code^^scheme"


def _problem_with_pattern(text: str) -> str | None:
    if len(text) > PATTERN_LIMIT or text.count("%") > WILDCARD_LIMIT:
        return f"a pattern of more than {PATTERN_LIMIT} characters or {WILDCARD_LIMIT} wildcards"
    return None


_CHECKS: Final[Mapping[Kind, Callable[[str], str | None]]] = MappingProxyType(
    {
        Kind.PATIENT_ID: lambda text: None if parse_cx(text.strip()) else "not of the form id^^^&OID&ISO",
        Kind.CODE: _problem_with_code,
        Kind.PATTERN: _problem_with_pattern,
        Kind.TIME: lambda text: None if is_xds_dtm(text) else "not a DTM",
        Kind.UUID: lambda text: None if is_entry_uuid(text.lower()) else "not urn:uuid: with a UUID",
        Kind.LEVEL: lambda text: None if text in ("1", "2") else "neither 1 nor 2",
    }
)


def read_arguments(
    query: StoredQuery, parameters: Mapping[str, Parameter], choices: Sequence[Choice], *, max_values: int
) -> Arguments:
    """The typed values of a query's slots. Raises `Rejected` with everything that is wrong. Unknown slots are passed over."""
    found: dict[str, list[Values]] = {}
    faults: list[Violation] = []
    for slot in query.slots:
        parameter = parameters.get(slot.name)
        if parameter is not None:
            values = _read_values(slot, parameter, faults, max_values)
            if values:
                found.setdefault(slot.name, []).append(values)
    faults += _missing(found, parameters.values(), choices, {v.where for v in faults})
    faults += _repeated(found, parameters)
    if faults:
        raise Rejected(faults)
    return Arguments({name: tuple(slots) for name, slots in found.items()})


def _read_values(slot: QuerySlot, parameter: Parameter, faults: list[Violation], max_values: int) -> Values:
    parsed, problems = parse_slot(slot)
    if problems:
        faults += problems
        return ()
    if len(parsed.values) > max_values:
        faults.append(violation(Condition.PARAMETER_INVALID, slot.name, f"more than {max_values} values"))
        return ()
    if len(parsed.values) > 1 and not parameter.is_multiple:
        told = f"{len(parsed.values)} values where one is expected"
        faults.append(violation(Condition.PARAMETER_COUNT, slot.name, told))
        return ()
    return _checked(parsed, parameter, faults)


def _checked(parsed: ParsedSlot, parameter: Parameter, faults: list[Violation]) -> Values:
    texts = parsed.texts
    if parameter.kind in (Kind.PATIENT_ID, Kind.UUID):
        texts = tuple(text.strip() for text in texts)
    if parameter.kind is Kind.UUID:
        texts = tuple(text.lower() for text in texts)
    allowed = _ALLOWED.get(parameter.kind)
    if allowed is not None:
        return tuple(text for text in texts if text in allowed)
    check = _CHECKS.get(parameter.kind)
    problems = dict.fromkeys(p for text in texts if check is not None and (p := check(text)) is not None)
    faults += [violation(Condition.PARAMETER_INVALID, parameter.name, problem) for problem in problems]
    return texts


def _missing(
    found: Mapping[str, object], parameters: Iterable[Parameter], choices: Sequence[Choice], told: set[str]
) -> Iterator[Violation]:
    """`told` are parameters whose values are at fault already."""
    for parameter in parameters:
        if parameter.is_required and parameter.name not in found and parameter.name not in told:
            yield violation(Condition.PARAMETER_MISSING, parameter.name, "required")
    for choice in choices:
        given = [name for name in choice.names if name in found]
        if not given and not choice.is_optional and not told.intersection(choice.names):
            which = "one" if choice.is_exclusive else "at least one"
            yield violation(Condition.PARAMETER_MISSING, ", ".join(choice.names), f"{which} of these is required")
        elif len(given) > 1 and choice.is_exclusive:
            yield violation(Condition.PARAMETER_COUNT, ", ".join(given), "only one of these may be given")


def _repeated(found: Mapping[str, Sequence[Values]], parameters: Mapping[str, Parameter]) -> Iterator[Violation]:
    for name, slots in found.items():
        if len(slots) > 1 and not parameters[name].is_anded:
            yield violation(Condition.PARAMETER_COUNT, name, f"{len(slots)} slots where one is expected")
