"""Pairs that matching does not dare to decide."""

from __future__ import annotations

from dataclasses import replace

from kernel.demographics import Demographics, HumanName
from mpi.model import Review
from tests.support.patients import CLINIC, LENA, PatientIndex, an_id, an_update


def doubt(index: PatientIndex, number: int = 1, demographics: Demographics = LENA) -> Review:
    """Two records, `A<number>` of the hospital and `B<number>` of the clinic: one junior, one senior, else the same."""
    name = demographics.names[0]
    one = replace(demographics, names=(HumanName(name.family, name.given, suffix="SR"),))
    other = replace(demographics, names=(HumanName(name.family, name.given, suffix="JR"),))
    before = {summary.review.id for summary in index.viewing.reviews()}
    index.feed(an_update(an_id(f"A{number}"), demographics=one))
    index.work()
    index.feed(an_update(an_id(f"B{number}", CLINIC), demographics=other))
    index.work()
    (review,) = (s.review for s in index.viewing.reviews() if s.review.id not in before)
    return review
