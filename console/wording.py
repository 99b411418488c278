"""The words of linkage: fields, levels of agreement, rivals, reasons and acts, as people read them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final

from mpi.linkage.weights import Explanation
from mpi.model import ActKind, LinkKind, ReviewReason, ReviewState

PRIOR: Final = "prior"
OTHERS: Final = "other explanations"

FIELDS: Final[Mapping[str, str]] = {
    PRIOR: "Before looking",
    "given": "Given name",
    "middle": "Middle name",
    "family": "Family name",
    "suffix": "Suffix",
    "birth": "Date of birth",
    "sex": "Sex",
    "identifier": "Personal identifier",
    "place": "Home and telephone",
    "email": "E-mail",
    "mother": "Mother",
    "order": "Birth order",
    "source": "Source",
    OTHERS: "Other explanations",
}
_MISSING: Final = "not known of both"
LEVELS: Final[Mapping[str, Mapping[str, str]]] = {
    "given": {
        "missing": _MISSING,
        "exact": "the same",
        "variant": "another spelling of the same name",
        "nickname": "a short or pet form of the same name",
        "close": "one slip of the pen apart",
        "middle": "the middle name of one is the given name of the other",
        "initial": "only an initial, and it fits",
        "similar": "resemble each other",
        "different": "different",
        "swapped": "given and family name changed places",
        "placeholder": "one only stands for an unknown name",
    },
    "middle": {
        "missing": _MISSING,
        "exact": "the same",
        "close": "nearly the same",
        "initial": "only an initial, and it fits",
        "different": "different",
    },
    "family": {
        "missing": _MISSING,
        "exact": "the same",
        "variant": "another spelling of the same name",
        "close": "one slip of the pen apart, or a part of the other",
        "former": "a former name or alias of the other",
        "similar": "resemble each other",
        "changed": "different, as after a marriage",
        "different": "different",
    },
    "suffix": {"missing": _MISSING, "equal": "the same", "different": "junior and senior differ"},
    "birth": {
        "missing": _MISSING,
        "exact": "the same",
        "swapped": "day and month changed places",
        "edit": "one digit off, or two exchanged",
        "partial": "agree as far as both are known",
        "near": "two of year, month and day agree",
        "year": "only the year agrees",
        "different": "different",
        "generation": "fifteen years apart or more",
    },
    "sex": {
        "missing": _MISSING,
        "same": "the same",
        "implied": "the same, as the given name says already",
        "conflict": "different, though the given name is the same",
        "different": "different",
    },
    "identifier": {"missing": _MISSING, "equal": "the same", "edit": "one digit off", "different": "different"},
    "place": {
        "missing": _MISSING,
        "both": "same home and telephone",
        "home": "same home",
        "phone": "same telephone",
        "close": "same home, written differently",
        "postcode": "same postcode",
        "area": "same area",
        "different": "different",
    },
    "email": {"missing": _MISSING, "equal": "the same", "different": "different"},
    "mother": {"missing": _MISSING, "equal": "the same", "close": "nearly the same", "different": "different"},
    "order": {"missing": _MISSING, "equal": "the same", "different": "different places in a multiple birth"},
    "source": {
        "missing": "not known",
        "other": "two sources, which each give their own",
        "same": "one source, which gave two identifiers",
    },
}
RIVALS: Final[Mapping[str, str]] = {
    "household": "another person of the same household",
    "twin": "a twin",
    "namesake": "a relative of the same name",
    "stranger": "a stranger",
}
REASONS: Final[Mapping[ReviewReason, tuple[str, str]]] = {
    ReviewReason.MAYBE_SAME: ("Same person?", "A record resembles a person, and the machine does not dare to link them."),
    ReviewReason.MAYBE_JOIN: ("One person?", "Two persons, each with records of their own, may be one."),
    ReviewReason.WEAKENED: ("Still the same?", "A record no longer resembles the person it is linked to."),
    ReviewReason.KEPT_APART: (
        "Merge against a decision",
        "A source merges identifiers that were decided to be different persons.",
    ),
}
STATES: Final[Mapping[ReviewState, str]] = {
    ReviewState.OPEN: "open",
    ReviewState.SAME: "the same person",
    ReviewState.DIFFERENT: "not the same person",
    ReviewState.WITHDRAWN: "withdrawn: later evidence or another decision settled it",
}
ACTS: Final[Mapping[ActKind, str]] = {
    ActKind.MATCH: "Linked by matching",
    ActKind.SOURCE_MERGE: "Merged by the source",
    ActKind.SOURCE_LINK: "Linked by the source",
    ActKind.SOURCE_UNLINK: "Unlinked by the source",
    ActKind.SOURCE_RENAME: "Given another identifier by the source",
    ActKind.SOURCE_MOVE: "Moved to another patient by the source",
    ActKind.RESOLVE: "Review decided",
    ActKind.LINK: "Linked",
    ActKind.UNLINK: "Unlinked",
    ActKind.MERGE: "Identifiers merged",
    ActKind.UNDO: "Taken back",
}
LINKS: Final[Mapping[LinkKind, str]] = {
    LinkKind.INITIAL: "the first record of its person",
    LinkKind.AUTOMATIC: "linked by matching",
    LinkKind.MANUAL: "linked by an administrator",
    LinkKind.SOURCE: "linked by its source",
}


class Band(Enum):
    """How much speaks for a pair, in a word."""

    STRONG = "strong"
    """Enough for a machine, but something forbids it or another person fits as well."""
    MIDDLING = "middling"
    WEAK = "weak"
    """Less than even."""
    UNWEIGHED = "not weighed"


def band(explanation: Explanation | None) -> Band:
    """The band of a review."""
    if explanation is None:
        return Band.UNWEIGHED
    if explanation.weight >= explanation.link_threshold:
        return Band.STRONG
    return Band.MIDDLING if explanation.weight >= explanation.review_threshold else Band.WEAK


def level_words(field: str, level: str) -> str:
    """A level of agreement for people; its own name when it is one that this release does not know."""
    return LEVELS.get(field, {}).get(level, level.replace("_", " "))


def field_words(field: str) -> str:
    """A field of the comparison for people."""
    return FIELDS.get(field, field)


def rival_words(rival: str) -> str:
    """An innocent explanation for people."""
    return RIVALS.get(rival, rival)
