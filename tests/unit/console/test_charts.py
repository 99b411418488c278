"""console.charts"""

from __future__ import annotations

from hypothesis import given, settings

from console.charts import svg_of
from kernel.xml import parse_xml
from mpi.linkage.weights import Explanation
from tests.unit.console.test_waterfall import explanations

SVG = "{http://www.w3.org/2000/svg}"


@settings(max_examples=25, deadline=None)
@given(explanation=explanations())
def test_the_drawing_is_a_document_with_a_bar_for_the_weight_and_one_for_each_field_that_counts(explanation: Explanation) -> None:
    drawing = parse_xml(svg_of(explanation).encode())

    bars = drawing.findall(f"{SVG}rect")
    counting = [part for part in explanation.parts if abs(part.weight + part.frequency) >= 0.05]
    assert drawing.tag == f"{SVG}svg"
    assert len(bars) == len(counting) + 1
    assert bars[-1].get("class") == "sum"
    assert drawing.find(f"{SVG}style") is not None
