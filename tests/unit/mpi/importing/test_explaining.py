"""mpi.importing.explaining"""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given

from mpi.importing.explaining import Explainer
from mpi.linkage.comparison import compare
from mpi.linkage.model import Frequencies
from mpi.linkage.normalise import Prepared
from mpi.linkage.shipped import shipped_model
from mpi.linkage.weights import Explanation, score
from tests.support.people import RECORDS

_MODEL = replace(
    shipped_model(),
    frequencies={
        "given": Frequencies(10_000, {"ANNA": 400, "JOHN": 900}),
        "family": Frequencies(10_000, {"SMITH": 300}),
        "birth": Frequencies(10_000, {"19700503": 5}),
    },
)
_EXPLAINER = Explainer(_MODEL)
"""One for all pairs, so that what it remembers of one would be seen in another."""


@given(one=RECORDS, other=RECORDS)
def test_a_pair_is_explained_as_score_explains_it(one: Prepared, other: Prepared) -> None:
    expected = score(compare(one, other), _MODEL, one, other)

    found = _EXPLAINER.explain(one, other)

    read = Explanation.from_json(found.text)
    assert found.weight == pytest.approx(expected.weight)
    assert found.vetoes == " ".join(veto.sentence for veto in expected.vetoes)
    assert replace(read, parts=(), weight=0.0) == replace(expected, parts=(), weight=0.0)
    for mine, theirs in zip(read.parts, expected.parts, strict=True):
        assert (mine.field, mine.level) == (theirs.field, theirs.level)
        assert (mine.weight, mine.frequency) == (pytest.approx(theirs.weight, abs=1e-4), pytest.approx(theirs.frequency, abs=1e-4))
