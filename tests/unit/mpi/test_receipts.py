"""The same message again."""

from __future__ import annotations

import pytest

from kernel.errors import Condition, Rejected, warning
from mpi import receipts
from mpi.authorities import Authorities
from mpi.model import Receipt
from tests.conftest import MakeDatabase
from tests.support.audit import a_subject
from tests.support.patients import a_patient_index

SAID = (warning(Condition.SEGMENT_MISSING, "PV1", "missing"),)


@pytest.mark.parametrize(("source", "is_lenient"), [("A|ADT", False), ("A|OLD", True)])
def test_a_message_is_taken_once_and_its_id_belongs_to_it(make_database: MakeDatabase, source: str, is_lenient: bool) -> None:
    index = a_patient_index(make_database)
    authorities, subject = Authorities(index.affinity), a_subject(source=source)
    one, other = Receipt(source, "M1", b"one", "MSH-10"), Receipt(source, "M1", b"other", "MSH-10")

    with index.database.begin() as work:
        first = receipts.take(work, one, subject, SAID, authorities)
        again = receipts.take(work, one, subject, (), authorities)
        assert (first.is_replay, again.is_replay, again.warnings) == (False, True, SAID)
        if is_lenient:
            replaced = receipts.take(work, other, subject, (), authorities)
            assert [w.condition for w in replaced.warnings] == [Condition.MESSAGE_ID_REUSED]
            assert receipts.take(work, other, subject, (), authorities).is_replay
        else:
            with pytest.raises(Rejected, match="MESSAGE_ID_REUSED"):
                receipts.take(work, other, subject, (), authorities)
