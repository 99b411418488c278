"""Reading and writing elements of `urn:hl7-org:v3`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from lxml import etree

from kernel.xml import Element, escape

NAMESPACE = "urn:hl7-org:v3"
XSI = "http://www.w3.org/2001/XMLSchema-instance"

_PREFIX = f"{{{NAMESPACE}}}"
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def local_name(element: Element) -> str:
    """The name without namespace."""
    return etree.QName(element).localname


def child(element: Element | None, *path: str) -> Element | None:
    """The first element down a path of names; None when it ends early, also when it begins with None."""
    for name in path:
        if element is None:
            return None
        element = element.find(_PREFIX + name)
    return element


def children(element: Element | None, name: str) -> list[Element]:
    """The children of that name."""
    return [] if element is None else element.findall(_PREFIX + name)


def value_of(element: Element | None, attribute: str = "value") -> str:
    """An attribute; empty when it or the element is not there, and when the element is null."""
    if element is None or element.get("nullFlavor"):
        return ""
    return (element.get(attribute) or "").strip()


def text_of(element: Element | None) -> str:
    """All text in an element, white space at the ends taken off."""
    return "" if element is None else "".join(map(str, element.itertext())).strip()


def texts(elements: Iterable[Element]) -> Iterator[str]:
    """The texts that are not empty."""
    return filter(None, map(text_of, elements))


def echo(element: Element) -> str:
    """An element as it came, to be put into an answer."""
    return etree.tostring(element, encoding="unicode", with_tail=False)


def fit(text: str) -> str:
    """Text as XML content or attribute value; what XML cannot hold becomes U+FFFD."""
    return escape(_ILLEGAL.sub("\ufffd", text)) if text else ""


def tag(name: str, *content: str, **attributes: str) -> str:
    """An element: content is XML already, attributes are plain values, and an empty attribute is left out.

    A trailing underscore of an attribute's name is dropped, and `xsi_type` is `xsi:type`.
    """
    parts = [name]
    for key, text in attributes.items():
        if text:
            parts.append(f'{"xsi:type" if key == "xsi_type" else key.rstrip("_")}="{fit(text)}"')
    inner = "".join(content)
    head = " ".join(parts)
    return f"<{head}>{inner}</{name}>" if inner else f"<{head}/>"
