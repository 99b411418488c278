"""What the registry says no to is a rejection like any other, but known as its own."""

from kernel.errors import Condition, Rejected, violation
from repository.ports import RejectedByRegistry


def test_a_rejection_by_the_registry_is_a_rejection_with_its_violations() -> None:
    no = violation(Condition.PATIENT_UNKNOWN, "Document01", "nobody")

    error = RejectedByRegistry([no])

    assert isinstance(error, Rejected)
    assert error.violations == (no,)
