"""mpi.linkage.splits"""

from __future__ import annotations

from mpi.linkage.shipped import shipped_model
from mpi.linkage.splits import propose_split
from tests.support.people import a_record

_MODEL = shipped_model()


def test_records_that_agree_hold_together() -> None:
    records = [a_record(source_id=f"{source}:1", local_ids=()) for source in "ABC"]

    assert propose_split(records, _MODEL) is None
    assert propose_split(records[:1], _MODEL) is None


def test_a_junior_among_the_records_of_the_senior_is_parted_from_them() -> None:
    senior = [a_record(source_id=f"{source}:1", local_ids=(), suffix="SR") for source in "AB"]
    junior = a_record(source_id="C:1", local_ids=(), suffix="JR")

    split = propose_split([senior[0], junior, senior[1]], _MODEL)

    assert split is not None
    assert split.parts == ((0, 2), (1,))
    assert "suffix" in {veto.name for veto in split.across.vetoes}


def test_a_record_that_is_no_longer_like_the_others_is_parted_from_them() -> None:
    stranger = a_record(source_id="C:1", local_ids=(), given="BETTY", middle="", birth="19990911", homes=(), phones=(), emails=())
    records = [a_record(source_id=f"{source}:1", local_ids=()) for source in "AB"]

    split = propose_split([*records, stranger], _MODEL)

    assert split is not None
    assert split.parts == ((0, 1), (2,))
