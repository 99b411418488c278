"""The waterfall of a match weight as a file of its own: the drawing of the console, with its colours in it."""

from __future__ import annotations

from functools import cache
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from console import showing
from console.waterfall import waterfall
from mpi.linkage.weights import Explanation

_NAMESPACE: Final = "http://www.w3.org/2000/svg"
_STYLE: Final = """<style>
svg { background: #ffffff; font-family: system-ui, sans-serif; }
text { fill: #182124; font-size: 13px; }
.tick { fill: #55646a; font-size: 12px; }
.strong, text.limit { font-weight: 700; }
.value { paint-order: stroke; stroke: #ffffff; stroke-width: 5px; }
.up { fill: #2f7d6d; } .down { fill: #b5452f; } .sum { fill: #33536b; }
line { stroke: #d3dbdd; } .zero, .joint { stroke: #7c8b90; }
line.limit { stroke: #182124; stroke-width: 1.5; stroke-dasharray: 5 4; }
</style>"""


def svg_of(explanation: Explanation) -> str:
    """An SVG document: from the odds before looking, field by field, to the match weight. It holds no demographics."""
    fall = waterfall(explanation)
    macro = _templates().get_template("_waterfall.html").module.chart  # type: ignore[attr-defined]  # a macro of the template
    head, _, rest = str(macro(fall)).strip().partition(">")
    size = f'width="{fall.width}" height="{fall.height}"'
    return f'{head} xmlns="{_NAMESPACE}" {size}>\n{_STYLE}{rest}\n'


@cache
def _templates() -> Environment:
    found = Environment(loader=PackageLoader("console"), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    found.lstrip_blocks = True
    found.filters.update(showing.FILTERS)
    return found
