"""Cleaning of names: any script to plain capitals, particles, suffixes, placeholders, and codes that survive spelling."""

from __future__ import annotations

import re
from functools import lru_cache

from anyascii import anyascii

_CACHE = 50_000


def words(text: str) -> list[str]:
    """The words of a table kept as text."""
    return text.split()


_TITLES = frozenset(
    words(
        """
    MR MRS MS MISS MISTER DR PROF SIR HERR FRAU MME
    """
    )
)
_SUFFIXES = {
    "JR": "JR", "JUNIOR": "JR", "JNR": "JR", "SR": "SR", "SENIOR": "SR", "SNR": "SR", "II": "II", "2ND": "II", "III": "III",
    "3RD": "III", "IV": "IV", "4TH": "IV",
}  # fmt: skip
_PARTICLES = frozenset(
    words(
        """
    VAN VON VOM ZU ZUM ZUR DE DER DEN DEL DELLA DELLE DELLO DELA DI DA DAL DALLA DO DOS DAS DU DES LA LE LAS LOS EL AL BIN
    BINT IBN TER TEN TE AF AV SAN SANTA Y E I
    """
    )
)
_JOINED = frozenset({"MC", "MAC", "O", "D", "L", "FITZ", "SAINT", "ST"})
_NOT_GIVEN = frozenset(
    words(
        """
    BABY BABYBOY BABYGIRL BB BG BABE INFANT NEWBORN NEWBORNBOY NEWBORNGIRL NEONATE NEONATO BEBE SAUGLING NEUGEBORENES
    UNKNOWN UNK UNNAMED NONAME NOTGIVEN NONE NULL NA NN XX XXX TEST TWIN TRIPLET NOUVEAUNE BOY GIRL MALE FEMALE
    """
    )
)
_NOT_FAMILY = frozenset(
    words(
        """
    UNKNOWN UNK NONE NULL NA NN XX XXX TEST NOTKNOWN NOTGIVEN NONAME ANONYMOUS
    """
    )
)
_ORDERS = {
    "A": 1,
    "B": 2,
    "C": 3,
    "D": 4,
    "1": 1,
    "2": 2,
    "3": 3,
    "4": 4,
    "ONE": 1,
    "TWO": 2,
    "THREE": 3,
    "I": 1,
    "II": 2,
    "III": 3,
}
_NOT_LETTER = re.compile(r"[^A-Z0-9]+")
_APOSTROPHES = re.compile(r"['`\u00b4\u2018\u2019\u02bc.]")


@lru_cache(_CACHE)
def tokens_of(text: str) -> tuple[str, ...]:
    """The words of a text in plain capitals: transliterated, without accents and apostrophes, split at all else."""
    if text.isalpha() and text.isascii():
        return (text.upper(),)
    plain = _APOSTROPHES.sub("", text)
    plain = (plain if plain.isascii() else anyascii(plain).replace("'", "")).upper()
    return tuple(_NOT_LETTER.sub(" ", plain).split())


@lru_cache(_CACHE)
def suffix_of(text: str) -> str:
    """JR, SR, II, III or IV, or nothing."""
    return next((_SUFFIXES[token] for token in tokens_of(text) if token in _SUFFIXES), "")


@lru_cache(_CACHE)
def given_of(text: str) -> tuple[str, str, str, bool, int]:
    """Of a given-name field: first name, the further names, suffix found in it, whether it is a placeholder, birth order in it."""
    tokens = tokens_of(text)
    suffix = next((_SUFFIXES[t] for t in tokens[1:] if t in _SUFFIXES), "")
    if tokens and (tokens[0] in _NOT_GIVEN or "".join(tokens) in _NOT_GIVEN):
        order = _ORDERS.get(tokens[-1], 0) if len(tokens) > 1 else 0
        return "", "", "", True, order
    names = [t for t in tokens if t not in _TITLES and t not in _SUFFIXES and not t.isdigit()]
    if not names:
        return "", "", suffix, False, 0
    return names[0], " ".join(names[1:]), suffix, False, 0


@lru_cache(_CACHE)
def family_of(text: str) -> tuple[tuple[str, ...], str]:
    """Of a family-name field: the name without particles, then the same written in one word where that differs; and a suffix."""
    tokens = list(tokens_of(text))
    suffix = next((_SUFFIXES[t] for t in tokens[1:] if t in _SUFFIXES), "")
    tokens = [t for t in tokens if not t.isdigit() and (t not in _SUFFIXES or t == tokens[0])]
    if not tokens or "".join(tokens) in _NOT_FAMILY:
        return (), suffix
    joined: list[str] = []
    for token in tokens:
        if joined and joined[-1] in _JOINED:
            joined[-1] += token
        else:
            joined.append(token)
    core = [t for t in joined if t not in _PARTICLES] or joined
    name = " ".join(core)
    whole = "".join(joined)
    return ((name,) if len(core) == len(joined) else (name, whole)), suffix


_SPELLINGS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), to)
    for pattern, to in (
        (r"AE", "A"), (r"OE", "O"), (r"(?<!Q)UE", "U"), (r"PH", "F"), (r"TSCH|TCH|CZ", "C"), (r"SCH|SHCH|SH", "S"),
        (r"KH|CH|CK|Q", "K"), (r"GH", "G"), (r"TH", "T"), (r"C(?=[EIY])", "S"), (r"C", "K"), (r"TS|TZ|DZ|Z", "S"), (r"X", "KS"),
        (r"W", "V"), (r"[YJ]", "I"), (r"OU", "U"), (r"(?<=.)H", ""), (r"(.)\1+", r"\1"),
    )
)  # fmt: skip
_FEMININE: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?<=..)(OV|EV|IN)A$"), r"\1"),
    (re.compile(r"SKA(IA|I)?$"), "SKI"),
    (re.compile(r"SKO[IG]$"), "SKI"),
)


@lru_cache(_CACHE)
def skeleton(name: str) -> str:
    """What is left of a name when the habits of spelling are taken out: umlauts written either way, schools of transliteration,
    doubled letters, silent H. Two spellings of one name mostly meet in it."""
    text = name.replace(" ", "")
    for pattern, to in _SPELLINGS:
        text = pattern.sub(to, text)
    return text


@lru_cache(_CACHE)
def family_skeleton(name: str) -> str:
    """`skeleton` that lets the feminine ending of Slavic family names go."""
    text = skeleton(name)
    if len(text) < 5:
        return text
    for pattern, to in _FEMININE:
        text = pattern.sub(to, text)
    return text


_CLASSES = str.maketrans("BPFVGKSDTLMNR", "1111222334556", "AEIOUYWHJ")


@lru_cache(_CACHE)
def sound_code(text: str) -> str:
    """A code of one letter and up to three digits for how a skeleton sounds; empty for nothing."""
    if not text:
        return ""
    digits: list[str] = []
    previous = text[0].translate(_CLASSES)
    for letter in text[1:]:
        digit = letter.translate(_CLASSES)
        if digit and digit != previous:
            digits.append(digit)
        if letter not in "HW":
            previous = digit
    return text[0] + "".join(digits)[:3]
