"""Where the schemas and sample messages written by others are found; tests skip where they are absent."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest
from lxml import etree

SHARED = Path(__file__).resolve().parents[3] / "shared"


def shared(*parts: str) -> Path:
    """A file or folder under the shared fixtures; skips the test when it is not there."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"shared fixture {'/'.join(parts)} is not present")
    return path


def sample(*parts: str) -> bytes:
    """The bytes of a sample message."""
    return shared("samples", *parts).read_bytes()


@cache
def official_schema(driver: str) -> etree.XMLSchema:
    """An official schema by its driver's name: xds, hl7v3, soap, dsub, saml."""
    return etree.XMLSchema(etree.parse(str(shared("schemas", "drivers", f"{driver}.xsd"))))


def faults(driver: str, element: etree._Element) -> list[str]:
    """What an official schema finds wrong with an element; empty when it is valid."""
    schema = official_schema(driver)
    if schema.validate(element):
        return []
    found: Iterable[etree._LogEntry] = schema.error_log  # type: ignore[assignment]  # the stubs do not know that it iterates
    return [f"line {e.line}: {e.message}" for e in found]
