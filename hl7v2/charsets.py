"""Character sets of MSH-18 (table 0211): from a declaration to a codec, and bytes to text and back."""

from __future__ import annotations

from dataclasses import dataclass

from kernel.errors import Condition, Unreadable, violation

UTF_8 = "UNICODE UTF-8"
LATIN_1 = "8859/1"
_CODECS = {
    "ASCII": "ascii",
    UTF_8: "utf-8",
    "UTF-8": "utf-8",
    **{f"8859/{n}": f"iso8859-{n}" for n in range(1, 16) if n != 12},
}


@dataclass(frozen=True, slots=True)
class Charset:
    """What MSH-18 says, empty when it says nothing, and the Python codec the bytes are read with."""

    declared: str
    codec: str


UNDECLARED = Charset("", "utf-8")


def decode(raw: bytes, declared: str, *, lenient: bool) -> tuple[str, Charset]:
    """The text of a message and its character set.

    Undeclared is read as UTF-8. `lenient` takes Latin-1 where undeclared or declared ASCII does not fit the bytes. Raises
    `Unreadable` with CHARSET_UNSUPPORTED for an unknown character set and for bytes that are not in the declared one.
    """
    codec = _CODECS.get(declared.upper()) if declared else UNDECLARED.codec
    if codec is None:
        raise Unreadable(violation(Condition.CHARSET_UNSUPPORTED, "MSH-18", "this character set is not served here"))
    try:
        return raw.decode(codec), Charset(declared, codec)
    except UnicodeDecodeError as problem:
        if lenient and declared.upper() in ("", "ASCII"):
            return raw.decode("latin-1"), Charset(LATIN_1, "latin-1")
        text = f"byte {problem.start} does not fit the character set {declared or '(undeclared: UTF-8)'}"
        raise Unreadable(violation(Condition.CHARSET_UNSUPPORTED, "MSH-18", text)) from None


def for_answer(text: str, charset: Charset) -> Charset:
    """The character set to answer in: that of the request where it can hold the text, else UTF-8, declared."""
    if text.isascii() and charset.declared.upper() != UTF_8:
        return charset
    if not charset.declared:
        return Charset(UTF_8, "utf-8")
    try:
        text.encode(charset.codec)
    except UnicodeEncodeError:
        return Charset(UTF_8, "utf-8")
    return charset
