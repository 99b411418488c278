"""Every door of the index."""

from __future__ import annotations

from mpi.transactions.doors import v2_doors, v3_doors


def test_every_message_the_profiles_name_has_one_door() -> None:
    kinds = [kind for door in v2_doors(None, None, None, None) for kind in door.handles]  # type: ignore[arg-type]  # nothing is asked of them

    assert len(kinds) == len(set(kinds))
    assert {"A01", "A04", "A05", "A08", "A24", "A28", "A31", "A37", "A40", "Q22", "Q23", "J01"} <= {event for _, event in kinds}


def test_every_interaction_the_profiles_name_has_one_door() -> None:
    operations = [door.operation for door in v3_doors(None, None, None)]  # type: ignore[arg-type]  # nothing is asked of them

    actions = [o.action for o in operations]
    assert len(actions) == len(set(actions))
    assert {a.rpartition(":")[2] for a in actions} == {
        "PRPA_IN201301UV02",
        "PRPA_IN201302UV02",
        "PRPA_IN201304UV02",
        "PRPA_IN201309UV02",
        "PRPA_IN201305UV02",
        "QUQI_IN000003UV01_Continue",
        "QUQI_IN000003UV01_Cancel",
    }
