"""Small changes to a message, to be made one or several at a time."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable

from lxml import etree

from tests.support import messages as m

Edit = Callable[[etree._Element], None]
"""Changes a tree in its place."""

NAMESPACES = {"rim": m.RIM, "xdsb": m.XDSB, "lcm": m.LCM, "query": m.QUERY, "v3": "urn:hl7-org:v3"}
ENTRY = "//rim:ExtrinsicObject"
SET = "//rim:RegistryPackage[@id='Set']"
FOLDER = "//rim:RegistryPackage[@id='Folder']"
MEMBER = "//rim:Association[@sourceObject='Set']"


def edited(xml: str, *edits: Edit) -> str:
    """A message after the edits."""
    root = etree.fromstring(xml)  # noqa: TID251 - the test's own message
    for edit in edits:
        edit(root)
    return etree.tostring(root, encoding="unicode")


def _found(root: etree._Element, path: str) -> list[etree._Element]:
    found = root.xpath(path, namespaces=NAMESPACES)
    assert isinstance(found, list)
    assert found, f"nothing at {path}"
    return found  # type: ignore[return-value]  # the paths of the tests lead to elements


def remove(path: str) -> Edit:
    """Takes away what a path finds."""

    def edit(root: etree._Element) -> None:
        for element in _found(root, path):
            element.getparent().remove(element)

    return edit


def put(path: str, attribute: str, value: str) -> Edit:
    """Sets an attribute."""

    def edit(root: etree._Element) -> None:
        for element in _found(root, path):
            element.set(attribute, value)

    return edit


def drop(path: str, attribute: str) -> Edit:
    """Takes an attribute away."""

    def edit(root: etree._Element) -> None:
        for element in _found(root, path):
            del element.attrib[attribute]

    return edit


def text(path: str, value: str) -> Edit:
    """Sets the text of elements."""

    def edit(root: etree._Element) -> None:
        for element in _found(root, path):
            element.text = value

    return edit


def again(path: str) -> Edit:
    """Puts a copy beside an element, with ids of its own."""

    def edit(root: etree._Element) -> None:
        for element in _found(root, path):
            twin = copy.deepcopy(element)
            for inner in twin.iter():
                if inner.get("id"):
                    inner.set("id", f"{inner.get('id')}-twin")
            element.addnext(twin)

    return edit


def insert(path: str, xml: str, *, before: str = "") -> Edit:
    """Puts XML (prefix rim) at the end of an element, or before one of its children."""
    fragment = re.sub(r"<(rim:\w+)", f'<\\1 xmlns:rim="{m.RIM}"', xml, count=1)

    def edit(root: etree._Element) -> None:
        for element in _found(root, path):
            new = etree.fromstring(fragment)  # noqa: TID251 - the test's own message
            if before:
                _found(element, before)[0].addprevious(new)
            else:
                element.append(new)

    return edit


def slot_of(name: str) -> str:
    """The path step to a slot."""
    return f"/rim:Slot[@name='{name}']"


def value_of(name: str) -> str:
    """The path step to the values of a slot."""
    return f"{slot_of(name)}/rim:ValueList/rim:Value"


def code_of(scheme: str) -> str:
    """The path step to the classifications of a scheme."""
    return f"/rim:Classification[@classificationScheme='urn:uuid:{scheme}']"


def identifier_of(scheme: str) -> str:
    """The path step to an external identifier."""
    return f"/rim:ExternalIdentifier[@identificationScheme='urn:uuid:{scheme}']"
