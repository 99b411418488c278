"""One look at the registry and the patient index."""

from __future__ import annotations

from ebrim.model import Identifier
from registry.rules.structure import Contents
from registry.store import RegistryStore
from registry.tables import METADATA
from registry.view import RegistryView
from tests.conftest import MakeDatabase
from tests.support.metadata import PATIENT, a_submission, a_submission_set
from tests.support.registry import PatientBook, a_registry


def test_a_submission_is_seen_with_its_patient_its_namesakes_and_what_it_leads_to(make_database: MakeDatabase) -> None:
    registry = a_registry(make_database(METADATA))
    registry.register(a_submission())
    (entry,) = registry.find().objects.entries

    with registry.database.read() as connection:
        view = RegistryView(RegistryStore(), registry.patients)
        seen = view.registered(connection, Contents.of(a_submission()), [entry.id])

    assert seen.standing is not None
    assert seen.standing.known
    assert set(seen.objects) == {entry.id}
    assert set(seen.namesakes) == {"2.999.7.1", "2.999.8.1"}


def test_a_patient_id_that_is_none_has_no_standing(make_database: MakeDatabase) -> None:
    database = make_database(METADATA)
    strange = a_submission(submission_sets=(a_submission_set(patient_ids=(Identifier("P-1"),)),))

    with database.read() as connection:
        view = RegistryView(RegistryStore(), PatientBook())
        seen = view.registered(connection, Contents.of(strange), [])
        standing = view.standing(connection, PATIENT)

    assert seen.standing is None
    assert standing is not None
