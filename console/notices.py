"""What the next page tells a person about what she just did. Kept with her session, so that addresses hold none of it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Notice:
    """A sentence, and the lines below it. `act` can be taken back from right here; `is_problem`: something did not work."""

    text: str
    lines: tuple[str, ...] = ()
    act: int | None = None
    is_problem: bool = False

    def to_json(self) -> str:
        """As JSON, for the store."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Notice:
        """The inverse of `to_json`."""
        values = json.loads(text)
        return cls(**{**values, "lines": tuple(values["lines"])})
